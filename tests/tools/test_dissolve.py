"""Dissolve by hand, by area, and against PostGIS."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import LineString, Point, Polygon, box

from gpserver.errors import InvalidValue
from gpserver.tools.counts import counts_of
from gpserver.tools.dissolve import clusters, dissolve
from gpserver.tools.statistics import Statistic
from gpserver.tools.union import union_of


def squares(*corners, **columns):
    return gpd.GeoDataFrame(columns, geometry=[box(x, y, x + 1, y + 1) for x, y in corners], crs=32633)


def test_everything_into_one():
    found = dissolve(squares((0, 0), (1, 0), (5, 5), name=["a", "b", "c"]))
    assert found.columns.tolist() == ["Count", "geometry"]
    assert (found.Count.tolist(), found.area.tolist()) == ([3], [3])
    assert counts_of(found) == (3, 1, 0)


def test_by_attribute_with_statistics_nulls_are_a_group():
    frame = squares((0, 0), (1, 0), (5, 5), (9, 9), kind=["b", "a", "b", None], people=[1, 2, 3, 4])
    found = dissolve(
        frame, ["KIND"], [Statistic("people", "sum", "total"), Statistic("People", "max", "most")]
    )
    assert found.kind.tolist()[:2] == ["b", "a"]
    assert found.kind.isna().tolist() == [False, False, True]
    assert found[["Count", "total", "most"]].to_numpy().tolist() == [[2, 4, 3], [1, 2, 2], [1, 4, 4]]
    assert found.area.tolist() == [2, 1, 1]


def test_clusters_hang_together_over_others_and_at_corners():
    frame = squares((0, 0), (9, 9), (1, 1), (2, 2), (9, 10), (0, 5), kind=list("aaaaab"))
    found = dissolve(frame, touching=True)
    assert found.Count.tolist() == [3, 2, 1]
    assert found.area.tolist() == [3, 2, 1]
    parts = dissolve(frame, touching=True, multipart=False)
    assert parts.Count.tolist() == [3, 3, 3, 2, 1]
    by_kind = dissolve(squares((0, 0), (1, 0), (2, 0), kind=list("aba")), ["kind"], touching=True)
    assert by_kind.kind.tolist() == ["a", "b", "a"]


def test_a_long_chain_is_one_cluster():
    dice = np.random.default_rng(1)
    chain = gpd.GeoSeries([box(x, 0, x + 1, 1) for x in dice.permutation(3000)]).to_numpy()
    labels, first = clusters(chain)
    assert (set(labels.tolist()), first.tolist()) == ({0}, [0])


def test_lines_are_sewn_together():
    lines = [LineString([(0, 0), (1, 0)]), LineString([(1, 0), (2, 0)]), LineString([(0, 5), (1, 5)])]
    found = dissolve(gpd.GeoDataFrame(geometry=lines, crs=32633)).geometry.iloc[0]
    assert sorted(part.length for part in found.geoms) == [1, 2]


def test_null_empty_invalid_mixed_and_z(caplog):
    bow_tie = Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    frame = gpd.GeoDataFrame(
        geometry=[None, Polygon(), bow_tie, Point(9, 9), Polygon([(5, 5, 1), (6, 5, 2), (6, 6, 3)])],
        crs=32633,
    )
    found = dissolve(frame)
    assert found.area.tolist() == pytest.approx([2.5])
    assert not found.geometry.has_z.any()
    assert (found.Count.tolist(), counts_of(found)) == ([5], (5, 1, 2))
    assert "1 of 5 geometries are invalid" in caplog.text
    assert "1 features are of a lower dimension" in caplog.text


def test_nothing_and_nulls_alone():
    assert len(dissolve(squares(kind=[]), ["kind"])) == 0
    nothing = dissolve(gpd.GeoDataFrame({"kind": ["a"]}, geometry=[None], crs=32633), ["kind"])
    assert nothing.geometry.isna().tolist() == [True]


def test_an_unknown_field_is_named():
    with pytest.raises(InvalidValue, match='no field "size"; there are kind'):
        dissolve(squares((0, 0), kind=["a"]), ["size"])


@pytest.mark.parametrize("gap", [0.0, 0.1, -0.1], ids=["coverage", "apart", "overlapping"])
def test_every_way_to_unite_gives_the_same(gap):
    cells = np.array([box(x, y, x + 1 - gap, y + 1 - gap) for x in range(30) for y in range(30)])
    assert union_of(cells).equals(shapely.union_all(cells))


FLAWS = {
    "overlapping": box(0.5, 0.5, 2.5, 2.5),
    "twice": box(3, 3, 4, 4),
    "a corner on an edge": Polygon([(30, 0), (31, 0), (31, 30), (30, 30), (30, 14.5)]),
    "apart": box(50, 50, 51, 51),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_what_is_almost_a_coverage(flaw):
    cells = [box(x, y, x + 1, y + 1) for y in range(30) for x in range(30)]
    shapes = np.array([*cells, FLAWS[flaw]])
    found, expected = union_of(shapes), shapely.union_all(shapes)
    assert found.is_valid
    assert found.equals(expected)
    assert found.area == pytest.approx(expected.area)


def test_postgis_agrees(postgis):
    dice = np.random.default_rng(8)
    centres = shapely.points(dice.uniform(0, 100, (300, 2)))
    frame = gpd.GeoDataFrame(
        {"kind": dice.integers(0, 4, 300)},
        geometry=shapely.buffer(centres, dice.uniform(0.5, 4, 300), quad_segs=3),
        crs=32633,
    )
    postgis.execute("CREATE TEMP TABLE disk (kind int, shape geometry)")
    rows = list(zip(frame.kind.tolist(), shapely.to_wkb(frame.geometry.array, hex=True), strict=True))
    postgis.cursor().executemany("INSERT INTO disk VALUES (%s, %s)", rows)
    by_kind = postgis.execute("SELECT kind, ST_Area(ST_Union(shape)) FROM disk GROUP BY kind ORDER BY kind")
    found = dissolve(frame, ["kind"]).sort_values("kind")
    assert list(zip(found.kind, found.area, strict=True)) == [
        (kind, pytest.approx(area)) for kind, area in by_kind
    ]
    cluster = postgis.execute(
        "SELECT ST_NumGeometries(c), ST_Area(ST_UnaryUnion(c))"
        " FROM unnest((SELECT ST_ClusterIntersecting(shape) FROM disk)) c"
    ).fetchall()
    found = dissolve(frame, touching=True)
    assert sorted(zip(found.Count, found.area, strict=True)) == [
        (count, pytest.approx(area)) for count, area in sorted(cluster)
    ]
    postgis.execute("DROP TABLE disk")
