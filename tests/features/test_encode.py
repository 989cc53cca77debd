"""Esri JSON text of frames: its keys, its geometries, its values; GDAL reads it too."""

import json
from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import CRS

from gpserver.errors import InvalidValue
from gpserver.features import decode_features, encode_features

Gdal = Callable[[bytes], gpd.GeoDataFrame]


def frame_of(*wkt: str | None, crs: Any = 3857, **columns: Any) -> gpd.GeoDataFrame:
    geometry = [None if text is None else shapely.from_wkt(text) for text in wkt]
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=crs)


def geometries(*wkt: str | None, **options: Any) -> list[Any]:
    return [
        feature["geometry"] for feature in json.loads(encode_features(frame_of(*wkt), **options))["features"]
    ]


def test_the_text_of_a_feature_set() -> None:
    text = encode_features(frame_of("POINT (1 2.5)", name=["a"]))
    assert text.decode() == (
        '{"displayFieldName":"","geometryType":"esriGeometryPoint",'
        '"spatialReference":{"wkid":102100,"latestWkid":3857},"fields":['
        '{"name":"OBJECTID","type":"esriFieldTypeOID","alias":"OBJECTID"},'
        '{"name":"name","type":"esriFieldTypeString","alias":"name","length":255}],'
        '"features":[{"attributes":{"OBJECTID":1,"name":"a"},"geometry":{"x":1.0,"y":2.5}}],'
        '"exceededTransferLimit":false}'
    )


def test_the_text_of_a_table() -> None:
    text = encode_features(pd.DataFrame({"n": [7, 8]}))
    assert text.decode() == (
        '{"displayFieldName":"","fields":['
        '{"name":"OBJECTID","type":"esriFieldTypeOID","alias":"OBJECTID"},'
        '{"name":"n","type":"esriFieldTypeInteger","alias":"n"}],'
        '"features":[{"attributes":{"OBJECTID":1,"n":7}},{"attributes":{"OBJECTID":2,"n":8}}],'
        '"exceededTransferLimit":false}'
    )


def test_a_geodataframe_without_geometry_is_a_table() -> None:
    assert "geometryType" not in json.loads(encode_features(gpd.GeoDataFrame({"n": [1]})))


@pytest.mark.parametrize(
    ("wkt", "geometry"),
    [
        ("MULTIPOINT (1 2, 3 4)", {"points": [[1, 2], [3, 4]]}),
        ("LINESTRING (1 2, 3 4)", {"paths": [[[1, 2], [3, 4]]]}),
        ("LINEARRING (0 0, 1 0, 1 1, 0 0)", {"paths": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}),
        ("MULTILINESTRING ((1 2, 3 4), (5 6, 7 8))", {"paths": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]}),
        ("POLYGON ((0 0, 1 0, 1 1, 0 0))", {"rings": [[[0, 0], [1, 1], [1, 0], [0, 0]]]}),
        (
            "POLYGON ((0 0, 0 9, 9 9, 9 0, 0 0), (1 1, 1 2, 2 2, 1 1))",
            {"rings": [[[0, 0], [0, 9], [9, 9], [9, 0], [0, 0]], [[1, 1], [2, 2], [1, 2], [1, 1]]]},
        ),
        (
            "MULTIPOLYGON (((0 0, 0 1, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))",
            {"rings": [[[0, 0], [0, 1], [1, 1], [0, 0]], [[5, 5], [6, 6], [6, 5], [5, 5]]]},
        ),
    ],
)
def test_geometry_objects(wkt: str, geometry: dict[str, Any]) -> None:
    assert geometries(wkt, None, wkt) == [geometry, None, geometry]


def test_single_and_multi_are_one_type() -> None:
    assert geometries("POINT (1 2)", "MULTIPOINT (3 4)") == [{"points": [[1, 2]]}, {"points": [[3, 4]]}]
    text = encode_features(frame_of("POINT (1 2)"), "esriGeometryMultipoint")
    assert json.loads(text)["geometryType"] == "esriGeometryMultipoint"


@pytest.mark.parametrize(
    "empty",
    ["POINT EMPTY", "POLYGON EMPTY", "MULTIPOLYGON EMPTY", "GEOMETRYCOLLECTION EMPTY", "POINT (NaN NaN)"],
)
def test_empty_geometries_are_null(empty: str) -> None:
    assert geometries(empty, "POINT (1 2)", None) == [None, {"x": 1, "y": 2}, None]


def test_empty_parts_are_left_out() -> None:
    line = geometries("MULTILINESTRING (EMPTY, (1 2, 3 4), EMPTY)", "MULTILINESTRING ((1 2, 3 4))")
    assert line[0] == line[1]
    polygon = geometries(
        "MULTIPOLYGON (EMPTY, ((0 0, 0 1, 1 1, 0 0)), EMPTY)", "POLYGON ((0 0, 0 1, 1 1, 0 0))"
    )
    assert polygon[0] == polygon[1]
    points = geometries("MULTIPOINT (EMPTY, (1 2))", "MULTIPOINT (1 2)")
    assert points[0] == points[1]


@pytest.mark.parametrize("count", [0, 1])
def test_frames_without_any_geometry(count: int) -> None:
    text = encode_features(frame_of(*[None] * count), "esriGeometryPolygon")
    assert json.loads(text)["geometryType"] == "esriGeometryPolygon"
    assert len(json.loads(text)["features"]) == count
    assert json.loads(encode_features(frame_of(*[None] * count)))["geometryType"] == "esriGeometryPoint"


@pytest.mark.parametrize(
    ("wkt", "wanted", "reason"),
    [
        (["POINT (1 2)", "LINESTRING (0 0, 1 1)"], None, "one geometry type"),
        (["GEOMETRYCOLLECTION (POINT (1 2))"], None, "explode"),
        (["POINT (1 2)"], "esriGeometryPolygon", "must be esriGeometryPolygon"),
        (["MULTIPOINT (1 2)"], "esriGeometryPoint", "explode"),
        (["POINT (1 2)"], "Point", "not supported"),
    ],
)
def test_mixed_and_wrong_types_are_refused(wkt: list[str], wanted: str | None, reason: str) -> None:
    with pytest.raises(InvalidValue, match=reason):
        encode_features(frame_of(*wkt), wanted)


@pytest.mark.parametrize(
    ("options", "point", "line"),
    [
        ({}, {"x": 1, "y": 2}, [1, 2]),
        ({"return_z": True}, {"x": 1, "y": 2, "z": 3}, [1, 2, 3]),
        ({"return_m": True}, {"x": 1, "y": 2, "m": 4}, [1, 2, 4]),
        ({"return_z": True, "return_m": True}, {"x": 1, "y": 2, "z": 3, "m": 4}, [1, 2, 3, 4]),
    ],
)
def test_z_and_m_when_asked_for(options: dict[str, Any], point: dict[str, Any], line: list[float]) -> None:
    assert geometries("POINT ZM (1 2 3 4)", **options) == [point]
    assert geometries("LINESTRING ZM (1 2 3 4, 5 6 7 8)", **options)[0]["paths"][0][0] == line
    document = json.loads(encode_features(frame_of("POINT ZM (1 2 3 4)"), **options))
    assert document.get("hasZ", False) is options.get("return_z", False)
    assert document.get("hasM", False) is options.get("return_m", False)


def test_what_is_not_there_is_not_announced() -> None:
    document = json.loads(encode_features(frame_of("POINT M (1 2 3)"), return_z=True))
    assert "hasZ" not in document
    assert "hasM" not in document
    assert document["features"][0]["geometry"] == {"x": 1, "y": 2}


HOSTILE = [
    'quote " in',
    "\\",
    '\\"',
    '","',
    '\\","',
    '"',
    "",
    ",",
    "%s %% {0} {}",
    "null",
    "\x00\x01\x1f\x7f",
    "line\nfeed\ttab",
    "\u2028\u2029",
    "Привет, мир",
    "😀",
    "]]],[[[",
    "</script>",
]


def test_hostile_strings_come_back() -> None:
    frame = frame_of(
        *["POINT (1 2)"] * (len(HOSTILE) + 1), text=[*HOSTILE, None], other=[None, *reversed(HOSTILE)]
    )
    rows = [feature["attributes"] for feature in json.loads(encode_features(frame))["features"]]
    assert [row["text"] for row in rows] == [*HOSTILE, None]
    assert [row["other"] for row in rows] == [None, *reversed(HOSTILE)]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_column_names_come_back(name: str) -> None:
    document = json.loads(encode_features(pd.DataFrame({name: [1]})))
    assert document["features"][0]["attributes"] == {"OBJECTID": 1, name: 1}
    assert document["fields"][1]["name"] == document["fields"][1]["alias"] == name


def test_nothing_but_json_numbers_reaches_the_wire() -> None:
    values = [np.nan, np.inf, -np.inf, 1e300, -0.0, 5e-324]
    text = encode_features(frame_of(*["POINT (1 2)", "POINT (Inf 2)"] * 3, v=values))
    document = json.loads(text, parse_constant=pytest.fail)
    assert [feature["attributes"]["v"] for feature in document["features"]] == [None, None, None, *values[3:]]
    assert [feature["geometry"] for feature in document["features"]][:2] == [{"x": 1, "y": 2}, None]


def test_the_limit() -> None:
    frame = frame_of("POINT (1 2)", "POINT (3 4)")
    over = json.loads(encode_features(frame, rows=np.zeros(0, int), exceeded=True))
    at = json.loads(encode_features(frame))
    assert over["exceededTransferLimit"] is True
    assert over["features"] == []
    assert over["fields"] == at["fields"]
    assert at["exceededTransferLimit"] is False
    assert len(at["features"]) == 2


def test_coordinates_in_another_system() -> None:
    document = json.loads(
        encode_features(frame_of("POINT (1113194.9079327357 0)"), out_crs=CRS.from_epsg(4326))
    )
    assert document["spatialReference"] == {"wkid": 4326, "latestWkid": 4326}
    assert document["features"][0]["geometry"] == pytest.approx({"x": 10, "y": 0})


def test_what_another_system_cannot_show_is_null() -> None:
    frame = frame_of("LINESTRING (0 0, 1 1)", "LINESTRING (0 0, 0 95)", "LINESTRING (2 2, 3 3)", crs=4326)
    document = json.loads(encode_features(frame, out_crs=CRS.from_epsg(3857)), parse_constant=pytest.fail)
    assert [feature["geometry"] is None for feature in document["features"]] == [False, True, False]


def test_unknown_coordinates_stay_as_they_are() -> None:
    document = json.loads(encode_features(frame_of("POINT (1 2)", crs=None), out_crs=CRS.from_epsg(4326)))
    assert document["spatialReference"] == {}
    assert document["features"][0]["geometry"] == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    "wkt",
    [
        ["POINT (1 2)", None, "POINT (3.25 -4e-9)"],
        ["POINT Z (1 2 3)", "POINT Z (4 5 6)"],
        ["MULTIPOINT (1 2, 3 4)", "MULTIPOINT (5 6)"],
        ["MULTILINESTRING ((1 2, 3 4), (5 6, 7 8, 9 10))", None, "LINESTRING (0 0, 1e6 1e6)"],
        ["LINESTRING Z (1 2 3, 4 5 6)"],
        ["POLYGON ((0 0, 0 9, 9 9, 9 0, 0 0), (1 1, 2 2, 1 2, 1 1))", None, "POLYGON EMPTY"],
        ["POLYGON Z ((0 0 1, 0 9 2, 9 9 3, 0 0 1))"],
        ["MULTIPOLYGON (((0 0, 0 1, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))"],
    ],
)
def test_gdal_reads_what_we_write(gdal: Gdal, wkt: list[str | None]) -> None:
    frame = frame_of(*wkt, n=range(len(wkt)), text=["a", None, "c"][: len(wkt)])
    text = encode_features(frame, return_z=True)
    theirs, ours = gdal(text), decode_features(text)
    expected = [
        None if value is None or value.is_empty else shapely.normalize(value) for value in frame.geometry
    ]
    assert [None if value is None else shapely.normalize(value) for value in ours.geometry] == expected
    assert (
        shapely.normalize(theirs.geometry.array).tolist() == shapely.normalize(ours.geometry.array).tolist()
        or (shapely.equals(theirs.geometry.array, ours.geometry.array) == ours.geometry.notna()).all()
    )
    assert theirs.crs == ours.crs == frame.crs
    assert theirs["n"].tolist() == ours["n"].tolist() == frame["n"].tolist()
