"""CreateDriveTimeAreas over HTTP and as a function: roads from named layers, modes, barriers, directions."""

import json

import geopandas as gpd
import pytest
import shapely
from gpclient import Client
from town import town

from gpserver import JobContext, TaskError
from gpserver.errors import NotFound
from gpserver.layers import open_layers

NAMES = (
    "inputLayer breakValues breakUnits travelMode overlapPolicy timeOfDay timeZoneForTimeOfDay"
    " pointBarrierLayer lineBarrierLayer polygonBarrierLayer travelDirection showHoles"
    " includeReachableStreets outputName context"
)

POINTS = gpd.GeoDataFrame(
    {"name": ["a", "b"]}, geometry=shapely.points([[900, 900], [1300, 1000]]), crs=32633
)


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    layers = open_layers(tmp_path_factory.mktemp("layers"))
    layers.write("networks.car", town(24).streets)
    return layers


@pytest.fixture
def areas(catalog, layers):
    function = catalog.task("tasks", "CreateDriveTimeAreas").function
    return lambda job=None, **values: function(job or JobContext(layers=layers), POINTS, **values)


def test_names_and_help(client: Client):
    described = client.get("tasks/GPServer/CreateDriveTimeAreas")
    inputs = [item["name"] for item in described["parameters"] if item["direction"].endswith("Input")]
    outputs = [item["name"] for item in described["parameters"] if item["direction"].endswith("Output")]
    assert (inputs, outputs) == (NAMES.split(), ["driveTimeAreasLayer"])
    values = next(item for item in described["parameters"] if item["name"] == "breakValues")
    assert (values["dataType"], values["defaultValue"]) == ("GPMultiValue:GPDouble", [5, 10, 15])
    assert all(item["description"] for item in described["parameters"])


def test_over_http(client: Client, server):
    features = {
        "geometryType": "esriGeometryPoint",
        "spatialReference": {"wkid": 32633},
        "features": [{"geometry": {"x": 900, "y": 900}, "attributes": {"name": "a"}}],
    }
    values = {"inputLayer": json.dumps(features), "breakValues": "[0.5, 1]"}
    without = client.wait(client.submit("tasks/CreateDriveTimeAreas", **values))
    assert without["jobStatus"] == "esriJobFailed"
    assert "gpserver import roads.gpkg networks.car" in str(without["messages"])
    layers = open_layers(server.data / "layers")
    layers.write("networks.car", town(24).streets)
    try:
        found = client.run("tasks/CreateDriveTimeAreas", **values)["driveTimeAreasLayer"]
    finally:
        layers.drop("networks.car")
    assert found["geometryType"] == "esriGeometryPolygon"
    assert [feature["attributes"]["ToBreak"] for feature in found["features"]] == [0.5, 1]
    assert {"name", "FacilityOID", "FromBreak"} <= found["features"][0]["attributes"].keys()


def test_rings_of_each_point(areas):
    found = areas(values=[2, 0.5, 1])
    assert found[["name", "FacilityOID", "FromBreak", "ToBreak"]].to_numpy().tolist() == [
        [name, number, start, end]
        for number, name in enumerate("ab", 1)
        for start, end in ((0, 0.5), (0.5, 1), (1, 2))
    ]
    assert shapely.relate_pattern(found.geometry.iloc[0], found.geometry.iloc[1], "F********")


def test_units_modes_and_policies(areas):
    minute = areas(values=[60], units="Seconds")
    assert areas(values=[1]).geometry.geom_equals(minute.geometry).all()
    walk = {"name": "On foot", "type": "WALK", "impedanceAttributeName": "WalkTime"}
    on_foot = areas(values=[6], travel_mode="Walking Time")
    assert on_foot.geometry.geom_equals(areas(values=[6], travel_mode=json.dumps(walk)).geometry).all()
    # On foot 500 m take six minutes, and nobody minds one-way streets.
    far = areas(values=[0.5], units="Kilometers", travel_mode="Walking Distance")
    assert on_foot.area.tolist() == pytest.approx(far.area.tolist(), rel=1e-6)
    assert len(areas(values=[1, 2], policy="Dissolve")) == 2
    split = areas(values=[2], policy="Split")
    assert split.area.sum() == pytest.approx(split.union_all().area)
    back = areas(values=[1], direction="TowardsFacility")
    assert not back.geometry.geom_equals(minute.geometry).any()
    assert areas(values=[1], context='{"outSR": {"wkid": 4326}}').crs.to_epsg() == 4326
    with pytest.raises(TaskError, match="no travel mode"):
        areas(travel_mode="Flying")


def test_barriers(areas):
    wall = gpd.GeoDataFrame(geometry=[shapely.box(1000, -200, 1060, 3000)], crs=32633)
    free, closed = areas(values=[2]), areas(values=[2], polygon_barriers=wall)
    assert free.total_bounds[2] > 1060
    assert closed.geometry.iloc[0].bounds[2] <= 1060
    assert closed.area.iloc[0] < free.area.iloc[0]


def test_reachable_streets_become_a_layer(areas, layers):
    job = JobContext(layers=layers)
    areas(job, values=[300], units="Meters", streets=True)
    name = next(each.text.split()[-1].rstrip(".") for each in job.messages if "streets" in each.text)
    streets = layers.read(name)
    assert set(streets.FacilityOID) == {1, 2}
    assert streets.length.tolist() == pytest.approx(streets.meters.tolist())


def test_without_roads(areas, tmp_path):
    with pytest.raises(NotFound, match=r"networks\.walk nor networks\.car"):
        areas(JobContext(layers=open_layers(tmp_path)), travel_mode="Walking Time")
