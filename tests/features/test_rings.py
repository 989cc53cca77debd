"""Polygons from rings: which ring is a hole of which shell, compared with the source and with GDAL."""

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from gpserver.features import decode_features

Gdal = Callable[[dict[str, Any]], gpd.GeoDataFrame]


def square(x: float, y: float, size: float, clockwise: bool) -> list[list[float]]:
    ring = [[x, y], [x, y + size], [x + size, y + size], [x + size, y], [x, y]]
    return ring if clockwise else ring[::-1]


def shell(x: float, y: float, size: float) -> list[list[float]]:
    return square(x, y, size, clockwise=True)


def hole(x: float, y: float, size: float) -> list[list[float]]:
    return square(x, y, size, clockwise=False)


def polygons(*features: Any) -> dict[str, Any]:
    return {
        "geometryType": "esriGeometryPolygon",
        "spatialReference": {"wkid": 3857},
        "fields": [{"name": "n", "type": "esriFieldTypeInteger"}],
        "features": [
            {"attributes": {"n": n}, "geometry": {"rings": rings}} for n, rings in enumerate(features)
        ],
    }


def nested(random: np.random.Generator, donuts: int) -> list[Any]:
    """Donuts side by side, each with a donut in its hole; some holes touch their shell in a vertex."""
    rings = []
    for number in range(donuts):
        x, y = 5e5 + 110 * number, 5e6
        touch = 0 if random.random() < 0.3 else 10
        diamond = [
            [x + touch, y + 50],
            [x + 50, y + 10],
            [x + 90, y + 50],
            [x + 50, y + 90],
            [x + touch, y + 50],
        ]
        rings += [shell(x, y, 100), diamond, shell(x + 40, y + 40, 20), hole(x + 45, y + 45, 10)]
    return rings


@pytest.mark.parametrize("donuts", [1, 2, 7])
def test_donuts_in_donuts_in_any_order(gdal: Gdal, donuts: int) -> None:
    random = np.random.default_rng(donuts)
    sets = []
    for _ in range(50):
        rings = nested(random, donuts)
        sets.append([rings[number] for number in random.permutation(len(rings))])
    frame = decode_features(polygons(*sets))
    expected = gdal(polygons(*sets))
    assert (shapely.get_num_geometries(frame.geometry) == 2 * donuts).all()
    assert frame.geometry.is_valid.all()
    assert shapely.equals(shapely.normalize(frame.geometry), shapely.normalize(expected.geometry)).all()


def test_a_hole_belongs_to_the_smallest_shell_around_it() -> None:
    rings = [shell(0, 0, 100), hole(41, 41, 5), hole(10, 10, 80), shell(40, 40, 20)]
    geometry = decode_features(polygons(rings)).geometry[0]
    expected = shapely.MultiPolygon(
        [(shell(0, 0, 100), [hole(10, 10, 80)]), (shell(40, 40, 20), [hole(41, 41, 5)])]
    )
    assert geometry.equals(expected)


def test_features_do_not_share_shells() -> None:
    inner = [hole(10, 10, 5), shell(200, 200, 5), shell(300, 300, 5)]
    geometry = decode_features(polygons([shell(0, 0, 100), shell(150, 0, 9)], inner)).geometry
    assert shapely.get_num_geometries(geometry).tolist() == [2, 3]
    assert geometry.area.tolist() == [10081, 75]


def test_a_hole_in_no_shell_becomes_a_shell() -> None:
    rings = [shell(0, 0, 100), shell(200, 0, 50), hole(500, 500, 10)]
    assert decode_features(polygons(rings)).geometry[0].area == 10000 + 2500 + 100


@pytest.mark.parametrize(
    "rings",
    [
        [hole(0, 0, 100)],
        [hole(0, 0, 100), shell(10, 10, 10)],
        [shell(10, 10, 10), hole(0, 0, 100), hole(200, 0, 50), shell(210, 10, 10)],
    ],
)
def test_rings_written_the_other_way_round_mean_the_same(rings: list[Any]) -> None:
    turned = [ring[::-1] for ring in rings]
    frame = decode_features(polygons(rings, turned))
    assert frame.geometry[0].equals(frame.geometry[1])
    assert frame.geometry.is_valid.all()


@pytest.mark.parametrize(
    "bad",
    [
        [],
        [[0, 0]],
        [[0, 0], [1, 1]],
        [[0, 0], [1, 1], [0, 0]],
        [[5, 5], [5, 5], [5, 5], [5, 5]],
        [[0, 0], [5, 5], [9, 9], [0, 0]],
    ],
)
def test_rings_without_area_are_dropped(bad: list[Any]) -> None:
    frame = decode_features(polygons([bad, shell(0, 0, 10)], [shell(0, 0, 10), bad], [bad], []))
    assert frame.geometry[0].equals(frame.geometry[1])
    assert frame.geometry[0].area == 100
    assert frame.geometry[2:].tolist() == [None, None]


def test_open_rings_are_closed() -> None:
    frame = decode_features(polygons([shell(0, 0, 10)[:-1], hole(2, 2, 3)[:-1]], [shell(0, 0, 10)]))
    assert frame.geometry.area.tolist() == [91, 100]


def test_small_rings_far_from_the_origin_keep_their_direction() -> None:
    rings = [shell(3e7 + 0.5, 2e7, 0.01), hole(3e7 + 0.502, 2e7 + 0.002, 0.001)]
    geometry = decode_features(polygons(rings)).geometry[0]
    assert len(geometry.interiors) == 1


def test_the_order_of_features_is_kept() -> None:
    sets = [[shell(n, 0, 1), shell(n + 500, 0, 1)] if n % 3 else [shell(n, 0, 1)] for n in range(9000)]
    frame = decode_features(polygons(*sets))
    assert frame.geometry.bounds["minx"].tolist() == list(range(9000))
    assert frame["n"].tolist() == list(range(9000))
