"""GeoJSON: read back by GDAL and by shapely, and as RFC 7946 wants it."""

import io
import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from features.frames import frame_of, stored

from gpserver.features import Layer, Selection, geojson
from gpserver.features.quantization import Quantization


def text_of(layer: Layer, **options: Any) -> bytes:
    return b"".join(geojson.write(Selection(layer, **options)))


def geometries(layer: Layer, **options: Any) -> list[Any]:
    return [feature["geometry"] for feature in json.loads(text_of(layer, **options))["features"]]


def test_the_text(tmp_path: Path) -> None:
    when = pd.to_datetime(["2020-01-02", None], format="ISO8601")
    layer = stored(frame_of("POINT (1 2.5)", None, name=["a", '"'], when=when), tmp_path)
    assert text_of(layer).decode() == (
        '{"type":"FeatureCollection","features":['
        '{"type":"Feature","id":1,"geometry":{"type":"Point","coordinates":[1.0,2.5]},'
        '"properties":{"OBJECTID":1,"name":"a","when":1577923200000}},'
        '{"type":"Feature","id":2,"geometry":null,"properties":{"OBJECTID":2,"name":"\\"","when":null}}]}'
    )


@pytest.mark.parametrize(
    "wkt",
    [
        ["POINT (1 2)", None],
        ["POINT Z (1 2 3)"],
        ["MULTIPOINT (1 2, 3 4)", None, "MULTIPOINT (5 6)"],
        ["LINESTRING (1 2, 3 4, 5 6)", None],
        ["LINESTRING Z (1 2 3, 4 5 6)", "MULTILINESTRING Z ((1 2 3, 4 5 6), (7 8 9, 1 2 3, 4 5 6))"],
        ["POLYGON ((0 0, 0 9, 9 9, 9 0, 0 0), (1 1, 2 2, 1 2, 1 1))", None],
        [
            "MULTIPOLYGON (((0 0, 0 9, 9 9, 9 0, 0 0), (1 1, 2 2, 1 2, 1 1)), ((20 0, 20 9, 29 9, 20 0)))",
            "POLYGON ((0 0, 0 1, 1 1, 0 0))",
            None,
        ],
    ],
)
def test_geometries_come_back(tmp_path: Path, wkt: list[str | None]) -> None:
    frame = frame_of(*wkt)
    found = geometries(stored(frame, tmp_path), return_z=True)
    assert [item and item["type"].upper() for item in found] == [
        item and item.geom_type.upper() for item in frame.geometry
    ]
    back = [item and shapely.normalize(shapely.from_geojson(json.dumps(item))) for item in found]
    assert back == [item and shapely.normalize(item) for item in frame.geometry]


def test_gdal_reads_it(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    x, y = random.uniform(0, 1e5, (2, 3000))
    squares = shapely.difference(shapely.box(x, y, x + 9, y + 9), shapely.box(x + 1, y + 1, x + 2, y + 2))
    squares[::7] = shapely.union(squares[::7], shapely.box(x + 20, y, x + 25, y + 5)[::7])
    frame = gpd.GeoDataFrame({"n": range(3000)}, geometry=squares, crs=32633)
    read = pyogrio.read_dataframe(io.BytesIO(text_of(stored(frame, tmp_path))))
    assert read["n"].tolist() == frame["n"].tolist()
    assert read.crs == "EPSG:4326"
    back = read.to_crs(32633).geometry.array
    assert shapely.hausdorff_distance(back, frame.geometry.array).max() < 1e-6


def test_shells_run_counter_clockwise_and_holes_clockwise(tmp_path: Path) -> None:
    layer = stored(frame_of("POLYGON ((0 0, 0 9, 9 9, 9 0, 0 0), (1 1, 2 2, 1 2, 1 1))"), tmp_path)
    [polygon] = geometries(layer)
    directions = [shapely.LinearRing(ring).is_ccw for ring in polygon["coordinates"]]
    assert directions == [True, False]


def test_coordinates_are_always_wgs84(tmp_path: Path) -> None:
    layer = stored(frame_of("POINT (1113194.9079327357 0)", crs=3857), tmp_path)
    for options in ({}, {"out_crs": layer.crs}, {"quantization": Quantization(1000, thins=True)}):
        [point] = geometries(layer, **options)
        assert point["coordinates"] == pytest.approx([10, 0])
    unknown = stored(frame_of("POINT (7 8)", crs=None), tmp_path)
    assert geometries(unknown)[0]["coordinates"] == [7, 8]


def test_offset_and_precision(tmp_path: Path) -> None:
    line = "LINESTRING (0 0, 111319.49079327358 5, 222638.98158654716 0)"
    layer = stored(frame_of(line, crs=3857), tmp_path)
    [simple] = geometries(layer, out_crs=layer.crs, offset=10.0, precision=1)
    assert simple["coordinates"] == [[0, 0], [2, 0]]
    [kept] = geometries(layer, out_crs=layer.crs, offset=1.0, precision=6)
    assert kept["coordinates"] == [[0, 0], [1, 0.000045], [2, 0]]


def test_there_is_no_m(tmp_path: Path) -> None:
    layer = stored(frame_of("POINT ZM (1 2 3 4)"), tmp_path)
    assert geometries(layer, return_z=True, return_m=True)[0]["coordinates"] == [1, 2, 3]
    assert geometries(layer, return_m=True)[0]["coordinates"] == [1, 2]


def test_without_geometry_or_fields(tmp_path: Path) -> None:
    layer = stored(frame_of("POINT (1 2)", n=[7]), tmp_path)
    [bare] = json.loads(text_of(layer, fields=layer.fields[1:], geometry=False))["features"]
    assert bare == {"type": "Feature", "id": 1, "geometry": None, "properties": {"n": 7}}
    [plain] = json.loads(text_of(layer, fields=[]))["features"]
    assert plain["properties"] == {}


def test_a_page_of_a_longer_answer(tmp_path: Path) -> None:
    layer = stored(frame_of("POINT (1 2)", "POINT (3 4)", "POINT (5 6)"), tmp_path)
    page = json.loads(text_of(layer, rows=np.array([2, 0]), exceeded=True))
    assert page["properties"] == {"exceededTransferLimit": True}
    assert [feature["id"] for feature in page["features"]] == [3, 1]


def test_no_features(tmp_path: Path) -> None:
    layer = stored(gpd.GeoDataFrame(geometry=[], crs=4326), tmp_path)
    assert text_of(layer) == b'{"type":"FeatureCollection","features":[]}'
