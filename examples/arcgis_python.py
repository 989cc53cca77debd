"""Buffers the populated places with the ArcGIS API for Python (pip install arcgis).

Usage: python arcgis_python.py [server, default http://127.0.0.1:6080]
"""

import json
import sys
from pathlib import Path

from arcgis.features import FeatureSet
from arcgis.geoprocessing import LinearUnit, import_toolbox

SERVER = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:6080"
PLACES = Path(__file__).parent / "data" / "populated_places.geojson"

points = FeatureSet.from_geojson(json.loads(PLACES.read_text("utf-8")))

# BufferPlain is Buffer without a map of its results: this client would return the map, not the features.
toolbox = import_toolbox(f"{SERVER}/arcgis/rest/services/BufferPlain/GPServer")
polygons = toolbox.buffer_points(input_features=points, distance=LinearUnit(10, "Kilometers")).features
print(f"{len(polygons)} polygons, the first one around {polygons[0].attributes['name']}")
