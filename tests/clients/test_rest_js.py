"""`@esri/arcgis-rest-request` (ArcGIS REST JS) as it comes from npm: its Job class against a live server."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Said = Callable[[str], Any]


@pytest.fixture(scope="module")
def said(node: str, packages: Path, converse: Any, told: Any, services: str, places: Path) -> Said:
    """What came of each scenario of rest_js.mjs, which runs them all at once."""
    return told(converse(node, Path(__file__).parent / "rest_js.mjs", services, places))


def attributes(output: dict[str, Any], field: str) -> list[Any]:
    return [feature["attributes"][field] for feature in output["value"]["features"]]


def descriptions(info: dict[str, Any], kind: str) -> list[str]:
    return [m["description"] for m in info["messages"] if m["type"] == f"esriJobMessageType{kind}"]


def test_a_job_succeeds_and_gives_its_result(said: Said, names: list[str]) -> None:
    result = said("result")
    output = result["output"]
    assert result["info"]["status"] == "Succeeded"
    assert (output["paramName"], output["dataType"]) == ("Output_Polygons", "GPFeatureRecordSetLayer")
    assert output["value"]["geometryType"] == "esriGeometryPolygon"
    assert output["value"]["spatialReference"] == {"wkid": 4326, "latestWkid": 4326}
    assert attributes(output, "name") == names
    assert set(attributes(output, "BUFF_DIST")) == {10_000}


def test_inputs_are_found_by_their_relative_url(said: Said) -> None:
    assert said("result")["input"] == {
        "paramName": "Distance",
        "dataType": "GPLinearUnit",
        "value": {"distance": 10, "units": "esriKilometers"},
    }


def test_geojson_is_an_input_like_a_feature_set(said: Said) -> None:
    assert said("geojson")["output"]["value"]["features"] == said("result")["output"]["value"]["features"]


def test_all_results_of_all_types(said: Said) -> None:
    results = said("allResults")
    table = results.pop("Out_Table")["value"]
    values = {name: result["value"] for name, result in results.items()}
    assert {name: value for name, value in values.items() if value not in (None, "", [], {})} == {
        "Out_String": "green",
        "Out_Long": 42,
        "Out_Double": 0.5,
        "Out_Boolean": False,
        "Out_Date": 1709164800000,
        "Out_List": ["a", "b;c"],
        "Out_Unit": {"distance": 3, "units": "esriFeet"},
    }
    assert [feature["attributes"] for feature in table["features"]] == [
        {"OBJECTID": 1, "name": "one", "size": 1}
    ]


def test_a_watched_job_reports_status_and_progress(said: Said) -> None:
    seen = said("watched")["seen"]
    # Until the task counts for the first time there is no percentage.
    percents = [report["progress"]["percent"] for report in seen if "percent" in report.get("progress", {})]
    assert seen[-1]["status"] == "Succeeded"
    assert {report["status"] for report in seen[:-1]} <= {"Submitted", "Executing"}
    assert percents == sorted(percents)
    assert percents


def test_a_failed_job_is_rejected_with_its_messages(said: Said) -> None:
    error = said("failure")
    assert error["name"] == "ArcGISJobError"
    assert error["jobInfo"]["status"] == "Failed"
    assert "The river has no water" in descriptions(error["jobInfo"], "Error")


def test_a_cancelled_job_stays_cancelled(said: Said) -> None:
    cancelled = said("cancel")
    assert cancelled["answer"]["jobStatus"] in ("esriJobCancelling", "esriJobCancelled")
    assert cancelled["info"]["status"] == "Cancelled"
    assert cancelled["again"]["message"] == "400: Invalid or missing input parameters."


def test_a_job_is_taken_up_again_by_its_id(said: Said, names: list[str]) -> None:
    assert [attributes(output, "name") for output in said("resume")] == [names, names]


def test_an_unknown_job_is_an_error(said: Said) -> None:
    error = said("unknown")
    assert (error["name"], error["code"]) == ("ArcGISRequestError", 400)


def test_execute_projects_its_answer(said: Said, names: list[str]) -> None:
    [output] = said("execute")["results"]
    assert output["value"]["spatialReference"] == {"wkid": 102100, "latestWkid": 3857}
    assert attributes(output, "name") == names


def test_a_synchronous_service_refuses_jobs(said: Said) -> None:
    error = said("wrongOperation")
    assert (error["name"], error["code"]) == ("ArcGISRequestError", 400)
