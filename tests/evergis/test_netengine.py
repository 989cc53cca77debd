"""netEngine over a street grid whose distances a hand can count."""

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from gpserver.context import JobContext
from gpserver.errors import InvalidRequest, InvalidValue, NotFound
from gpserver.evergis.directions import area, pairs, way
from gpserver.evergis.netengine import availability_area, od_matrix
from gpserver.evergis.parameters import read_parameters
from gpserver.layers import Layers, open_layers

UTM = 32637
SIDE = 2000
STEP = 100


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grid of 100 m blocks, 2 km wide, at 60 km/h: 1 km is a minute; and three people in it."""
    folder = tmp_path_factory.mktemp("layers")
    layers = open_layers(folder)
    ticks = range(0, SIDE + 1, STEP)
    rows = [shapely.LineString([(x, y) for x in ticks]) for y in ticks]
    columns = [shapely.LineString([(x, y) for y in ticks]) for x in ticks]
    lines = [*rows, *columns]
    layers.write("networks.car", gpd.GeoDataFrame({"speed": [60.0] * len(lines)}, geometry=lines, crs=UTM))
    people = [shapely.Point(1000, 1000), shapely.Point(0, 0), shapely.Point(90_000, 0)]
    facts = {"name": ["a", "b", "far"], "minutes": [1.0, 0.5, 1.0]}
    layers.write("u.people", gpd.GeoDataFrame(facts, geometry=people, crs=UTM))
    return folder


@pytest.fixture
def layers(folder: Path) -> Layers:
    found = open_layers(folder)
    for name in ("u.areas", "u.matrix"):
        if found.exists(name):
            found.drop(name)
    return found


def run(layers: Layers, **parameters: Any) -> Any:
    asked = read_parameters("netEngine", parameters)
    work = od_matrix if "sourceFromLayer" in parameters else availability_area
    return work(JobContext(layers=layers), asked, lambda done, of: None)  # type: ignore[arg-type]


def test_areas_are_those_of_the_grid(layers: Layers) -> None:
    names = {"durationAttributeName": "minutes", "baseObjectIdAttributeName": "person"}
    centre = {"routeCenterXAttributeName": "x", "routeCenterYAttributeName": "y"}
    source = {"sourceLayer": {"layerName": "u.people"}, "targetLayer": {"name": "u.areas", "alias": "Areas"}}
    run(layers, providerName="osrm_car", durationExpression="minutes", **source, **names, **centre)
    frame = layers.read("u.areas")
    assert list(frame.columns) == ["gid", "person", "minutes", "x", "y", "geometry"]
    assert frame["person"].tolist() == [1, 2]  # nobody is on the roads at 90 km
    assert frame["minutes"].tolist() == [1.0, 0.5]
    assert frame[["x", "y"]].to_numpy().tolist() == [[1000, 1000], [0, 0]]
    # In a grid whoever goes r metres reaches a diamond of 2 r², of which a corner of the town has a quarter.
    assert frame.area.tolist() == pytest.approx([2 * 1000**2, 2 * 500**2 / 4], rel=0.15)
    run(layers, providerName="sproute_isochrone_car_in", durationExpression=1, **source, **names)
    assert layers.find("u.areas").count == 4


def test_minutes_must_be_numbers(layers: Layers) -> None:
    source = {"sourceLayer": {"layerName": "u.people"}, "targetLayer": {"name": "u.areas"}}
    with pytest.raises(InvalidValue, match="gives no numbers"):
        run(layers, providerName="osrm_car", durationExpression="name", **source)


def test_the_matrix_has_every_pair(layers: Layers) -> None:
    both = {
        "sourceFromLayer": {"layerName": "u.people"},
        "sourceToLayer": {"layerName": "u.people", "idAttribute": "name"},
    }
    more = {
        "defaultValues": {"scenario": 7},
        "attributeTypeMapping": {"scenario": "Int64"},
        "transportType": "car",
    }
    tally = run(layers, targetLayer={"name": "u.matrix"}, **both, **more)
    frame = layers.read("u.matrix")
    assert tally.total == len(frame) == 9
    assert list(frame.columns) == [
        "gid",
        "from",
        "to",
        "transport_type",
        "weight_parameter",
        "distance",
        "scenario",
    ]
    ways = {(row["from"], row["to"]): row for row in frame.to_dict("records")}
    assert ways[1, "b"]["distance"] == pytest.approx(2000)
    assert ways[1, "b"]["weight_parameter"] == pytest.approx(120)
    assert np.isnan(ways[1, "far"]["distance"])
    assert set(frame["scenario"]) == {7}


def test_one_area_one_way_and_one_matrix_at_once(layers: Layers) -> None:
    asked = {"providerName": "osrm_car", "x": 1000, "y": 1000, "duration": 1, "srIn": UTM, "srOut": UTM}
    [feature] = area(layers, asked)["features"]
    assert shapely.geometry.shape(feature["geometry"]).area == pytest.approx(2e6, rel=0.1)
    assert feature["geometry"]["srId"] == UTM
    asked = {"providerName": "x_car", "x1": 0, "y1": 0, "x2": 300, "y2": 50, "srIn": UTM, "srOut": UTM}
    [feature] = way(layers, asked)["features"]
    assert shapely.geometry.shape(feature["geometry"]).length == pytest.approx(350)
    assert feature["properties"] == {"distance": pytest.approx(350), "duration": pytest.approx(21)}
    places = [
        {"geometry": {"coordinates": place}, "properties": {"gid": gid}}
        for gid, place in ((5, (0, 0)), (6, (500, 0)))
    ]
    for seconds, amount in ((True, 30.0), (False, 500.0)):
        asked = {"arrayFrom": places[:1], "arrayTo": places, "epsgCode": UTM, "seconds": seconds}
        told = [item["properties"] for item in pairs(layers, asked)["features"]]
        assert [(item["from"], item["to"]) for item in told] == [(5, 5), (5, 6)]
        assert [item["distance"] for item in told] == pytest.approx([0, amount])
        assert [item["weightparameter"] for item in told] == pytest.approx([0, amount])


def test_off_the_roads_there_is_nothing(layers: Layers) -> None:
    asked = {"providerName": "osrm_car", "x": 90_000, "y": 0, "duration": 1, "srIn": UTM}
    assert area(layers, asked) == {"type": "FeatureCollection", "features": []}
    asked = {"providerName": "osrm_car", "x1": 0, "y1": 0, "x2": 90_000, "y2": 0, "srIn": UTM}
    assert way(layers, asked)["features"] == []


def test_what_is_wrong_is_said(layers: Layers, tmp_path: Path) -> None:
    asked = {"providerName": "osrm_car", "x": 1, "y": 1, "duration": 0}
    with pytest.raises(InvalidValue, match="minutes above 0"):
        area(layers, asked)
    with pytest.raises(InvalidRequest, match="data: object missing required field 'y'"):
        area(layers, {"providerName": "osrm_car", "x": 1, "duration": 1})
    with pytest.raises(InvalidRequest, match=r"data\.arrayFrom"):
        pairs(layers, {"arrayFrom": [{"geometry": {"coordinates": [1]}}], "arrayTo": []})
    many = [{"geometry": {"coordinates": [0, 0]}}] * 600
    with pytest.raises(InvalidValue, match="360000 pairs"):
        pairs(layers, {"arrayFrom": many, "arrayTo": many})
    with pytest.raises(NotFound, match=r"gpserver import"):
        area(open_layers(tmp_path), asked | {"duration": 1})
