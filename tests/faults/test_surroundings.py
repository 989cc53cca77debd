"""What a server stands on gives way: disk, database, clock, services. It says so, and goes on after."""

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import Server, start
from gpclient import Client, EsriError

SERVICES = '''
import time
from pathlib import Path
from gpserver import JobContext, Service, task

@task
def nap(job: JobContext, seconds: float = 0.0, text: str = "") -> str:
    """Sleeps and says so."""
    job.info("begins")
    time.sleep(seconds)
    job.info("ends")
    return text

@task
def write(job: JobContext, seconds: float = 0.0, megabytes: int = 1) -> Path:
    """Writes a file."""
    time.sleep(seconds)
    path = job.scratch / "large.bin"
    path.write_bytes(bytes(megabytes << 20))
    return path

work, limited = Service("Work"), Service("Limited", time_limit=20.0)
'''
# The clock of the server process alone, ahead by the seconds in a file.
CLOCK = """
import sys
import time
from pathlib import Path

real, ahead = time.time, Path(__file__).parent / "ahead"
if "serve" in sys.orig_argv:
    time.time = lambda: real() + float(ahead.read_text())
"""
LIFETIME = 8  # seconds that results stay
DAY = 86_400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("surroundings")
    for name in ("services", "clock", "data"):
        (folder / name).mkdir()
    (folder / "services/work.py").write_text(SERVICES)
    (folder / "clock/sitecustomize.py").write_text(CLOCK)
    (folder / "clock/ahead").write_text("0")
    (folder / "gpserver.toml").write_text(
        f"min_free = 0\njob_lifetime = {LIFETIME}\nmax_body = 100_000_000\n"
    )
    return folder


@pytest.fixture(scope="module")
def disk(folder: Path) -> Iterator[bool]:
    """Whether the data folder is a small disk of its own."""
    mounted = mount(folder / "data", "size=64m")
    yield mounted
    if mounted:
        subprocess.run(["umount", "--lazy", folder / "data"], check=True)


@pytest.fixture(scope="module")
def server(folder: Path, disk: bool) -> Iterator[Server]:
    """One server for all: it must go on after each fault."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder / "clock"))
        server = start(folder, folder / "services", "--slots", "2")
    yield server
    assert server.stop() == 0, server.log.read_text()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """A client of the server, which works as if nothing had been once the test is over."""
    yield server.client
    assert server.client.run("Work/Nap", text="well") == {"Output": "well"}


def mount(folder: Path, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
    return os.geteuid() == 0 and not subprocess.run(command, capture_output=True).returncode


@contextmanager
def covered(folder: Path) -> Iterator[None]:
    """A folder that cannot be written, for a while."""
    if not mount(folder, "ro"):
        pytest.skip("no file system can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """A disk without a free byte, for a while."""
    ballast = folder / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file:
            for block in (1 << 20, 4096):
                with suppress(OSError):
                    while file.write(bytes(block)):
                        pass
        assert shutil.disk_usage(folder).free == 0
        yield
    finally:
        ballast.unlink()


def set_clock(folder: Path, ahead: int) -> None:
    (folder / "clock/new").write_text(str(ahead))
    (folder / "clock/new").replace(folder / "clock/ahead")


def refusal(act: Callable[[], Any]) -> EsriError:
    with pytest.raises(EsriError) as refused:
        act()
    return refused.value


def executing(client: Client, *jobs: str) -> None:
    for job in jobs:
        client.wait(job, lambda state: state["jobStatus"] == "esriJobExecuting")


def errors(state: dict[str, Any]) -> str:
    return " ".join(m["description"] for m in state["messages"] if m["type"] == "esriJobMessageTypeError")


def test_a_full_disk_is_told_and_what_runs_ends_when_there_is_room(
    client: Client, server: Server, disk: bool
) -> None:
    if not disk:
        pytest.skip("no file system can be mounted here")
    napping = client.submit("Work/Nap", seconds=2, text="slept")
    writing = client.submit("Work/Write", seconds=2, megabytes=4)
    executing(client, napping, writing)
    with full(server.data):
        refused = refusal(lambda: [client.submit("Work/Nap", text="x" * 60_000) for _ in range(300)])
        assert refused.code == 503, refused
        large = refusal(lambda: client.submit("Work/Nap", text="x" * 3_000_000))
        assert large.code == 503, large
        assert "Traceback" not in str(refused) + str(large)
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            assert client.get(napping)["jobStatus"] in ("esriJobExecuting", "esriJobSucceeded")
            time.sleep(0.2)
    assert client.wait(napping)["jobStatus"] == "esriJobSucceeded"
    state = client.wait(writing)
    assert state["jobStatus"] == "esriJobFailed"
    assert "space" in errors(state), state


def test_a_data_folder_that_cannot_be_written_is_told(client: Client, server: Server) -> None:
    text = "x" * 200_000  # large enough for a file
    for folder in ("incoming", "jobs"):
        with covered(server.data / folder):
            refused = refusal(lambda: client.submit("Work/Nap", text=text))
            assert refused.code == 503
            assert "Read-only" in refused.message
    with covered(server.data / "jobs"):  # a small one needs a folder when it runs
        state = client.wait(client.submit("Work/Write"))
        assert state["jobStatus"] == "esriJobFailed"
        assert "Read-only" in errors(state)
    assert client.run("Work/Nap", text=text) == {"Output": text}


def test_a_locked_database_holds_up_no_poll_and_loses_nothing(client: Client, server: Server) -> None:
    running = client.submit("Work/Nap", seconds=0.2, text="slept")
    executing(client, running)
    with (
        ThreadPoolExecutor(4) as pool,
        closing(sqlite3.connect(server.data / "jobs.sqlite", isolation_level=None)) as other,
    ):
        other.execute("BEGIN EXCLUSIVE")
        submitted = [pool.submit(client.submit, "Work/Nap", text=str(n)) for n in range(4)]
        for _ in range(20):
            assert client.get(running)["jobStatus"] == "esriJobExecuting"
            time.sleep(0.05)
        assert not any(each.done() for each in submitted)  # they wait, and the polls did not
        other.execute("ROLLBACK")
        jobs = [each.result(30) for each in submitted]
    for job in (running, *jobs):
        assert client.wait(job)["jobStatus"] == "esriJobSucceeded"


def test_a_clock_that_jumps_kills_no_job_and_no_fresh_result(client: Client, folder: Path) -> None:
    done = client.submit("Work/Nap", text="fresh")
    client.wait(done)
    running = client.submit("Limited/Nap", seconds=4, text="slept")
    executing(client, running)
    for ahead, seconds in ((DAY, LIFETIME / 4 + 1), (-DAY, 1.5), (0, 0)):
        set_clock(folder, ahead)
        time.sleep(seconds)  # while there is a sweep, the first time
        assert client.get(f"{done}/results/Output")["value"] == "fresh"
        assert client.run("Work/Nap", text="later") == {"Output": "later"}
    assert client.wait(running)["jobStatus"] == "esriJobSucceeded"


def test_a_services_folder_that_vanishes_is_told_and_comes_back(client: Client, folder: Path) -> None:
    services, aside = folder / "services", folder / "aside"
    running = client.submit("Work/Nap", seconds=1, text="slept")
    client.wait(running, lambda state: "begins" in str(state["messages"]))
    services.rename(aside)
    try:
        assert client.wait(running)["jobStatus"] == "esriJobSucceeded"
        state = client.wait(client.submit("Work/Nap"))
        assert state["jobStatus"] == "esriJobFailed"
        assert "services folder cannot be read now" in errors(state)
        assert {each["name"] for each in client.get("")["services"]} == {"Work", "Limited"}
    finally:
        aside.rename(services)


@pytest.mark.parametrize("kind", ["loop", "folder", "bytes", "pipe"])
def test_a_services_file_that_cannot_be_read_is_told(client: Client, folder: Path, kind: str) -> None:
    file, aside = folder / "services/work.py", folder / "work.py"
    file.rename(aside)
    try:
        make = {"loop": lambda: file.symlink_to(file), "folder": file.mkdir, "pipe": lambda: os.mkfifo(file)}
        make.get(kind, lambda: file.write_bytes(b"\xff\xfe"))()
        state = client.wait(client.submit("Work/Nap"))
        assert state["jobStatus"] == "esriJobFailed"
        assert "work.py: " in errors(state)
        assert {each["name"] for each in client.get("")["services"]} == {"Work", "Limited"}
    finally:
        file.rmdir() if kind == "folder" else file.unlink()
        aside.rename(file)
