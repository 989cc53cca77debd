"""The nearest features, against PostGIS in the plane and on the ellipsoid."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import LineString, Point, box

from gpserver.errors import InvalidValue
from gpserver.tools.counts import counts_of
from gpserver.tools.nearest import nearest


def layer(*shapes, crs=32633, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


def test_ranks_distances_and_lines():
    found, lines = nearest(
        layer(Point(0, 0), None, Point(100, 0), name=["a", "b", "c"]),
        layer(Point(3, 4), box(10, -5, 20, 5), Point(0, 1), kind=["x", "y", "z"]),
        2,
    )
    assert found[["From_ID", "To_ID", "NearRank", "Total_Meters"]].to_numpy().tolist() == [
        [1, 3, 1, 1], [1, 1, 2, 5], [3, 2, 1, 80], [3, 1, 2, np.hypot(97, 4)],
    ]  # fmt: skip
    assert found.kind.tolist() == ["z", "x", "y", "x"]
    assert lines.columns.tolist() == [
        "From_ID", "To_ID", "NearRank", "Total_Meters", "From_name", "To_kind", "geometry",
    ]  # fmt: skip
    assert lines.geometry.iloc[2].equals(LineString([(100, 0), (20, 0)]))
    assert lines.length.tolist() == found.Total_Meters.tolist()
    assert counts_of(found) == (3, 4, 1)


def test_a_limit_and_more_than_there_are():
    frame, other = layer(Point(0, 0)), layer(Point(1, 0), Point(5, 0), Point(9, 0))
    assert nearest(frame, other, 100).features.NearRank.tolist() == [1, 2, 3]
    assert nearest(frame, other, 100, 5).features.To_ID.tolist() == [1, 2]
    assert len(nearest(frame, other[:0]).features) == len(nearest(frame[:0], other).lines) == 0


def test_ties_come_in_order():
    assert nearest(
        layer(Point(0, 0)), layer(Point(1, 0), Point(0, 1), Point(-1, 0)), 2
    ).features.To_ID.tolist() == [1, 2]


@pytest.mark.parametrize(("count", "meters"), [(0, None), (1, 0)])
def test_what_cannot_be_asked(count, meters):
    with pytest.raises(InvalidValue, match="greater than 0"):
        nearest(layer(Point(0, 0)), layer(Point(0, 0)), count, meters)


def some(seed, crs, low, high):
    dice = np.random.default_rng(seed)
    places = dice.uniform(low, high, (120, 2))
    shapes = [
        *shapely.points(places[:60]),
        *shapely.linestrings(np.stack([places[60:], places[60:] + 1], axis=1)),
    ]
    return layer(*shapes, id=range(120), crs=crs)


@pytest.mark.parametrize(
    ("crs", "low", "high", "kind", "tolerance"),
    [(32633, (0, 0), (100, 100), "geometry", 1e-9), (4326, (-179, -84), (179, 84), "geography", 4e-3)],
    ids=["plane", "ellipsoid"],
)
def test_postgis_agrees(crs, low, high, kind, tolerance, postgis):
    """On the ellipsoid PostGIS' edges are geodesics, ours straight in degrees: near, not the same."""
    left, right = some(1, crs, low, high)[:60], some(2, crs, low, high)
    for name, frame in (("l", left), ("r", right)):
        postgis.execute(f"CREATE TEMP TABLE {name} (id int, g {kind})")
        values = list(zip(frame.id.tolist(), shapely.to_wkb(frame.geometry.array, hex=True), strict=True))
        postgis.cursor().executemany(f"INSERT INTO {name} VALUES (%s, %s)", values)
    expected = postgis.execute(
        "SELECT l.id, d FROM l, LATERAL (SELECT ST_Distance(l.g, r.g) d FROM r ORDER BY d LIMIT 3) s"
        " ORDER BY 1, 2"
    ).fetchall()
    postgis.execute("DROP TABLE l, r")
    found = nearest(left, right, 3).features
    assert (found.From_ID - 1).tolist() == [row[0] for row in expected]
    assert found.Total_Meters.tolist() == pytest.approx([row[1] for row in expected], rel=tolerance, abs=1)


def test_across_180_degrees_and_over_the_pole():
    frame = layer(Point(179.9, -17), Point(0, 89), crs=4326)
    found = nearest(frame, layer(Point(170, -17), Point(-179.9, -17), Point(180, 88), crs=4326)).features
    assert found.To_ID.tolist() == [2, 3]
    assert found.Total_Meters.tolist() == pytest.approx([21_300, 335_000], rel=0.01)


def test_far_from_a_dense_cluster():
    dice = np.random.default_rng(6)
    frame, other = (
        layer(*shapely.points(dice.uniform(0, 1, (50, 2)))),
        layer(*shapely.points(dice.uniform(1e6, 1e6 + 9, (500, 2)))),
    )
    found = nearest(frame, other, 2).features.Total_Meters.to_numpy().reshape(50, 2)
    every = shapely.distance(frame.geometry.to_numpy()[:, None], other.geometry.to_numpy())
    assert found == pytest.approx(np.sort(every, axis=1)[:, :2])
