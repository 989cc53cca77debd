"""The Tools service: its tasks as plain functions, and the names that clients count on."""

import time
from datetime import UTC, datetime

import pandas as pd
import pytest

from gpserver import JobContext, LinearUnit
from gpserver.errors import JobCancelled, TaskError
from gpserver.job import MessageType
from gpserver.task import task_of


def parameters(function):
    return {
        item.name: (item.data_type.name, item.direction, item.required)
        for item in task_of(function).parameters
    }


def test_slow_task_takes_its_time_and_reports(tools_service):
    job = JobContext()
    elapsed = tools_service.slow_task(job, 0.3)
    assert elapsed >= 0.3
    percents = [report.percent for report in job.reports]
    assert percents == sorted(percents)
    assert (percents[0], percents[-1]) == (0, 100)


@pytest.mark.parametrize("seconds", [0, -3])
def test_slow_task_of_no_time(tools_service, seconds):
    assert tools_service.slow_task(JobContext(), seconds) >= 0


def test_slow_task_stops_at_a_cancel(tools_service):
    asked = iter([False, True])
    job = JobContext(cancelled=lambda: next(asked))
    started = time.monotonic()
    with pytest.raises(JobCancelled):
        tools_service.slow_task(job, 3600)
    assert time.monotonic() - started < 60


def test_fail_task_fails_with_the_reason_alone(tools_service):
    job = JobContext()
    with pytest.raises(TaskError) as failure:
        tools_service.fail_task(job, "No roads here: 100 % – нет дорог")
    assert str(failure.value) == "No roads here: 100 % – нет дорог"
    assert [message.type for message in job.messages] == [MessageType.WARNING]


@pytest.mark.parametrize("text", ["", "Grüße,\r\nмир\n"])
def test_file_task_writes_the_text_as_it_is(tools_service, text):
    job = JobContext()
    path = tools_service.file_task(job, text)
    assert path == job.scratch / "output.txt"
    assert path.read_bytes().decode() == text


def test_echo_types_gives_back_what_came_in(tools_service, tmp_path):
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
    *echoed, size = tools_service.echo_types(**given, in_file=file)
    assert all(after is before for after, before in zip(echoed, given.values(), strict=True))
    assert size == 5


def test_echo_types_leaves_unset_what_is_not_given(tools_service):
    assert set(tools_service.echo_types()) == {None}


def test_names_and_types(tools_service):
    assert parameters(tools_service.slow_task) == {
        "Seconds": ("GPDouble", "input", False),
        "Elapsed": ("GPDouble", "output", True),
    }
    assert parameters(tools_service.fail_task) == {"Reason": ("GPString", "input", True)}
    assert parameters(tools_service.file_task) == {
        "Text": ("GPString", "input", True),
        "Output_File": ("GPDataFile", "output", True),
    }
    types = {
        "String": "GPString",
        "Long": "GPLong",
        "Double": "GPDouble",
        "Boolean": "GPBoolean",
        "Date": "GPDate",
        "List": "GPMultiValue:GPString",
        "Unit": "GPLinearUnit",
        "Table": "GPRecordSet",
    }
    echo = parameters(tools_service.echo_types)
    assert {name: facts[0] for name, facts in echo.items()} == (
        {f"In_{name}": kind for name, kind in types.items()}
        | {"In_File": "GPDataFile"}
        | {f"Out_{name}": kind for name, kind in types.items()}
        | {"Out_Size": "GPLong"}
    )
    assert not any(required for _, _, required in echo.values())
    assert task_of(tools_service.echo_types).inputs[0].choices == ("red", "green", "blue")
