"""Protocol buffers are read as they were meant, whoever wrote them; what does not add up is refused."""

from functools import partial
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from features import esri_pbuffer, frames
from features.frames import stored
from hypothesis import given
from hypothesis import strategies as st

from gpserver.errors import InvalidValue
from gpserver.features import Layer, Selection, pbf
from gpserver.features.pbf_reader import read_pbf
from gpserver.features.quantization import Quantization

frame_of = partial(frames.frame_of, crs=3857)


def text_of(layer: Layer, **options: Any) -> bytes:
    return b"".join(pbf.write(Selection(layer, return_z=True, return_m=True, **options)))


@pytest.mark.parametrize(
    "wkt",
    [
        ["POINT (1 2)", None, "POINT (-3.25 -4)"],
        ["POINT ZM (1 2 3 4)", None],
        ["POINT Z (1 2 3)", "POINT Z (1 2 -3.5)"],
        ["POINT M (1 2 3)"],
        ["MULTIPOINT (1 2, 3 4)", None, "MULTIPOINT (5 6)"],
        ["LINESTRING (0 0, 1 1, 2 0)", "MULTILINESTRING ((0 0, 5 5), (10 10, 11 12, 13 10))", None],
        ["LINESTRING ZM (0 0 1 2, 1 1 3 4)"],
        ["POLYGON ((0 0, 0 9, 9 9, 9 0, 0 0), (2 2, 3 2, 3 3, 2 2))", None],
        ["MULTIPOLYGON (((0 0, 0 1, 1 1, 0 0)), ((5 5, 5 6, 6 6, 5 5)))"],
        [],
    ],
)
@pytest.mark.parametrize(
    "grid", [None, Quantization(0.25, -100, 50), Quantization(0.25, -100, 50, "lowerLeft")]
)
def test_reads_what_is_written(tmp_path: Any, wkt: list[Any], grid: Quantization | None) -> None:
    layer = stored(frame_of(*wkt), tmp_path)
    read = read_pbf(text_of(layer, quantization=grid))
    assert isinstance(read, gpd.GeoDataFrame)
    expected = layer.frame()
    assert read.crs == expected.crs
    assert read.columns.tolist() == expected.columns.tolist()
    assert read.geometry.isna().tolist() == expected.geometry.isna().tolist()
    given_ = expected.geometry.notna()
    assert shapely.equals_exact(
        shapely.normalize(read.geometry[given_]), shapely.normalize(expected.geometry[given_]), 1e-3
    ).all()
    for ordinate in ("z", "m"):
        get = getattr(shapely, f"get_{ordinate}")
        if len(read) and (expected.geometry[given_].geom_type == "Point").all():
            np.testing.assert_allclose(get(read.geometry[given_]), get(expected.geometry[given_]))


def test_reads_attributes(tmp_path: Any) -> None:
    table = pd.DataFrame(
        {
            "text": ["a", None, "Привет 😀"],
            "small": np.array([1, 2, -3], np.int16),
            "whole": pd.array([2**31, None, -(2**52)], "Int64"),
            "real": [1.5, np.nan, -1e300],
            "date": pd.to_datetime(["2020-01-02T03:04:05.678", None, "1969-12-31"], format="ISO8601"),
        }
    )
    layer = stored(table, tmp_path)
    read = read_pbf(text_of(layer))
    assert not isinstance(read, gpd.GeoDataFrame)
    pd.testing.assert_frame_equal(read, layer.frame(), check_dtype=False)
    assert read["date"].dtype == "datetime64[ms]"


def test_reads_what_googles_library_writes() -> None:
    answer = esri_pbuffer.parse(b"")
    result = answer.queryResult.featureResult
    result.geometryType, result.hasZ = 2, True
    result.spatialReference.wkid = 102100
    result.transform.quantizeOriginPostion = 1
    for side in ("x", "y", "z", "m"):
        setattr(result.transform.scale, side, 0.5)
    result.transform.translate.x, result.transform.translate.y, result.transform.translate.z = 10, 20, 30
    for name, kind in (("ID", 6), ("Name", 4), ("Size", 3)):
        result.fields.add(name=name, fieldType=kind, alias=name)
    feature = result.features.add()
    feature.attributes.add(long=7)
    feature.attributes.add(text="road")
    feature.attributes.add(double=2.5)
    feature.geometry.lengths.extend([2, 3])
    feature.geometry.coords.extend([2, 4, 6, 2, 2, 8, 0, 0, 0, -2, -2, 2, 4, 4, 4])
    bare = result.features.add()
    for _ in range(3):
        bare.attributes.add()
    read = read_pbf(answer.SerializeToString())
    assert read.drop(columns="geometry").iloc[0].tolist() == [7, "road", 2.5]
    assert read.drop(columns="geometry").iloc[1].isna().all()
    expected = "MULTILINESTRING Z ((11 22 33, 12 23 34), (10 20 30, 9 19 31, 11 21 32))"
    assert read.geometry.iloc[0].equals_exact(shapely.from_wkt(expected))
    assert read.geometry.iloc[1] is None
    assert read.crs == 3857


def test_answers_without_features_are_refused() -> None:
    for text in (b"", pbf.count(5), pbf.ids("OBJECTID", np.arange(3)), b"{}", b"\xff" * 40):
        with pytest.raises(InvalidValue):
            read_pbf(text)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    wkt = ["POLYGON ((0 0, 0 9, 9 9, 9 0, 0 0), (2 2, 3 2, 3 3, 2 2))", None] * 3
    return text_of(stored(frame_of(*wkt), tmp_path_factory.mktemp("sound")))


@given(data=st.data())
def test_damage_is_told_or_harmless(sound: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(sound) - 1))
    kind = data.draw(st.sampled_from(["cut", "change", "insert"]))
    byte = bytes([data.draw(st.integers(0, 255))])
    damaged = {
        "cut": sound[:place],
        "change": sound[:place] + byte + sound[place + 1 :],
        "insert": sound[:place] + byte + sound[place:],
    }[kind]
    try:
        read_pbf(damaged)
    except InvalidValue:
        return
