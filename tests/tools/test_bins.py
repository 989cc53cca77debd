"""Squares and hexagons, against PostGIS and against geometry."""

import math

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import LineString, Point, box

from gpserver.errors import InvalidValue
from gpserver.tools.aggregate import aggregate
from gpserver.tools.binning import bin_points
from gpserver.tools.bins import bins
from gpserver.tools.counts import counts_of
from gpserver.tools.measure import ground_area
from gpserver.tools.statistics import Statistic


def layer(*shapes, crs=32633, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


@pytest.fixture
def places():
    dice = np.random.default_rng(3)
    return layer(
        *shapely.points(dice.normal(0, 300, (2000, 2))),
        people=dice.integers(0, 9, 2000),
        kind=["a", "b"] * 1000,
    )


@pytest.mark.parametrize(
    ("shape", "function", "scale"), [("square", "ST_SquareGrid", 1), ("hexagon", "ST_HexagonGrid", 3**-0.5)]
)
def test_postgis_has_the_same_grid(shape, function, scale, postgis):
    extent = box(-70, 20, 130, 111)
    envelope = "ST_MakeEnvelope(-70, 20, 130, 111)"
    query = f"SELECT ST_AsBinary(geom) FROM {function}(%s, {envelope}) WHERE ST_Intersects(geom, {envelope})"
    expected = shapely.from_wkb([row[0] for row in postgis.execute(query, [25 * scale])])
    found = bins(layer(extent), shape, 25).geometry.to_numpy()
    assert found.size == expected.size
    same = shapely.STRtree(shapely.centroid(expected)).query(
        shapely.centroid(found), "dwithin", distance=1e-6
    )
    assert sorted(same[0].tolist()) == list(range(len(found)))
    assert shapely.area(found) == pytest.approx(shapely.area(expected))


@pytest.mark.parametrize("shape", ["square", "hexagon"])
def test_bins_tile_and_points_lie_in_theirs(shape, places):
    wanted = [Statistic("people", "sum", "total")]
    found = bin_points(places, shape, 100, wanted, by="kind")
    cells = found.areas.geometry
    assert shapely.union_all(cells.to_numpy(), grid_size=1e-6).area == pytest.approx(cells.area.sum())
    assert cells.union_all().covers(places.union_all().envelope)
    assert (found.areas.Count.sum(), found.areas.total.sum()) == (2000, places.people.sum())
    expected = aggregate(places, found.areas[["Bin_ID", "geometry"]], wanted, by="kind")
    assert found.areas.Count.tolist() == expected.areas.Count.tolist()
    assert found.groups.equals(expected.groups)
    some = bin_points(places, shape, 100, keep=False).areas
    assert some.Count.tolist() == found.areas.Count[found.areas.Count > 0].tolist()
    assert counts_of(some) == (2000, len(some), 0)


def test_borders_belong_to_the_upper_right():
    found = bin_points(layer(Point(0, 0), Point(10, 10), Point(10, 0), None), "square", 10, keep=False).areas
    assert found.bounds.to_numpy().tolist() == [[0, 0, 10, 10], [10, 0, 20, 10], [10, 10, 20, 20]]
    assert counts_of(found).lost == 1


@pytest.mark.parametrize("crs", [4326, 3857])
@pytest.mark.parametrize("shape", ["square", "hexagon"])
def test_on_the_globe_all_have_the_same_area(crs, shape):
    frame = layer(Point(10, 50), Point(10.5, 50.2), Point(-3, 70), crs=4326).to_crs(crs)
    found = bin_points(frame, shape, 50_000, keep=False).areas
    area = 50_000**2 * (1 if shape == "square" else 3**0.5 / 2)
    assert ground_area(found.geometry.to_numpy(), found.crs) == pytest.approx([area] * len(found), rel=5e-3)
    assert found.crs == frame.crs
    assert shapely.intersects(found.union_all(), frame.geometry.array).all()


def test_points_beyond_the_world_come_back_into_it():
    frame = layer(Point(190, 10), Point(-170, 10), Point(0, 95), Point(0, math.nan), crs=4326)
    found = bin_points(frame, "square", 1000, keep=False).areas
    assert found.Count.tolist() == [2]
    assert found.geometry.iloc[0].covers(Point(-170, 10))
    assert counts_of(found) == (4, 1, 2)


def test_in_feet():
    found = bins(layer(Point(0, 0), Point(99, 99), crs=2263), "square", 30.48006096)
    assert found.area.tolist() == pytest.approx([10_000])


def test_what_cannot_be(places):
    with pytest.raises(InvalidValue, match="too many"):
        bins(places, "square", 0.01)
    with pytest.raises(InvalidValue, match="greater than 0"):
        bins(places, "hexagon", 0)
    with pytest.raises(InvalidValue, match='no bins "circle"'):
        bins(places, "circle", 1)
    with pytest.raises(InvalidValue, match="Only points"):
        bin_points(layer(LineString([(0, 0), (1, 1)])), "square", 1)


@pytest.mark.parametrize("keep", [True, False])
def test_no_points(keep):
    assert len(bin_points(layer(None, name=["a"]), "hexagon", 10, keep=keep).areas) == 0
    assert len(bins(layer(), "square", 10)) == 0
