"""Scenarios from files, and what is said where one is not right."""

from pathlib import Path

import pytest

from gpserver.emulator.scenario import read_scenario
from gpserver.emulator.timeline import Said, Step
from gpserver.errors import GPServerError
from gpserver.job import MessageType

TOML = """
seed = 3
start = 2024-02-29T13:00:00+01:00
speed = 0

[[timelines]]
task = "Buffer"
nth = 2

[[timelines.steps]]
status = "executing"
seconds = 2
progress = [0, 100]
messages = ["half", { text = "care", type = "warning" }]

[[faults]]
kind = "reset"
operation = "submit"

[[quirks]]
name = "timed_out"
"""
JSON = """{"seed": 3, "start": 1709208000, "speed": 0,
"timelines": [{"task": "Buffer", "nth": 2,
    "steps": [{"status": "executing", "seconds": 2, "progress": [0, 100],
    "messages": ["half", {"text": "care", "type": "warning"}]}]}],
"faults": [{"kind": "reset", "operation": "submit"}],
"quirks": [{"name": "timed_out"}]}"""


@pytest.mark.parametrize(("name", "text"), [("late.toml", TOML), ("late.json", JSON)])
def test_toml_and_json_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    scenario = read_scenario(path)
    assert (scenario.seed, scenario.epoch, scenario.speed) == (3, 1709208000, 0)
    messages = ("half", Said("care", MessageType.WARNING))
    assert scenario.timelines[0].steps == (Step("executing", 2, progress=(0, 100), messages=messages),)
    assert (scenario.timelines[0].nth, scenario.faults[0].kind, scenario.quirks[0].name) == (
        *(2, "reset"),
        "timed_out",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "sped = 0",
            "unknown field `sped`; there are seed, start, speed, version, timelines, faults, quirks.",
        ),
        (
            '[[timelines]]\nsteps = [{ status = "done" }]',
            "'done' - at `$.timelines[0].steps[0].status`; there are cancelled, cancelling, deleted",
        ),
        (
            '[[timelines]]\nsteps = [{ status = "failed", messages = [{ test = "x" }] }]',
            "unknown field `test` - at `$.timelines[0].steps[0].messages[0]`; there are text, type.",
        ),
        (
            '[[timelines]]\nsteps = [{ status = "failed", messages = [{ text = "x", type = "bad" }] }]',
            "; there are informative, warning, error",
        ),
        ("seed = 'three'", "Expected `int`, got `str` - at `$.seed`."),
        ("seed =\nspeed = 1", "Invalid value (at line 1, column 7)"),
    ],
)
def test_what_is_wrong_is_told_with_what_would_be_right(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(GPServerError) as raised:
        read_scenario(path)
    assert str(raised.value).startswith(f"The scenario {path} is not right: ")
    assert said in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(GPServerError, match=r"none\.toml cannot be read: No such file"):
        read_scenario(tmp_path / "none.toml")
