"""Runs scenarios of arcgis for Python on result maps; prints what came of each, as JSON.

It runs in the environment of its own that setup.sh makes.
Usage: python result_map.py <URL of the map of buffers> <URL of the map of the crowd> <folder for pictures>
"""

import sys

import arcgis
from arcgis.features import FeatureLayer
from arcgis.geometry import filters
from arcgis.geoprocessing import import_toolbox
from arcgis.gis import GIS
from arcgis.gis._impl._con import Connection
from arcgis.layers import MapImageLayer
from scenarios import run_all

BUFFERS, CROWD, FOLDER = sys.argv[1:]
SITE = BUFFERS.partition("/rest/")[0]
PARIS = {"x": 2.35, "y": 48.86}


class NoPortal(GIS):
    """A GIS would ask www.arcgis.com for its description, and reach every layer by https."""

    def __init__(self):
        self._con = Connection(SITE, all_ssl=False)
        self._session = self._con._session


PORTAL = arcgis.env.active_gis = NoPortal()


def toolbox():
    """A task of a service with result maps gives the map."""
    buffer = import_toolbox(f"{BUFFERS.partition('/MapServer/')[0]}/GPServer").buffer_points
    features = {"features": [{"geometry": PARIS, "attributes": {"name": "Paris"}}]}
    result = buffer(features, {"distance": 10, "units": "esriKilometers"})
    [layer] = result.layers
    return {
        "type": type(result).__name__,
        "url": result.url,
        "layer": [type(layer).__name__, layer.properties.name],
        "names": [feature.attributes["name"] for feature in layer.query().features],
    }


def description():
    layer = FeatureLayer(f"{BUFFERS}/0")
    return [
        layer.properties.name,
        layer.properties.geometryType,
        layer.properties.objectIdField,
        dict(layer.properties.extent),
        layer.renderer["type"],
    ]


def everything():
    """All features, although a page has fewer: the client sees how many there are, and asks by their ids."""
    features = FeatureLayer(f"{CROWD}/0").query().features
    return sorted(feature.attributes["number"] for feature in features)


def pages():
    """Pages from the end, as a script would ask for them."""
    layer = FeatureLayer(f"{CROWD}/0")
    found = [
        layer.query(
            out_fields="number",
            order_by_fields="number DESC",
            result_offset=offset,
            result_record_count=3,
            return_all_records=False,
        )
        for offset in (0, 3, 24_999)
    ]
    return [[feature.attributes["number"] for feature in page.features] for page in found]


def counts():
    layer = FeatureLayer(f"{CROWD}/0")
    return [
        layer.query(return_count_only=True),
        layer.query("number < 3", return_ids_only=True),
        layer.query("number < 3", return_extent_only=True, out_sr=3857)["extent"],
    ]


def frame():
    """A spatially enabled data frame."""
    table = FeatureLayer(f"{CROWD}/0").query("number < 7", as_df=True)
    return {
        "types": {name: str(table.dtypes[name]) for name in table.columns},
        "place": dict(table["SHAPE"].iloc[1]),
        "missing": {name: table.index[table[name].isna()].tolist() for name in table.columns},
        "weights": table["weight"].dropna().tolist(),
        "seen": [str(moment) for moment in table["seen"].iloc[:2]],
    }


def statistics():
    answer = FeatureLayer(f"{CROWD}/0").query(
        out_statistics=[
            {"statisticType": "count", "onStatisticField": "OBJECTID", "outStatisticFieldName": "people"},
            {"statisticType": "max", "onStatisticField": "number", "outStatisticFieldName": "last"},
        ],
        group_by_fields_for_statistics="kind",
        order_by_fields="kind",
    )
    return [[feature.attributes[name] for name in ("kind", "people", "last")] for feature in answer.features]


def within():
    """What is at a place that is given in another spatial reference."""
    point = {"x": 261_600, "y": 6_250_000, "spatialReference": {"wkid": 3857}}
    answer = FeatureLayer(f"{BUFFERS}/0").query(geometry_filter=filters.intersects(point), out_sr=2154)
    center = answer.features[0].geometry["rings"][0][0]
    return [[feature.attributes["name"] for feature in answer.features], answer.spatial_reference, center]


def picture():
    image = MapImageLayer(BUFFERS, PORTAL)
    asked = {"bbox": "-10,35,30,55", "size": "600,300", "transparent": True}
    answer = image.export_map(**asked, f="json")
    saved = image.export_map(**asked, f="image", save_folder=FOLDER, save_file="europe.png")
    return [answer["width"], answer["height"], answer["extent"], str(saved)]


def identify():
    answer = MapImageLayer(BUFFERS, PORTAL).identify(
        geometry=PARIS,
        map_extent="-10,35,30,55",
        image_display="600,300,96",
        geometry_type="Point",
        tolerance=2,
    )
    [result] = answer["results"]
    return [result["layerName"], result["value"], result["attributes"], result["geometry"]["rings"][0][0]]


def find():
    answer = MapImageLayer(BUFFERS, PORTAL).find("pari", layers="0", search_fields="name")
    return [[result["foundFieldName"], result["value"]] for result in answer["results"]]


def legend():
    [layer] = MapImageLayer(CROWD, PORTAL).legend["layers"]
    return [layer["layerName"], [entry["label"] for entry in layer["legend"]]]


def classes():
    renderer = FeatureLayer(f"{CROWD}/0").generate_renderer(
        {
            "type": "classBreaksDef",
            "classificationField": "number",
            "classificationMethod": "esriClassifyEqualInterval",
            "breakCount": 4,
        }
    )
    return [renderer["minValue"], *(item["classMaxValue"] for item in renderer["classBreakInfos"])]


SCENARIOS = [
    toolbox, description, everything, pages, counts, frame, statistics, within, picture, identify, find,
    legend, classes,
]  # fmt: skip

run_all(SCENARIOS)
