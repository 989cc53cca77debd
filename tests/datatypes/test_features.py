import json
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from gpserver.datatypes import GPFeatureRecordSetLayer, GPRecordSet, data_type_of
from gpserver.datatypes.features import Features, Lines, MultiPoints, Points, Polygons, Table
from gpserver.errors import InvalidValue
from gpserver.features import Layer

POINT_SET = {
    "geometryType": "esriGeometryPoint",
    "spatialReference": {"wkid": 4326},
    "fields": [{"name": "NAME", "type": "esriFieldTypeString"}],
    "features": [{"geometry": {"x": 1, "y": 2}, "attributes": {"NAME": "a"}}],
}
POLYGON_SET = {
    "geometryType": "esriGeometryPolygon",
    "spatialReference": {"wkid": 4326},
    "features": [{"geometry": {"rings": [[[0, 0], [0, 1], [1, 1], [0, 0]]]}, "attributes": {}}],
}
SHAPES = {
    "Point": shapely.Point(0, 0),
    "MultiPoint": shapely.MultiPoint([(0, 0), (1, 1)]),
    "LineString": shapely.LineString([(0, 0), (1, 1)]),
    "MultiLineString": shapely.MultiLineString([[(0, 0), (1, 1)], [(2, 2), (3, 3)]]),
    "Polygon": shapely.box(0, 0, 1, 1),
    "MultiPolygon": shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 3)]),
}


def frame(*names: str) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"N": range(len(names))}, geometry=[SHAPES[name] for name in names], crs=4326)


@pytest.mark.parametrize("form", [lambda value: value, json.dumps, lambda value: json.dumps(value).encode()])
def test_reads_a_feature_set(form: Callable[[object], object]) -> None:
    found = data_type_of(Points).decode(form(POINT_SET))
    assert found.geometry.iloc[0] == shapely.Point(1, 2)
    assert found["NAME"].tolist() == ["a"]
    assert found.crs == 4326


def test_reads_a_large_feature_set_as_bytes() -> None:
    features = POINT_SET["features"] * 500
    found = data_type_of(Points).decode(json.dumps({**POINT_SET, "features": features}).encode())
    assert len(found) == 500


@pytest.mark.parametrize(
    ("annotation", "names"),
    [
        (Points, ["Point"]),
        (MultiPoints, ["MultiPoint"]),
        (Lines, ["LineString", "MultiLineString"]),
        (Polygons, ["Polygon", "MultiPolygon"]),
    ],
)
def test_keeps_features_in_a_layer_file(tmp_path: Path, annotation: object, names: list[str]) -> None:
    stored = data_type_of(annotation).save(frame(*names), tmp_path, "Output_Features")
    assert (stored.layer, stored.rows) == ("Output_Features.arrow", len(names))
    layer = Layer.open(tmp_path / "Output_Features.arrow")
    assert layer.geometry_type == data_type_of(annotation).schema()["geometryType"]


def test_missing_geometries_are_of_any_type(tmp_path: Path) -> None:
    holes = gpd.GeoDataFrame(geometry=[None, SHAPES["Point"]], crs=4326)
    assert data_type_of(Points).save(holes, tmp_path, "Out").rows == 2
    assert data_type_of(Points).save(holes.iloc[:0], tmp_path, "None").rows == 0


@pytest.mark.parametrize(
    ("annotation", "names", "text"),
    [
        (Points, ["Polygon"], "esriGeometryPolygon, but esriGeometryPoint is"),
        (Points, ["MultiPoint"], "esriGeometryMultipoint, but esriGeometryPoint is"),
        (Lines, ["Point", "Polygon"], "esriGeometryPoint, esriGeometryPolygon, but esriGeometryPolyline is"),
    ],
)
def test_names_both_geometry_types(tmp_path: Path, annotation: object, names: list[str], text: str) -> None:
    with pytest.raises(InvalidValue) as raised:
        data_type_of(annotation).save(frame(*names), tmp_path, "Out")
    assert str(raised.value) == f"The features are {text} expected."


def test_a_geometry_collection_is_of_no_type(tmp_path: Path) -> None:
    collection = gpd.GeoDataFrame(geometry=[shapely.GeometryCollection([SHAPES["Point"]])], crs=4326)
    with pytest.raises(InvalidValue, match="The features are a geometry collection, but esriGeometryPoint"):
        data_type_of(Points).save(collection, tmp_path, "Out")


def test_input_of_the_wrong_geometry_type() -> None:
    with pytest.raises(
        InvalidValue, match="The features are esriGeometryPolygon, but esriGeometryPoint is expected"
    ):
        data_type_of(Points).decode(json.dumps(POLYGON_SET))
    assert len(data_type_of(Features).decode(json.dumps(POLYGON_SET))) == 1


@pytest.mark.parametrize("kind", [GPFeatureRecordSetLayer(), GPRecordSet()])
@pytest.mark.parametrize(
    "value",
    [
        '{"url": "https://example.com/FeatureServer/0", "filter": "a=1"}',
        {"itemID": "i123"},
        '{"itemId": "i123"}',
        {"portalItemID": "0123"},
        {"uri": "somewhere"},
        "https://example.com/FeatureServer/0",
        b'"https://example.com/FeatureServer/0"',
    ],
)
def test_inputs_by_reference_need_a_source(
    kind: GPFeatureRecordSetLayer | GPRecordSet, value: object
) -> None:
    with pytest.raises(InvalidValue, match="A value by URL or item id is read in a job only"):
        kind.decode(value)


def test_a_url_among_features_is_ignored() -> None:
    assert len(data_type_of(Points).decode({**POINT_SET, "url": "https://example.com"})) == 1


def test_the_schema_tells_clients_what_to_draw() -> None:
    assert data_type_of(Lines).schema() == {
        "displayFieldName": "",
        "geometryType": "esriGeometryPolyline",
        "spatialReference": {"wkid": 4326, "latestWkid": 4326},
        "fields": [],
        "features": [],
        "exceededTransferLimit": False,
    }
    assert data_type_of(Table).schema() == {
        "displayFieldName": "",
        "fields": [],
        "features": [],
        "exceededTransferLimit": False,
    }


@pytest.mark.parametrize("annotation", [Lines, Table])
@pytest.mark.parametrize("form", [lambda value: value, json.dumps, lambda value: json.dumps(value).encode()])
def test_the_schema_sent_back_is_no_value(annotation: object, form: Callable[[object], object]) -> None:
    kind = data_type_of(annotation)
    assert kind.decode(form(kind.schema())) is None


def test_an_empty_feature_set_is_a_value() -> None:
    assert len(data_type_of(Points).decode({**POINT_SET, "features": []})) == 0


def test_a_wire_value_of_a_frame() -> None:
    wire = data_type_of(Points).encode(frame("Point"))
    assert wire["geometryType"] == "esriGeometryPoint"
    assert wire["features"][0]["geometry"] == {"x": 0, "y": 0}
    assert data_type_of(Points).encode(None) is None


@pytest.mark.parametrize(
    "value",
    [
        {"fields": [{"name": "A", "type": "esriFieldTypeInteger"}], "features": [{"attributes": {"A": 1}}]},
        [{"A": 1}],
        '[{"A": 1}]',
    ],
)
def test_reads_a_table(value: object) -> None:
    assert data_type_of(Table).decode(value)["A"].tolist() == [1]


def test_keeps_a_table_without_geometry(tmp_path: Path) -> None:
    stored = data_type_of(pd.DataFrame).save(frame("Point", "Polygon"), tmp_path, "Rows")
    assert (stored.layer, stored.rows) == ("Rows.arrow", 2)
    assert Layer.open(tmp_path / "Rows.arrow").geometry_type is None


@pytest.mark.parametrize(
    ("annotation", "text"), [(Points, "A GeoDataFrame is expected"), (Table, "A DataFrame is expected")]
)
def test_refuses_to_keep_something_else(tmp_path: Path, annotation: object, text: str) -> None:
    with pytest.raises(InvalidValue, match=text):
        data_type_of(annotation).save("nothing", tmp_path, "Out")
