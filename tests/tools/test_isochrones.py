"""Isochrones: exact along streets, true to what is reached and what is not, nested, apart where wished."""

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely
from shapely import LineString, Point, box
from town import segments, town

from gpserver.errors import InvalidValue
from gpserver.tools.barriers import without
from gpserver.tools.counts import counts_of
from gpserver.tools.isochrones import isochrones
from gpserver.tools.network import network_of
from gpserver.tools.streets import reachable_streets


def layer(*shapes, crs=32633, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


@pytest.fixture(scope="module")
def streets():
    return town(30)


@pytest.fixture(scope="module")
def network(streets):
    return network_of(streets.streets, speed="speed", oneway="oneway")


@pytest.fixture(scope="module")
def starts():
    return layer(Point(1400, 1500), Point(1800, 1300), Point(1100, 1900), name=["a", "b", "c"])


def cross(*, crs=32633, **columns):
    """Two streets of 2 km that cross in the middle, in pieces of 100 m."""
    way = np.arange(-1000, 1001, 100)
    lines = [
        LineString(list(zip(way, 0 * way, strict=True))),
        LineString(list(zip(0 * way, way, strict=True))),
    ]
    return layer(*lines, crs=crs, **columns)


def test_a_cross_is_reached_as_far_as_the_limit():
    found = isochrones(network_of(cross(), speed=36), layer(Point(30, 4), name=["x"]), [25, 55])
    assert found[["name", "FromBreak", "ToBreak"]].to_numpy().tolist() == [["x", 0, 25], ["x", 0, 55]]
    for area, reach in zip(found.geometry, (250, 550), strict=True):
        along, across = (area.intersection(street).bounds for street in cross().geometry)
        assert along == pytest.approx((30 - reach, 0, 30 + reach, 0), abs=1e-3)
        assert across == pytest.approx((0, 30 - reach, 0, reach - 30), abs=1e-3)
    assert counts_of(found) == (1, 2, 0)


def test_a_single_street_is_a_band():
    found = isochrones(
        network_of(layer(LineString([(0, 0), (1000, 0)])), by="length"), layer(Point(300, 0)), 200
    )
    west, south, east, north = found.total_bounds
    assert (west, east) == pytest.approx((100, 500), abs=0.1)
    assert -150 < south < 0 < north < 150
    assert found.area.item() > 0


@pytest.mark.parametrize(
    "lines",
    [
        [[(0, 0), (9e4, 9e4), (0, 9e4), (0, 0)]],  # a ring: one edge from a node to itself
        [
            [(0, 0), (0, 9), (0, 9), (0, 5)],
            [(0, 5), (0, 5), (0, 70)],
        ],  # everything on one line, some of it twice
        [[(5e6, 5e6), (5e6 + 0.1, 5e6)], [(5e6, 5e6), (4e6, 5e6)]],  # very short and very long
    ],
)
@pytest.mark.parametrize("overlap", ["overlap", "dissolve", "split"])
def test_strange_networks_have_areas_too(lines, overlap):
    network = network_of(layer(*map(LineString, lines)), by="length")
    starts = layer(Point(lines[0][0]), Point(lines[0][1]))
    for limit in network.meters.max() * np.array([0.001, 0.3, 0.9, 5]):
        found = isochrones(network, starts, limit, overlap=overlap)
        assert found.geometry.is_valid.all()
        assert (found.area > 0).all()
        assert len(found) == (1 if overlap == "dissolve" else 2)


def test_what_is_reached_lies_inside_and_what_is_not_outside(streets, network, starts):
    graph = nx.MultiDiGraph()
    graph.add_weighted_edges_from((start, end, seconds) for start, end, _, seconds in segments(streets))
    corner = np.argmin(np.hypot(*(streets.corners - [1500, 1500]).T))
    for towards, view in ((False, graph), (True, graph.reverse())):
        reached = nx.single_source_dijkstra_path_length(view, corner, 60)
        start = layer(Point(streets.corners[corner]))
        area = isochrones(network, start, 60, towards=towards, holes=True).geometry.item()
        inside = shapely.intersects_xy(area.buffer(1e-6), *streets.corners.T)
        assert set(np.flatnonzero(inside)) == set(reached)
        filled = isochrones(network, start, 60, towards=towards).geometry.item()
        assert not any(shapely.get_num_interior_rings(shapely.get_parts(filled)))
        assert filled.covers(area)
        ways = reachable_streets(network, start, 60, towards=towards)
        assert filled.intersection(shapely.union_all(ways.geometry)).length > 0.97 * ways.length.sum()


def test_areas_of_greater_breaks_contain_those_of_smaller_ones(network, starts):
    found = isochrones(network, starts, [20, 40, 60, 80])
    areas = found.geometry.to_numpy().reshape(3, 4)
    assert shapely.covers(shapely.buffer(areas[:, 1:], 1e-6), areas[:, :-1]).all()
    assert found.geometry.is_valid.all()
    alone = isochrones(network, starts[1:2], 40)
    assert alone.geometry.item().symmetric_difference(areas[1, 1]).area < 0.01 * areas[1, 1].area


def test_rings(network, starts):
    disks, rings = (isochrones(network, starts, [20, 60], rings=ring) for ring in (False, True))
    assert rings[["FromBreak", "ToBreak"]].to_numpy().tolist() == [[0, 20], [20, 60]] * 3
    areas = disks.area.to_numpy().reshape(3, 2)
    assert rings.area.to_numpy().reshape(3, 2) == pytest.approx(
        np.column_stack([areas[:, 0], areas[:, 1] - areas[:, 0]])
    )


def test_dissolved_and_split(network, starts):
    apart = isochrones(network, starts, [30, 60])
    united = isochrones(network, starts, [30, 60], overlap="dissolve")
    assert united.columns.tolist() == ["FromBreak", "ToBreak", "geometry"]
    for limit, area in zip(united.ToBreak, united.geometry, strict=True):
        every = apart[apart.ToBreak == limit]
        assert area.symmetric_difference(every.union_all()).area < 1e-3
        split = isochrones(network, starts, [30, 60], overlap="split")
        split = split[split.ToBreak == limit]
        assert split.name.tolist() == ["a", "b", "c"]
        assert split.area.sum() == pytest.approx(split.union_all().area)
        assert split.area.sum() == pytest.approx(area.area, rel=0.03)
        assert (split.area.to_numpy() <= every.area.to_numpy() + 1e-3).all()


def test_points_with_breaks_of_their_own_keep_their_index(network, starts):
    found = isochrones(network, starts.set_index("name"), [[30], [np.nan], [60]])
    assert found.index.tolist() == ["a", "c"]
    assert found.ToBreak.tolist() == [30, 60]
    assert found.area.iloc[0] < found.area.iloc[1]


def test_one_way_streets_matter_for_the_direction():
    line = layer(LineString([(0, 0), (1000, 0)]), oneway=["yes"])
    network = network_of(line, oneway="oneway", by="length")
    for towards, ends in ((False, (500, 700)), (True, (300, 500))):
        west, _, east, _ = isochrones(network, layer(Point(500, 0)), 200, towards=towards).total_bounds
        # At the closed end, too, the area is a margin wide.
        assert (west, east) == pytest.approx(ends, abs=110)
        assert (east, west)[towards] == pytest.approx(ends[1 - towards], abs=0.1)


@pytest.mark.parametrize("crs", [4326, 3857])
def test_on_the_globe(crs):
    frame = cross(crs="+proj=aeqd +lat_0=60 +lon_0=10 +datum=WGS84").to_crs(crs)
    start = layer(Point(10, 60), crs=4326)
    found = isochrones(network_of(frame, by="length"), start, 450)
    assert found.crs == start.crs
    reach = found.to_crs("+proj=aeqd +lat_0=60 +lon_0=10 +datum=WGS84").total_bounds
    assert reach == pytest.approx([-450, -450, 450, 450], abs=0.5)


def test_across_180_degrees():
    line = layer(
        LineString([(179.9, 0), (180, 0)]), LineString([(-180, 0), (-179.9, 0)]),
        LineString([(180, -0.1), (180, 0.1)]),
        crs=4326,
    )  # fmt: skip
    found = isochrones(network_of(line, by="length"), layer(Point(179.99, 0), Point(0, 0), crs=4326), 5000)
    east, west = found.geometry.item().intersection(box(170, -1, 180, 1)), found.total_bounds
    assert west[[0, 2]].tolist() == [-180, 180]
    assert east.bounds[0] == pytest.approx(179.99 - 5000 / 111319.49, abs=1e-4)
    assert found.geometry.item().intersection(box(-180, -1, -170, 1)).bounds[2] == pytest.approx(
        -180 + (5000 / 111319.49 - 0.01), abs=1e-4
    )
    assert counts_of(found) == (2, 1, 1)


def test_reachable_streets_end_where_the_limit_does():
    network = network_of(cross(), by="length")
    found = reachable_streets(network, layer(Point(0, 0), Point(5, 9000), Point(150, 0)), 250)
    assert found.groupby(level=0).meters.sum().to_dict() == pytest.approx({0: 1000, 2: 500 + 200})
    assert set(found.line) == {0, 1}
    assert found.length.to_numpy() == pytest.approx(found.meters.to_numpy())


def test_barriers_close_streets():
    network = network_of(without(cross(), []), by="length")
    start = layer(Point(0, 0))
    assert reachable_streets(network, start, 500).meters.sum() == pytest.approx(2000)
    barriers = [layer(Point(203, 5)), layer(LineString([(-150, -9), (-150, 9)])), layer(box(-9, 90, 9, 200))]
    found = reachable_streets(network_of(without(cross(), barriers), by="length"), start, 500)
    assert found.meters.sum() == pytest.approx(500 + 203 + 150 + 90, abs=0.5)
    everywhere = without(cross(), [each.to_crs(4326) for each in barriers])
    assert everywhere.length.sum() == pytest.approx(4000 - 110, abs=0.5)


def test_holes_are_where_streets_are_not_reached(streets):
    closed = box(1200, 1200, 1800, 1700)
    network = network_of(without(streets.streets, [layer(closed.exterior)]), by="length")
    start = layer(Point(1000, 1450))
    filled, hollow = (
        isochrones(network, start, 2200, holes=holes).geometry.item() for holes in (False, True)
    )
    assert not filled.interiors
    hole = max((shapely.Polygon(ring) for ring in hollow.interiors), key=lambda each: each.area)
    assert hole.intersection(closed).area > 0.8 * closed.area
    assert hole.area < 1.3 * closed.area


def test_what_cannot_be_asked(network, starts):
    for limit in (0, -1, np.inf, np.nan):
        with pytest.raises(InvalidValue, match="greater than 0"):
            isochrones(network, starts, [limit, 5])
    with pytest.raises(InvalidValue, match="needs a break"):
        isochrones(network, starts, [])
    with pytest.raises(InvalidValue, match="breaks of their own"):
        isochrones(network, starts, [[1], [2], [3]], overlap="split")
    assert len(isochrones(network, starts[:0], [5], overlap="dissolve")) == 0
    assert len(isochrones(network, layer(Point(-90000, 0)), [5], overlap="split")) == 0
