"""What a test says of the requests of a client, and what it is told when it is wrong."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from gpserver import LinearUnit
from gpserver.emulator.timeline import executing, submitted, succeeded
from gpserver.testing import GPServer

Ask = Callable[..., Any]
CLIENTS = Path(__file__).parent.parent / "clients"


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client() as client:
        yield client


@pytest.fixture
def submit(gp_server: GPServer, http: httpx.Client) -> Ask:
    @gp_server.task
    def buffer_points(
        distance: LinearUnit = LinearUnit(1, "esriMeters"), dissolve: bool = False, name: str = ""
    ) -> str:
        return f"{distance} {dissolve} {name}"

    def submit(**parameters: Any) -> str:
        url = gp_server.task_url("BufferPoints") + "/submitJob"
        return str(http.post(url, data={"f": "json", **parameters}).json()["jobId"])

    return submit


def unit(distance: float) -> str:
    return json.dumps({"units": "esriMeters", "distance": distance}, indent=1)


def test_what_was_submitted_is_found_by_its_parameters(gp_server: GPServer, submit: Ask) -> None:
    job = submit(Distance=unit(5), Dissolve="True")
    submitted = gp_server.requests.submitted("BufferPoints")
    wanted = submitted.with_param("Distance", {"distance": 5.0, "units": "esriMeters"}).once()
    assert [record.job for record in wanted] == [job]
    submitted.with_param("distance", '{"distance":5,"units":"esriMeters"}').once()
    submitted.with_param("Distance", lambda value: value["distance"] < 6).with_param("Dissolve", True).once()
    submitted.with_param("Dissolve").to("*/GPServer/*/submitJob").once()
    submitted.with_param("Dissolve", 1).none()
    submitted.with_param("Distance", {"distance": 5}).none()
    gp_server.requests.submitted("Other").none()
    assert submitted.count == len(submitted) == len(submitted.all) == 1


def test_what_arcgis_rest_js_sent(gp_server: GPServer, submit: Ask) -> None:
    node, packages = shutil.which("node"), CLIENTS / "node_modules"
    if not node or not packages.exists():
        pytest.skip("needs Node.js and the packages that tests/clients/setup.sh installs")
    gp_server.play(submitted(polls=1), executing(polls=2), succeeded())
    command = [node, CLIENTS / "noted.mjs", gp_server.task_url("BufferPoints")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    wanted = {"units": "esriMeters", "distance": 5}
    sent = gp_server.requests.submitted("BufferPoints").with_param("Distance", wanted).once()
    sent.with_param("Name", "Straße & Co").with_param("Dissolve", True).with_param("f", "json").once()
    assert [record.job for record in sent] == [said["job"]]
    polls = gp_server.requests.polled(said["job"])
    assert polls.count >= 4
    assert len(polls.intervals) == polls.count - 1
    gp_server.requests.fetched("Output", said["job"]).once()
    gp_server.requests.unmatched.none()


def test_a_selection_is_asked_anew_and_never_changed(gp_server: GPServer, submit: Ask) -> None:
    submitted = gp_server.requests.submitted()
    narrow = submitted.with_param("Dissolve", True)
    assert (submitted.count, narrow.count) == (0, 0)
    submit(Dissolve="false")
    submit(Dissolve="true")
    assert (submitted.times(2).count, narrow.once().count) == (2, 1)


def test_polls_cancels_and_results_of_a_job(gp_server: GPServer, submit: Ask, http: httpx.Client) -> None:
    gp_server.clock.speed = 0
    first, second = submit(), submit()
    url = gp_server.task_url("BufferPoints")
    for job in (first, second, first):
        http.get(f"{url}/jobs/{job}?f=json")
    gp_server.advance(10)
    uuid = re.sub(r"j(.{8})(.{4})(.{4})(.{4})(.{12})", r"\1-\2-\3-\4-\5", first)
    http.get(f"{gp_server.url}/sp/scheduler/{uuid}/progress")
    http.get(f"{url}/jobs/{first}/results/Output?f=json")
    http.post(f"{url}/jobs/{second}/cancel?f=json")
    http.post(f"{url}/cancel", data={"jobId": second, "f": "json"})
    requests = gp_server.requests
    assert requests.polled(first).times(3).count == requests.polled().count - 1
    requests.polled(uuid).times(3)
    requests.fetched("output", first).once()
    requests.fetched("Output", second).none()
    requests.fetched("Other").none()
    requests.cancelled(second).times(2)
    requests.cancelled(first).none()
    began = [record.moment for record in requests.polled(first)]
    assert requests.polled(first).intervals == [began[1] - began[0], began[2] - began[1]]
    assert requests.polled(second).intervals == []


def test_tasks_and_prototypes_of_evergis_are_submitted_too(gp_server: GPServer, http: httpx.Client) -> None:
    url = f"{gp_server.url}/sp/scheduler"
    subtasks = [{"order": 0, "type": "copy", "startParameters": {}}]
    prototype = http.post(url, json={"subTaskSettings": subtasks}).json()
    http.post(f"{url}/{prototype}/start")
    http.post(f"{url}/tasks?type=copy", json={"type": "copy", "source": {"name": "roads"}})
    starts = gp_server.requests.submitted("Copy").times(2)
    assert [record.subject.operation for record in starts] == ["start", "submit"]
    starts.with_param("source", lambda source: source["name"] == "roads").once()
    gp_server.requests.submitted("buffer").none()


def test_a_failure_tells_what_came_nearest_and_where_it_differs(gp_server: GPServer, submit: Ask) -> None:
    submit(Distance=unit(50), Dissolve="true")
    submit(Dissolve="true")
    wanted = gp_server.requests.submitted("BufferPoints").with_param("Distance", json.loads(unit(5)))
    with pytest.raises(AssertionError) as failed:
        wanted.with_param("Dissolve", True).once()
    path = "/arcgis/rest/services/Emulated/GPServer/BufferPoints/submitJob"
    assert str(failed.value).splitlines() == [
        "Expected 1 request submitting BufferPoints with Distance = "
        '{"units": "esriMeters", "distance": 5} with Dissolve = true, there are 0 among 2.',
        "Nearest:",
        f"  #1 POST {path}: Distance: distance is 50, not 5",
        f"  #2 POST {path}: no Distance, but f, Dissolve",
    ]


def test_one_too_many_is_told(gp_server: GPServer, submit: Ask, http: httpx.Client) -> None:
    submit()
    submit()
    http.get(gp_server.services)
    with pytest.raises(
        AssertionError, match=r"(?s)Expected 0 requests.*there are 2 among 3.*  #1 POST.*  #2 POST"
    ):
        gp_server.requests.submitted().none()
    with pytest.raises(AssertionError, match=r"#3 GET /arcgis/rest/services: it does not submit"):
        gp_server.requests.submitted().once()


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        ("other", r'Text is "some", not "other"'),
        (5, r'Text is "some", not 5'),
        (lambda value: value > 3, r'Text is "some", on which TypeError'),
        (len, "no miss"),
        ({"a": 1}, r'Text is "some", not \{"a": 1\}'),
    ],
)
def test_what_a_value_is_instead(expected: Any, told: str, gp_server: GPServer, http: httpx.Client) -> None:
    http.get(f"{gp_server.services}?text=some")
    selection = gp_server.requests.with_param("Text", expected)
    if told == "no miss":
        selection.once()
        return
    with pytest.raises(AssertionError, match=told):
        selection.once()


def test_what_never_comes_is_waited_for_and_told(gp_server: GPServer, http: httpx.Client) -> None:
    http.get(gp_server.services)
    gp_server.requests.to("/arcgis/*").wait()
    with pytest.raises(
        AssertionError, match=r"2 or more requests within 0.01 s to /arcgis/\*, there is 1 among 1"
    ):
        gp_server.requests.to("/arcgis/*").wait(2, timeout=0.01)


def test_what_led_nowhere(gp_server: GPServer, http: httpx.Client) -> None:
    http.get(gp_server.services)
    http.get(f"{gp_server.services}/Emulated/GPServer/Bufer?f=json")
    [lost] = gp_server.requests.unmatched.once()
    assert lost.task == "Bufer"


def test_without_a_port(gp_app: GPServer) -> None:
    async def ask() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(gp_app), base_url=gp_app.url) as client:
            await client.get("/arcgis/rest/services?f=json")

    anyio.run(ask)
    [record] = gp_app.requests.to("/arcgis/rest/services").with_param("f", "json").once()
    assert record.url == "http://gpserver/arcgis/rest/services?f=json"
