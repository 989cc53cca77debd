"""Story 7: one engine, several doors.

In production an EverGIS client and an ArcGIS client watch one job, and tell their users different things.
Here one timeline is seen through both doors at the same moments, and one test compares the answers.
Both clients should show the same: a job that fails has failed for everybody, with the same reason.
"""

from collections.abc import Callable
from uuid import UUID

import httpx
import pytest

from gpserver.emulator.timeline import executing, failed, submitted, succeeded
from gpserver.testing import GPServer

Both = Callable[[], tuple[str, str]]


@pytest.fixture
def both(gp_server: GPServer) -> Both:
    """The clients: an ArcGIS client that submits a job, and two looks at it."""

    @gp_server.task
    def survey(area: str) -> str:
        return area.upper()

    gp_server.clock.speed = 0
    submitted: list[str] = []

    def both() -> tuple[str, str]:
        task = gp_server.task_url("Survey")
        if not submitted:
            job = httpx.post(f"{task}/submitJob", data={"f": "json", "Area": "north"}).json()
            submitted.append(job["jobId"].removeprefix("j"))
        arcgis = httpx.get(f"{task}/jobs/j{submitted[0]}", params={"f": "json"}).json()
        evergis = httpx.get(f"{gp_server.url}/sp/scheduler/{UUID(submitted[0])}/progress").json()
        return arcgis["jobStatus"].removeprefix("esriJob"), evergis["status"]

    return both


def test_a_job_that_succeeds(gp_server: GPServer, both: Both) -> None:
    gp_server.play(submitted(1), executing(2), succeeded())
    seen = [both()]
    for seconds in (1, 2):
        gp_server.advance(seconds)
        seen.append(both())
    assert seen == [("Submitted", "Planning"), ("Executing", "Executing"), ("Succeeded", "Completed")]


def test_a_job_that_fails(gp_server: GPServer, both: Both) -> None:
    gp_server.play(failed("ERROR 000735: Area: Value is required"))
    both()
    gp_server.advance(0)
    assert both() == ("Failed", "Failed")
