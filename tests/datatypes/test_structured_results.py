"""Results that are made of results: rows and lists whose parts are features, files and rasters; over HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest
from conftest import publishing
from gpclient import Client, EsriError

SERVICE = """
from pathlib import Path
from typing import Annotated, NamedTuple

import geopandas
import numpy
from shapely import Point

from gpserver import Hidden, JobContext, Param, Points, Raster, Service, Table, task


class Row(NamedTuple):
    name: str
    places: Points | None = None
    report: Path | None = None
    heights: Raster | None = None


PLACES = geopandas.GeoDataFrame({"name": ["a", "b"]}, geometry=[Point(1, 2), Point(3, 4)], crs=4326)
CHOICES = {"All": PLACES, "First": lambda: PLACES[:1]}


@task(output="rows")
def make_rows(job: JobContext) -> list[Row]:
    report = job.scratch / "report.txt"
    report.write_text("told")
    return [Row("full", PLACES, report, Raster(numpy.ones((2, 2)), (0, 0, 1, 1), 4326)), Row("empty")]


@task(output="several")
def make_several(job: JobContext) -> list[Points | Path | str]:
    report = job.scratch / "report.txt"
    report.write_text("told")
    return [PLACES, report, "text"]


@task(output="one")
def make_one(kind: str) -> Points | float | None:
    return {"features": PLACES, "number": 5.0}.get(kind)


@task(output="count")
def count_places(places: Annotated[Points, Param(choices=CHOICES)] = "All") -> int:
    return len(places)


@task(output="length")
def measure(secret: Hidden) -> int:
    return len(secret)


asynchronous = Service("Parts", result_map_service=True)
synchronous = Service("PartsNow", synchronous=True)
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with publishing(tmp_path_factory.mktemp("structured"), {"parts.py": SERVICE}) as server:
        yield server.client


def executed(client: Client, task: str, **parameters: Any) -> dict[str, Any]:
    [result] = client.post(f"PartsNow/GPServer/{task}/execute", **parameters)["results"]
    found: dict[str, Any] = result
    return found


def names(features: dict[str, Any]) -> list[str]:
    return [feature["attributes"]["name"] for feature in features["features"]]


def content(client: Client, value: dict[str, Any]) -> bytes:
    return client.http.get(value["url"]).content


def assert_rows(client: Client, rows: Any) -> None:
    (name, places, report, heights), empty = rows
    assert (name, names(places), content(client, report)) == ("full", ["a", "b"], b"told")
    assert places["geometryType"] == "esriGeometryPoint"
    assert heights["format"] == "tif"
    assert content(client, heights)[:2] in (b"II", b"MM")
    assert empty == ["empty", None, None, None]


def test_a_value_table_of_a_job(client: Client) -> None:
    job = client.submit("Parts/MakeRows")
    client.wait(job)
    answer = client.get(f"{job}/results/Rows")
    assert (answer["paramName"], answer["dataType"]) == ("Rows", "GPValueTable")
    assert_rows(client, answer["value"])
    named = client.get(f"{job}/results/Rows", returnColumnName="true")["value"]
    assert [list(row) for row in named] == [["Name", "Places", "Report", "Heights"]] * 2
    assert_rows(client, [list(row.values()) for row in named])


def test_a_value_table_at_once(client: Client) -> None:
    assert_rows(client, executed(client, "MakeRows", returnMessages="true")["value"])
    named = executed(client, "MakeRows", returnColumnName="True")["value"]
    assert named[1] == {"Name": "empty", "Places": None, "Report": None, "Heights": None}


def test_a_list_of_composite_values(client: Client) -> None:
    result = executed(client, "MakeSeveral", returnMessages="true")
    assert result["dataType"] == "GPMultiValue:GPComposite"
    places, report, text = result["value"]
    assert (places["dataType"], names(places["value"])) == ("GPFeatureRecordSetLayer", ["a", "b"])
    assert (report["dataType"], content(client, report["value"])) == ("GPDataFile", b"told")
    assert text == {"dataType": "GPString", "value": "text"}


def test_a_composite_result_is_what_it_is(client: Client) -> None:
    features = executed(client, "MakeOne", Kind="features")
    assert (features["dataType"], names(features["value"])) == ("GPFeatureRecordSetLayer", ["a", "b"])
    number = executed(client, "MakeOne", Kind="number")
    assert (number["dataType"], number["value"]) == ("GPDouble", 5)
    assert executed(client, "MakeOne", Kind="nothing")["value"] is None


def test_composite_features_are_on_the_map(client: Client) -> None:
    job = client.submit("Parts/MakeOne", Kind="features")
    client.wait(job)
    service, _, rest = job.partition("/GPServer/")
    [layer] = client.get(f"{service}/MapServer/jobs/{rest.rpartition('/')[2]}")["layers"]
    assert layer["name"] == "One"
    assert "href" in client.get(f"{job}/results/One")["value"]["mapImage"]
    assert names(client.get(f"{job}/results/One", returnType="data")["value"]) == ["a", "b"]


@pytest.mark.parametrize(("sent", "count"), [("", 2), ("All", 2), ("First", 1), ('"First"', 1)])
def test_layers_are_sent_by_name(client: Client, sent: str, count: int) -> None:
    assert executed(client, "CountPlaces", Places=sent, returnMessages="true")["value"] == count


def test_other_features_than_those_to_choose_from_are_refused(client: Client) -> None:
    with pytest.raises(EsriError) as raised:
        executed(client, "CountPlaces", Places='{"features": []}')
    assert "ERROR 000800: Places: The value is not a member of All | First." in raised.value.details
    [places, _] = client.get("Parts/GPServer/CountPlaces")["parameters"]
    assert (places["defaultValue"]["features"], places["choiceList"]) == ([], ["All", "First"])
    assert [item["name"] for item in places["filter"]["list"]] == ["All", "First"]


@pytest.mark.parametrize("length", [4, 200_000])
def test_secrets_are_not_shown(client: Client, length: int) -> None:
    job = client.submit("Parts/Measure", Secret="s" * length)
    assert client.wait(job)["jobStatus"] == "esriJobSucceeded"
    assert client.get(f"{job}/results/Length")["value"] == length
    assert client.get(f"{job}/inputs/Secret")["value"] == ""
    assert client.get(f"{job}/inputs")[0]["value"] == ""
    assert "sss" not in client.http.get(f"{job}/inputs/Secret").text
