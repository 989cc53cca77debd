"""Jobs that go by a timeline, as clients see them."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from gpserver import JobContext, LinearUnit
from gpserver.emulator.timeline import (
    Said,
    Step,
    cancelled,
    cancelling,
    executing,
    failed,
    purged,
    submitted,
    succeeded,
    timed_out,
    waiting,
)
from gpserver.job import MessageType
from gpserver.testing import GPServer

Get = Callable[..., Any]


@pytest.fixture(scope="module")
def http() -> Any:
    with httpx.Client() as client:
        yield client


@pytest.fixture
def get(gp_server: GPServer, http: httpx.Client) -> Get:
    gp_server.clock.speed = 0

    @gp_server.task
    def double(number: float) -> float:
        return 2 * number

    def get(path: str, **parameters: Any) -> Any:
        url = gp_server.task_url("Double") + path
        return http.get(url, params={"f": "json", **parameters}).json()

    return get


def submit(get: Get) -> str:
    return "/jobs/" + get("/submitJob", number=4)["jobId"]


def descriptions(job: dict[str, Any]) -> list[str]:
    return [message["description"] for message in job["messages"]]


def test_a_stub_is_called_and_its_result_is_the_real_thing(gp_server: GPServer, get: Get) -> None:
    job = submit(get)
    gp_server.advance(0)
    assert get(job)["jobStatus"] == "esriJobSucceeded"
    assert get(f"{job}/results/Output") == {"paramName": "Output", "dataType": "GPDouble", "value": 8.0}


def test_each_step_lasts_as_long_as_it_is_told(gp_server: GPServer, get: Get) -> None:
    gp_server.play(submitted(0.05), waiting(1), executing(2, "half", progress=(0, 100)), succeeded("done"))
    job, seen = submit(get), []
    for seconds in (0, 0.05, 1, 1, 1):
        gp_server.advance(seconds)
        answer = get(job)
        seen.append((answer["jobStatus"], answer.get("progress", {}).get("percent")))
    assert seen == [
        ("esriJobSubmitted", None),
        ("esriJobWaiting", None),
        ("esriJobExecuting", 0),
        ("esriJobExecuting", 50),
        ("esriJobSucceeded", None),
    ]
    assert [text for text in descriptions(get(job)) if text in ("half", "done")] == ["half", "done"]


def test_a_failure_has_the_errors_it_is_told_and_calls_nobody(gp_server: GPServer, get: Get) -> None:
    called = threading.Event()

    @gp_server.task
    def double(number: float) -> float:
        called.set()
        return number

    gp_server.play(executing(2), failed("ERROR 000735: no value", "ERROR 000840", "Failed."))
    job = submit(get)
    gp_server.advance(2)
    answer = get(job)
    errors = [m["description"] for m in answer["messages"] if m["type"] == "esriJobMessageTypeError"]
    assert answer["jobStatus"] == "esriJobFailed"
    assert errors == ["ERROR 000735: no value", "ERROR 000840", "Failed.", "Failed to execute (Double)."]
    assert not called.is_set()


def test_a_job_is_held_until_it_is_released(gp_server: GPServer, get: Get) -> None:
    gp_server.play(executing(held=True))
    job = submit(get)
    gp_server.advance(300)
    assert get(job)["jobStatus"] == "esriJobExecuting"
    gp_server.release(job.removeprefix("/jobs/"))
    gp_server.advance(0)
    assert get(job)["jobStatus"] == "esriJobSucceeded"
    with pytest.raises(LookupError, match="not held"):
        gp_server.release(job.removeprefix("/jobs/"))


def test_a_step_is_shown_in_as_many_answers_as_it_is_told(gp_server: GPServer, get: Get) -> None:
    gp_server.play(submitted(polls=2), executing(polls=1), timed_out())
    job = submit(get)
    assert [get(job)["jobStatus"] for _ in range(5)] == [
        "esriJobSubmitted",
        "esriJobSubmitted",
        "esriJobExecuting",
        "esriJobTimedOut",
        "esriJobTimedOut",
    ]


def test_only_the_nth_job_and_only_so_many(gp_server: GPServer, get: Get) -> None:
    gp_server.play(failed("first two"), times=2)
    gp_server.play(timed_out(), nth=4)
    jobs = [submit(get) for _ in range(5)]
    gp_server.advance(0)
    ends = [get(job)["jobStatus"].removeprefix("esriJob") for job in jobs]
    assert ends == ["Failed", "Failed", "Succeeded", "TimedOut", "Succeeded"]


def test_chance_follows_from_the_seed(gp_server: GPServer, get: Get) -> None:
    def run() -> tuple[list[str], list[str]]:
        gp_server.clock.speed = 0
        gp_server.task(double)
        gp_server.play(failed("bad luck"), probability=0.5)
        jobs = [submit(get) for _ in range(12)]
        gp_server.advance(0)
        return jobs, [get(job)["jobStatus"] for job in jobs]

    def double(number: float) -> float:
        return number

    gp_server.reset()
    first = run()
    gp_server.reset()
    assert run() == first
    assert len(set(first[1])) == 2


def test_limits_of_hours_take_no_time(gp_server: GPServer, get: Get) -> None:
    gp_server.task(wait_for_ever, limits={"time_limit": 600.0}, service="Slow")
    gp_server.play(executing(held=True), task="WaitForEver")
    url = gp_server.task_url("WaitForEver", "Slow")
    job = httpx.get(f"{url}/submitJob", params={"f": "json", "n": 1}).json()["jobId"]
    gp_server.advance(599)
    assert httpx.get(f"{url}/jobs/{job}?f=json").json()["jobStatus"] == "esriJobExecuting"
    gp_server.advance(1)
    assert httpx.get(f"{url}/jobs/{job}?f=json").json()["jobStatus"] == "esriJobTimedOut"
    gp_server.advance(6 * 3600 + 1)
    assert "not found" in httpx.get(f"{url}/jobs/{job}?f=json").json()["error"]["details"][0]


def wait_for_ever(n: int) -> int:
    return n


def test_a_cancel_is_obeyed_at_once_or_takes_its_steps(gp_server: GPServer, get: Get) -> None:
    gp_server.play(executing(held=True), times=1)
    job = submit(get)
    assert get(f"{job}/cancel")["jobStatus"] == "esriJobCancelling"
    assert get(job)["jobStatus"] == "esriJobCancelled"
    gp_server.play(executing(held=True), cancel=(cancelling(30), cancelled()))
    job = submit(get)
    get(f"{job}/cancel")
    gp_server.advance(29)
    assert get(job)["jobStatus"] == "esriJobCancelling"
    gp_server.advance(1)
    assert get(job)["jobStatus"] == "esriJobCancelled"


def test_a_task_sees_its_cancel_and_says_things(gp_server: GPServer, get: Get) -> None:
    begun = threading.Event()

    @gp_server.task
    def dig(job: JobContext, depth: LinearUnit) -> float:
        job.warning("stone")
        job.progress(30, "digging")
        begun.set()
        for _ in job.each(iter(int, 1), "digging"):
            pass
        return 0.0

    url = gp_server.task_url("Dig")
    job = httpx.get(f"{url}/submitJob", params={"f": "json", "depth": "3 Meters"}).json()["jobId"]
    assert begun.wait(30)
    seen = httpx.get(f"{url}/jobs/{job}?f=json").json()
    assert "stone" in descriptions(seen)
    httpx.get(f"{url}/jobs/{job}/cancel?f=json")
    assert httpx.get(f"{url}/jobs/{job}?f=json").json()["jobStatus"] == "esriJobCancelled"


def test_a_job_is_forgotten(gp_server: GPServer, get: Get) -> None:
    gp_server.play(executing(), succeeded(), purged())
    job = submit(get)
    gp_server.advance(0)
    assert "not found" in get(job)["error"]["details"][0]


def test_a_job_says_what_its_steps_say(gp_server: GPServer, get: Get) -> None:
    warned = Step("executing", held=True, messages=(Said("careful", MessageType.WARNING),))
    gp_server.play(warned)
    [message] = [m for m in get(submit(get))["messages"] if m["description"] == "careful"]
    assert message["type"] == "esriJobMessageTypeWarning"


def test_real_time_passes_by_itself(gp_server: GPServer, get: Get) -> None:
    gp_server.clock.speed = 10_000
    gp_server.play(executing(360))
    job = submit(get)
    while get(job)["jobStatus"] == "esriJobExecuting":
        pass
    assert "(Elapsed Time: 6 minutes 0 seconds)" in descriptions(get(job))[-1]


def test_nothing_is_left_after_a_reset(gp_server: GPServer, get: Get) -> None:
    gp_server.play(failed("x"))
    job = submit(get)
    gp_server.reset()
    assert "not found" in get(job)["error"]["details"][0]
    assert "no service Emulated" in get("")["error"]["details"][0]


async def ask(app: GPServer) -> Any:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=app.url) as client:
        return (await client.get(app.task_url("Double"), params={"f": "json"})).json()


def test_it_answers_in_process(gp_app: GPServer) -> None:
    @gp_app.task
    def double(number: float) -> float:
        return number

    assert asyncio.run(ask(gp_app))["name"] == "Double"
