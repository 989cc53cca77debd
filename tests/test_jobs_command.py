"""`gpserver jobs` beside a server that runs, alone or with others."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from cluster import machines
from conftest import Server, publishing
from gpclient import Client, EsriError

from gpserver.cli import main

SERVICES = """
import time
from gpserver import JobContext, Service, task

@task(output="said")
def nap(job: JobContext, seconds: float = 0.0, text: str = "") -> str:
    job.info(text or "Good night.")
    (job.scratch / "dream").write_text(text)
    time.sleep(seconds)
    return text

naps, others = Service("Naps", folder="Quiet"), Service("Others")
"""
Jobs = Callable[..., str]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with publishing(tmp_path_factory.mktemp("jobs"), {"naps.py": SERVICES}, "slots = 2") as server:
        yield server


@pytest.fixture
def client(server: Server) -> Client:
    return server.client


@pytest.fixture
def jobs(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Jobs:
    """Runs `gpserver jobs` and gives what it prints."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str, code: int = 0) -> str:
        assert main(["jobs", *words, "--data", str(server.data)]) == code
        told = capsys.readouterr()
        return told.out + told.err

    return run


def job_id(job: str) -> str:
    return job.rpartition("/")[2]


def plain(job: str) -> str:
    """The id as the command prints it."""
    return job_id(job)[1:]


def submit(client: Client, task: str = "Quiet/Naps/Nap", **values: object) -> str:
    job = client.submit(task, **values)
    client.wait(job)
    return job


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_running_job_is_cancelled_by_another_process(server: Server, client: Client) -> None:
    running = client.submit("Quiet/Naps/Nap", seconds=300)
    client.wait(running, lambda state: state["jobStatus"] == "esriJobExecuting")
    command = [sys.executable, "-m", "gpserver", "jobs", "cancel", job_id(running)]
    done = subprocess.run(
        [*command, "--data", str(server.data)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == f"{plain(running)} is being cancelled\n", done.stderr
    assert client.wait(running)["jobStatus"] == "esriJobCancelled"


def test_jobs_are_listed_and_shown(client: Client, jobs: Jobs) -> None:
    first, second = submit(client, text="A\x1b[31mB"), submit(client, "Others/Nap")
    listed = jobs("list", "--limit", "2").splitlines()
    assert [line.split()[:3] for line in listed[:3]] == [
        ["ID", "TASK", "STATE"],
        [plain(second), "Others/Nap", "succeeded"],
        [plain(first), "Quiet/Naps/Nap", "succeeded"],
    ]
    [other] = json.loads(jobs("list", "--service", "Others", "--state", "succeeded,failed", "--json"))
    assert (other["id"], other["user"], other["pinned"]) == (plain(second), None, False)
    assert json.loads(jobs("list", "--since", "1h", "--user", "ann", "--json")) == []
    assert json.loads(jobs("list", "--since", "2999-01-01", "--json")) == []
    shown = jobs("show", job_id(first))
    assert "Quiet/Naps" in shown
    assert "A\ufffd[31mB" in shown  # a terminal must not obey what a client sent
    assert "\x1b" not in shown
    value = json.loads(jobs("show", plain(first), "--json"))
    assert value["results"] == [{"name": "Said", "type": "GPString", "value": "A\x1b[31mB"}]
    assert [item["text"] for item in value["messages"]] == ["A\x1b[31mB"]


def test_jobs_are_pinned_deleted_and_purged(server: Server, client: Client, jobs: Jobs) -> None:
    kept, gone, running = submit(client), submit(client), client.submit("Others/Nap", seconds=300)
    client.wait(running, lambda state: state["jobStatus"] == "esriJobExecuting")
    assert jobs("pin", plain(kept)) == f"{plain(kept)} pinned\n"
    assert jobs("delete", plain(kept), plain(gone)) == (
        f"{plain(kept)} is pinned: unpin it first\n{plain(gone)} deleted\n"
    )
    assert not (server.data / "jobs" / plain(gone)).exists()
    submit(client)
    assert jobs("purge", "--older-than", "1h") == "0 jobs deleted\n"
    jobs("purge", "--service", "Quiet/Naps")
    [left] = json.loads(jobs("list", "--service", "Quiet/Naps", "--json"))
    assert (left["id"], left["pinned"]) == (plain(kept), True)
    assert client.get(kept)["jobStatus"] == "esriJobSucceeded"
    assert "is being stopped" in jobs("delete", plain(running))
    with pytest.raises(EsriError):
        client.get(running)
    jobs("unpin", plain(kept))
    assert jobs("purge") != "0 jobs deleted\n"
    assert json.loads(jobs("list", "--state", "succeeded", "--json")) == []


def test_the_size_of_a_job_is_known_soon_and_scratch_is_gone(
    server: Server, client: Client, jobs: Jobs
) -> None:
    job = submit(client, text="x" * 1000)
    until(lambda: json.loads(jobs("show", plain(job), "--json"))["size"] is not None)
    assert not list((server.data / "jobs" / plain(job)).glob("scratch-*"))


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["show", "0" * 32], "There is no job"),
        (["cancel", "\x1bnothing"], "There is no job \ufffdnothing"),
        (["list", "--state", "happy"], "--state is some of queued"),
        (["purge", "--older-than", "long"], "no span of time"),
        (["list", "--since", "yesterday"], "neither 12h"),
    ],
)
def test_a_mistake_is_told(jobs: Jobs, words: list[str], problem: str) -> None:
    assert problem in jobs(*words, code=1)


def test_a_folder_without_jobs_is_told_and_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["jobs", "list", "--data", "typo"]) == 1
    assert "name the server's folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_job_of_another_machine_is_cancelled(
    postgis: psycopg.Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    services = tmp_path / "services"
    services.mkdir()
    (services / "naps.py").write_text(SERVICES)
    monkeypatch.chdir(tmp_path)
    with machines(postgis, tmp_path, services) as cluster:
        cluster.worker()
        client = cluster.web().client
        running, done = client.submit("Others/Nap", seconds=300), client.submit("Others/Nap")
        client.wait(running, lambda state: state["jobStatus"] == "esriJobExecuting")
        client.wait(done)
        place = ["--store", cluster.database, "--data", str(cluster.folder / "data")]
        assert main(["jobs", "cancel", job_id(running), *place]) == 0
        assert main(["jobs", "delete", job_id(done), *place]) == 0
        assert capsys.readouterr().out == f"{plain(running)} is being cancelled\n{plain(done)} deleted\n"
        assert client.wait(running)["jobStatus"] == "esriJobCancelled"
        with pytest.raises(EsriError):
            client.get(done)
