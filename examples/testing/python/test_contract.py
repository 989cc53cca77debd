"""Story 4: a contract, tested from both sides.

In production the server is upgraded or its tool republished, and only a stub still does what clients expect.
Here one suite runs against the emulator at each commit, and at night against that of GP_SERVICES.
The client should rely on what this suite says, and on nothing else.
"""

import os
import time
from typing import Any

import httpx
import pytest

from gpserver import LinearUnit, Points, Polygons
from gpserver.testing import GPServer

POINT = '{"features": [{"geometry": {"x": 7.5, "y": 51.5, "spatialReference": {"wkid": 4326}}}]}'
TASK = "Proximity/GPServer/BufferPoints"


@pytest.fixture
def task(gp_server: GPServer) -> str:
    """The URL of the task: the real one, or a stub that is as good as the contract needs it."""

    @gp_server.task(service="Proximity", output="output_polygons")
    def buffer_points(input_features: Points, distance: LinearUnit) -> Polygons:
        metres = input_features.to_crs(3857)
        return metres.set_geometry(metres.buffer(distance.meters))

    return f"{os.environ.get('GP_SERVICES', gp_server.services)}/{TASK}"


def get(url: str, **parameters: Any) -> Any:
    return httpx.post(url, data={"f": "json", **parameters}).json()


def run(task: str, **parameters: Any) -> Any:
    job = get(f"{task}/submitJob", **parameters)
    while job["jobStatus"] in ("esriJobSubmitted", "esriJobWaiting", "esriJobExecuting"):
        time.sleep(0.02)
        job = get(f"{task}/jobs/{job['jobId']}")
    return job


def test_the_parameters_are_those_that_the_client_sends(task: str) -> None:
    parameters = {item["name"]: item["dataType"] for item in get(task)["parameters"]}
    assert parameters["Input_Features"] == "GPFeatureRecordSetLayer"
    assert parameters["Distance"] == "GPLinearUnit"


def test_a_point_becomes_a_polygon(task: str) -> None:
    job = run(task, Input_Features=POINT, Distance='{"distance": 1, "units": "esriKilometers"}')
    result = get(f"{task}/jobs/{job['jobId']}/results/Output_Polygons", returnType="data")["value"]
    assert (job["jobStatus"], result["geometryType"]) == ("esriJobSucceeded", "esriGeometryPolygon")


def test_a_distance_that_is_none_fails_the_job(task: str) -> None:
    assert run(task, Input_Features=POINT, Distance='"far"')["jobStatus"] == "esriJobFailed"
