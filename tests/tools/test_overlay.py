"""Overlay by hand, by areas that add up, and against PostGIS and GeoPandas."""

import logging

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiPoint, Point, Polygon, box

from gpserver.errors import InvalidValue
from gpserver.tools.counts import counts_of
from gpserver.tools.overlay import overlay

HOW = ["intersection", "union", "subtraction", "symmetric_difference", "identity", "clip"]


def layer(*shapes, crs=32633, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


@pytest.fixture
def left():
    return layer(
        box(0, 0, 4, 4), box(10, 0, 12, 2), box(20, 20, 21, 21), name=["a", "b", "c"], size=[1, 2, 3]
    )


@pytest.fixture
def right():
    return layer(box(2, 2, 6, 6), box(9, -1, 13, 3), box(3, 0, 5, 3), Name=["x", "y", "z"])


def rows(frame):
    """The attributes of each feature, None for null, and its area."""
    table = frame.drop(columns="geometry").astype(object)
    plain = table.where(table.notna(), None)
    return sorted(
        [(*row, round(area, 6)) for row, area in zip(plain.to_numpy().tolist(), frame.area, strict=True)],
        key=str,
    )


def test_intersection_has_the_attributes_of_both(left, right):
    found = overlay(left, right, "intersection")
    assert found.columns.tolist() == ["name", "size", "Name_1", "geometry"]
    assert rows(found) == [("a", 1, "x", 4), ("a", 1, "z", 3), ("b", 2, "y", 4)]
    assert counts_of(found) == (3, 3, 0)


def test_subtraction_and_clip_have_those_of_the_left(left, right):
    assert rows(overlay(left, right, "subtraction")) == [("a", 1, 10), ("c", 3, 1)]
    assert rows(overlay(left, right, "clip")) == [("a", 1, 6), ("b", 2, 4)]


def test_symmetric_difference_union_and_identity(left, right):
    mine = [("a", 1, None, 10), ("c", 3, None, 1)]
    theirs = [(None, None, "x", 12), (None, None, "y", 12), (None, None, "z", 3)]
    both = [("a", 1, "x", 4), ("a", 1, "z", 3), ("b", 2, "y", 4)]
    assert rows(overlay(left, right, "symmetric_difference")) == sorted(mine + theirs, key=str)
    assert rows(overlay(left, right, "identity")) == sorted(mine + both, key=str)
    assert rows(overlay(left, right, "union")) == sorted(mine + theirs + both, key=str)
    assert overlay(left, right, "union")["size"].dtype == "Int64"


def test_lines_and_points_in_polygons(right):
    frame = layer(LineString([(0, 1), (4, 1)]), Point(4, 4), MultiPoint([(3, 1), (50, 50)]), id=[1, 2, 3])
    found = overlay(frame, right, "intersection")
    assert sorted(zip(found.id, found.Name, found.geometry.to_wkt(), strict=True)) == [
        (1, "z", "LINESTRING (3 1, 4 1)"),
        (2, "x", "POINT (4 4)"),
        (3, "z", "POINT (3 1)"),
    ]
    assert overlay(frame, right, "subtraction").geometry.to_wkt().tolist() == [
        "LINESTRING (0 1, 3 1)",
        "POINT (50 50)",
    ]
    swapped = overlay(right, frame, "intersection")
    assert swapped.geometry.geom_type.tolist().count("LineString") == 1
    with pytest.raises(InvalidValue, match="Both layers must be polygons"):
        overlay(frame, right, "union")


def test_what_only_touches_is_left_out_or_asked_for():
    one, two = layer(box(0, 0, 1, 1)), layer(box(1, 0, 2, 1), box(1, 1, 2, 2))
    assert len(overlay(one, two, "intersection")) == len(overlay(one, two, "clip")) == 0
    assert overlay(one, two, "intersection", dimension=1).normalize().to_wkt().tolist() == [
        "LINESTRING (1 0, 1 1)"
    ]
    assert overlay(one, two, "intersection", dimension=0).geometry.to_wkt().tolist() == ["POINT (1 1)"]


def test_mixed_pieces_keep_their_polygons():
    comb = Polygon([(0, 0), (4, 0), (4, 2), (3, 1), (2, 1), (1, 2), (0, 2)])
    found = overlay(layer(comb), layer(box(0, 1, 4, 5)), "intersection").geometry.iloc[0]
    assert found.geom_type == "MultiPolygon"
    assert found.area == pytest.approx(comb.area - 4)


def test_null_empty_invalid_and_z(caplog):
    bow_tie = Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    frame = layer(None, Polygon(), bow_tie, shapely.force_3d(box(0, 0, 1, 1), 5), id=[1, 2, 3, 4])
    found = overlay(frame, layer(box(0, 0, 9, 9), None), "intersection")
    assert (found.id.tolist(), found.area.tolist()) == ([3, 4], [2, 1])
    assert not found.geometry.has_z.any()
    assert counts_of(found) == (4, 2, 2)
    assert "1 of 4 geometries are invalid" in caplog.text


def test_of_collections_the_highest_dimension_counts():
    mixture = shapely.GeometryCollection([box(0, 0, 2, 2), Point(5, 5), LineString([(1, 1), (9, 9)])])
    found = overlay(layer(mixture), layer(box(1, 1, 6, 6)), "union")
    assert sorted(found.area) == [1, 3, 24]


def test_spatial_references_meet(right, caplog):
    other = layer(box(500_000, 0, 500_100, 100), crs=32633).to_crs(4326)
    found = overlay(layer(box(500_050, 0, 500_200, 50), crs=32633), other, "intersection")
    assert found.area.tolist() == pytest.approx([2500], rel=1e-4)
    assert len(overlay(right, right.set_crs(None, allow_override=True), "intersection")) == 5
    assert "no spatial reference" in caplog.text


def test_across_180_degrees():
    pacific, fiji = layer(box(170, -20, 190, -10), crs=4326), layer(box(-180, -18, -178, -16), crs=4326)
    found = overlay(pacific, fiji, "intersection")
    assert shapely.area(found.geometry.array).tolist() == [4]
    assert found.total_bounds.tolist() == [-180, -18, -178, -16]


@pytest.mark.parametrize("how", HOW)
def test_nothing_on_one_side_or_both(how, left, right):
    assert len(overlay(left[:0], right[:0], how)) == 0
    assert len(overlay(left[:0], right, how)) == (3 if how in ("union", "symmetric_difference") else 0)
    assert len(overlay(left, right[:0], how)) == (0 if how in ("intersection", "clip") else 3)
    assert overlay(left, right[:0], how).crs == left.crs


def test_an_unknown_operation_is_named(left, right):
    with pytest.raises(InvalidValue, match='no overlay "cut"; use one of intersection'):
        overlay(left, right, "cut")


numbers = st.integers(0, 12)
boxes = st.lists(
    st.builds(lambda x, y, a, b: box(x, y, x + a + 1, y + b + 1), numbers, numbers, numbers, numbers),
    max_size=6,
)


@settings(max_examples=25)
@given(boxes, boxes)
def test_areas_add_up(ours, theirs):
    """Of two layers that do not overlap themselves: parts of the plane, from boxes cut off one another."""
    left, right = (
        layer(
            *[
                shape
                for shape in [each - shapely.union_all(some[:at]) for at, each in enumerate(some)]
                if shape
            ]
        )
        for some in (ours, theirs)
    )
    area = {how: overlay(left, right, how).area.sum() for how in HOW}
    assert area["intersection"] + area["subtraction"] == pytest.approx(left.area.sum())
    assert area["identity"] == pytest.approx(left.area.sum())
    assert area["clip"] == pytest.approx(area["intersection"])
    assert area["union"] == pytest.approx(shapely.union_all([*left.geometry, *right.geometry]).area)
    assert area["symmetric_difference"] == pytest.approx(area["union"] - area["intersection"])


def disks(seed, crs=32633):
    dice = np.random.default_rng(seed)
    centres = shapely.points(dice.uniform(0, 100, (200, 2)))
    shapes = shapely.buffer(centres, dice.uniform(1, 8, 200), quad_segs=3)
    return gpd.GeoDataFrame({"id": range(200)}, geometry=shapes, crs=crs)


QUERIES = {
    "intersection": "SELECT l.id, r.id, ST_Area(ST_Intersection(l.g, r.g)) FROM l"
    " JOIN r ON ST_Intersects(l.g, r.g) AND NOT ST_Touches(l.g, r.g)",
    "subtraction": "SELECT l.id, ST_Area(d) FROM l, LATERAL (SELECT ST_Difference(l.g,"
    " coalesce(ST_Union(r.g), 'POLYGON EMPTY')) d FROM r WHERE ST_Intersects(l.g, r.g)) s"
    " WHERE NOT ST_IsEmpty(d)",
    "clip": "SELECT l.id, ST_Area(ST_Intersection(l.g, u)) FROM l, (SELECT ST_Union(g) u FROM r) s"
    " WHERE ST_Intersects(l.g, u)",
}


@pytest.mark.parametrize("how", QUERIES)
def test_postgis_agrees(how, postgis):
    left, right = disks(1), disks(2)
    for name, frame in (("l", left), ("r", right)):
        postgis.execute(f"CREATE TEMP TABLE {name} (id int, g geometry)")
        values = list(zip(frame.id.tolist(), shapely.to_wkb(frame.geometry.array, hex=True), strict=True))
        postgis.cursor().executemany(f"INSERT INTO {name} VALUES (%s, %s)", values)
    expected = sorted(postgis.execute(QUERIES[how]).fetchall())
    postgis.execute("DROP TABLE l, r")
    found = overlay(left, right, how)
    ids = [found[name] for name in ("id", "id_1") if name in found]
    answer = sorted(zip(*ids, found.area, strict=True))
    assert len(answer) > 100
    assert [row[:-1] for row in answer] == [row[:-1] for row in expected]
    assert [row[-1] for row in answer] == pytest.approx([row[-1] for row in expected], abs=1e-9)


GEOPANDAS = {how: how for how in HOW if how != "clip"} | {"subtraction": "difference"}


@pytest.mark.parametrize(("how", "theirs"), GEOPANDAS.items())
def test_geopandas_agrees(how, theirs):
    left, right = disks(3), disks(4)
    found, expected = overlay(left, right, how), gpd.overlay(left, right, theirs)
    assert len(found) == len(expected)
    assert found.area.sum() == pytest.approx(expected.area.sum())


@pytest.fixture(autouse=True)
def _quiet(caplog):
    caplog.set_level(logging.WARNING)
