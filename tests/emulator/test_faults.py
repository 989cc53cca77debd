"""Faults between client and server, and what real clients make of them."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest

from gpserver.emulator.timeline import executing
from gpserver.testing import GPServer

Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(gp_server: GPServer) -> Ask:
    @gp_server.task
    def double(number: float) -> float:
        return 2 * number

    def ask(path: str = "", **data: Any) -> httpx.Response:
        return httpx.post(gp_server.task_url("Double") + path, data={"f": "json", **data})

    return ask


def jobs(server: GPServer) -> int:
    """How many there are, as an administrator sees it."""
    path = "/arcgis/admin/services/Emulated.GPServer/jobs/query"
    answer = httpx.get(server.url + path, params={"f": "json", "startTime": 0})
    return int(answer.json()["total"])


def test_a_slow_network_takes_its_time_by_the_servers_clock(gp_server: GPServer, ask: Ask) -> None:
    gp_server.clock.speed = 1000
    gp_server.fault("latency", delay=60.0, jitter=60.0)
    before = gp_server.clock.now()
    assert ask().json()["name"] == "Double"
    assert gp_server.clock.now() >= before + 60


def test_a_client_gives_up_waiting_while_the_clock_stands(gp_server: GPServer, ask: Ask) -> None:
    gp_server.clock.speed = 0
    gp_server.fault("latency", delay=60.0, times=1)
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(gp_server.task_url("Double"), timeout=0.2)
    assert ask().status_code == 200


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_answers_with_a_page_of_its_own(gp_server: GPServer, ask: Ask, status: int) -> None:
    gp_server.fault("gateway", status=status, operation="submit")
    answer = ask("/submitJob", number=1)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert f"<h1>{status} " in answer.text
    assert jobs(gp_server) == 0


@pytest.mark.parametrize(("code", "message"), [(498, "Invalid Token"), (499, "Token Required")])
def test_an_error_comes_with_status_200_in_the_middle_of_polling(
    gp_server: GPServer, ask: Ask, code: int, message: str
) -> None:
    gp_server.play(executing(held=True))
    gp_server.fault("error", code=code, operation="poll", nth=2)
    job = "/jobs/" + ask("/submitJob", number=1).json()["jobId"]
    first, second, third = (ask(job) for _ in range(3))
    assert first.json()["jobStatus"] == third.json()["jobStatus"] == "esriJobExecuting"
    assert (second.status_code, second.json()) == (
        200,
        {"error": {"code": code, "message": message, "details": []}},
    )


def test_a_connection_is_reset(gp_server: GPServer, ask: Ask) -> None:
    gp_server.fault("reset", operation="submit", times=1)
    with pytest.raises(httpx.ReadError):
        ask("/submitJob", number=1)
    assert jobs(gp_server) == 0


def test_a_connection_ends_without_an_answer(gp_server: GPServer, ask: Ask) -> None:
    gp_server.fault("close", operation="submit")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        ask("/submitJob", number=1)


def test_an_answer_is_lost_and_the_job_is_there(gp_server: GPServer, ask: Ask) -> None:
    gp_server.fault("lost_answer", operation="submit", times=1)
    with pytest.raises(httpx.ReadError):
        ask("/submitJob", number=1)
    ask("/submitJob", number=1)
    assert jobs(gp_server) == 2


def test_half_a_body_comes(gp_server: GPServer, ask: Ask) -> None:
    gp_server.fault("half_body")
    with pytest.raises(httpx.RemoteProtocolError, match="peer closed connection"):
        ask()


def test_a_body_comes_slowly(gp_server: GPServer, ask: Ask) -> None:
    gp_server.clock.speed = 1000
    gp_server.fault("slow_body", delay=100.0)
    with httpx.stream("GET", gp_server.task_url("Double"), params={"f": "json"}) as answer:
        pieces = list(answer.iter_raw())
    assert json.loads(b"".join(pieces))["name"] == "Double"
    assert len(pieces) > 1


def test_a_body_has_another_type(gp_server: GPServer, ask: Ask) -> None:
    gp_server.fault("content_type", content_type="text/plain")
    answer = ask()
    assert answer.headers["content-type"] == "text/plain"
    assert answer.json()["name"] == "Double"


@pytest.mark.parametrize("kind", ["truncated_json", "invalid_json"])
def test_json_is_none(gp_server: GPServer, ask: Ask, kind: str) -> None:
    gp_server.fault(kind)
    answer = ask()
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_a_proxy_asks_twice(gp_server: GPServer, ask: Ask) -> None:
    gp_server.fault("duplicate", operation="submit")
    assert ask("/submitJob", number=1).json()["jobStatus"] == "esriJobSubmitted"
    assert jobs(gp_server) == 2


def test_only_so_many_and_only_for_so_long(gp_server: GPServer, ask: Ask) -> None:
    gp_server.clock.speed = 0
    gp_server.fault("gateway", times=2)
    assert [ask().status_code for _ in range(3)] == [504, 504, 200]
    gp_server.fault("gateway", status=503, seconds=30.0)
    assert ask().status_code == 503
    gp_server.advance(30)
    assert ask().status_code == 200


def test_chance_follows_from_the_seed(gp_server: GPServer, ask: Ask) -> None:
    def run() -> list[int]:
        gp_server.reset()
        gp_server.fault("gateway", probability=0.5)
        return [httpx.get(gp_server.services).status_code for _ in range(20)]

    first = run()
    assert run() == first
    assert set(first) == {200, 504}


def test_probes_are_never_hit(gp_server: GPServer) -> None:
    gp_server.fault("reset")
    assert httpx.get(f"{gp_server.url}/readyz").status_code == 200


def test_a_fault_that_is_none_is_told(gp_server: GPServer) -> None:
    with pytest.raises(msgspec.ValidationError, match="Invalid enum value 'rest'"):
        gp_server.fault("rest")


def test_in_process_a_broken_connection_is_an_error(gp_app: GPServer) -> None:
    async def get() -> None:
        transport = httpx.ASGITransport(app=gp_app)
        async with httpx.AsyncClient(transport=transport, base_url=gp_app.url) as client:
            await client.get("/arcgis/rest/services")

    gp_app.fault("reset")
    with pytest.raises(ConnectionResetError, match="on purpose"):
        asyncio.run(get())
