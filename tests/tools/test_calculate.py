"""Attribute calculation: values, types as PostgreSQL casts them, and what it leaves alone."""

import math
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from shapely import Point, Polygon, box

from gpserver.errors import InvalidValue
from gpserver.tools.calculate import calculate
from gpserver.tools.counts import counts_of


@dataclass
class Formula:
    """An expression for tests: a function of the frame."""

    function: Any

    def values(self, frame):
        return pd.Series(self.function(frame))


@pytest.fixture
def frame():
    bow_tie = Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    columns = {"people": [10, 20, 30], "name": ["a", None, "c"]}
    return gpd.GeoDataFrame(columns, geometry=[box(0, 0, 1, 1), None, bow_tie], crs=32633, index=[7, 7, 3])


def test_a_new_field_comes_after_the_others(frame):
    found = calculate(frame, "double", Formula(lambda given: given["people"] * 2))
    assert found.columns.tolist() == ["people", "name", "double", "geometry"]
    assert found.double.tolist() == [20, 40, 60]
    assert found.geometry.to_wkb().tolist() == frame.geometry.to_wkb().tolist()
    assert counts_of(found) == (3, 3, 0)


def test_a_field_is_calculated_from_itself_where_it_stands(frame):
    found = calculate(frame, "PEOPLE", Formula(lambda given: given["people"] / 4), "Int32")
    assert found.columns.tolist() == ["people", "name", "geometry"]
    assert (found.people.tolist(), str(found.people.dtype)) == ([2, 5, 8], "Int32")
    assert frame.people.tolist() == [10, 20, 30]


CASTS = [
    ([0.5, 1.5, 2.5, None], "Int64", [0, 2, 2, None]),
    (["12", " -3 ", None], "Int32", [12, -3, None]),
    ([True, False], "Double", [1.0, 0.0]),
    (["1.25", "1e3"], "Double", [1.25, 1000.0]),
    ([1.0, 2.25, None], "String", ["1", "2.25", None]),
    ([True, False, None], "String", ["true", "false", None]),
    (["true", "FALSE", "1", None], "Boolean", [True, False, True, None]),
    ([0, 3], "Boolean", [False, True]),
    (["2024-02-29", "2024-02-29T03:00:00+03:00", None], "DateTime", ["2024-02-29"] * 2 + [None]),
    ([None, None], "DateTime", [None, None]),
]


@pytest.mark.parametrize(("given", "kind", "expected"), CASTS)
def test_values_become_those_of_the_type(given, kind, expected):
    frame = gpd.GeoDataFrame(geometry=[Point(0, 0)] * len(given), crs=4326)
    found = calculate(frame, "made", Formula(lambda _: given), kind)["made"].astype(object)
    plain = [None if pd.isna(value) else value for value in found]
    if kind == "DateTime":
        expected = [value if value is None else pd.Timestamp(value) for value in expected]
    assert plain == expected


@pytest.mark.parametrize(
    ("given", "kind", "problem"),
    [
        (["x"], "Int32", "\"made\" is no Int32.*'x'"),
        ([3e9], "Int32", "3000000000"),
        ([math.inf], "Int64", "inf"),
        (["noon"], "DateTime", "'noon' is not written as ISO 8601"),
        ([5], "DateTime", "dates and numbers"),
        ([pd.Timestamp(0)], "Double", "dates and numbers"),
        ([1], "Complex", "use one of String, Int32"),
    ],
)
def test_what_is_none_of_the_type_is_said(given, kind, problem):
    frame = gpd.GeoDataFrame(geometry=[Point(0, 0)], crs=4326)
    with pytest.raises(InvalidValue, match=problem):
        calculate(frame, "made", Formula(lambda _: given), kind)


def test_geometry_is_not_calculated(frame):
    with pytest.raises(InvalidValue, match="only attributes"):
        calculate(frame, "Geometry", Formula(lambda given: given["people"]))


def test_postgres_casts_alike(postgis):
    halves = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 1e6 + 0.5]
    frame = gpd.GeoDataFrame(geometry=[Point(0, 0)] * len(halves))
    found = calculate(frame, "made", Formula(lambda _: halves), "Int32")["made"].tolist()
    expected = postgis.execute("SELECT unnest(%s::float8[])::int", [halves]).fetchall()
    assert found == [value for (value,) in expected]
