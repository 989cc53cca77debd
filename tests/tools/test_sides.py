"""One side of lines, also where GEOS loses a part: by places at the hand of their nearest segment."""

import math

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import LineString, MultiLineString

from gpserver.tools.buffer import buffer
from gpserver.tools.outline import Outline


def sides_by_distance(line, meters, spacing):
    """Places of a grid at the left and at the right of the segment nearest to them, if it is one alone."""
    west, south, east, north = line.buffer(meters, cap_style="flat").bounds
    places = np.stack(np.meshgrid(np.arange(west, east, spacing), np.arange(south, north, spacing)), -1)
    places = places.reshape(-1, 2)
    places = places[shapely.contains_xy(line.buffer(meters * 0.99, cap_style="flat"), *places.T)]
    flat = shapely.get_coordinates(line)
    apart = shapely.distance(
        shapely.points(places)[:, None], shapely.linestrings(np.stack([flat[:-1], flat[1:]], axis=1))
    )
    nearest, second = np.sort(apart, axis=1)[:, :2].T
    one, step = flat[apart.argmin(axis=1)], np.diff(flat, axis=0)[apart.argmin(axis=1)]
    turn = step[:, 0] * (places - one)[:, 1] - step[:, 1] * (places - one)[:, 0]
    clear = second - nearest > 1e-6
    return places[clear & (turn > 0)], places[clear & (turn < 0)]


SHARP = {
    "hairpins": [(0, 0), (100, 60), (84, 26), (83, 50), (76, 105)],
    "short ones": [(0, 0), (20, -20), (12, 79), (-22, 27), (74, 120)],
    "curve": [(50 * math.cos(turn), 50 * math.sin(turn)) for turn in np.linspace(0, 4, 30)],
}


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("line", SHARP)
def test_no_part_of_a_side_is_lost_where_a_line_turns_sharply(line, side):
    line = LineString(SHARP[line])
    found = buffer(
        gpd.GeoDataFrame(geometry=[line], crs=32633), 10, outline=Outline(side=side)
    ).geometry.iloc[0]
    both = sides_by_distance(line, 10, 0.5)
    own, other = both if side == "left" else both[::-1]
    assert found.is_valid
    assert shapely.contains_xy(found, *own.T).mean() > 0.98
    assert shapely.contains_xy(found, *other.T).mean() < 0.2


def test_tangled_lines_keep_both_sides():
    dice = np.random.default_rng(0)
    lines = [LineString(np.cumsum(dice.normal(0, 20, (count, 2)), axis=0)) for count in [2, 3, 5, 8, 11] * 8]
    frame = gpd.GeoDataFrame(geometry=lines, crs=32633)
    sides = [buffer(frame, 10, outline=Outline(side=side)).geometry.to_numpy() for side in ("left", "right")]
    whole = shapely.buffer(np.array(lines), 10, cap_style="flat", quad_segs=16)
    assert shapely.is_valid(sides).all()
    assert shapely.area(shapely.difference(sides, shapely.buffer(np.array(lines), 10.1))).max() < 1e-6
    assert (shapely.area(shapely.difference(whole, shapely.union(*sides))) < 0.02 * shapely.area(whole)).all()


def test_a_line_of_no_length_has_no_sides():
    frame = gpd.GeoDataFrame(geometry=[LineString([(1, 1), (1, 1)])], crs=4326)
    assert buffer(frame, 10, outline=Outline(side="left")).geometry.isna().all()


def test_parts_and_rings():
    square = [(0, 0), (100, 0), (100, 100), (0, 100), (0, 0)]
    lines = MultiLineString([square, [(300, 0), (400, 0)]])
    frame = gpd.GeoDataFrame(geometry=[lines, None], crs=32633)
    inner, outer = (
        buffer(frame, 10, outline=Outline(side=side, joins="mitre")).geometry for side in ("left", "right")
    )
    assert inner.area.iloc[0] == pytest.approx(100**2 - 80**2 + 1000)
    assert outer.area.iloc[0] == pytest.approx(120**2 - 100**2 + 1000)
    assert inner.isna().tolist() == [False, True]
