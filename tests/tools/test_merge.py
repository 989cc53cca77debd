"""Layers put together: their fields, types and geometry."""

import geopandas as gpd
import pandas as pd
import pytest
from shapely import LineString, MultiPoint, Point, Polygon

from gpserver.errors import InvalidValue
from gpserver.tools.counts import counts_of
from gpserver.tools.merge import merge


def layer(*shapes, crs=32633, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


def test_fields_meet_by_name_and_keep_their_types():
    first = layer(Point(0, 0, 5), None, Name=["a", "b"], size=[1, 2])
    second = layer(MultiPoint([(1, 1)]), NAME=["c"], day=pd.to_datetime(["2020-01-01"]), ok=[True])
    found = merge([first, second])
    assert found.columns.tolist() == ["Name", "size", "day", "ok", "geometry"]
    assert found.Name.tolist() == ["a", "b", "c"]
    assert (str(found["size"].dtype), str(found.ok.dtype)) == ("Int64", "boolean")
    assert found["size"].isna().tolist() == [False, False, True]
    assert found.day.isna().tolist() == [True, True, False]
    assert found.geometry.iloc[0].z == 5
    assert counts_of(found) == (3, 3, 0)


def test_text_and_numbers_become_text():
    found = merge([layer(Point(0, 0), code=[7]), layer(Point(1, 1), Point(2, 2), code=["x", None])])
    assert found.code.tolist()[:2] == ["7", "x"]
    assert found.code.isna().tolist() == [False, False, True]


def test_the_first_gives_the_spatial_reference():
    found = merge([layer(Point(500_000, 0)), layer(Point(15, 0), crs=4326)])
    assert found.crs.to_epsg() == 32633
    assert found.geometry.iloc[1].distance(found.geometry.iloc[0]) < 1e-3


def test_geometry_types_must_agree():
    with pytest.raises(InvalidValue, match="same type"):
        merge([layer(Point(0, 0)), layer(LineString([(0, 0), (1, 1)]))])
    with pytest.raises(InvalidValue, match="nothing to merge"):
        merge([])


def test_empty_layers():
    found = merge([layer(name=pd.Series([], dtype=str)), layer(Polygon([(0, 0), (1, 0), (1, 1)]), size=[3])])
    assert (found["size"].tolist(), found.name.isna().tolist()) == ([3], [True])
    assert len(merge([layer(), layer()])) == 0
