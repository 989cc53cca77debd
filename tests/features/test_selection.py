"""What of a layer goes into an answer: rows, fields, and geometry as it was asked for."""

import json
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS

from gpserver.features import Layer, Selection, encode_features, esri_json, write_layer

COUNT = 2000


def squares(count: int = COUNT) -> gpd.GeoDataFrame:
    """Squares in random places; every 11th has no geometry."""
    random = np.random.default_rng(count)
    x, y = random.uniform(0, 1e5, (2, count))
    geometry = shapely.box(x, y, x + 10, y + 10)
    geometry[::11] = None
    columns = {"n": np.arange(count), "Name": [f"row {n}" for n in range(count)]}
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=32633)


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Layer:
    path = tmp_path_factory.mktemp("layers") / "squares.arrow"
    write_layer(squares(), path)
    return Layer.open(path)


def document(selection: Selection, *arguments: Any, **options: Any) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(b"".join(esri_json.write(selection, *arguments, **options)))
    return read


def encoded(*wkt: str, **options: Any) -> list[Any]:
    frame = gpd.GeoDataFrame(geometry=shapely.from_wkt(wkt), crs=3857)
    return [feature["geometry"] for feature in json.loads(encode_features(frame, **options))["features"]]


def test_rows_come_in_the_order_asked_for(layer: Layer) -> None:
    rows = np.random.default_rng(1).permutation(COUNT)[:700]
    selection = Selection(layer, rows)
    ids = [feature["attributes"]["OBJECTID"] for feature in document(selection)["features"]]
    assert ids == layer.object_ids[rows].tolist()
    assert len(selection) == 700


def test_all_rows_come_in_the_order_of_the_frame(layer: Layer) -> None:
    selection = Selection(layer)
    assert [row["attributes"]["n"] for row in document(selection)["features"]] == list(range(COUNT))
    assert len(selection) == COUNT


def test_fields_come_in_the_order_asked_for(layer: Layer) -> None:
    chosen = [layer.fields[2], layer.fields[0]]
    found = document(Selection(layer, layer.order[:2], chosen))
    assert found["fields"] == chosen
    assert [list(row["attributes"].items()) for row in found["features"]] == [
        [("Name", "row 0"), ("OBJECTID", 1)],
        [("Name", "row 1"), ("OBJECTID", 2)],
    ]


def test_no_fields_and_no_geometry(layer: Layer) -> None:
    found = document(Selection(layer, layer.order[:2], fields=[], geometry=False))
    assert found["features"] == [{"attributes": {}}, {"attributes": {}}]
    assert not {"geometryType", "spatialReference", "hasZ"} & found.keys()
    [only] = document(Selection(layer, layer.order[1:2], fields=[]))["features"]
    assert only["attributes"] == {}
    assert len(only["geometry"]["rings"][0]) == 5


def test_a_map_layer_answers_with_a_head_of_its_own(layer: Layer) -> None:
    head = {"displayFieldName": "Name", "fieldAliases": {"n": "n"}}
    page = Selection(layer, layer.order[:1], exceeded=True)
    found = document(page, head, tell_complete=False)
    assert list(found) == [
        *head,
        "geometryType",
        "spatialReference",
        "fields",
        "features",
        "exceededTransferLimit",
    ]
    whole = document(Selection(layer, layer.order[:1]), head, tell_complete=False)
    assert list(whole) == [*head, "geometryType", "spatialReference", "fields", "features"]


def test_what_it_says_of_itself(layer: Layer) -> None:
    selection = Selection(layer, out_crs=CRS.from_epsg(3857), return_z=True)
    assert (selection.crs, selection.has_z, selection.geometry_type) == (
        CRS.from_epsg(3857),
        False,
        "esriGeometryPolygon",
    )
    assert Selection(layer, geometry=False).geometry_type is None
    assert Selection(layer).crs == layer.crs


def test_precision_is_for_x_and_y() -> None:
    options = {"precision": 2, "return_z": True}
    assert encoded("POINT Z (1.23456 -9.87654 3.33333)", **options) == [{"x": 1.23, "y": -9.88, "z": 3.33333}]
    assert encoded("POINT (1.5 2.6)", precision=-3) == [{"x": 2, "y": 3}]
    assert encoded("POINT (1.25 2.5)", precision=10**6) == [{"x": 1.25, "y": 2.5}]


def test_an_offset_leaves_out_vertices() -> None:
    line = "LINESTRING ZM (0 0 1 5, 5 1 2 6, 10 0 3 7)"
    options = {"return_z": True, "return_m": True}
    assert encoded(line, offset=2.0, **options) == [{"paths": [[[0, 0, 1, 5], [10, 0, 3, 7]]]}]
    assert encoded(line, offset=0.5, **options)[0]["paths"][0][1] == [5, 1, 2, 6]
    assert encoded("POINT (1 2)", offset=9.0) == [{"x": 1, "y": 2}]
    assert encoded("MULTIPOINT (1 2, 3 4)", offset=9.0) == [{"points": [[1, 2], [3, 4]]}]


def test_nothing_disappears_for_an_offset() -> None:
    circle, hole = shapely.Point(0, 0).buffer(10), shapely.Point(0, 0).buffer(1)
    polygon = shapely.union_all([circle - hole, shapely.Point(100, 0).buffer(2)])
    [found] = encoded(polygon.wkt, offset=50.0)
    assert [len(ring) for ring in found["rings"]] == [4, 4, 4]
    assert all(ring[0] == ring[-1] for ring in found["rings"])
    assert all(shapely.Polygon(ring).area > 0 for ring in found["rings"])


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 200))
def test_a_simpler_line_is_within_the_offset(seed: int, offset: float) -> None:
    random = np.random.default_rng(seed)
    line = shapely.LineString(np.cumsum(random.normal(0, 20, (40, 2)), axis=0).round(3))
    [found] = encoded(line.wkt, offset=offset)
    simple = shapely.LineString(found["paths"][0])
    assert shapely.hausdorff_distance(simple, line) <= offset * (1 + 1e-9)
    assert set(simple.coords) <= set(line.coords)


def test_what_another_system_cannot_show_stays_missing_all_the_way() -> None:
    lines = ["LINESTRING (0 0, 1 1, 2 2.1)", "LINESTRING (0 0, 0 95)"]
    frame = gpd.GeoDataFrame(geometry=shapely.from_wkt(lines), crs=4326)
    text = encode_features(frame, out_crs=CRS.from_epsg(3857), offset=1.0, precision=0)
    assert [row["geometry"] is None for row in json.loads(text)["features"]] == [False, True]


def test_chunks_hold_rows_columns_and_shapes(layer: Layer) -> None:
    rows = np.arange(COUNT)
    chunks = list(Selection(layer, rows, layer.fields[:1]).chunks())
    assert np.concatenate([chunk.rows for chunk in chunks]).tolist() == rows.tolist()
    assert pa.concat_arrays([chunk.columns[0] for chunk in chunks]).equals(layer.column("OBJECTID"))
    assert sum(len(chunk.shapes or ()) for chunk in chunks) == COUNT
    assert list(Selection(layer, rows[:0]).chunks()) == []


def test_a_table_of_fields_and_columns() -> None:
    fields = [
        {"name": "kind", "type": "esriFieldTypeString", "alias": "Kind", "length": 9},
        {"name": "total", "type": "esriFieldTypeInteger", "alias": "Total"},
        {"name": "last", "type": "esriFieldTypeDate", "alias": "Last"},
    ]
    columns = [
        pa.array(["a", None]),
        pa.chunked_array([pa.array([1], pa.uint8()), pa.array([None], pa.uint8())]),
        pa.array([pd.Timestamp(5, unit="ms"), None], pa.timestamp("us")),
    ]
    table = Layer.of(fields, columns)
    assert document(Selection(table), {}, tell_complete=False) == {
        "displayFieldName": "",
        "fields": fields,
        "features": [
            {"attributes": {"kind": "a", "total": 1, "last": 5}},
            {"attributes": {"kind": None, "total": None, "last": None}},
        ],
    }
    assert (table.geometry_type, table.object_id_field, table.rows) == (None, None, 2)
    assert document(Selection(Layer.of(fields, [column[:0] for column in columns])))["features"] == []
