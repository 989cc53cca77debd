"""Faults between client and server, and what real clients make of them."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from gpserver.emulator.timeline import executing, submitted, succeeded
from gpserver.testing import GPServer

Ask = Callable[..., httpx.Response]
CLIENTS = Path(__file__).parent.parent / "clients"


@pytest.fixture
def ask(gp_server: GPServer) -> Ask:
    @gp_server.task
    def double(number: float) -> float:
        return 2 * number

    def ask(path: str = "", **data: Any) -> httpx.Response:
        return httpx.post(gp_server.task_url("Double") + path, data={"f": "json", **data})

    return ask


def jobs(server: GPServer, service: str = "Emulated") -> int:
    """How many there are, as an administrator sees it."""
    path = f"/arcgis/admin/services/{service}.GPServer/jobs/query"
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
    gp_server.fault("gateway", status=503, lasting=30.0)
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


RESET = {"name": "TypeError", "message": "fetch failed", "cause": "ECONNRESET", "errors": []}
DONE = {"value": 4.0, "errors": []}
SUBMIT, POLL, RESULT = ({"operation": operation} for operation in ("submit", "poll", "result"))


def request_error(code: Any, message: str, name: str = "ArcGISRequestError") -> dict[str, Any]:
    return {"name": name, "code": code, "message": message, "errors": []}


def broken(name: str, message: str) -> dict[str, Any]:
    return {"name": name, "message": message, "errors": []}


CASES: dict[str, tuple[list[dict[str, Any]], dict[str, Any], int]] = {
    "Slow": ([{"kind": "latency", "delay": 1.0, "jitter": 1.0}], DONE, 1),
    "Gateway": (
        [{"kind": "gateway", "status": 502, **SUBMIT}],
        request_error("HTTP 502", "HTTP 502: Bad Gateway"),
        0,
    ),
    "GatewayMidway": ([{"kind": "gateway", **POLL, "nth": 2}], {"value": 4.0, "errors": ["HTTP 504"]}, 1),
    # The first poll is answered, whatever is wrong with the others; the client asks on for ever.
    "GatewayForEver": (
        [{"kind": "gateway", "status": 503, **POLL}, {"kind": "latency", **POLL, "nth": 1}],
        {"polling": True, "errors": ["HTTP 503"] * 3},
        1,
    ),
    "Error": (
        [{"kind": "error", "code": 400, "message": "Refused.", **SUBMIT}],
        request_error(400, "400: Refused."),
        0,
    ),
    "Expired": (
        [{"kind": "error", **POLL, "nth": 1}],
        request_error(498, "498: Invalid Token", "ArcGISAuthError"),
        1,
    ),
    "ExpiredMidway": (
        [{"kind": "error", "code": 499, **POLL, "nth": 2}],
        {"value": 4.0, "errors": [499]},
        1,
    ),
    # With a status of HTTP the client no longer sees that it must sign in.
    "ExpiredWithStatus": (
        [{"kind": "error", "status": 401, **SUBMIT}],
        request_error("HTTP 401 Unauthorized", "HTTP 401 Unauthorized: Invalid Token."),
        0,
    ),
    "Reset": ([{"kind": "reset", **SUBMIT}], RESET, 0),
    "Closed": ([{"kind": "close", **SUBMIT}], {**RESET, "cause": "UND_ERR_SOCKET"}, 0),
    "Lost": ([{"kind": "lost_answer", **SUBMIT}], RESET, 1),
    "Half": (
        [{"kind": "half_body", **SUBMIT}],
        {**broken("TypeError", "terminated"), "cause": "UND_ERR_SOCKET"},
        1,
    ),
    "Pieces": ([{"kind": "slow_body", "delay": 1.0, **RESULT}], DONE, 1),
    "Type": ([{"kind": "content_type"}], DONE, 1),
    "Cut": ([{"kind": "truncated_json", **SUBMIT}], broken("SyntaxError", ""), 1),
    "Noise": ([{"kind": "invalid_json", **RESULT}], broken("SyntaxError", ""), 1),
    "Twice": ([{"kind": "duplicate", **SUBMIT}], DONE, 2),
}
"""Services: what happens to requests to them, what the client makes of it, and how many jobs there are."""


def test_what_arcgis_rest_js_makes_of_them(gp_server: GPServer) -> None:
    node, packages = shutil.which("node"), CLIENTS / "node_modules"
    if not node or not packages.exists():
        pytest.skip("needs Node.js and the packages that tests/clients/setup.sh installs")

    def double(number: float) -> float:
        return 2 * number

    gp_server.clock.speed = 10  # not so fast that jobs reach their time limit while the client polls
    gp_server.play(submitted(polls=1), executing(polls=2), succeeded())
    for service, (faults, _, _) in CASES.items():
        gp_server.task(double, service=service)
        for facts in faults:
            gp_server.fault(service=service, **facts)
    command = [node, str(CLIENTS / "faulted.mjs"), gp_server.services, *CASES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    for outcome in said.values():
        if outcome.get("name") == "SyntaxError":
            outcome["message"] = ""  # of V8, and another in each release
    assert said == {service: outcome for service, (_, outcome, _) in CASES.items()}
    assert {service: jobs(gp_server, service) for service in CASES} == {
        service: count for service, (_, _, count) in CASES.items()
    }


@pytest.mark.parametrize("code", [401, 498])
def test_an_error_may_come_with_a_status_of_its_own(gp_server: GPServer, ask: Ask, code: int) -> None:
    gp_server.fault("error", status=401, code=code)
    answer = ask()
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
