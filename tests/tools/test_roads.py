"""Roads: networks of named layers, found by the names of providers."""

import geopandas as gpd
import pandas as pd
import pytest
from shapely import LineString

from gpserver.errors import InvalidValue, NotFound
from gpserver.layers import open_layers
from gpserver.tools.roads import roads_of


@pytest.fixture
def layers(tmp_path):
    layers = open_layers(tmp_path)
    facts = {"maxspeed": ["36", None], "oneway": ["yes", "no"]}
    lines = [LineString([(0, 0), (100, 0)]), LineString([(100, 0), (100, 100)])]
    layers.write("networks.car", gpd.GeoDataFrame(facts, geometry=lines, crs=32633))
    return layers


def test_cars_go_by_speed_and_direction(layers):
    network = roads_of(layers, "sp_car")
    assert network.seconds.tolist() == pytest.approx([10, 7.2])
    assert [len(network.away.node), len(network.back.node)] == [3, 3]
    assert roads_of(layers, "car", by="length").along.tolist() == pytest.approx([100, 100])


def test_walkers_go_everywhere(layers):
    network = roads_of(layers, "osrm_walk")
    assert network.seconds.tolist() == pytest.approx([72, 72])
    assert len(network.away.node) == 4


def test_a_provider_may_have_a_layer_of_its_own_and_walkers_too(layers):
    for name, end in (("walk", 10), ("sp_walk", 20)):
        line = gpd.GeoDataFrame(geometry=[LineString([(0, 0), (end, 0)])], crs=32633)
        layers.write(f"networks.{name}", line)
    assert roads_of(layers, "pedestrian").meters.tolist() == [10]
    assert roads_of(layers, "sp_walk").meters.tolist() == [20]


def test_a_network_is_kept_until_its_layer_changes(layers):
    before = roads_of(layers, "sp_car")
    assert roads_of(layers, "car") is before
    layers.append("networks.car", gpd.GeoDataFrame(geometry=[LineString([(0, 0), (0, 9)])], crs=32633))
    assert len(roads_of(layers, "sp_car").meters) == 3


def test_where_there_are_no_roads(layers, tmp_path):
    layers.write("networks.walk", pd.DataFrame({"a": [1]}))
    with pytest.raises(InvalidValue, match="table without geometry"):
        roads_of(layers, "walk")
    with pytest.raises(NotFound, match=r"gpserver import roads\.gpkg networks\.car"):
        roads_of(open_layers(tmp_path / "empty"), "sp_car")
