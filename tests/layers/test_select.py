"""SELECT over layers: both stores give the same frame."""

from datetime import datetime
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from shapely import Point, box

from gpserver.eql import read_select, read_where
from gpserver.errors import InvalidRequest, NotFound
from gpserver.layers import Layers


@pytest.fixture
def map_of_town(layers: Layers) -> Layers:
    shops = {
        "name": ["a", "b", None, "d"],
        "sales": pd.array([1, 2, None, 2**62], "Int64"),
        "open": pd.array([True, False, None, True], "boolean"),
        "since": [datetime(2020, 1, 1), None, datetime(2021, 6, 1, 12), datetime(1999, 1, 1)],
    }
    points = [Point(0, 0), Point(1, 1), None, Point(10, 10)]
    layers.write("u.shops", gpd.GeoDataFrame(shops, geometry=points, crs=3857))
    layers.write("u.zones", gpd.GeoDataFrame({"zone": ["west"]}, geometry=[box(-1, -1, 2, 2)], crs=3857))
    return layers


def plain(column: Any) -> list[Any]:
    return [None if pd.isna(value) else value for value in column.tolist()]


def test_rows_of_a_condition(map_of_town: Layers) -> None:
    frame = map_of_town.select(read_where("WHERE sales >= @least", "u.shops", {"least": 2}))
    assert plain(frame["name"]) == ["b", "d"]
    assert plain(frame["sales"]) == [2, 2**62]
    assert plain(frame["open"]) == [False, True]
    assert plain(frame["since"]) == [None, datetime(1999, 1, 1)]
    assert (frame.crs, frame.geometry.x.tolist()) == (3857, [1, 10])
    whole = map_of_town.select(read_where("", "u.shops"), limit=2, offset=1)
    assert plain(whole["gid"]) == [2, 3]
    assert plain(whole["sales"]) == [2, None]
    assert whole.geometry.isna().tolist() == [False, True]


def test_a_join_and_sums(map_of_town: Layers) -> None:
    text = (
        "SELECT z.zone, count(*) AS n, sum(s.sales) AS total, avg(s.sales) AS mean FROM u.zones z"
        " JOIN u.shops s ON ST_Intersects(z.geometry, s.geometry) GROUP BY z.zone"
    )
    frame = map_of_town.select(read_select(text))
    assert not isinstance(frame, gpd.GeoDataFrame)
    assert frame.to_dict("records") == [{"zone": "west", "n": 2, "total": 3, "mean": 1.5}]


def test_nothing_keeps_its_columns(map_of_town: Layers) -> None:
    frame = map_of_town.select(read_where("gid < 0", "u.shops"))
    assert list(frame.columns) == ["gid", "name", "sales", "open", "since", "geometry"]
    assert (len(frame), isinstance(frame, gpd.GeoDataFrame)) == (0, True)


def test_what_is_wrong_is_the_users(map_of_town: Layers) -> None:
    with pytest.raises(NotFound, match=r"u\.none"):
        map_of_town.select(read_select("SELECT * FROM u.none"))
    for text in ("SELECT nothing FROM u.shops", "SELECT CAST(name AS int) FROM u.shops"):
        with pytest.raises(InvalidRequest):
            map_of_town.select(read_select(text))
    assert map_of_town.find("u.shops").count == 4
