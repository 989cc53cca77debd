"""What tests in any language ask of an emulated server, over HTTP."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openapi_spec_validator import validate

from gpserver.testing import GPServer


@pytest.fixture
def admin(gp_server: GPServer) -> Iterator[httpx.Client]:
    gp_server.clock.speed = 0

    @gp_server.task
    def double(number: float) -> float:
        return 2 * number

    with httpx.Client(base_url=f"{gp_server.url}/emulator") as client:
        yield client


def submit(server: GPServer, **parameters: Any) -> str:
    answer = httpx.post(
        server.task_url("Double") + "/submitJob", data={"f": "json", "number": 1, **parameters}
    )
    return str(answer.json()["jobId"])


def status(server: GPServer, job: str) -> str:
    return str(httpx.get(server.task_url("Double") + f"/jobs/{job}?f=json").json().get("jobStatus"))


def test_a_timeline_a_clock_and_a_release(gp_server: GPServer, admin: httpx.Client) -> None:
    steps = [
        {"status": "waiting", "seconds": 5},
        {"status": "executing", "held": True, "messages": ["half", {"text": "care", "type": "warning"}]},
        {"status": "failed", "messages": ["ERROR 000735"]},
    ]
    assert admin.post("/timelines", json=[{"task": "Double", "steps": steps}]).status_code == 204
    job = submit(gp_server)
    assert status(gp_server, job) == "esriJobWaiting"
    before = admin.get("/clock").json()
    after = admin.post("/clock", json={"advance": 5}).json()
    assert after == {"now": before["now"] + 5, "speed": 0}
    assert status(gp_server, job) == "esriJobExecuting"
    [played] = admin.get("/jobs").json()
    assert (played["id"], played["task"], played["held"]) == (job, "Double", True)
    assert [step["status"] for step in played["steps"]] == ["submitted", "waiting", "executing"]
    assert admin.post(f"/jobs/{job}/release").status_code == 204
    assert status(gp_server, job) == "esriJobFailed"
    assert admin.post(f"/jobs/{job}/release").json() == {"error": f"Job {job} is not held."}


def test_a_job_whose_task_fails_has_never_succeeded(gp_server: GPServer, admin: httpx.Client) -> None:
    job = submit(gp_server, number="many")
    assert status(gp_server, job) == "esriJobFailed"
    [played] = admin.get("/jobs").json()
    assert [step["status"] for step in played["steps"]] == ["submitted", "executing", "failed"]


def test_a_fault_and_a_quirk(gp_server: GPServer, admin: httpx.Client) -> None:
    admin.post("/faults", json=[{"kind": "gateway", "status": 502, "operation": "submit", "times": 1}])
    admin.post("/quirks", json=[{"name": "new_at_first"}])
    url = gp_server.task_url("Double") + "/submitJob"
    assert httpx.post(url, data={"f": "json", "number": 1}).status_code == 502
    assert status(gp_server, submit(gp_server)) == "esriJobNew"


def test_a_scenario_is_what_a_reset_goes_back_to(gp_server: GPServer, admin: httpx.Client) -> None:
    scenario = {
        "seed": 7,
        "start": "2024-02-29T12:00:00Z",
        "speed": 0,
        "faults": [{"kind": "error", "code": 499}],
    }
    assert admin.put("/scenario", json=scenario).status_code == 204
    try:
        assert admin.get("/clock").json() == {"now": 1709208000.0, "speed": 0.0}
        assert admin.get("/scenario").json()["seed"] == 7
        for _ in range(2):
            assert httpx.get(gp_server.services).json()["error"]["code"] == 499
            assert admin.get("/requests").json()["count"] == 1
            assert admin.post("/reset").status_code == 204
            assert admin.get("/requests").json()["count"] == 0
    finally:
        admin.put("/scenario", json={})


def test_what_clients_sent_can_be_asked_by_what_it_was(gp_server: GPServer, admin: httpx.Client) -> None:
    job = submit(gp_server, token="very-secret-token", number=4)
    status(gp_server, job)
    httpx.get(f"{gp_server.url}/arcgis/rest/nowhere")
    assert admin.get("/requests").json()["count"] == 3
    [sent] = admin.get("/requests", params={"operation": "submit", "param": "number=4"}).json()["requests"]
    assert (sent["task"], sent["job"], sent["status"], sent["fault"]) == ("Double", job, 200, "")
    assert "very-secret" not in admin.get("/requests").text + admin.get("/requests.har").text
    assert admin.get("/requests", params={"param": "number=5"}).json()["count"] == 0
    assert admin.get("/requests", params={"job": job, "method": "GET"}).json()["count"] == 1
    assert admin.get("/requests", params={"unmatched": "true"}).json()["count"] == 1
    assert "There is no filter tsk" in admin.get("/requests", params={"tsk": "x"}).json()["error"]
    assert admin.get("/requests.har").json()["log"]["version"] == "1.2"
    assert admin.delete("/requests").status_code == 204
    assert admin.get("/requests").json() == {"count": 0, "requests": []}


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        (
            "/timelines",
            [{"steps": [{"status": "done"}]}],
            "Invalid enum value 'done' - at `$[0].steps[0].status`",
        ),
        ("/faults", [{"kind": "reset", "nht": 2}], "unknown field `nht` - at `$[0]`"),
        ("/faults", {"kind": "reset"}, "Expected `array`, got `object`"),
        ("/clock", {"advance": -1}, "cannot be advanced by -1 seconds"),
        ("/clock", {"speed": -1}, "-1 times the speed of time"),
    ],
)
def test_what_is_wrong_is_told(admin: httpx.Client, path: str, body: Any, said: str) -> None:
    answer = admin.post(path, json=body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]


def test_pages_of_others_cannot_script_it(admin: httpx.Client) -> None:
    answer = admin.post("/faults", content='[{"kind": "reset"}]', headers={"content-type": "text/plain"})
    assert answer.json() == {"error": "Send JSON: the content type is text/plain, not application/json."}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "rebound.example.com:8080"}, 403),
        ({"origin": "https://elsewhere.example.com"}, 403),
        ({"host": "localhost"}, 204),
        ({"host": "gpserver:6080"}, 204),
        ({"host": "gpserver:6080", "origin": "http://gpserver:6080"}, 204),
    ],
)
def test_only_its_own_pages_and_names_reach_it(
    admin: httpx.Client, headers: dict[str, str], status: int
) -> None:
    answer = admin.post("/reset", headers=headers)
    assert answer.status_code == status
    assert status == 204 or set(answer.json()) == {"error"}


def test_what_is_not_there_is_told(admin: httpx.Client) -> None:
    answer = admin.get("/request")
    said = "There is no GET /emulator/request; /emulator/openapi.json says what there is."
    assert (answer.status_code, answer.json()) == (404, {"error": said})
    assert admin.get("/reset").json()["error"].startswith("There is no GET /emulator/reset;")


def test_who_looks_on_is_told_what_changes(gp_server: GPServer, admin: httpx.Client) -> None:
    with admin.stream("GET", "/events") as stream:
        news = (json.loads(line[6:]) for line in stream.iter_lines() if line)
        first = next(news)
        assert (first["anew"], first["jobs"], first["requests"]) == (True, [], [])
        job = submit(gp_server, token="very-secret-token")
        told = [next(news)]
        while not (any(item["jobs"] for item in told) and any(item["requests"] for item in told)):
            told.append(next(news))
        assert {item["id"] for each in told for item in each["jobs"]} == {job}
        [sent] = [item for each in told for item in each["requests"]]
        assert (sent["operation"], sent["parameters"]["token"]) == ("submit", "***")
        gp_server.advance(5)
        assert any(item["clock"]["now"] >= first["clock"]["now"] + 5 for item in news)
        gp_server.reset()
        assert any(item["anew"] for item in news)


def test_the_openapi_document_is_valid_and_has_every_route(admin: httpx.Client) -> None:
    document = admin.get("/openapi.json").json()
    validate(document)
    for path, operations in document["paths"].items():
        for method in operations:
            answer = admin.request(method, path.removeprefix("/emulator").replace("{job}", "j0"))
            assert answer.status_code != 405, f"{method} {path}"
            assert "openapi.json says what there is" not in answer.text
