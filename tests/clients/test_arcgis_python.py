"""The `arcgis` package (ArcGIS API for Python): import_toolbox and its functions against a live server."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Said = Callable[[str], Any]


@pytest.fixture(scope="module")
def said(arcgis_python: str, converse: Any, told: Any, services: str, places: Path) -> Said:
    """What came of each scenario of toolbox.py."""
    return told(converse(arcgis_python, Path(__file__).parent / "toolbox.py", services, places))


def attributes(feature_set: dict[str, Any], field: str) -> list[Any]:
    return [feature["attributes"][field] for feature in feature_set["features"]]


def test_tasks_become_functions_with_their_help(said: Said) -> None:
    signature, documentation = said("signatures")["slow_task"]
    assert signature.startswith("(seconds: 'float' = 5.0, ")
    assert signature.endswith(" -> 'float'")
    assert "Take some time, and report the progress." in documentation
    assert "How long to take." in documentation


def test_choices_become_help(said: Said) -> None:
    signature, documentation = said("signatures")["echo_types"]
    assert "in_date: 'datetime' = None" in signature
    assert "Choice list:red,green,blue" in documentation


@pytest.mark.parametrize("scenario", ["asynchronous", "synchronous"])
def test_buffers_come_as_a_feature_set(said: Said, names: list[str], scenario: str) -> None:
    feature_set = said(scenario)
    assert feature_set["geometryType"] == "esriGeometryPolygon"
    assert feature_set["spatialReference"]["wkid"] == 4326
    assert attributes(feature_set, "name") == names
    assert set(attributes(feature_set, "BUFF_DIST")) == {10_000}


def test_units_in_the_spelling_of_the_client(said: Said) -> None:
    distances = said("units")
    assert list(distances) == ["Esrikilometers", "esriNauticalmiles", "esriMiles"]
    assert list(distances.values()) == pytest.approx([1000, 1853.2, 1609.3], abs=0.1)


def test_defaults_are_those_of_the_description(said: Said) -> None:
    assert attributes(said("default_distance"), "BUFF_DIST") == [100]


def test_the_environment_projects_the_result(said: Said) -> None:
    feature_set = said("web_mercator")
    [x, y] = feature_set["features"][0]["geometry"]["rings"][0][0]
    assert feature_set["spatialReference"] == {"wkid": 102100, "latestWkid": 3857}
    assert (x, y) == pytest.approx((1386305, 5146502), abs=200)


def test_values_of_all_types(said: Said) -> None:
    values = said("values")
    table = values.pop("out_table")
    assert {name: value for name, value in values.items() if value not in (None, "", [])} == {
        "out_string": "green",
        "out_long": 42,
        "out_double": 0.5,
        "out_boolean": False,
        "out_date": 1709164800000,
        "out_list": ["a", "b;c"],
        "out_unit": {"distance": 3, "units": "Esrifeet"},
    }
    assert table["features"] == [{"attributes": {"OBJECTID": 1, "name": "one", "size": 1}}]


def test_what_is_left_out_stays_unset(said: Said) -> None:
    defaults = said("defaults")
    assert {name for name, value in defaults.items() if value == ""} == {
        "out_string",
        "out_secret",
        "out_expression",
    }
    lists = {name for name, value in defaults.items() if value == []}
    assert {"out_list", "out_stops", "out_several"} <= lists
    others = set(defaults) - lists - {"out_string", "out_secret", "out_expression"}
    assert {name for name in others if defaults[name] is not None} <= {"out_table", "out_features"}


def test_a_file_is_fetched_by_its_url(said: Said) -> None:
    assert said("file") == ["DataFile", "Grüße"]


def test_a_file_is_uploaded_in_parts_and_comes_back_through_a_task(said: Said) -> None:
    told = said("upload_in_parts")
    assert told == {
        "limit": 2000,
        "parts": [[{"success": True, "partID": 0}, {"success": True, "partID": 1}], [0, 1]],
        "committed": [False, True, True],
        "same": [True, "lake.zip"],
        "download": ["lake.zip", True],
        "deleted": True,
    }


def test_a_file_is_uploaded_whole_and_another_is_refused(said: Said) -> None:
    name, committed, details = said("upload_whole")
    assert name == "Grüße.txt"
    assert "error" in committed  # it was complete already
    assert "are not taken" in details[0]


def test_a_job_in_the_background(said: Said) -> None:
    job = said("future")
    assert job["result"] >= 0.5
    assert job["status"] == "esriJobSucceeded"
    assert job["messages"]


def test_a_job_is_cancelled(said: Said) -> None:
    assert said("cancel") == {"answer": True, "cancelled": True, "status": "esriJobCancelled"}


@pytest.mark.parametrize(
    ("scenario", "reason"),
    [
        ("failure", "The river has no water"),
        ("bad_value", "esriCubits"),
        ("bad_value_synchronous", "esriCubits"),
        ("bad_choice", "red | green | blue"),
    ],
)
def test_errors_say_why(said: Said, scenario: str, reason: str) -> None:
    assert reason in said(scenario)


def test_messages_reach_the_log_of_the_client(said: Said) -> None:
    lines = said("log")
    assert "WARNING: This task fails on purpose." in lines
    assert "ERROR: The river has no water" in lines
