"""The page of an emulated server in headless Chromium, as a person uses it while a client is at work."""

from pathlib import Path
from typing import Any

import pytest

from gpserver.emulator.emulator import Emulator
from gpserver.emulator.scenario import Scenario
from gpserver.emulator.serving import Served
from gpserver.settings import Settings
from gpserver.testing import GPServer


@pytest.fixture(scope="module")
def shown(node: str, packages: Path, chromium: str, converse: Any, tmp_path_factory: Any) -> Any:
    """What the page showed of a job that waited 4 s, was polled, held and released, and failed."""
    folder = tmp_path_factory.mktemp("page")
    served = Served(Emulator(Settings(services=folder), Scenario(start=1709208000, speed=0)))
    served.start()
    server = GPServer(served, served.url)

    @server.task
    def echo(number: float, text: str) -> float:
        return number

    try:
        script = packages.parent / "emulator_page.mjs"
        yield converse(node, script, chromium, server.url, server.task_url("Echo"), folder)
    finally:
        served.close()


def test_nothing_breaks_the_policy_and_nothing_comes_from_elsewhere(shown: Any) -> None:
    assert shown["complaints"] == []
    assert shown["outside"] == []
    assert shown["violations"] == []


def test_a_job_is_drawn_with_what_its_client_asked(shown: Any) -> None:
    assert shown["bars"] == ["submitted", "waiting", "executing", "failed"]
    assert shown["widths"].index(max(shown["widths"])) == 1, "only the waiting took time"
    assert shown["steps"] == ["submitted → waiting 4.0 s → executing → failed"]
    assert (shown["ticks"], shown["dots"]) == (3, 2)
    assert shown["crosses"] == ["#3 poll hit by gateway"]


def test_requests_are_text_without_secrets(shown: Any) -> None:
    assert len(shown["rows"]) == 6
    submit = shown["rows"][-1]
    assert "text = <img src=x onerror=alert(1)>" in submit
    assert "token = ***" in submit
    assert "fault: gateway" in shown["rows"][3]


def test_buttons_say_what_was_wrong_and_reset(shown: Any) -> None:
    assert "Invalid enum value 'rude'" in shown["refusal"]
    assert "cancel_refused_while_submitted" in shown["refusal"]
    assert shown["afterReset"] == []
