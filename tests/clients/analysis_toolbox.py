"""Runs analysis tasks by arcgis for Python; prints what came of them as JSON.

It runs in the environment of its own that setup.sh makes.
Usage: python analysis_toolbox.py <services URL>
"""

import sys

from arcgis.features import FeatureSet
from arcgis.geoprocessing import import_toolbox
from scenarios import run_all

tools = import_toolbox(f"{sys.argv[1]}/tasks/GPServer")


def squares(*bounds, **columns):
    features = [
        {
            "geometry": {"rings": [[[w, s], [w, n], [e, n], [e, s], [w, s]]]},
            "attributes": {name: values[number] for name, values in columns.items()},
        }
        for number, (w, s, e, n) in enumerate(bounds)
    ]
    reference = {"wkid": 32633}
    return FeatureSet.from_dict(
        {"geometryType": "esriGeometryPolygon", "spatialReference": reference, "features": features}
    )


ZONES = squares((0, 0, 1000, 1000), (2000, 0, 3000, 1000), zone=["x", "y"])
PARCELS = squares((0, 0, 1000, 1000), (500, 0, 2500, 1000), people=[10, 40], kind=["a", "b"])


def rows(layer, *names):
    return [[feature.attributes[name] for name in names] for feature in layer.features]


def summarize_within():
    found = tools.summarize_within(
        summary_layer=PARCELS,
        sum_within_layer=ZONES,
        shape_units="Hectares",
        summary_fields=["people Sum"],
        group_by_field="kind",
    )
    return {
        "outputs": found._fields,
        "areas": rows(found.result_layer, "zone", "Polygon_Count", "sum_Area_Hectares", "sum_people"),
        "groups": rows(found.group_by_summary, "Join_ID", "kind", "sum_Area_Hectares"),
    }


def join_features():
    found = tools.join_features(
        target_layer=ZONES,
        join_layer=PARCELS,
        spatial_relationship="intersects",
        records_to_match={"groupByFields": "", "orderByFields": "people DESC", "topCount": 1},
    )
    return rows(found, "zone", "kind", "people")


def create_buffers():
    found = tools.create_buffers(input_layer=ZONES, distances=[-100], units="Meters")
    return rows(found, "zone", "BUFF_DIST", "Shape_Area")


run_all([summarize_within, join_features, create_buffers])
