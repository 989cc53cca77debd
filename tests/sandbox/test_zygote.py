"""The family of processes: what a zygote and its children hold, and who survives whom."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from sandbox.recorder import PATIENCE, Recorder, gone

from gpserver.sandbox import Ending

MakePool = Callable[..., Recorder]

# PROJ opens it as soon as it is imported, and, as it knows of forks, each child opens it again.
PROJ = "/proj.db"

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def family() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


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
def test_a_child_has_its_own_session_and_only_its_own_descriptors(new_pool: MakePool, method: str) -> None:
    pool = new_pool(start_method=method, recycle_after=1)
    first, second = (pool.result("surroundings").value for _ in range(2))
    assert first["descriptors"].pop("0") == "/dev/null"
    open_files = {path for number, path in first["descriptors"].items() if int(number) > 2}
    kinds = sorted(path.split(":")[0] for path in open_files if not path.endswith(PROJ))
    assert len(kinds) == 2
    assert kinds[0].startswith("/")  # the file for the stack of a crash; it has no name any more
    assert kinds[0].endswith("(deleted)")
    assert kinds[1] == "socket"
    assert (first["oom"], first["leads"]) == ("800", True)
    assert first["random"] != second["random"]


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
    below = [pool.pid(job), *map(psutil.Process, pool.sandbox.slot_pids())]
    pool.outcome(idle)
    only_new_zygote(before).kill()
    outcome = pool.outcome(job)
    assert (outcome.ending, outcome.reason) == (Ending.CRASHED, "its parent process, the zygote, died")
    assert gone(*below)
    assert pool.result("answer").ending == Ending.FINISHED


def test_orders_wait_while_the_zygote_is_replaced(new_pool: MakePool) -> None:
    before = zygotes()
    pool = new_pool()
    pool.result("answer")
    only_new_zygote(before).kill()
    jobs = [pool.submit("answer") for _ in range(2)]
    assert {pool.outcome(job).ending for job in jobs} <= {Ending.FINISHED, Ending.CRASHED}
    assert pool.result("answer").ending == Ending.FINISHED


@pytest.mark.parametrize("way", ["child", "daemon"])
def test_nothing_survives_a_killed_supervisor(method: str, way: str) -> None:
    host = Path(__file__).with_name("host.py")
    search = os.pathsep.join([str(host.parent.parent), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        [sys.executable, str(host), method, way],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": search},
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"busy\n"
        below = psutil.Process(process.pid).children(recursive=True)
        assert len(below) >= 4
        process.kill()
    assert gone(*below)


def test_close_leaves_nothing(new_pool: MakePool, method: str) -> None:
    before = set(family())
    pool = new_pool(start_method=method)
    job = pool.submit("with_process", wait=300, way="session")
    pool.pid(job)
    ours = set(family()) - before
    assert len(ours) >= 4
    pool.sandbox.close()
    assert pool.outcome(job).ending == Ending.CLOSED
    assert not any(process.is_running() for process in ours)
    pool.sandbox.close()


def test_close_while_it_warms_up(new_pool: MakePool) -> None:
    before = set(family())
    pool = new_pool()
    job = pool.submit("answer")
    pool.sandbox.close()
    assert pool.outcome(job).ending == Ending.CLOSED
    assert not set(family()) - before


def test_ready_is_told_when_a_child_is_warm(new_pool: MakePool) -> None:
    pool = new_pool()
    assert pool.sandbox.ready.wait(PATIENCE)
    assert pool.sandbox.slot_pids()
