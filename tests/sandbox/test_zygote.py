"""The family of processes: what a zygote and its children hold, and who survives whom."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from sandbox.recorder import Recorder, alive, gone

from gpserver.sandbox import Ending, Sandbox

MakePool = Callable[..., Recorder]

# PROJ opens it as soon as it is imported, and, as it knows of forks, each child opens it again.
PROJ = "/proj.db"

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def zygotes() -> list[psutil.Process]:
    return [
        process
        for process in psutil.Process().children()
        if "gpserver.sandbox.zygote" in str(process.cmdline())
    ]


def only_new_zygote(before: list[psutil.Process]) -> psutil.Process:
    (zygote,) = set(zygotes()) - set(before)
    return zygote


@linux
def test_a_child_has_its_own_session_and_only_its_own_descriptors(pool: Recorder) -> None:
    first, second = map(pool.outcome, [pool.submit("surroundings"), pool.submit("surroundings")])
    descriptors = first.value["descriptors"]
    assert descriptors.pop("0") == "/dev/null"
    open_files = {path for number, path in descriptors.items() if int(number) > 2}
    kinds = sorted(path.split(":")[0] for path in open_files if not path.endswith(PROJ))
    assert len(kinds) == 2
    assert kinds[0].endswith("(deleted)")  # the file for the stack of a crash has no name any more
    assert kinds[1] == "socket"
    assert (first.value["oom"], first.value["leads"]) == ("800", True)
    assert first.value["random"] != second.value["random"]


@linux
def test_the_zygote_has_one_thread_and_no_data_open() -> None:
    before = zygotes()
    pool = Recorder(start_method="fork", preload=["geopandas", "pyogrio", "pyarrow", "gpserver.worker"])
    try:
        assert pool.result("answer").ending == Ending.FINISHED
        zygote = only_new_zygote(before)
        assert zygote.num_threads() == 1
        assert all(file.path.endswith(PROJ) for file in zygote.open_files() if file.fd > 2)
    finally:
        pool.sandbox.close()


def test_a_dead_zygote_takes_its_jobs_along_and_is_replaced(new_pool: MakePool, method: str) -> None:
    before = zygotes()
    pool = new_pool(start_method=method)
    job, idle = pool.submit("with_process", wait=300, way="child"), pool.submit("answer")
    below = [pool.pid(job), *pool.sandbox.slot_pids()]
    pool.outcome(idle)
    only_new_zygote(before).kill()
    outcome = pool.outcome(job)
    assert (outcome.ending, outcome.reason) == (Ending.LOST, "its parent process, the zygote, died")
    assert gone(*below)
    assert pool.result("answer").ending == Ending.FINISHED


def test_nothing_survives_a_killed_supervisor(method: str) -> None:
    host = Path(__file__).with_name("host.py")
    search = os.pathsep.join([str(host.parent.parent), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": search}
    with subprocess.Popen(
        [sys.executable, str(host), method], stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"busy\n"
        below = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
        assert len(below) >= 5
        process.kill()
    assert gone(*below)


def test_close_leaves_nothing(new_pool: MakePool, method: str) -> None:
    before = zygotes()
    pool = new_pool(start_method=method)
    job = pool.submit("with_process", wait=300, way="session")
    pool.pid(job)
    assert pool.sandbox.ready.is_set()
    zygote = only_new_zygote(before)
    ours = [zygote.pid, *(child.pid for child in zygote.children(recursive=True))]
    assert len(ours) >= 3
    pool.sandbox.close()
    assert pool.outcome(job).ending == Ending.CLOSED
    assert not any(map(alive, ours))
    pool.sandbox.close()
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit("answer")


def test_close_while_it_warms_up(new_pool: MakePool, method: str) -> None:
    before = zygotes()
    pool = new_pool(start_method=method)
    job = pool.submit("answer")
    assert not pool.sandbox.ready.is_set()
    pool.sandbox.close()
    assert pool.outcome(job).ending == Ending.CLOSED
    assert zygotes() == before


def test_a_sandbox_that_was_never_started_can_be_closed() -> None:
    sandbox = Sandbox("sandbox.entries:run", slots=1, on_events=print, on_end=print)
    sandbox.close()
    assert sandbox.free() == 1
