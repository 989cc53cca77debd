"""Many tests of one server: each finds it as new, whatever the one before did to it."""

import os
from collections.abc import Iterator

import httpx
import pytest

from gpserver.emulator.timeline import Step, executing, failed, submitted, succeeded, timed_out, waiting
from gpserver.testing import GPServer

TESTS = int(os.environ.get("MANY", "40"))
"""More by hand: ``MANY=200`` and four workers of pytest-xdist, again and again."""
FIRST_ID = "jcd613e30d8f16adf91b7584a2265b1f5"
"""What the first job is called by the seed that a server has unless a test gives another."""

ENDS: list[tuple[str, tuple[Step, ...]]] = [
    ("esriJobSucceeded", (submitted(2), executing(8, progress=(0, 100)), succeeded())),
    ("esriJobFailed", (waiting(1), executing(30), failed("ERROR 000117", "ERROR 000840"))),
    ("esriJobTimedOut", (executing(59), timed_out())),
    ("esriJobExecuting", (executing(held=True),)),
    ("esriJobSubmitted", (submitted(held=True),)),
]


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    with httpx.Client() as client:
        yield client


@pytest.mark.parametrize("number", range(TESTS))
def test_it_is_as_new(gp_server: GPServer, http: httpx.Client, number: int) -> None:
    end, steps = ENDS[number % len(ENDS)]
    gp_server.clock.speed = 0
    seen = []

    @gp_server.task
    def count(n: int) -> int:
        seen.append(n)
        return n + number

    gp_server.play(*steps, times=1)
    url = gp_server.task_url("Count")
    ids = [http.post(f"{url}/submitJob", data={"f": "json", "n": n}).json()["jobId"] for n in (1, 2)]
    gp_server.advance(60)
    states = [http.get(f"{url}/jobs/{job}?f=json").json()["jobStatus"] for job in ids]
    assert ids[0] == FIRST_ID
    assert states == [end, "esriJobSucceeded"]
    assert http.get(f"{url}/jobs/{ids[1]}/results/Output?f=json").json()["value"] == 2 + number
    assert sorted(seen) == ([1, 2] if end == "esriJobSucceeded" or "Executing" in end else [2])
