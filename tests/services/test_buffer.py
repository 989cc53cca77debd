"""The Buffer services: names that clients count on, and the function on the example data."""

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import Geod

from gpserver import JobContext, LinearUnit
from gpserver.errors import InvalidValue
from gpserver.job import MessageType

PLACES = Path(__file__).parents[2] / "examples" / "data" / "populated_places.geojson"


@pytest.fixture(scope="module")
def places():
    return gpd.read_file(PLACES)


@pytest.fixture(scope="module")
def buffer_points(catalog):
    return catalog.task("Buffer", "BufferPoints").function


@pytest.mark.parametrize(
    ("name", "synchronous", "result_map_service", "maximum_records"),
    [
        ("Buffer", False, True, 1_000_000),
        ("BufferSync", True, False, 1000),
        ("BufferPlain", False, False, 1_000_000),
    ],
)
def test_three_services_publish_it(catalog, name, synchronous, result_map_service, maximum_records):
    service = catalog.service(name)
    assert [task.name for task in service.tasks] == ["BufferPoints"]
    assert service.synchronous is synchronous
    assert service.result_map_service is result_map_service
    assert service.maximum_records == maximum_records


def test_names_and_types_of_the_task(catalog):
    task = catalog.task("Buffer", "BufferPoints")
    assert [(item.name, item.data_type.name, item.direction, item.required) for item in task.parameters] == [
        ("Input_Features", "GPFeatureRecordSetLayer", "input", True),
        ("Distance", "GPLinearUnit", "input", False),
        ("Output_Polygons", "GPFeatureRecordSetLayer", "output", True),
    ]
    assert task.inputs[1].default_value == {"distance": 100, "units": "esriMeters"}
    assert all(item.description for item in task.parameters)


def test_every_place_is_buffered(buffer_points, places):
    job = JobContext()
    buffered = buffer_points(job, places, LinearUnit(5, "esriKilometers"))
    assert buffered.name.tolist() == places.name.tolist()
    assert set(buffered.columns) == {*places.columns, "BUFF_DIST", "Shape_Length", "Shape_Area"}
    assert set(buffered.BUFF_DIST) == {5000}
    assert shapely.contains(buffered.geometry.array, places.geometry.array).all()
    assert [message.text for message in job.messages] == ["Buffering 243 points by 5 Kilometers."]
    assert job.reports[-1].percent == 100


def test_the_default_is_100_metres(buffer_points, places):
    buffered = buffer_points(JobContext(), places[:1])
    corner, centre = buffered.geometry.iloc[0].exterior.coords[17], places.geometry.iloc[0].coords[0]
    assert Geod(ellps="WGS84").inv(*centre, *corner)[2] == pytest.approx(100, rel=1e-6)


def test_units_without_a_length_are_refused(buffer_points, places):
    with pytest.raises(InvalidValue, match="esriDecimalDegrees"):
        buffer_points(JobContext(), places, LinearUnit(1, "esriDecimalDegrees"))


def test_what_the_tool_warns_of_is_said_to_the_client(buffer_points):
    job = JobContext()
    frame = gpd.GeoDataFrame(geometry=[shapely.Point(0, 0), None])
    with job.logging():
        buffer_points(job, frame)
    warnings = [message.text for message in job.messages if message.type is MessageType.WARNING]
    assert len(warnings) == 2
    assert "no spatial reference" in warnings[0]
    assert "1 of 2 features have no buffer" in warnings[1]


def test_the_example_data_are_what_their_description_says(places):
    assert (len(places), places.crs.to_epsg()) == (243, 4326)
    assert places.columns.tolist() == ["id", "name", "continent", "geometry"]
    assert places.id.tolist() == list(range(1, 244))
    assert places.continent.isna().sum() == 30
    assert np.abs(places.total_bounds).max() <= 180
    assert PLACES.stat().st_size < 100_000


def test_from_a_feature_set_to_a_feature_set(catalog):
    task = catalog.task("BufferSync", "BufferPoints")
    features = {
        "geometryType": "esriGeometryPoint",
        "spatialReference": {"wkid": 102100},
        "features": [{"geometry": {"x": 1_000_000, "y": 6_000_000}, "attributes": {"name": "a"}}],
    }
    arguments = task.arguments({"input_features": json.dumps(features), "distance": "2 kilometers"})
    output = task.outputs[0].data_type.encode(task.function(JobContext(), **arguments))
    assert output["spatialReference"]["latestWkid"] == 3857
    assert output["geometryType"] == "esriGeometryPolygon"
    (feature,) = output["features"]
    assert len(feature["geometry"]["rings"][0]) == 65
    assert (feature["attributes"]["name"], feature["attributes"]["BUFF_DIST"]) == ("a", 2000)
