"""Coordinates on a grid, as ArcGIS documents quantizationParameters."""

import json
from itertools import accumulate
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import CRS

from gpserver.errors import InvalidRequest
from gpserver.features import encode_features
from gpserver.features.quantization import Quantization

WEB_MERCATOR, WGS84 = CRS.from_epsg(3857), CRS.from_epsg(4326)
EXTENT = {"xmin": -100, "ymin": -100, "xmax": 100, "ymax": 100}


def answer(*wkt: str | None, **options: Any) -> dict[str, Any]:
    geometry = [None if text is None else shapely.from_wkt(text) for text in wkt]
    frame = gpd.GeoDataFrame(geometry=geometry, crs=3857)
    document: dict[str, Any] = json.loads(encode_features(frame, **options))
    return document


def geometries(*wkt: str | None, **options: Any) -> list[Any]:
    return [feature["geometry"] for feature in answer(*wkt, **options)["features"]]


def test_parameters_are_read() -> None:
    value = {"mode": "view", "originPosition": "lowerLeft", "tolerance": 2.5, "extent": EXTENT}
    assert Quantization.read(value, WEB_MERCATOR) == Quantization(2.5, -100, -100, "lowerLeft", thins=True)
    upper = {"tolerance": 2.5, "extent": EXTENT | {"ymax": 50}}
    assert Quantization.read(upper, WEB_MERCATOR) == Quantization(2.5, -100, 50, "upperLeft", thins=True)


def test_without_a_tolerance_the_offset_or_the_extent_says_how_fine_it_is() -> None:
    assert Quantization.read({"extent": EXTENT}, WEB_MERCATOR, offset=3.0).scale == 3
    assert Quantization.read({"extent": EXTENT}, WEB_MERCATOR).scale == 200 / 10_000


def test_full_resolution_is_that_of_the_system() -> None:
    systems = (WGS84, WEB_MERCATOR, None)
    assert [Quantization.of_resolution(crs).scale for crs in systems] == [1e-9, 1e-4, 1e-8]


def test_edit_has_full_resolution() -> None:
    value = {"mode": "edit", "tolerance": 50, "extent": EXTENT}
    assert Quantization.read(value, WEB_MERCATOR) == Quantization(1e-4, -100, 100)
    assert Quantization.read(value, WGS84).scale == 1e-9


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "view",
        {},
        {"tolerance": 0},
        {"tolerance": -1, "extent": EXTENT},
        {"tolerance": "a"},
        {"tolerance": "nan"},
        {"tolerance": {}},
        {"tolerance": 1, "mode": "draw"},
        {"tolerance": 1, "originPosition": "middle"},
        {"tolerance": 1, "extent": 5},
        {"tolerance": 1, "extent": {"xmin": "Infinity"}},
    ],
)
def test_nonsense_is_refused(value: object) -> None:
    with pytest.raises(InvalidRequest, match="quantizationParameters"):
        Quantization.read(value, WEB_MERCATOR)


def test_points_are_cells() -> None:
    grid = Quantization(10, -100, 100, thins=True)
    document = answer("POINT (-100 100)", "POINT (14 -26)", None, quantization=grid)
    assert document["transform"] == {
        "originPosition": "upperLeft",
        "scale": [10, 10],
        "translate": [-100, 100],
    }
    assert [row["geometry"] for row in document["features"]] == [{"x": 0, "y": 0}, {"x": 11, "y": 13}, None]
    lower = Quantization(10, -100, -100, "lowerLeft", thins=True)
    assert geometries("POINT (14 -26)", quantization=lower) == [{"x": 11, "y": 7}]


def test_each_list_begins_anew_and_goes_on_in_steps() -> None:
    grid = Quantization(1, thins=True)
    [lines] = geometries("MULTILINESTRING ((1 -1, 3 -2, 9 -2), (5 -5, 4 -4))", quantization=grid)
    assert lines == {"paths": [[[1, 1], [2, 1], [6, 0]], [[5, 5], [-1, -1]]]}
    [polygon] = geometries(
        "POLYGON ((0 0, 0 9, 9 9, 9 0, 0 0), (1 1, 2 1, 2 2, 1 1))", quantization=Quantization(1, 0, 9)
    )
    assert polygon["rings"][0] == [[0, 9], [0, -9], [9, 0], [0, 9], [-9, 0]]
    assert polygon["rings"][1][0] == [1, 8]
    assert geometries("MULTIPOINT (3 -3, 4 -5)", quantization=grid) == [{"points": [[3, 3], [1, 2]]}]


def test_vertices_in_one_cell_are_one_and_what_shrinks_to_nothing_goes() -> None:
    grid = Quantization(10, thins=True)
    assert geometries("LINESTRING (0 0, 1 1, 2 2, 20 0, 21 1)", quantization=grid) == [
        {"paths": [[[0, 0], [2, 0]]]}
    ]
    found = geometries(
        "LINESTRING (0 0, 1 1)",
        "MULTILINESTRING ((0 0, 1 1), (0 0, 50 0))",
        "LINESTRING (7 0, 30 0)",
        quantization=grid,
    )
    assert found == [None, {"paths": [[[0, 0], [5, 0]]]}, {"paths": [[[1, 0], [2, 0]]]}]
    small = "((1 1, 1 2, 2 2, 1 1), (1.2 1.5, 1.3 1.6, 1.2 1.6, 1.2 1.5))"
    large = "((0 0, 0 -90, 90 -90, 90 0, 0 0), (11 -11, 12 -12, 11 -12, 11 -11))"
    found = geometries(f"POLYGON {small}", f"MULTIPOLYGON ({small}, {large})", quantization=grid)
    assert found[0] is None
    assert [len(ring) for ring in found[1]["rings"]] == [5]


def test_a_shell_takes_its_holes_along() -> None:
    # A hole that pokes far out of its shell is nonsense, but may come.
    odd = "POLYGON ((0 0, 0 1, 1 1, 0 0), (0 0, 50 0, 50 50, 0 0))"
    assert geometries(odd, quantization=Quantization(10, thins=True)) == [None]


def test_a_grid_that_keeps_all_keeps_all() -> None:
    line = "LINESTRING (0 0, 0 0, 0.00001 0, 1 1)"
    [kept] = geometries(line, quantization=Quantization(1e-4))
    assert kept == {"paths": [[[0, 0], [0, 0], [0, 0], [10_000, -10_000]]]}


def test_z_and_m_are_whole_numbers_too_but_no_steps() -> None:
    grid = Quantization(1, thins=True)
    document = answer("LINESTRING ZM (0 0 5 7, 3 -3 6 NaN)", quantization=grid, return_z=True, return_m=True)
    assert document["features"][0]["geometry"] == {"paths": [[[0, 0, 50_000, 70_000], [3, 3, 60_000, 0]]]}
    assert document["transform"]["scale"] == [1, 1, 1e-4, 1e-4]
    assert document["transform"]["translate"] == [0, 0, 0, 0]


def test_what_no_client_could_tell_apart_is_missing() -> None:
    assert geometries("POINT (1e300 0)", "POINT (1 0)", quantization=Quantization(1e-4)) == [
        None,
        {"x": 10_000, "y": 0},
    ]


def test_the_way_back_is_within_half_a_cell() -> None:
    random = np.random.default_rng(1)
    xy = random.uniform(-1e6, 1e6, (500, 2))
    document = answer(shapely.LineString(xy).wkt, quantization=Quantization(0.5, 12.3, 4.56))
    [path] = document["features"][0]["geometry"]["paths"]
    x, y = (np.array(list(accumulate(axis))) for axis in zip(*path, strict=True))
    back = np.column_stack([x * 0.5 + 12.3, 4.56 - y * 0.5])
    assert np.abs(back - xy).max() <= 0.25 + 1e-9
