"""Pages in headless Chromium against a live server: `@arcgis/core` and esri-leaflet-gp, from npm."""

from collections.abc import Callable
from typing import Any

import pytest

Said = Callable[[str], Any]


@pytest.fixture(scope="module")
def core(browse: Any, told: Any, server: Any) -> Said:
    """What came of each scenario of the page with rest/geoprocessor of @arcgis/core."""
    return told(browse(f"tests/clients/pages/core.html?server={server.url}"))


@pytest.fixture(scope="module")
def leaflet(browse: Any, told: Any, server: Any) -> Said:
    """What came of each scenario of the page with esri-leaflet-gp."""
    return told(browse(f"tests/clients/pages/leaflet.html?server={server.url}"))


def test_core_job_succeeds_and_its_result_is_decoded(core: Said, names: list[str]) -> None:
    outcome = core("result")
    result = outcome["result"]
    assert outcome["job"]["status"] == "job-succeeded"
    assert {message["type"] for message in outcome["job"]["messages"]} == {"informative"}
    assert (result["paramName"], result["dataType"]) == ("Output_Polygons", "feature-record-set-layer")
    assert (result["geometryType"], result["wkid"]) == ("polygon", 4326)
    assert result["names"] == names
    assert {"OBJECTID", "BUFF_DIST", "Shape_Length", "Shape_Area"} < set(result["fields"])


def test_core_spatial_reference_at_submit_and_at_the_result(core: Said) -> None:
    submitted, asked = core("webMercator")
    assert (submitted["wkid"], asked["wkid"]) == (102100, 4326)
    assert submitted["extent"]["xmin"] == pytest.approx(1_372_872, abs=50)
    assert asked["extent"]["xmin"] == pytest.approx(12.33287, abs=0.001)


def test_core_execute_answers_at_once(core: Said, names: list[str]) -> None:
    outcome = core("execute")
    assert outcome["result"]["names"] == names
    assert any("243 points" in message for message in outcome["messages"])


def test_core_reports_progress(core: Said) -> None:
    seen = core("progress")
    # Until the task counts for the first time there is no percentage.
    steps = [report["progress"] for report in seen if "percent" in (report["progress"] or {})]
    percents = [step["percent"] for step in steps if step["percent"] is not None]
    assert {report["jobStatus"] for report in seen} <= {"job-submitted", "job-executing"}
    assert percents == sorted(percents)
    assert percents


def test_core_cancel_ends_in_cancelled(core: Said) -> None:
    assert core("cancel")["status"] == "job-cancelled"


def test_core_failure_brings_the_messages(core: Said) -> None:
    job = core("failure")
    assert job["status"] == "job-failed"
    assert {"type": "error", "description": "The river has no water"} in job["messages"]


def test_core_values_of_all_types(core: Said) -> None:
    values = core("values")
    table, field = values.pop("Out_Table"), values.pop("Out_Field")
    assert (field["name"], field["type"]) == ("size", "esriFieldTypeInteger")
    assert values == {
        "Out_String": "green",
        "Out_Long": 42,
        "Out_Double": 0.5,
        "Out_Boolean": False,
        "Out_Date": "2024-02-29T00:00:00.000Z",
        "Out_List": ["a", "b;c"],
        "Out_Unit": {"distance": 3, "units": "esriNauticalMiles"},
        "Out_Size": None,
        "Out_Area": {"area": 2, "units": "esriAcres"},
        "Out_Time": {"time": 1, "units": "esriTimeUnitsWeeks"},
        "Out_Stops": [["Home", 2.5, None, None, None]],
        "Out_Any": {"distance": 4, "units": "esriMiles"},
        "Out_Several": [7, {"distance": 5, "units": "esriMiles"}],
    }
    assert [f["attributes"] for f in table["features"]] == [{"OBJECTID": 1, "name": "one", "size": 1}]


def test_core_fetches_a_file_across_origins(core: Said) -> None:
    assert core("file") == {"kind": "esri.rest.support.DataFile", "text": "Grüße"}


def test_core_unknown_task_is_an_error(core: Said) -> None:
    error = core("unknown")
    assert (error["name"], error["code"]) == ("request:server", 400)


@pytest.mark.parametrize("scenario", ["asynchronous", "synchronousLong"])
def test_leaflet_draws_buffers_of_geojson(leaflet: Said, names: list[str], scenario: str) -> None:
    outcome = leaflet(scenario)
    assert sorted(place["name"] for place in outcome["attributes"]) == sorted(names)
    assert {place["BUFF_DIST"] for place in outcome["attributes"]} == {10_000}


@pytest.mark.parametrize("scenario", ["synchronous", "jsonp"])
def test_leaflet_buffers_a_marker(leaflet: Said, scenario: str) -> None:
    outcome = leaflet(scenario)
    assert len(outcome["attributes"]) == 1
    assert outcome["bounds"] == pytest.approx([2.2137, 48.7701, 2.4863, 48.9499], abs=0.001)


def test_leaflet_gives_a_scalar_result(leaflet: Said) -> None:
    outcome = leaflet("text")
    assert not outcome.get("error")
    assert outcome["result"]["Out_String"] == "green"


def test_leaflet_learns_of_a_failure(leaflet: Said) -> None:
    assert leaflet("failure") == {"error": "Job Failed", "result": None}
