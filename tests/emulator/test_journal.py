"""What clients did, as the journal has it: over a port, by a real client."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import httpx
import pytest
from haralyzer import HarParser
from msgspec import UNSET
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gpserver.cassettes.har import dump_har
from gpserver.clock import Clock
from gpserver.emulator.body import MOST, Body, File, parameters_in
from gpserver.emulator.export import har_of
from gpserver.emulator.journal import FAULT, Journal
from gpserver.emulator.record import Record
from gpserver.emulator.subject import same_job, subject_of
from gpserver.testing import GPServer

JOB = "j" + "0123456789abcdef" * 2
RUN = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client() as client:
        yield client


@pytest.fixture
def server(gp_server: GPServer) -> GPServer:
    @gp_server.task
    def buffer_points(distance: float, name: str = "") -> str:
        return name * int(distance)

    return gp_server


def test_a_job_from_its_submit_to_its_result(server: GPServer, http: httpx.Client) -> None:
    server.clock.speed = 0
    url = server.task_url("BufferPoints")
    form = {"Distance": "5", "Name": "Straße & Co", "f": "json"}
    job = http.post(f"{url}/submitJob?Name=first", data=form, headers={"X-Trace": "7"}).json()["jobId"]
    server.advance(60)
    poll = http.get(f"{url}/jobs/{job}?f=json").json()
    http.get(f"{url}/jobs/{job}/results/Output?f=json")
    submit, polled, fetched = server.requests.all
    assert (submit.number, submit.method, submit.status, submit.client) == (1, "POST", 200, "127.0.0.1")
    assert submit.url == f"{url}/submitJob?Name=first"
    assert submit.parameters == form
    assert submit.header("x-trace") == "7"
    assert [item.subject.operation for item in (submit, polled, fetched)] == ["submit", "poll", "result"]
    assert {(item.service, item.task, item.job) for item in (submit, polled, fetched)} == {
        ("Emulated", "BufferPoints", job)
    }
    assert polled.json == poll
    assert polled.began - submit.began == 60
    assert submit.ended == submit.began
    assert submit.seconds > 0
    assert all(item.matched and not item.fault for item in server.requests)


def test_parts_of_a_form_are_told_by_name_size_and_type(server: GPServer, http: httpx.Client) -> None:
    files = {"file": ("points.zip", b"x" * 200_000, "application/zip")}
    url = f"{server.services}/Emulated/GPServer/uploads/upload"
    http.post(url, data={"f": "json"}, files=files)
    [upload] = server.requests
    assert upload.parameters == {"f": "json", "file": File("points.zip", 200_000, "application/zip")}
    assert upload.sent.size > 200_000
    assert len(upload.sent.kept) == MOST


def test_json_is_read(gp_server: GPServer, http: httpx.Client) -> None:
    http.post(f"{gp_server.url}/sp/scheduler/tasks?type=buffer", json={"type": "buffer", "steps": [1]})
    [create] = gp_server.requests.submitted("buffer")
    assert create.parameters == {"type": "buffer", "steps": [1]}


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/arcgis/rest/services/Nowhere/GPServer/X?f=json", "nothing"),
        ("/arcgis/rest/services/Emulated/GPServer/Buffer/submitJob?f=json", "nothing"),
        ("/nowhere", "nothing"),
        ("/sp/nowhere", "nothing"),
        ("/arcgis/rest/services/Emulated/GPServer/BufferPoints/jobs/" + JOB + "?f=json", ""),
        ("/sp/scheduler/" + RUN, ""),
        ("/arcgis/rest/services?f=html", ""),
    ],
)
def test_what_matched_nothing(path: str, told: str, server: GPServer, http: httpx.Client) -> None:
    http.get(server.url + path)
    assert len(server.requests.unmatched) == bool(told)


def test_health_and_what_the_test_itself_asks_is_no_business_of_a_client(
    server: GPServer, http: httpx.Client
) -> None:
    for path in ("/healthz", "/readyz", "/emulator/", "/emulator/requests"):
        http.get(server.url + path)
    assert server.requests.none().count == 0


def test_the_newest_thousand_are_kept_and_a_reset_forgets_them() -> None:
    journal, seen = Journal(_silent, Clock()), list[int]()
    forget = journal.listen(lambda record: seen.append(record.number))

    async def ask_often() -> None:
        for n in range(1005):
            await _ask(journal, f"/{n}")

    anyio.run(ask_often)
    forget()
    anyio.run(_ask, journal, "/last")
    numbers = [record.number for record in journal.records()]
    assert (numbers[0], numbers[-1], len(numbers)) == (7, 1006, 1000)
    assert seen == list(range(1, 1006))
    journal.clear()
    anyio.run(_ask, journal, "/again")
    assert [(record.number, record.path) for record in journal.records()] == [(1, "/again")]


def test_a_request_is_there_before_it_is_answered(server: GPServer, http: httpx.Client) -> None:
    reached, go_on = threading.Event(), threading.Event()

    @server.task(service="Sync", synchronous=True)
    def hold() -> str:
        reached.set()
        assert go_on.wait(10)
        return "done"

    url = server.task_url("Hold", "Sync") + "/execute?f=json"
    asking = threading.Thread(target=http.get, args=(url,))
    asking.start()
    [under_way] = server.requests.submitted("Hold").wait()
    assert reached.wait(10)
    assert (under_way.ended, under_way.status) == (None, 0)
    go_on.set()
    ended = server.requests.journal.wait_for(lambda record: record.ended is not None)
    asking.join()
    assert ended.json["results"][0]["value"] == "done"
    with pytest.raises(TimeoutError):
        server.requests.journal.wait_for(lambda record: record.method == "PUT", timeout=0.01)


def test_an_endless_answer_is_not_held_back() -> None:
    async def events(_: Request) -> StreamingResponse:
        async def pieces() -> Any:
            for n in range(3):
                yield f"data: {n}\n\n"
                await anyio.sleep(0)

        return StreamingResponse(pieces(), media_type="text/event-stream")

    journal = Journal(Starlette(routes=[Route("/events", events)]), Clock())
    seen: list[tuple[bytes, int]] = []

    async def send(message: Any) -> None:
        if message.get("body"):
            seen.append((message["body"], journal.records()[0].answer.size))

    anyio.run(_ask, journal, "/events", send)
    assert seen == [(b"data: 0\n\n", 9), (b"data: 1\n\n", 18), (b"data: 2\n\n", 27)]


def test_who_breaks_is_told_apart_from_who_was_asked_to() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/fault":
            scope["state"][FAULT] = "reset"
        raise RuntimeError("broken")

    journal = Journal(broken, Clock())
    for path in ("/fault", "/bug"):
        with pytest.raises(RuntimeError):
            anyio.run(_ask, journal, path)
    assert [(item.status, item.fault) for item in journal.records()] == [(0, "reset"), (500, "")]


def test_secrets_stay_here(server: GPServer, http: httpx.Client) -> None:
    secrets = "s3cr3t+token/1", "pässword &2", "bearer-3-xyz", "cookie-4-xyz", "inner-5-xyz", "part-6-xyz"
    token, password, bearer, cookie, inner, part = secrets
    headers = {"Authorization": f"Bearer {bearer}", "Cookie": f"agstoken={cookie}"}
    url = server.task_url("BufferPoints") + "/submitJob"
    form = {
        "token": token,
        "Password": password,
        "Name": f"{token} again",
        "Input": json.dumps({"url": f"http://x/y?a=1&token={inner}"}),
        "f": "json",
    }
    http.post(url, params={"token": token, "Distance": 2}, data=form, headers=headers)
    http.post(url, data={"token": part}, files={"file": ("a.bin", b"\xff\x00", "")}, headers=headers)
    http.post(f"{server.url}/sp/account", json={"username": "x", "password": password, "other": [bearer]})
    assert server.requests.all[0].parameters["token"] == token
    text = dump_har(har_of(server.requests)).decode()
    for secret in (*secrets, "s3cr3t%2Btoken%2F1", "p%C3%A4ssword", r"p\u00e4ssword"):
        assert secret not in text
    assert "Distance=2" in text
    assert '"points"' not in text


def test_the_journal_is_a_har_that_others_read(server: GPServer, http: httpx.Client) -> None:
    url = server.task_url("BufferPoints")
    headers = {"Accept-Encoding": "gzip"}
    job = http.post(f"{url}/submitJob", data={"Distance": "1", "f": "json"}, headers=headers).json()["jobId"]
    page = http.get(url, headers=headers).text
    file = json.loads(dump_har(har_of(server.requests)))
    submit, html = (entry.raw_entry for entry in HarParser(file).pages[0].entries)
    assert submit["request"]["postData"]["params"] == [
        {"name": "Distance", "value": "1"},
        {"name": "f", "value": "json"},
    ]
    assert submit["comment"] == f"task BufferPoints; job {job}"
    assert json.loads(submit["response"]["content"]["text"])["jobId"] == job
    assert {"name": "content-encoding", "value": "gzip"} in html["response"]["headers"]
    assert html["response"]["content"]["text"] == page


@pytest.mark.parametrize("size", [10, MOST - 30, MOST, 300_000])
@pytest.mark.parametrize("piece", [1000, 70_000])
def test_what_follows_a_large_value_is_kept(size: int, piece: int) -> None:
    data, body = b"a=1&Input=" + b"x" * size + b"&Distance=5", Body()
    for at in range(0, len(data), piece):
        body = body.more(data[at : at + piece])
    found = dict(parameters_in(body, ""))
    assert (body.size, len(body.kept)) == (len(data), min(len(data), MOST))
    assert (found["a"], found["Distance"]) == ("1", "5")
    assert found["Input"].rstrip("…") == "x" * len(found["Input"].rstrip("…"))
    assert found["Input"].endswith("…") == bool(body.skipped)
    assert len(found) == 3


def test_a_name_of_which_a_part_is_missing_is_none() -> None:
    body = Body().more(b"a=1&" + b"n" * 100_000 + b"=2&b=3")
    assert parameters_in(body, "") == [("a", "1"), ("b", "3")]


def test_a_fault_is_told_with_what_the_client_got(server: GPServer, http: httpx.Client) -> None:
    server.fault("gateway", times=1)
    status = http.get(f"{server.services}?f=json").status_code
    http.get(f"{server.services}?f=json")
    assert [(item.fault, item.status) for item in server.requests] == [("gateway", status), ("", 200)]
    entries = har_of(server.requests).log.entries
    assert [entry.comment for entry in entries] == ["fault gateway", UNSET]


SERVICES = "/arcgis/rest/services"


@pytest.mark.parametrize(
    ("request_line", "told"),
    [
        (f"GET {SERVICES}", ("", "", "", "", "")),
        (f"GET {SERVICES}/F/S/GPServer", ("", "F/S", "", "", "")),
        (f"GET {SERVICES}/F/S/GPServer/T/", ("", "F/S", "T", "", "")),
        ("POST /ArcGIS/rest/services/F/S/GPServer/T/submitJob", ("submit", "F/S", "T", "", "")),
        (f"POST {SERVICES}/S/GPServer/uploads/upload", ("", "S", "", "", "")),
        (f"GET {SERVICES}/S/GPServer/T/jobs/{JOB}", ("poll", "S", "T", JOB, "")),
        (f"GET {SERVICES}/S/GPServer/T/jobs/{JOB}/inputs/A", ("input", "S", "T", JOB, "A")),
        (f"GET {SERVICES}/S/GPServer/T/jobs/{JOB}/events", ("events", "S", "T", JOB, "")),
        (f"GET {SERVICES}/S/MapServer/jobs/{JOB}/export", ("", "S", "", JOB, "")),
        (
            f"GET /arcgis/rest/directories/arcgisjobs/s_gpserver/{JOB}/scratch/a.zip",
            ("file", "", "", JOB, "a.zip"),
        ),
        ("GET /arcgis/admin/services/S.GPServer/jobs", ("", "", "", "", "")),
        (f"OPTIONS {SERVICES}/S/GPServer/T/submitJob", ("", "S", "T", "", "")),
        ("POST /T/execute", ("execute", "", "T", "", "")),
        ("POST /F/S/T/submitJob", ("submit", "F/S", "T", "", "")),
        (f"GET /jobs/{JOB}/results/Output", ("result", "", "", JOB, "Output")),
        (f"GET /S/T/jobs/{JOB}/cancel", ("cancel", "S", "T", JOB, "")),
        ("GET /", ("", "", "", "", "")),
        ("POST /sp/scheduler/tasks", ("submit", "EverGIS/Scheduler", "", "", "")),
        ("POST /scheduler", ("keep", "EverGIS/Scheduler", "", "", "")),
        (f"POST /scheduler/{RUN}/start", ("start", "EverGIS/Scheduler", "", "", "")),
        (f"GET /scheduler/{RUN}/progress", ("poll", "EverGIS/Scheduler", "", RUN, "")),
        (f"GET /sp/scheduler/tasks/{RUN}/progress", ("poll", "EverGIS/Scheduler", "", RUN, "")),
        (f"POST /scheduler/task/{RUN}/stop", ("cancel", "EverGIS/Scheduler", "", RUN, "")),
        (f"POST /scheduler/{RUN}/cancel", ("cancel", "EverGIS/Scheduler", "", RUN, "")),
        (f"GET /scheduler/{RUN}/tasks", ("", "EverGIS/Scheduler", "", "", "")),
        ("GET /scheduler/worker", ("", "EverGIS/Scheduler", "", "", "")),
    ],
)
def test_a_url_tells_what_it_is_about(request_line: str, told: tuple[str, ...]) -> None:
    assert subject_of(*request_line.split(" "))[:5] == told


def test_ids_of_one_job_are_the_same_however_they_are_written() -> None:
    assert same_job(JOB, RUN)
    assert not same_job(JOB, RUN.replace("0", "1"))


def test_any_thread_may_read(server: GPServer, http: httpx.Client) -> None:
    seen: list[list[Record]] = []
    threads = [threading.Thread(target=lambda: seen.append(server.requests.all)) for _ in range(4)]
    for thread in threads:
        thread.start()
        http.get(f"{server.services}?f=json")
    for thread in threads:
        thread.join()
    assert len(seen) == 4
    assert server.requests.count == 4


async def _silent(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def _nowhere(message: Any) -> None:
    pass


async def _ask(app: Journal, path: str, send: Callable[[Any], Any] = _nowhere) -> None:
    messages = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        return next(messages, None) or await anyio.sleep_forever()

    await app({"type": "http", "method": "GET", "path": path, "headers": []}, receive, send)
