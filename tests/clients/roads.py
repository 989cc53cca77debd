"""Asks QGIS for shortest paths and service areas; prints what it found as JSON.

It runs in the interpreter that Debian's python3-qgis belongs to.
Usage: python3 roads.py <file of streets> <JSON of pairs of places> <seconds> <folder>
"""

import json
import os
import sys

STREETS, PAIRS, SECONDS, FOLDER = sys.argv[1:]
os.environ |= {
    "QT_QPA_PLATFORM": "offscreen",
    "QGIS_CUSTOM_CONFIG_PATH": FOLDER,
    "XDG_RUNTIME_DIR": FOLDER,
}
sys.path.append("/usr/share/qgis/python/plugins")

from qgis.analysis import QgsNativeAlgorithms  # noqa: E402 - it reads the environment
from qgis.core import QgsApplication, QgsGeometry, QgsVectorLayer  # noqa: E402

application = QgsApplication([], False)
application.initQgis()

import processing  # noqa: E402 - it needs the application

application.processingRegistry().addProvider(QgsNativeAlgorithms())
layer = QgsVectorLayer(STREETS, "streets", "ogr")
RULES = {
    "INPUT": layer,
    "STRATEGY": 1,  # the fastest
    "DIRECTION_FIELD": "oneway",
    "VALUE_FORWARD": "yes",
    "VALUE_BACKWARD": "-1",
    "VALUE_BOTH": "no",
    "SPEED_FIELD": "speed",
    "TOLERANCE": 0,
}


def place(x, y):
    return f"{x},{y} [{layer.crs().authid()}]"


def geometry(found):
    return QgsGeometry.collectGeometry([feature.geometry() for feature in found.getFeatures()]).asWkt(9)


def path(start, end):
    ends = {"START_POINT": place(*start), "END_POINT": place(*end), "OUTPUT": "memory:"}
    found = processing.run("native:shortestpathpointtopoint", RULES | ends)
    return [3600 * found["TRAVEL_COST"], geometry(found["OUTPUT"])]


def area(start):
    ends = {"START_POINT": place(*start), "TRAVEL_COST2": float(SECONDS) / 3600, "OUTPUT_LINES": "memory:"}
    return geometry(processing.run("native:serviceareafrompoint", RULES | ends)["OUTPUT_LINES"])


pairs = json.loads(PAIRS)
print(
    json.dumps({"paths": [path(*pair) for pair in pairs], "areas": [area(start) for start, _ in pairs]}),
    flush=True,
)
# Its end would be a crash: the layer outlives what it belongs to.
os._exit(0)
