"""Pairs, selections and joins, against PostGIS and by hand."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import Geod
from shapely import LineString, MultiPoint, Point, Polygon, box

from gpserver.errors import InvalidValue
from gpserver.tools.counts import counts_of
from gpserver.tools.join import join
from gpserver.tools.relations import RELATIONS, related
from gpserver.tools.selection import select
from gpserver.tools.statistics import Statistic


def layer(*shapes, crs=32633, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


def shapes(seed):
    """Points, lines and boxes on whole numbers, so that they touch, cross, overlap and are equal often."""
    dice = np.random.default_rng(seed)
    corners = dice.integers(0, 20, (150, 2))
    sizes = dice.integers(1, 4, (150, 2))
    made = [Point(*corner) for corner in corners[:50]]
    made += [LineString([corner, corner + size]) for corner, size in zip(corners, sizes, strict=True)][50:100]
    made += [box(*corner, *(corner + size)) for corner, size in zip(corners, sizes, strict=True)][100:]
    return layer(*made, id=range(150))


POSTGIS = {
    "intersects": "ST_Intersects(l.g, r.g)",
    "contains": "ST_Contains(l.g, r.g)",
    "contains_properly": "ST_ContainsProperly(l.g, r.g)",
    "within": "ST_Within(l.g, r.g)",
    "within_properly": "ST_ContainsProperly(r.g, l.g)",
    "covers": "ST_Covers(l.g, r.g)",
    "covered_by": "ST_CoveredBy(l.g, r.g)",
    "touches": "ST_Touches(l.g, r.g)",
    "crosses": "ST_Crosses(l.g, r.g)",
    "overlaps": "ST_Overlaps(l.g, r.g)",
    "equals": "ST_Equals(l.g, r.g)",
    "within_distance": "ST_DWithin(l.g, r.g, 1.5)",
}


def test_postgis_agrees_in_every_relation(postgis):
    left, right = shapes(1), shapes(2)
    for name, frame in (("l", left), ("r", right)):
        postgis.execute(f"CREATE TEMP TABLE {name} (id int, g geometry)")
        values = list(zip(frame.id.tolist(), shapely.to_wkb(frame.geometry.array, hex=True), strict=True))
        postgis.cursor().executemany(f"INSERT INTO {name} VALUES (%s, %s)", values)
    assert POSTGIS.keys() == set(RELATIONS)
    for predicate, condition in POSTGIS.items():
        expected = postgis.execute(f"SELECT l.id, r.id FROM l JOIN r ON {condition} ORDER BY 1, 2").fetchall()
        rows, others = related(left, right, predicate, 1.5)
        assert list(zip(rows.tolist(), others.tolist(), strict=True)) == expected, predicate
        assert len(expected) > 5, predicate
    postgis.execute("DROP TABLE l, r")


def test_points_alone_are_found_as_among_others():
    points, areas = shapes(1)[:50], shapes(2)[100:].reset_index(drop=True)
    expected = gpd.sjoin(points, areas)
    rows, others = related(points, areas)
    assert list(zip(rows, others, strict=True)) == sorted(
        zip(expected.index, expected.index_right, strict=True)
    )
    others, rows = related(areas, points)
    assert sorted(zip(rows, others, strict=True)) == sorted(
        zip(expected.index, expected.index_right, strict=True)
    )


def test_distances_on_the_ground_across_180_and_the_pole():
    fiji = layer(Point(179.9, -17), Point(0, 89.9), Point(10, 50), crs=4326)
    near = layer(Point(-179.9, -17), Point(180, 89.9), LineString([(9, 50.5), (11, 50.5)]), crs=4326)
    apart = [
        Geod(ellps="WGS84").inv(*fiji.geometry[n].coords[0], *near.geometry[n].coords[0])[2] for n in (0, 1)
    ]
    found = related(fiji, near, "within_distance", max(apart) + 1)
    assert list(zip(*found, strict=True)) == [(0, 0), (1, 1)]
    assert len(related(fiji, near, "within_distance", min(apart) - 1)[0]) == 0
    half_a_degree = Geod(ellps="WGS84").inv(10, 50, 10, 50.5)[2]
    assert (2, 2) in list(zip(*related(fiji, near, "within_distance", half_a_degree * 1.001), strict=True))
    assert (2, 2) not in list(zip(*related(fiji, near, "within_distance", half_a_degree * 0.99), strict=True))


def test_a_distance_in_feet():
    one, other = layer(Point(0, 0), crs=2263), layer(Point(100, 0), crs=2263)
    assert len(related(one, other, "within_distance", 30.5)[0]) == 1
    assert len(related(one, other, "within_distance", 30)[0]) == 0


def test_select_keeps_features_whole():
    bow_tie = Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    frame = layer(bow_tie, Point(9, 9, 5), Point(50, 50), None, id=[1, 2, 3, 4])
    area = layer(box(-1, -1, 10, 10))
    found = select(frame, area)
    assert found.id.tolist() == [1, 2]
    assert (found.geometry.iloc[0].wkt, found.geometry.iloc[1].z) == (bow_tie.wkt, 5)
    assert select(frame, area, reverse=True).id.tolist() == [3, 4]
    assert select(frame, area, "disjoint").id.tolist() == [3, 4]
    assert select(frame, area, "within_distance", meters=60).id.tolist() == [1, 2, 3]
    assert counts_of(found) == (4, 2, 1)


@pytest.mark.parametrize(
    ("predicate", "meters", "problem"),
    [("near", None, 'no relation "near"; use one of'), ("within_distance", None, "needs a distance")],
)
def test_what_cannot_be_asked(predicate, meters, problem):
    with pytest.raises(InvalidValue, match=problem):
        select(layer(Point(0, 0)), layer(Point(0, 0)), predicate, meters=meters)


@pytest.fixture
def cities():
    return layer(
        Point(1, 1), Point(2, 2), Point(8, 8), Point(50, 50),
        name=list("abcd"), people=[10, 20, 30, 40], state=[1, 2, 1, None],
    )  # fmt: skip


@pytest.fixture
def states():
    return layer(box(0, 0, 5, 5), box(5, 5, 9, 9), box(90, 90, 91, 91), Name=["x", "y", "z"], state=[1, 2, 3])


def test_one_to_one_counts_and_sums(states, cities):
    found = join(states, cities, wanted=[Statistic("people", "sum", "sum_people")], keep=True)
    assert found.columns.tolist() == ["Name", "state", "Join_Count", "sum_people", "geometry"]
    assert found.Join_Count.tolist() == [2, 1, 0]
    assert found.sum_people.tolist()[:2] == [30, 30]
    assert found.sum_people.isna().tolist() == [False, False, True]
    assert join(states, cities).Join_Count.tolist() == [2, 1]


def test_one_to_one_takes_the_first_without_statistics(states, cities):
    found = join(states, cities)
    assert found.name_1.tolist() == ["a", "c"]
    assert found.state_1.tolist() == [1, 1]


def test_one_to_many(states, cities):
    found = join(states, cities, many=True, keep=True)
    assert [(row.Name, row.name_1) for row in found.fillna({"name_1": "-"}).itertuples()] == [
        ("x", "a"), ("x", "b"), ("y", "c"), ("z", "-"),
    ]  # fmt: skip
    assert found.people.dtype == "Int64"
    assert len(join(states, cities, many=True)) == 3


def test_by_values_and_by_both(states, cities):
    by_value = join(states, cities, None, fields=[("STATE", "state")], many=True)
    assert list(zip(by_value.Name, by_value.name_1, strict=True)) == [("x", "a"), ("x", "c"), ("y", "b")]
    both = join(states, cities, fields=[("state", "state")], many=True)
    assert list(zip(both.Name, both.name_1, strict=True)) == [("x", "a")]
    with pytest.raises(InvalidValue, match="none is given"):
        join(states, cities, None)


def test_multipoints_and_nulls_join(states):
    frame = layer(MultiPoint([(1, 1), (8, 8)]), None, id=[1, 2])
    assert join(frame, states, many=True).Name.tolist() == ["x", "y"]
    assert join(frame, states, keep=True).Join_Count.tolist() == [2, 0]


def test_many_blocks_are_as_one():
    """More features than are asked at once, against GeoPandas."""
    dice = np.random.default_rng(4)
    places = layer(*shapely.points(dice.uniform(0, 100, (20_000, 2))), size=dice.integers(0, 9, 20_000))
    areas = layer(*shapely.box(*(np.indices((5, 5)).reshape(2, -1) * 20), 99, 99), place=range(25))
    expected = gpd.sjoin(places, areas).sort_index(kind="stable")
    found = join(places, areas, many=True)
    assert len(found) == len(expected) > 100_000
    assert found["size"].sum() == expected["size"].sum()
    assert np.bincount(found.place).tolist() == np.bincount(expected.place).tolist()
    wanted = [Statistic("place", "sum", "total"), Statistic("place", "max", "last")]
    summed = join(places, areas, wanted=wanted, keep=True)
    by_place = expected.groupby(level=0).place.agg(["size", "sum", "max"]).reindex(range(20_000))
    assert summed.Join_Count.tolist() == by_place["size"].fillna(0).tolist()
    assert summed.total.fillna(-1).tolist() == by_place["sum"].fillna(-1).tolist()
    assert summed["last"].fillna(-1).tolist() == by_place["max"].fillna(-1).tolist()
    one, other = related(areas, places), related(places, areas, "intersects")
    order = np.lexsort((other[0], other[1]))
    assert (one[0] == other[1][order]).all()
    assert (one[1] == other[0][order]).all()
