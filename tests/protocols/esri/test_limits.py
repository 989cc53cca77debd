"""Limits as a client meets them: what goes over one ends with a sentence, and nothing of it stays."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from conftest import Server, publishing
from everpoint import Everpoint
from gpclient import Client, EsriError

FORM = "application/x-www-form-urlencoded"

SERVICES = """
import time
from pathlib import Path
from gpserver import JobContext, Service, TaskError, task

@task
def nap(seconds: float = 0.0, text: str = "") -> str:
    time.sleep(seconds)
    return "done"

@task(output="file")
def write(job: JobContext, megabytes: int, pause: float = 0.0) -> Path:
    path = job.scratch / "much.txt"
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(bytes(1 << 20))
            file.flush()
            time.sleep(pause)
    return path

@task
def look(file: Path) -> int:
    return file.stat().st_size

@task
def talk(job: JobContext, lines: int, length: int = 10) -> str:
    for _ in range(lines):
        job.info("x" * length)
    return "done"

@task
def burst() -> str:
    raise TaskError("\\n".join(["y" * 20_000] * 300))

impatient = Service("Impatient", tasks=[nap], wait_limit=1, instances=1)
small = Service("Small", tasks=[write], result_limit=2_000_000, scratch_limit=5_000_000)
quiet = Service("Quiet", tasks=[talk, burst], message_limit=20)
chatty = Service("Chatty", tasks=[talk])
files = Service("Files", tasks=[look])
others, kept = Service("Others", tasks=[nap]), Service("Kept", tasks=[nap], min_instances=1)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with publishing(tmp_path_factory.mktemp("limits"), {"limits.py": SERVICES}, "slots = 2\n") as server:
        server.client.wait(server.client.submit("Kept/Nap"))  # its workers are warm
        yield server


def ended(client: Client, job: str, status: str = "esriJobFailed") -> list[str]:
    """The messages of a job that ends so."""
    state = client.wait(job)
    assert state["jobStatus"] == status, state
    return [message["description"] for message in state["messages"]]


def test_a_job_that_waited_too_long_fails_and_nothing_of_it_runs(server: Server) -> None:
    client = server.client
    running = client.submit("Impatient/Nap", seconds=60)
    client.wait(running, lambda state: state["jobStatus"] == "esriJobExecuting")
    waiting = client.submit("Impatient/Nap", seconds=0)
    lines = ended(client, waiting)
    assert "The job waited longer than 1 seconds, the limit of its service, and was not run." in lines
    assert not any("Executing" in line for line in lines)
    client.get(f"{running}/cancel")
    assert ended(client, running, "esriJobCancelled")
    assert ended(client, client.submit("Impatient/Nap"), "esriJobSucceeded")


def files_of(server: Server, job: str) -> list[Path]:
    folder = server.data / "jobs" / job.rpartition("/j")[2]
    return [path for path in folder.rglob("*") if path.is_file()]


def test_results_over_the_limit_fail_the_job_and_are_gone(server: Server) -> None:
    text = "The results of the job are over the limit of 2,000,000 bytes that its service allows."
    job = server.client.submit("Small/Write", megabytes=3)
    assert text in ended(server.client, job)
    assert not [path for path in files_of(server, job) if "results" in str(path)]
    ended(server.client, server.client.submit("Small/Write", megabytes=1), "esriJobSucceeded")


def test_temporary_files_are_counted_while_they_are_written(server: Server) -> None:
    text = "The temporary files of the job are over the limit of 5,000,000 bytes that its service allows."
    job = server.client.submit("Small/Write", megabytes=1000, pause=0.05)
    assert text in ended(server.client, job)
    deadline = time.monotonic() + 10
    while files_of(server, job):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_messages_beyond_the_limit_are_left_out_and_one_says_so(server: Server) -> None:
    lines = ended(server.client, server.client.submit("Quiet/Talk", lines=1000), "esriJobSucceeded")
    assert lines.count("x" * 10) == 20
    assert "A job of this service has at most 20 messages; the others are left out." in lines


def test_all_messages_together_and_each_of_them_have_a_size(server: Server) -> None:
    lines = ended(
        server.client, server.client.submit("Chatty/Talk", lines=500, length=20_000), "esriJobSucceeded"
    )
    assert sum(map(len, lines)) < 1.1e6
    assert any(line.endswith("… (3,616 characters more)") for line in lines)
    assert (
        "A job of this service has at most 1,048,576 characters of messages; the others are left out."
        in lines
    )
    lines = ended(server.client, server.client.submit("Quiet/Burst"))
    assert "… (200 lines more)" in lines


def test_slots_that_are_kept_for_a_service_are_left_to_it(server: Server) -> None:
    client = server.client
    slow = [client.submit("Others/Nap", seconds=60) for _ in range(3)]
    quick = client.submit("Kept/Nap")
    assert ended(client, quick, "esriJobSucceeded")
    states = sorted(client.get(job)["jobStatus"] for job in slow)
    assert states == ["esriJobExecuting", "esriJobSubmitted", "esriJobSubmitted"]
    for job in slow:
        client.get(f"{job}/cancel")
        client.wait(job)


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that takes two large bodies at once, one of each user, and a megabyte of files."""
    limits = "max_bodies = 2\nmax_bodies_each = 1\nmax_upload = 700_000\nmax_uploads = 1_000_000\n"
    with publishing(tmp_path_factory.mktemp("narrow"), {"limits.py": SERVICES}, limits) as server:
        yield server


@contextmanager
def sending(server: Server, path: str, **headers: str) -> Iterator[None]:
    """A client that has sent the most of a large body, and nothing more."""
    connection = HTTPConnection(server.url.removeprefix("http://"))
    with closing(connection):
        connection.putrequest("POST", path)
        for name, value in {"content-length": "3000000", "content-type": FORM, **headers}.items():
            connection.putheader(name.replace("_", "-"), value)
        before = len(spooled(server))
        connection.endheaders(b"text=" + b"x" * 2_000_000)
        deadline = time.monotonic() + 20
        while len(spooled(server)) == before and time.monotonic() < deadline:
            time.sleep(0.01)
        yield


def spooled(server: Server) -> list[Path]:
    return list((server.data / "incoming").iterdir())


def test_bodies_beyond_the_limit_are_refused_and_nothing_of_them_is_kept(narrow: Server) -> None:
    client, place = narrow.client, "/arcgis/rest/services/Kept/GPServer/Nap/submitJob"
    with sending(narrow, place), sending(narrow, place):
        kept, jobs = len(spooled(narrow)), set((narrow.data / "jobs").iterdir())
        with pytest.raises(EsriError, match="2 large requests are being received") as refused:
            client.submit("Kept/Nap", text="y" * 300_000)
        assert refused.value.code == 503
        assert (len(spooled(narrow)), set((narrow.data / "jobs").iterdir())) == (kept, jobs)
        assert client.wait(client.submit("Kept/Nap"))["jobStatus"] == "esriJobSucceeded"
    deadline = time.monotonic() + 20
    while spooled(narrow):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert client.submit("Kept/Nap", text="y" * 300_000)


def test_everpoint_hears_that_a_user_sends_too_much_at_once(narrow: Server) -> None:
    with Everpoint(narrow.url) as ann, Everpoint(narrow.url) as bob:
        place, body = "/scheduler/tasks", {"x": "y" * 300_000}
        with sending(narrow, f"/sp{place}?type=x", authorization=ann.http.headers["authorization"]):
            assert "1 large requests of yours" in ann.problem("POST", place, 419, json=body)
            assert ann.get("/account")
            bob.problem("POST", place, 400, json=body)


def test_files_beyond_the_space_are_refused_and_not_kept(narrow: Server) -> None:
    place = f"{narrow.rest}/services/Files/GPServer/uploads"

    def upload(size: int) -> dict[str, Any]:
        files = {"file": ("a.txt", bytes(size))}
        return narrow.client.http.post(f"{place}/upload", params={"f": "json"}, files=files).json()

    first = upload(600_000)["item"]["itemID"]
    error = upload(600_000)["error"]
    assert (error["code"], "1,000,000 bytes" in error["message"]) == (503, True)
    assert len(list((narrow.data / "uploads").glob("i*"))) == 1
    assert not spooled(narrow)
    assert narrow.client.http.post(f"{place}/{first}/delete", data={"f": "json"}).json() == {"success": True}
    assert upload(600_000)["success"]


def test_files_of_everpoint_have_the_same_limits(narrow: Server) -> None:
    with Everpoint(narrow.url) as caller:
        kept = narrow.data / "layers" / "files"

        def sent(size: int, name: str = "a.txt") -> dict[str, Any]:
            return {"files": {"file": (name, bytes(size))}, "data": {"owner": caller.name}}

        for place in ("/resources/file", "/upload/file"):
            assert "up to 700000" in caller.problem("POST", place, 413, **sent(700_001))
        file = caller.read(caller.http.post("/resources/file", **sent(600_000)))
        for place in ("/resources/file", "/upload/file"):
            text = caller.problem("POST", place, 402, **sent(600_000, "b.txt"))
            assert "1,000,000 bytes" in text
        again = {"resourceId": file["resourceId"], "fileName": "a.txt", "owner": caller.name}
        files = {"file": ("a.txt", bytes(650_000))}
        changed = caller.read(caller.http.patch("/resources/file", files=files, data=again))
        assert changed["size"] == 650_000
        assert [path.stat().st_size for path in kept.iterdir()] == [650_000]
        assert not spooled(narrow)
        caller.delete(f"/resources/{file['resourceId']}")
        caller.read(caller.http.post("/upload/file", **sent(600_000, "b.txt")))


def test_an_administrator_reads_the_limits_of_a_service_by_the_names_of_arcgis(server: Server) -> None:
    place = f"{server.url}/arcgis/admin/services"
    found = server.client.get(f"{place}/Impatient.GPServer")
    names = ("minInstancesPerNode", "maxInstancesPerNode", "maxUsageTime", "maxWaitTime")
    assert [found[name] for name in names] == [0, 1, 600, 1]
    assert found["properties"]["executionType"] == "Asynchronous"
    assert server.client.get(f"{place}/Kept.GPServer")["minInstancesPerNode"] == 1
    assert server.client.get(f"{place}/Files.GPServer")["capabilities"] == "Uploads"
