"""Runs algorithms of QGIS Processing over layers of a GeoPackage; prints what they give as JSON.

It runs in the interpreter that Debian's python3-qgis belongs to.
Usage: python3 processing_tools.py <GeoPackage> <folder>
"""

import os
import sys

from scenarios import run_all

LAYERS, FOLDER = sys.argv[1:]
os.environ |= {
    "QT_QPA_PLATFORM": "offscreen",
    "QGIS_CUSTOM_CONFIG_PATH": FOLDER,
    "XDG_RUNTIME_DIR": FOLDER,
}
sys.path.append("/usr/share/qgis/python/plugins")

from qgis.core import NULL, QgsApplication, QgsVectorLayer  # noqa: E402 - it reads the environment

application = QgsApplication([], False)
application.initQgis()

import processing  # noqa: E402 - a plugin of the application
from processing.core.Processing import Processing  # noqa: E402

Processing.initialize()


def layer(name):
    return QgsVectorLayer(f"{LAYERS}|layername={name}", name, "ogr")


def rows(algorithm, *fields, **parameters):
    """Fields and WKT of every feature of an algorithm's output."""
    found = processing.run(algorithm, {**parameters, "OUTPUT": "memory:"})["OUTPUT"]
    return [
        [*(None if feature[name] == NULL else feature[name] for name in fields), feature.geometry().asWkt(12)]
        for feature in found.getFeatures()
    ]


def overlay(algorithm, *fields):
    return rows(algorithm, *fields, INPUT=layer("left"), OVERLAY=layer("right"))


def intersection():
    return overlay("native:intersection", "id", "id_2")


def difference():
    return overlay("native:difference", "id")


def symmetrical_difference():
    return overlay("native:symmetricaldifference", "id", "id_2")


def union():
    return overlay("native:union", "id", "id_2")


def clip():
    return overlay("native:clip", "id")


def dissolve():
    return rows("native:dissolve", "kind", INPUT=layer("left"), FIELD=["kind"])


def joined():
    return rows(
        "native:joinattributesbylocation",
        "id",
        "id_2",
        INPUT=layer("left"),
        JOIN=layer("cities"),
        PREDICATE=[0],
        METHOD=0,
        DISCARD_NONMATCHING=True,
    )


def summarized():
    names = ["count", "sum", "mean", "median", "stddev", "min", "max", "unique"]
    return rows(
        "qgis:joinbylocationsummary",
        "id",
        *(f"size_{name}" for name in names),
        INPUT=layer("left"),
        JOIN=layer("cities"),
        PREDICATE=[0],
        JOIN_FIELDS=["size"],
        SUMMARIES=[],
        DISCARD_NONMATCHING=True,
    )


def counted():
    return rows(
        "native:countpointsinpolygon", "id", "NUMPOINTS", POLYGONS=layer("left"), POINTS=layer("cities")
    )


def hexagons():
    return rows(
        "native:creategrid", TYPE=4, EXTENT="0,1000,0,1000", HSPACING=100, VSPACING=100, CRS="EPSG:32633"
    )


def buffer(name, distance, **more):
    return rows("native:buffer", "id", INPUT=layer(name), DISTANCE=distance, SEGMENTS=16, **more)


def round_buffers():
    return buffer("lines", 10)


def flat_mitred_buffers():
    return buffer("lines", 10, END_CAP_STYLE=1, JOIN_STYLE=1, MITER_LIMIT=5)


def square_bevelled_buffers():
    return buffer("lines", 10, END_CAP_STYLE=2, JOIN_STYLE=2)


def shrunk():
    return buffer("left", -20)


def left_side():
    return rows(
        "native:singlesidedbuffer", "id", INPUT=layer("lines"), DISTANCE=10, SIDE=0, SEGMENTS=16, JOIN_STYLE=0
    )


def rings():
    return rows("native:multiringconstantbuffer", "id", "ringId", INPUT=layer("cities"), RINGS=3, DISTANCE=10)


def nearest():
    return rows(
        "native:joinbynearest",
        "id",
        "id_2",
        "distance",
        INPUT=layer("cities"),
        INPUT_2=layer("lines"),
        NEIGHBORS=3,
    )


def near():
    return rows(
        "native:extractwithindistance", "id", INPUT=layer("cities"), REFERENCE=layer("lines"), DISTANCE=25
    )


def kinds():
    found = processing.run(
        "qgis:statisticsbycategories",
        {
            "INPUT": layer("cities"),
            "VALUES_FIELD_NAME": "size",
            "CATEGORIES_FIELD_NAME": ["kind"],
            "OUTPUT": "memory:",
        },
    )["OUTPUT"]
    return [[each["kind"], each["stddev"]] for each in found.getFeatures()]


run_all(
    [
        intersection, difference, symmetrical_difference, union, clip, dissolve, joined, summarized, counted,
        hexagons, round_buffers, flat_mitred_buffers, square_bevelled_buffers, shrunk, left_side, rings,
        nearest, near, kinds,
    ]
)  # fmt: skip
