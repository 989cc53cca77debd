"""Windows of a layer: the ids of what may be seen in one, without a look at the rest."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import Point, box

from gpserver.eql import read_select
from gpserver.errors import InvalidValue, NotFound
from gpserver.layers import Attribute, LayerInfo, Layers

EVERYTHING = (-180.0, -90.0, 180.0, 90.0)


def filled(layers: Layers, geometries: list[object], kind: str = "Polygon") -> LayerInfo:
    info = layers.create(LayerInfo("user.shapes", geometry_type=kind, sr_id=4326))
    layers.append(info.name, gpd.GeoDataFrame(geometry=gpd.GeoSeries(geometries, crs=4326)))
    return info


def test_what_touches_is_in_it(layers: Layers) -> None:
    shapes = [box(0, 0, 1, 1), box(2, 2, 3, 3), None, box(-5, -5, 5, 5), box(1, 1, 2, 2)]
    name = filled(layers, shapes).name
    assert layers.ids_in(name, (0.25, 0.25, 0.5, 0.5), 10).tolist() == [1, 4]
    assert layers.ids_in(name, (3.0, 3.0, 4.0, 4.0), 10).tolist() == [2, 4], "an edge is enough"
    assert layers.ids_in(name, (6.0, 6.0, 7.0, 7.0), 10).tolist() == []
    assert layers.ids_in(name, EVERYTHING, 10).tolist() == [1, 2, 4, 5]


def test_of_too_many_the_longest_are_in_it(layers: Layers) -> None:
    name = filled(layers, [box(0, 0, side, 1) for side in (3, 9, 1, 7, 9)]).name
    assert layers.ids_in(name, EVERYTHING, 3).tolist() == [2, 4, 5]


def test_of_points_the_first_are_in_it(layers: Layers) -> None:
    """All are equally long, wherever they lie: none may win by how its place is rounded."""
    places = np.random.default_rng(5).uniform(-80, 80, (200, 2))
    name = filled(layers, [Point(*place) for place in places], "Point").name
    assert layers.ids_in(name, EVERYTHING, 20).tolist() == list(range(1, 21))


def test_nothing_is_missing_at_any_edge(layers: Layers) -> None:
    dice = np.random.default_rng(7)
    low = dice.uniform(-170, 160, (500, 2)) / [1, 2]
    sides = np.column_stack([low, low + dice.exponential(0.5, (500, 2))])
    name = filled(layers, list(shapely.box(*sides.T))).name
    for number in range(60):
        # Windows that end exactly where boxes begin.
        west, south = sides[number, :2] - dice.uniform(1, 20, 2)
        window = (float(west), float(south), float(sides[number, 0]), float(sides[number, 1]))
        touching = (sides[:, 0] <= window[2]) & (sides[:, 2] >= window[0])
        touching &= (sides[:, 1] <= window[3]) & (sides[:, 3] >= window[1])
        found = layers.ids_in(name, window, 1000)
        assert set(np.flatnonzero(touching) + 1) <= set(found.tolist())
        near = shapely.box(*window).buffer(1e-4)
        assert shapely.intersects(shapely.box(*sides[found - 1].T), near).all()


def test_what_was_changed_since_is_seen(layers: Layers) -> None:
    name = filled(layers, [box(0, 0, 1, 1), box(2, 2, 3, 3)]).name
    window = (2.5, 2.5, 2.6, 2.6)
    assert layers.ids_in(name, window, 10).tolist() == [2]
    moved = gpd.GeoDataFrame({"gid": [1]}, geometry=[box(2, 2, 4, 4)], crs=4326)
    layers.update(name, moved)
    assert layers.ids_in(name, window, 10).tolist() == [1, 2]
    layers.delete(name, [2])
    layers.append(name, moved[["geometry"]])
    assert layers.ids_in(name, window, 10).tolist() == [1, 3]


def test_a_layer_that_shows_the_rows_of_a_select(layers: Layers) -> None:
    name = filled(layers, [box(0, 0, 1, 1), box(2, 2, 3, 3), box(2, 2, 4, 4)]).name
    facts = {"eql": f"SELECT gid, geometry FROM {name} WHERE gid <> 2", "createTable": False}
    attributes = layers.find(name).attributes
    shown = LayerInfo(
        "user.shown", geometry_type="Polygon", sr_id=4326, attributes=attributes, configuration=facts
    )
    layers.create(shown)
    assert read_select(facts["eql"], {}).layers == (name,)
    assert layers.ids_in("user.shown", (2.5, 2.5, 2.6, 2.6), 10).tolist() == [3]


def test_where_there_is_nothing_to_see(layers: Layers) -> None:
    layers.create(LayerInfo("user.table", geometry_attribute=None, attributes=(Attribute("name"),)))
    with pytest.raises(InvalidValue, match=r"user\.table has no geometry"):
        layers.ids_in("user.table", EVERYTHING, 10)
    with pytest.raises(NotFound, match=r"no layer user\.none"):
        layers.ids_in("user.none", EVERYTHING, 10)
    empty = layers.create(LayerInfo("user.empty", geometry_type="Point", sr_id=4326))
    assert layers.ids_in(empty.name, EVERYTHING, 10).tolist() == []
