"""Networks of lines: what is connected with what, how long it is, and which way it is open."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import Geod
from shapely import LineString, MultiLineString, Point, box

from gpserver.errors import InvalidValue
from gpserver.tools.network import network_of
from gpserver.tools.places import places_of
from gpserver.tools.traffic import directions_of, speeds_of


def layer(*shapes, crs=32633, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


def test_lines_are_connected_where_they_share_a_vertex():
    network = network_of(
        layer(
            LineString([(0, 0), (10, 0), (20, 0)]),
            LineString([(10, 0), (10, 10)]),  # ends at a vertex of the first
            LineString([(15, -5), (15, 5)]),  # a bridge over the first
        )
    )
    assert network.nodes == 6
    assert len(network.first) == 4
    assert network.meters.tolist() == [10, 10, 10, 10]
    assert network.line.tolist() == [0, 0, 1, 2]
    assert network.seconds == pytest.approx([0.72] * 4)  # 10 m at 50 km/h


def test_what_becomes_of_rings_loops_and_parallel_edges():
    network = network_of(
        layer(
            LineString([(0, 0), (10, 0), (10, 10), (0, 0)]),  # a ring
            LineString([(0, 0), (-5, 0)]),
            LineString([(0, 0), (-2, 4), (-5, 0)]),  # parallel to the one before
            LineString([(-5, 0), (-9, 0), (-9, 4), (-7, 4), (-9, 0)]),  # touches itself
        )
    )
    assert network.nodes == 3
    assert sorted(zip(network.tail.tolist(), network.head.tolist(), strict=True)) == [
        (0, 0), (0, 1), (0, 1), (1, 2), (2, 2),
    ]  # fmt: skip


def test_multi_lines_z_and_what_is_no_line(caplog):
    with np.errstate(invalid="ignore"):
        broken = shapely.linestrings([(0, 0), (np.nan, 1)])
    network = network_of(
        layer(
            MultiLineString([[(0, 0, 5), (1, 0, 6)], [(1, 0, 900), (2, 0, 7)]]),
            None,
            LineString(),
            LineString([(3, 3), (3, 3)]),
            broken,
            Point(1, 1),
            box(0, 0, 1, 1),
            shapely.GeometryCollection([LineString([(2, 0), (3, 0)]), Point(0, 0)]),
        )
    )
    assert network.meters.tolist() == [1, 1, 1]
    assert network.nodes == 4
    assert network.line.tolist() == [0, 0, 7]
    assert "6 of 8 features are no lines" in caplog.text


def test_ends_within_a_centimetre_are_one():
    near, far = LineString([(1, 0.002), (2, 0)]), LineString([(1, 0.3), (2, 1)])
    assert network_of(layer(LineString([(0, 0), (1, 0)]), near, far)).nodes == 5
    feet = network_of(layer(LineString([(0, 0), (100, 0)]), crs=2263))
    assert feet.meters == pytest.approx([30.48], rel=1e-5)


@pytest.mark.parametrize("crs", [4326, 3857])
def test_lengths_are_geodesic(crs):
    line = LineString([(10, 60), (10.1, 60.05), (10.2, 60)])
    frame = layer(line, crs=4326).to_crs(crs)
    assert network_of(frame).meters == pytest.approx([Geod(ellps="WGS84").geometry_length(line)], rel=1e-9)


def test_a_node_at_180_degrees_is_one_at_minus_180():
    network = network_of(
        layer(LineString([(179.9, 0), (180, 0)]), LineString([(-180, 0), (-179.9, 0)]), crs=4326)
    )
    assert network.nodes == 3


def test_speeds_by_words(caplog):
    frame = layer(*[LineString([(0, 0), (1, 0)])] * 9)
    frame["maxspeed"] = ["50", "30 mph", "60 km/h", "70;50", "none", None, "0", "-5", "12.5"]
    assert speeds_of(frame, "MaxSpeed", 40).tolist() == pytest.approx(
        [50, 48.28032, 60, 70, 40, 40, 0, 0, 12.5]
    )
    assert '"none"' in caplog.text
    frame["speed"] = [10.0, np.nan, -1] * 3
    assert speeds_of(frame, "speed", 40).tolist() == [10, 40, 0] * 3
    with pytest.raises(InvalidValue, match="no field"):
        speeds_of(frame, "velocity")


@pytest.mark.parametrize(
    ("values", "along", "against"),
    [
        (["yes", "no", "-1", None, "reversible", "TRUE"], "110111", "011110"),
        (["FT", "TF", "N", "", "B"], "10011", "01011"),
        (["Y", "N"], "11", "11"),
        ([1, 0, -1], "110", "011"),
        ([True, False], "11", "01"),
        (["forward", "backward", "both"], "101", "011"),
    ],
)
def test_directions_by_words(values, along, against):
    frame = layer(*[LineString([(0, 0), (1, 0)])] * len(values), oneway=values)
    found = directions_of(frame, "oneway")
    assert ["".join(str(int(flag)) for flag in flags) for flags in found] == [along, against]


def test_an_unknown_word_is_told(caplog):
    directions_of(layer(LineString([(0, 0), (1, 0)]), oneway=["sometimes"]), "oneway")
    assert '"sometimes" of the field oneway is taken for both ways' in caplog.text


def test_what_is_no_network():
    with pytest.raises(InvalidValue, match="no line"):
        network_of(layer(Point(0, 0)))
    with pytest.raises(InvalidValue, match="greater than 0"):
        network_of(layer(LineString([(0, 0), (1, 0)])), speed=0)
    with pytest.raises(InvalidValue, match="closed"):
        network_of(layer(LineString([(0, 0), (1, 0)]), speed=[0]), speed="speed")


def test_points_lie_on_the_nearest_place_along_an_edge(caplog):
    network = network_of(
        layer(
            LineString([(0, 0), (10, 0), (10, 30)]),
            LineString([(0, 0), (0, 10)]),
            LineString([(3, 1), (4, 1)]),  # nearest to the first point, but closed
            speed=[50, 50, 0],
        ),
        speed="speed",
    )
    points = layer(Point(3, 1), Point(12, 20), None, Point(0, -9000), Point(-1, -1), Point(np.nan, 1))
    places = places_of(network, points)
    assert places.row.tolist() == [0, 1, 4]
    assert places.edge[:2].tolist() == [0, 0]
    assert places.share == pytest.approx([3 / 40, 30 / 40, 0])
    assert "3 of 6 points are not within 5000 m" in caplog.text
    assert places_of(network, points.to_crs(4326)).share == pytest.approx([3 / 40, 30 / 40, 0], abs=1e-6)


def test_nearness_is_that_of_the_ground():
    # At 60° north a degree of longitude is half as long as one of latitude.
    network = network_of(
        layer(LineString([(0.015, 59), (0.015, 61)]), LineString([(-1, 60.01), (1, 60.01)]), crs=4326)
    )
    assert network.line[places_of(network, layer(Point(0, 60), crs=4326)).edge].tolist() == [0]
