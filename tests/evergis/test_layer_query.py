"""Rows of a layer by where they lie: the same as if every row had been looked at."""

from collections.abc import Iterator
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from gpserver.evergis.layer_query import Query, count, rows
from gpserver.layers import LayerInfo, Layers, Place

NAME = "user.shapes"
AREA = shapely.box(10, 10, 30, 25)


@pytest.fixture(scope="module")
def shapes() -> Any:
    """Boxes of all sizes, a row that is nowhere, and one that is just the area that is asked for."""
    dice = np.random.default_rng(3)
    low = dice.uniform(-40, 60, (400, 2))
    sides = np.column_stack([low, low + dice.exponential(4, (400, 2))])
    return np.array([*shapely.box(*sides.T), None, AREA, shapely.box(-100, 12, 100, 13)], object)


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory, shapes: Any) -> Iterator[Layers]:
    layers = Place(str(tmp_path_factory.mktemp("layers"))).open()
    layers.create(LayerInfo(NAME, geometry_type="Polygon", sr_id=4326))
    layers.append(NAME, gpd.GeoDataFrame(geometry=gpd.GeoSeries(shapes, crs=4326)))
    yield layers
    layers.close()


def found(layers: Layers, *places: tuple[str, Any, float], **more: Any) -> list[int]:
    geometries = [
        {"geometry": f"SRID=4326;{geometry.wkt}", "operation": {"name": name, "buffer": buffer}}
        for name, geometry, buffer in places
    ]
    query = Query(geometries=geometries, geometry=False, **more)
    ids = [int(each) for each in rows(layers, NAME, query)["gid"]]
    assert count(layers, NAME, query) == len(ids)
    return ids


@pytest.mark.parametrize(
    "name", ["intersects", "within", "contains", "disjoint", "crosses", "touches", "overlaps", "equals"]
)
@pytest.mark.parametrize("buffer", [0, 2.5])
def test_every_operation(layers: Layers, shapes: Any, name: str, buffer: float) -> None:
    area = AREA.buffer(buffer) if buffer else AREA
    expected = np.flatnonzero(getattr(shapely, name)(shapes, area)) + 1
    assert found(layers, (name, AREA, buffer)) == expected.tolist()


def test_all_of_them_must_hold(layers: Layers, shapes: Any) -> None:
    """Those too that are apart: a long row touches both."""
    west, east = shapely.box(-50, 10, -45, 14), shapely.box(70, 10, 90, 14)
    expected = np.flatnonzero(shapely.intersects(shapes, west) & shapely.intersects(shapes, east)) + 1
    assert len(shapes) in expected
    assert found(layers, ("intersects", west, 0), ("intersects", east, 0)) == expected.tolist()
    assert found(layers, ("intersects", west, 0), ("disjoint", west, 0)) == []


def test_ids_and_order_beside_it(layers: Layers, shapes: Any) -> None:
    expected = (np.flatnonzero(shapely.intersects(shapes, AREA)) + 1).tolist()
    assert len(expected) > 3
    few = [str(each) for each in expected[::2]]
    assert found(layers, ("intersects", AREA, 0), ids=[*few, "401", "9999"]) == expected[::2]
    assert found(layers, ("intersects", AREA, 0), sort=["-gid"]) == expected[::-1]


def test_an_area_without_any_is_touched_by_none(layers: Layers) -> None:
    assert found(layers, ("intersects", shapely.Polygon(), 0)) == []
