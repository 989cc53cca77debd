"""Every data type there and back over HTTP, in the forms that clients send (ArcGIS REST, GP data types)."""

import io
import json
from typing import Any

import numpy as np
import pytest
import rasterio
from gpclient import Client
from rasterio.transform import from_bounds

from gpserver.datatypes import KINDS

ECHO = "Tools/EchoTypes"
UPLOAD = "Tools/GPServer/uploads/upload"
MILES = {"distance": 15, "units": "esriMiles"}
MERCATOR = {"wkid": 102100, "latestWkid": 3857}
WGS84 = {"wkid": 4326, "latestWkid": 4326}
EVRF = {"vcsWkid": 5621, "latestVcsWkid": 5621}
NEW_YEAR = 1199145600000
BOX = {"xmin": 0, "ymin": -5.5, "xmax": 10, "ymax": 5}
FIELD_N = {"name": "n", "type": "esriFieldTypeGUID", "alias": "n"}
DEEP = {"zmin": 1, "zmax": 2, "mmin": 3, "mmax": 4}
FIELD = {"name": "area", "type": "esriFieldTypeDouble", "alias": "Area", "nullable": True}
STOP = ["Home", 2.5, NEW_YEAR, MILES, None]

# The parameter, what is sent as the text of a form (JSON unless it is text), and the value that comes back.
CASES: list[tuple[str, Any, Any]] = [
    ("String", "green", "green"),
    ("String", '"green"', "green"),
    ("Long", "345", 345),
    ("Long", "345.0", 345),
    ("Long", 4503599627370495, 4503599627370495),
    ("Long", -4503599627370495, -4503599627370495),
    ("Double", "345.678", 345.678),
    ("Double", "-1e-3", -0.001),
    ("Double", '"5"', 5),
    *(("Boolean", text, True) for text in ("true", "True", "TRUE", "1", '"true"')),
    *(("Boolean", text, False) for text in ("false", "False", "0")),
    ("Date", NEW_YEAR, NEW_YEAR),
    ("Date", -86400000, -86400000),
    ("Date", "2008-01-01T00:00:00", NEW_YEAR),
    ("Date", "2008-01-01T00:00:00.123", NEW_YEAR + 123),
    ("Date", "2008-01-01T00:00:00:123", NEW_YEAR + 123),
    ("Date", {"date": "01/01/2008 00:00", "format": "MM/dd/yyyy HH:mm"}, NEW_YEAR),
    ("Date", "Tue Jan 01 00:00:00 UTC 2008", NEW_YEAR),
    ("List", ["Parcels", "Street Lights"], ["Parcels", "Street Lights"]),
    ("List", "a;b", ["a", "b"]),
    ("List", "alone", ["alone"]),
    ("List", "['a',]", ["a"]),
    ("Unit", MILES, MILES),
    ("Unit", {"distance": 15, "units": "Esrimiles"}, MILES),
    ("Unit", "15 Miles", MILES),
    ("Unit", "15", {"distance": 15, "units": "esriMeters"}),
    ("Unit", {"distance": 1.5}, {"distance": 1.5, "units": "esriMeters"}),
    ("Area", {"area": 50, "units": "esriSquareMiles"}, {"area": 50, "units": "esriSquareMiles"}),
    ("Area", "3 SquareKilometers", {"area": 3, "units": "esriSquareKilometers"}),
    ("Area", "1 SquareFoot", {"area": 1, "units": "esriSquareFeet"}),
    ("Area", "2 SquareYardUS", {"area": 2, "units": "esriSquareYardsUS"}),
    ("Time", {"time": 3, "units": "esriTimeUnitsYears"}, {"time": 3, "units": "esriTimeUnitsYears"}),
    ("Time", "1 Week", {"time": 1, "units": "esriTimeUnitsWeeks"}),
    ("Time", "2.5 centuries", {"time": 2.5, "units": "esriTimeUnitsCenturies"}),
    ("Time", "1 Century", {"time": 1, "units": "esriTimeUnitsCenturies"}),
    ("Time", {"time": 7}, {"time": 7, "units": "esriTimeUnitsUnknown"}),
    ("Field", FIELD, FIELD),
    ("Field", {"name": "n", "type": "EsriFieldTypeGuid"}, FIELD_N),
    ("Field", "area", {"name": "area", "type": "", "alias": "area"}),
    ("Reference", 4326, WGS84),
    ("Reference", {"wkid": 102100, "vcsWkid": 5621}, MERCATOR | EVRF),
    ("Reference", {"latestWkid": 3857, "latestVcsWkid": 5621}, MERCATOR | EVRF),
    ("Reference", {"wkid": 4326, "name": "WGS 1984 UTM Zone 33N"}, WGS84),
    ("Reference", {"name": "Sinusoidal (World)"}, {"wkid": 54008, "latestWkid": 54008}),
    ("Reference", {"name": "WGS 1984 Web Mercator (auxiliary sphere)"}, MERCATOR),
    ("Reference", {"wkid": 3857, "vcsName": "EVRF2007 height"}, MERCATOR | EVRF),
    ("System", {"wkid": 54008}, {"wkid": 54008, "latestWkid": 54008}),
    ("Extent", BOX | {"spatial_reference": {"wkid": 102100}}, BOX | {"spatialReference": MERCATOR}),
    ("Extent", BOX | {"spatialReference": {"latestWkid": 3857}}, BOX | {"spatialReference": MERCATOR}),
    ("Extent", "0,-5.5,10,5", BOX),
    ("Envelope", BOX | DEEP, BOX | DEEP),
    ("Secret", "p4ss", "p4ss"),
    ("Expression", "\"NAME\" = 'Ü' AND n < 5", "\"NAME\" = 'Ü' AND n < 5"),
    ("Expression", '"NAME"', '"NAME"'),
    ("Stops", [STOP, ["", None, None, None, None]], [STOP, ["", None, None, None, None]]),
    ("Stops", [["Home", "2.5", "2008-01-01T00:00:00", "15 miles"]], [STOP]),
    ("Stops", [{"place": "Home", "Minutes": 2.5}], [["Home", 2.5, None, None, None]]),
    ("Stops", [json.dumps(STOP)], [STOP]),  # @arcgis/core
    ("Stops", {"Place": "Home"}, [["Home", None, None, None, None]]),
    ("Several", ["5 miles", 7, "seven"], [
        {"dataType": "GPLinearUnit", "value": {"distance": 5, "units": "esriMiles"}},
        {"dataType": "GPDouble", "value": 7},
        {"dataType": "GPString", "value": "seven"},
    ]),
    ("Several", [{"dataType": "GPString", "value": "7"}], [{"dataType": "GPString", "value": "7"}]),
]  # fmt: skip

# Outputs of a composite parameter are of the data type that the value is.
COMPOSITES = [
    ("7", "GPDouble", 7),
    ("7 miles", "GPLinearUnit", {"distance": 7, "units": "esriMiles"}),
    ({"dataType": "GPLinearUnit", "value": "7"}, "GPLinearUnit", {"distance": 7, "units": "esriMeters"}),
    ({"dataType": "GPString", "value": "7"}, "GPString", "7"),
    ("seven", "GPString", "seven"),
]


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def echo(client: Client, **parameters: Any) -> tuple[str, dict[str, Any]]:
    """The job's URL, and its results by the names of the parameters."""
    job = client.submit(ECHO, **{f"In_{name}": text_of(value) for name, value in parameters.items()})
    state = client.wait(job)
    assert state["jobStatus"] == "esriJobSucceeded", state
    return job, {name: client.get(f"{job}/results/Out_{name}") for name in parameters}


def upload(client: Client, name: str, content: bytes) -> dict[str, str]:
    answer = client.http.post(
        client.place(UPLOAD), data={"f": "json"}, files={"file": (name, content)}
    ).json()
    return {"itemID": answer["item"]["itemID"]}


def fetched(client: Client, value: dict[str, Any]) -> bytes:
    return client.http.get(value["url"]).content


@pytest.fixture(scope="module")
def data_types(client: Client) -> dict[str, str]:
    return {item["name"]: item["dataType"] for item in client.get("Tools/GPServer/EchoTypes")["parameters"]}


def test_every_data_type_is_there(data_types: dict[str, str]) -> None:
    assert {kind.name for kind in KINDS} <= set(data_types.values()) | {"GPString"}
    for name, kind in data_types.items():
        if name.startswith("Out_") and name != "Out_Size":
            assert data_types[f"In_{name[4:]}"] == kind


@pytest.mark.parametrize(("name", "sent", "expected"), CASES)
def test_a_value_there_and_back(
    client: Client, data_types: dict[str, str], name: str, sent: Any, expected: Any
) -> None:
    _, results = echo(client, **{name: sent})
    kind = data_types[f"Out_{name}"]
    assert results[name] == {"paramName": f"Out_{name}", "dataType": kind, "value": expected}


@pytest.mark.parametrize(("sent", "kind", "expected"), COMPOSITES)
def test_a_composite_value_is_reported_as_what_it_is(
    client: Client, sent: Any, kind: str, expected: Any
) -> None:
    _, results = echo(client, Any=sent)
    assert results["Any"] == {"paramName": "Out_Any", "dataType": kind, "value": expected}


@pytest.mark.parametrize("nothing", ["", "null"])
def test_what_was_not_given(client: Client, nothing: str) -> None:
    names = {case[0]: nothing for case in CASES}
    _, results = echo(client, **names, Raster='{"url": ""}', File='{"url":""}', Features="{}", Table=nothing)
    unset = {name: result["value"] for name, result in results.items()}
    lists: dict[str, Any] = {name: [] for name in ("List", "Stops", "Several")}
    texts = dict.fromkeys(("String", "Secret", "Expression"), "")
    nowhere: dict[str, Any] = {name: {} for name in ("Raster", "File", "Features", "Table")}
    assert unset == dict.fromkeys(names) | lists | texts | nowhere


def test_inputs_are_shown_as_they_were_understood_but_no_secrets(client: Client) -> None:
    sent = {"Unit": "15 Miles", "Secret": "p4ss", "Stops": [["Home", "2.5"]], "System": "4326"}
    job, results = echo(client, **sent)
    shown = {name: client.get(f"{job}/inputs/In_{name}")["value"] for name in sent}
    assert shown == {name: result["value"] for name, result in results.items()} | {"Secret": ""}


def test_column_names_come_on_demand(client: Client) -> None:
    job, _ = echo(client, Stops=[["Home", 2.5]])
    [row] = client.get(f"{job}/results/Out_Stops", returnColumnName="True")["value"]
    assert row == {"Place": "Home", "Minutes": 2.5, "Since": None, "Walk": None, "File": None}


def features(kind: str, geometry: Any, **more: Any) -> dict[str, Any]:
    fields = [{"name": "NAME", "type": "esriFieldTypeString"}]
    feature = {"geometry": geometry, "attributes": {"NAME": "a"}}
    reference = {"spatialReference": {"wkid": 4326}}
    return {"geometryType": f"esriGeometry{kind}", "fields": fields, "features": [feature]} | reference | more


SQUARE = [[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]]
SQUARE_BOX = {"xmin": 0, "ymin": 0, "xmax": 1, "ymax": 1}
POINT = features("Point", {"x": 1, "y": 2})
BARE = {"features": [{"geometry": {"x": 1, "y": 2, "spatialReference": {"wkid": 4326}}}]}
LAYER = {
    "layerDefinition": {"geometryType": "esriGeometryPoint", "fields": POINT["fields"]},
    "featureSet": {key: POINT[key] for key in ("features", "spatialReference")},
}
GEOJSON = {
    "type": "FeatureCollection",
    "features": [
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": {"NAME": "a"}}
    ],
}
AT_1_2 = {"x": 1, "y": 2}
POINTS, PATHS = {"points": [[1, 2], [3, 4]]}, {"paths": [[[0, 0], [1, 1]]]}
FORMS: dict[str, tuple[Any, str, Any]] = {
    "feature set": (POINT, "Point", AT_1_2),
    "no schema": (BARE, "Point", AT_1_2),
    "layer": (LAYER, "Point", AT_1_2),
    "feature collection": ({"layers": [LAYER]}, "Point", AT_1_2),
    "geometry alone": ({"x": 1, "y": 2}, "Point", AT_1_2),
    "geojson": (GEOJSON, "Point", AT_1_2),
    "null geometry": (features("Point", None), "Point", None),
    "empty point": (features("Point", {"x": "NaN"}), "Point", None),
    "keys of clients": (POINT | {"transform": None, "symbol": None, "popupTemplate": {}}, "Point", AT_1_2),
    "relaxed": ("{features: [{geometry: {x: 1, y: 2,}}]}", "Point", AT_1_2),
    "multipoint": (features("Multipoint", POINTS), "Multipoint", POINTS),
    "polyline": (features("Polyline", PATHS), "Polyline", PATHS),
    "polygon": (features("Polygon", {"rings": [SQUARE]}), "Polygon", {"rings": [SQUARE]}),
    "open, wrong way": (features("Polygon", {"rings": [SQUARE[4:0:-1]]}), "Polygon", {"rings": [SQUARE]}),
    "envelope": (features("Envelope", SQUARE_BOX), "Polygon", {"rings": [SQUARE]}),
    "z and m": (
        features("Point", {"x": 1, "y": 2, "z": 3, "m": 4}, hasZ=True, hasM=True), "Point",
        {"x": 1, "y": 2, "z": 3, "m": 4},
    ),
    "z of a line": (
        features("Polyline", {"paths": [[[0, 0, 5], [1, 1, 6]]]}, hasZ=True), "Polyline",
        {"paths": [[[0, 0, 5], [1, 1, 6]]]},
    ),
    "m of a line": (
        features("Polyline", {"paths": [[[0, 0, 5], [1, 1, 6]]]}, hasM=True), "Polyline",
        {"paths": [[[0, 0, 5], [1, 1, 6]]]},
    ),
}  # fmt: skip


def numbered(geometry: Any) -> Any:
    """A geometry without its flags, rings beginning at their least vertex."""
    if not geometry:
        return None
    geometry = {key: value for key, value in geometry.items() if key not in ("hasZ", "hasM")}
    if "rings" in geometry:
        [ring] = geometry["rings"]
        first = ring.index(min(ring))
        geometry["rings"] = [[*ring[first:-1], *ring[: first + 1]]]
    return geometry


@pytest.mark.parametrize("form", FORMS)
def test_features_in_every_form(client: Client, form: str) -> None:
    sent, kind, expected = FORMS[form]
    job, _ = echo(client, Features=sent)
    answer = client.get(f"{job}/results/Out_Features", returnZ="true", returnM="true")
    value = answer["value"]
    assert answer["dataType"] == "GPFeatureRecordSetLayer"
    assert value["geometryType"] == f"esriGeometry{kind}"
    assert value["exceededTransferLimit"] is False
    assert numbered(value["features"][0].get("geometry")) == expected
    if "NAME" in text_of(sent):
        assert value["features"][0]["attributes"]["NAME"] == "a"
        assert value["spatialReference"] == WGS84


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (features("MultiPatch", {"rings": [SQUARE]}), "esriGeometryMultiPatch is not supported"),
        (features("Polygon", {"curveRings": [[[0, 0]]]}), "true curves"),
        ({"features": [{"compressedGeometry": "+1+2"}]}, "compressedGeometry is not supported"),
        ({"layers": [LAYER, LAYER]}, "exactly one layer"),
        ({"portalItemID": "0" * 32}, "portal"),
        ({"uri": "here"}, "uri"),
        ({"itemID": "i0"}, "item"),
        ({"url": "http://127.0.0.1/"}, "127.0.0.1"),
    ],
)
def test_features_that_are_refused_plainly(client: Client, value: Any, text: str) -> None:
    job = client.submit(ECHO, In_Features=json.dumps(value))
    state = client.wait(job)
    assert state["jobStatus"] == "esriJobFailed"
    told = [message["description"] for message in state["messages"] if message["type"].endswith("Error")]
    assert any(line.startswith("In_Features: ") and text in line for line in told), told


def test_a_table_of_every_field_type(client: Client) -> None:
    values: dict[str, tuple[Any, Any]] = {
        "SmallInteger": (3, 3),
        "Integer": (-70000, -70000),
        "BigInteger": (2**52, 2**52),
        "Single": (1.5, 1.5),
        "Double": (1e300, 1e300),
        "String": ("ü", "ü"),
        "Date": (NEW_YEAR, NEW_YEAR),
        "DateOnly": ("8/2/2020", "2020-08-02"),
        "TimeOnly": ("10:00:00 PM", "22:00:00"),
        "TimestampOffset": ("8/2/2020 10:00:00.0000 AM -07:00", "2020-08-02T10:00:00.000-07:00"),
        "GUID": ("{A}", "{A}"),
    }
    fields = [{"name": f"f_{kind}", "type": f"esriFieldType{kind}"} for kind in values]
    rows = [{"attributes": {f"f_{kind}": value for kind, (value, _) in values.items()}}, {"attributes": {}}]
    _, results = echo(client, Table={"fields": fields, "features": rows})
    first, second = (row["attributes"] for row in results["Table"]["value"]["features"])
    assert {kind: first[f"f_{kind}"] for kind in values} == {kind: back for kind, (_, back) in values.items()}
    assert {second[f"f_{kind}"] for kind in values} == {None}
    types = {field["name"]: field["type"] for field in results["Table"]["value"]["fields"]}
    for kind in ("BigInteger", "Double", "String", "Date", "DateOnly", "TimeOnly", "TimestampOffset"):
        assert types[f"f_{kind}"] == f"esriFieldType{kind}"


def test_a_file_there_and_back(client: Client) -> None:
    item = upload(client, "notes.txt", b"some text")
    stop = ["Home", None, None, None, item]
    job, results = echo(client, File=item, Files=[item, {"itemId": item["itemID"]}], Stops=[stop])
    assert results["File"]["dataType"] == "GPDataFile"
    assert results["File"]["value"]["url"].endswith("/notes.txt")
    [[*_, cell]] = results["Stops"]["value"]
    for value in (results["File"]["value"], *results["Files"]["value"], cell):
        assert fetched(client, value) == b"some text"
    assert client.get(f"{job}/inputs/In_File")["value"] == item
    assert client.get(f"{job}/results/Out_Size")["value"] == 9


def tiff(bands: int) -> tuple[bytes, Any]:
    cells = np.arange(bands * 6, dtype=np.int16).reshape(bands, 2, 3)
    memory = io.BytesIO()
    facts = {"width": 3, "height": 2, "count": bands, "dtype": "int16", "crs": "EPSG:3857", "nodata": 5}
    with rasterio.open(
        memory, "w", driver="GTiff", transform=from_bounds(0, 0, 30, 20, 3, 2), **facts
    ) as file:
        file.write(cells)
    return memory.getvalue(), cells


@pytest.mark.parametrize(("name", "kind"), [("Raster", "GPRasterDataLayer"), ("Grid", "GPRasterData")])
@pytest.mark.parametrize("bands", [1, 3])
def test_a_raster_there_and_back(client: Client, name: str, kind: str, bands: int) -> None:
    content, cells = tiff(bands)
    _, results = echo(client, **{name: upload(client, "lake.tif", content) | {"format": "tif"}})
    assert results[name]["dataType"] == kind
    assert results[name]["value"]["format"] == "tif"
    with rasterio.open(io.BytesIO(fetched(client, results[name]["value"]))) as file:
        assert (file.read() == cells).all()
        assert (file.crs.to_epsg(), tuple(file.bounds), file.nodata) == (3857, (0, 0, 30, 20), 5)


def test_features_by_item(client: Client) -> None:
    layer = json.dumps(POINT).encode()
    for name, content in (
        ("points.json", layer),
        ("points.txt", layer),
        ("p.geojson", json.dumps(GEOJSON).encode()),
    ):
        _, results = echo(client, Features=upload(client, name, content), Table=upload(client, name, content))
        [feature] = results["Features"]["value"]["features"]
        assert (feature["geometry"], feature["attributes"]["NAME"]) == (AT_1_2, "a")
        [row] = results["Table"]["value"]["features"]
        assert (row["attributes"]["NAME"], "geometry" in row) == ("a", False)


def test_features_as_a_protocol_buffer(client: Client) -> None:
    polygons = features("Polygon", {"rings": [SQUARE]})
    job, first = echo(client, Features=polygons)
    written = client.http.get(f"{job}/results/Out_Features", params={"f": "pbf"})
    assert written.headers["content-type"] == "application/x-protobuf"
    _, second = echo(client, Features=upload(client, "squares.pbf", written.content))
    value = second["Features"]["value"]
    assert value["features"] == first["Features"]["value"]["features"]
    assert value["spatialReference"] == WGS84
