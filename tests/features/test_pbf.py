"""Esri's protocol buffer says what the JSON says, as Google's library reads it."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely
from features import esri_pbuffer, frames
from features.frames import stored

from gpserver.features import Layer, Selection, esri_json, pbf
from gpserver.features.quantization import Quantization

frame_of = partial(frames.frame_of, crs=3857)

HOSTILE = ["", "Привет", "😀" * 100, "\x00", "a" * 127, "b" * 128, "ü" * 20_000, None]


def text_of(layer: Layer, **options: Any) -> bytes:
    return b"".join(pbf.write(Selection(layer, **options)))


def json_of(layer: Layer, **options: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(b"".join(esri_json.write(Selection(layer, **options))))
    return document


def numbers(value: Any) -> list[float]:
    """All numbers of nested lists and objects."""
    if isinstance(value, dict | list):
        members = value.values() if isinstance(value, dict) else value
        return [number for member in members for number in numbers(member)]
    return [value]


def assert_says_what_json_says(layer: Layer, within: float, **options: Any) -> None:
    """The same attributes, and geometries whose coordinates differ by half a cell at most."""
    ours, theirs = json_of(layer, **options)["features"], esri_pbuffer.features(text_of(layer, **options))
    assert [row["attributes"] for row in theirs] == [row["attributes"] for row in ours]
    for read, written in zip(theirs, ours, strict=True):
        assert read.keys() == written.keys()
        left, right = read.get("geometry") or {}, written.get("geometry") or {}
        assert left.keys() == right.keys()
        assert [len(part) for part in left.get("rings", [])] == [len(part) for part in right.get("rings", [])]
        assert numbers(left) == pytest.approx(numbers(right), rel=0, abs=within)


@pytest.mark.parametrize(
    "wkt",
    [
        ["POINT (1 2)", None, "POINT (-3.25 -4e-9)"],
        ["POINT ZM (1 2 3 4)", None],
        ["POINT M (1 2 3)", None],
        ["MULTIPOINT (1 2, 3 4)", None, "MULTIPOINT (5 6)"],
        ["MULTIPOINT ZM (1 2 3 4, 5 6 7 8)", None],
        ["LINESTRING Z (1 2 3, 4 5 6)", None, "MULTILINESTRING Z ((1 2 3, 4 5 6), (7 8 9, 1 2 3))"],
        ["POLYGON ((0 0, 0 9, 9 9, 9 0, 0 0), (1 1, 2 2, 1 2, 1 1))", None, "POLYGON EMPTY"],
        ["MULTIPOLYGON ZM (((0 0 1 5, 0 9 2 6, 9 9 3 7, 0 0 1 5)), ((9 0 1 5, 9 4 2 6, 20 4 3 7, 9 0 1 5)))"],
        [None],
        [],
    ],
)
def test_geometries(tmp_path: Path, wkt: list[str | None]) -> None:
    layer = stored(frame_of(*wkt, n=range(len(wkt))), tmp_path)
    for options in ({}, {"return_z": True}, {"return_m": True}, {"return_z": True, "return_m": True}):
        assert_says_what_json_says(layer, 5e-5, **options)


def test_full_resolution_all_over_the_world(tmp_path: Path) -> None:
    x, y = np.random.default_rng(1).uniform(-1, 1, (2, 20_000)) * [[180], [90]]
    lines = shapely.linestrings(np.stack([x, y], axis=1).reshape(-1, 4, 2))
    layer = stored(gpd.GeoDataFrame(geometry=lines, crs=4326), tmp_path)
    assert_says_what_json_says(layer, 5.01e-10)


def test_attributes(tmp_path: Path) -> None:
    count = len(HOSTILE)
    table = pd.DataFrame(
        {
            "text": HOSTILE,
            "double": [0.0, -0.0, 1e300, np.nan, np.inf, -np.inf, 5e-324, 1.5],
            "single": np.arange(count, dtype=np.float32) / 2,
            "small": np.arange(-4, count - 4, dtype=np.int16),
            "whole": pd.array([0, -1, 1, 2**31 - 1, -(2**31), None, 63, 64], "Int32"),
            "large": pd.array([0, -1, 2**63 - 1, -(2**63), 2**53, None, 127, 128], "Int64"),
            "when": pd.to_datetime([0, -1, 10**12, None, -(10**13), 1, 2, 3], unit="ms"),
            "none": pd.Series([None] * count, dtype=object),
            "flag": [True, False] * (count // 2),
        }
    )
    assert_says_what_json_says(stored(table, tmp_path), 0)


def test_the_head(tmp_path: Path) -> None:
    frame = frame_of("POINT Z (1 2 3)", name=["a"], when=pd.to_datetime([0], unit="ms"))
    layer = stored(frame, tmp_path)
    result = esri_pbuffer.read(text_of(layer, return_z=True, exceeded=True)).featureResult
    assert (result.objectIdFieldName, result.uniqueIdField.name) == ("OBJECTID", "OBJECTID")
    assert (result.geometryType, result.hasZ, result.hasM, result.exceededTransferLimit) == (
        0,
        True,
        False,
        True,
    )
    assert (result.spatialReference.wkid, result.spatialReference.latestWkid) == (102100, 3857)
    assert [(field.name, field.fieldType) for field in result.fields] == [
        ("OBJECTID", 6),
        ("name", 4),
        ("when", 5),
    ]
    assert (result.transform.scale.x, result.transform.translate.y) == (1e-4, 0)


def test_a_custom_reference_is_text(tmp_path: Path) -> None:
    albers = "+proj=aea +lat_1=10 +lat_2=20 +ellps=GRS80"
    layer = stored(frame_of("POINT (1 2)", crs=albers), tmp_path)
    assert "Albers" in esri_pbuffer.read(text_of(layer)).featureResult.spatialReference.wkt


def test_without_geometry_and_without_fields(tmp_path: Path) -> None:
    layer = stored(frame_of("POINT (1 2)", None, n=[1, 2]), tmp_path)
    result = esri_pbuffer.read(text_of(layer, geometry=False)).featureResult
    assert result.geometryType == 127
    assert [feature.HasField("geometry") for feature in result.features] == [False, False]
    bare = esri_pbuffer.features(text_of(layer, fields=[]))
    assert bare == [{"attributes": {}, "geometry": {"x": 1, "y": 2}}, {"attributes": {}, "geometry": None}]
    assert esri_pbuffer.features(text_of(layer, fields=[], geometry=False)) == [{"attributes": {}}] * 2


def test_a_grid_of_the_clients_choice(tmp_path: Path) -> None:
    layer = stored(frame_of("LINESTRING (0 0, 1 1, 12 12, 13 13, 40 11)", "LINESTRING (1 1, 2 2)"), tmp_path)
    text = text_of(layer, quantization=Quantization(10, -100, 100, thins=True))
    first, second = esri_pbuffer.features(text)
    assert first["geometry"] == {"paths": [[[0, 0], [10, 10], [40, 10]]]}
    assert second["geometry"] is None
    upwards = text_of(layer, quantization=Quantization(10, -100, -100, "lowerLeft", thins=True))
    assert esri_pbuffer.features(upwards)[0] == first


def test_many_chunks(tmp_path: Path) -> None:
    points = shapely.points(*np.random.default_rng(2).uniform(0, 1e5, (2, 70_000)))
    layer = stored(gpd.GeoDataFrame({"n": range(70_000)}, geometry=points, crs=32633), tmp_path)
    assert len(list(pbf.write(Selection(layer)))) == 3
    assert_says_what_json_says(layer, 5e-5)


def test_answers_that_are_no_features() -> None:
    assert esri_pbuffer.read(pbf.count(0)).countResult.count == 0
    assert esri_pbuffer.read(pbf.count(2**40)).countResult.count == 2**40
    result = esri_pbuffer.read(pbf.ids("OBJECTID", np.array([1, 300, 2**40]))).idsResult
    assert (result.objectIdFieldName, list(result.objectIds)) == ("OBJECTID", [1, 300, 2**40])
    assert list(esri_pbuffer.read(pbf.ids("OBJECTID", np.zeros(0, np.int64))).idsResult.objectIds) == []
    envelope = {"xmin": -1.5, "ymin": 2.0, "xmax": 3.0, "ymax": 4.0, "spatialReference": {"wkid": 4326}}
    result = esri_pbuffer.read(pbf.extent(7, envelope)).extentCountResult
    assert (result.count, result.extent.xmin, result.extent.ymax) == (7, -1.5, 4.0)
    assert result.extent.spatialReference.wkid == 4326


def test_rows_of_statistics_are_a_table() -> None:
    fields = [{"name": "total", "type": "esriFieldTypeDouble", "alias": "total"}]
    layer = Layer.of(fields, [pa.array([1.5, None])])
    result = esri_pbuffer.read(text_of(layer)).featureResult
    assert result.objectIdFieldName == ""
    assert [row["attributes"] for row in esri_pbuffer.features(text_of(layer))] == [
        {"total": 1.5},
        {"total": None},
    ]
