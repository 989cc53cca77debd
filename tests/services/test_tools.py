"""The Tools service: its tasks as plain functions, and the names that clients count on."""

import json
import time
from datetime import UTC, datetime

import pandas as pd
import pytest

from gpserver import JobContext, LinearUnit
from gpserver.datatypes import KINDS
from gpserver.errors import JobCancelled, TaskError
from gpserver.job import MessageType


@pytest.fixture(scope="module")
def tools(catalog):
    """The functions of the service by their tasks' names."""
    return {task.name: task.function for task in catalog.service("Tools").tasks}


def parameters(catalog, task):
    return {
        item.name: (item.data_type.name, item.direction, item.required)
        for item in catalog.task("Tools", task).parameters
    }


def test_slow_task_takes_its_time_and_reports(tools):
    job = JobContext()
    elapsed = tools["SlowTask"](job, 0.3)
    assert elapsed >= 0.3
    percents = [report.percent for report in job.reports]
    assert percents == sorted(percents)
    assert (percents[0], percents[-1]) == (0, 100)


@pytest.mark.parametrize("seconds", [0, -3])
def test_slow_task_of_no_time(tools, seconds):
    assert tools["SlowTask"](JobContext(), seconds) >= 0


def test_slow_task_stops_at_a_cancel(tools):
    asked = iter([False, True])
    job = JobContext(cancelled=lambda: next(asked))
    started = time.monotonic()
    with pytest.raises(JobCancelled):
        tools["SlowTask"](job, 3600)
    assert time.monotonic() - started < 60


def test_fail_task_fails_with_the_reason_alone(tools):
    job = JobContext()
    with pytest.raises(TaskError) as failure:
        tools["FailTask"](job, "No roads here: 100 % – нет дорог")
    assert str(failure.value) == "No roads here: 100 % – нет дорог"
    assert [message.type for message in job.messages] == [MessageType.WARNING]


@pytest.mark.parametrize("text", ["", "Grüße,\r\nмир\n"])
def test_file_task_writes_the_text_as_it_is(tools, text, tmp_path):
    path = tools["FileTask"](JobContext(scratch=tmp_path), text)
    assert path == tmp_path / "output.txt"
    assert path.read_bytes().decode() == text


def test_echo_types_gives_back_what_came_in(tools, tmp_path):
    file = tmp_path / "in.bin"
    file.write_bytes(b"12345")
    given = {
        "in_string": "green",
        "in_long": 0,
        "in_double": -1.5,
        "in_boolean": False,
        "in_date": datetime(2026, 11, 22, tzinfo=UTC),
        "in_list": ["a", ""],
        "in_unit": LinearUnit(2, "esriMiles"),
        "in_table": pd.DataFrame({"a": [1, 2]}),
    }
    echoed = tools["EchoTypes"](**given, in_file=file)._asdict()
    assert all(echoed[name.replace("in_", "out_", 1)] is value for name, value in given.items())
    assert (echoed["out_file"], echoed["out_size"]) == (file, 5)


def test_echo_types_leaves_unset_what_is_not_given(tools):
    assert set(tools["EchoTypes"]()) == {None}


def test_names_and_types(catalog):
    assert parameters(catalog, "SlowTask") == {
        "Seconds": ("GPDouble", "input", False),
        "Elapsed": ("GPDouble", "output", True),
    }
    assert parameters(catalog, "FailTask") == {"Reason": ("GPString", "input", True)}
    assert parameters(catalog, "FileTask") == {
        "Text": ("GPString", "input", True),
        "Output_File": ("GPDataFile", "output", True),
    }
    echo = parameters(catalog, "EchoTypes")
    types = {name.removeprefix("In_"): kind for name, (kind, _, _) in echo.items() if name.startswith("In_")}
    assert {kind.name for kind in KINDS} <= {*types.values(), "GPMultiValue:GPString"}
    assert {name: facts[0] for name, facts in echo.items() if name.startswith("Out_")} == (
        {f"Out_{name}": kind for name, kind in types.items()} | {"Out_Size": "GPLong"}
    )
    assert not any(required for _, _, required in echo.values())
    assert catalog.task("Tools", "EchoTypes").inputs[0].choices == ("red", "green", "blue")


def test_the_service_is_asynchronous_and_has_no_map(catalog):
    service = catalog.service("Tools")
    assert (service.synchronous, service.result_map_service) == (False, False)


def echo_of(catalog, raw):
    """What a client gets back for what it sent, in the forms of the wire."""
    task = catalog.task("Tools", "EchoTypes")
    returned = task.results(task.function(**task.arguments(raw)))
    return {output.name: output.data_type.encode(returned[output.name]) for output in task.outputs}


@pytest.mark.parametrize(
    ("kind", "sent", "expected"),
    [
        ("String", "blue", "blue"),
        ("Long", "-7", -7),
        ("Double", "2.50", 2.5),
        ("Boolean", "TRUE", True),
        ("Date", "1199145600123", 1199145600123),
        ("List", '["a","b, c"]', ["a", "b, c"]),
        ("Unit", "15 miles", {"distance": 15, "units": "esriMiles"}),
    ],
)
def test_echo_types_on_the_wire(catalog, kind, sent, expected):
    echo = echo_of(catalog, {f"In_{kind}": sent})
    assert echo == echo_of(catalog, {}) | {f"Out_{kind}": expected}


def test_echo_types_gives_the_rows_of_a_table(catalog):
    rows = [{"attributes": {"name": "a", "count": 1}}, {"attributes": {"name": None, "count": 2}}]
    fields = [
        {"name": "name", "type": "esriFieldTypeString"},
        {"name": "count", "type": "esriFieldTypeInteger"},
    ]
    echo = echo_of(catalog, {"In_Table": json.dumps({"fields": fields, "features": rows})})["Out_Table"]
    assert [{name: row["attributes"][name] for name in ("name", "count")} for row in echo["features"]] == [
        row["attributes"] for row in rows
    ]
    assert {field["name"]: field["type"] for field in echo["fields"]}["count"] == "esriFieldTypeInteger"
