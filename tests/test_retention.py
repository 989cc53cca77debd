"""What is left of ended jobs, whoever dies while they are removed."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from gpserver.job import JobFilter, JobStatus, NewJob, Terms
from gpserver.retention import Keep, Retention, tidy
from gpserver.stores.sqlite import SQLiteStore
from gpserver.workspace import Workspace

NO_LIMITS = Keep()
SWEEP = """
import sys
from functools import partial
from pathlib import Path
from gpserver.retention import Keep, Retention
from gpserver.stores.sqlite import SQLiteStore
from gpserver.workspace import Workspace

folder = Path(sys.argv[1])
print(Retention(SQLiteStore(folder / "jobs.sqlite"), folder, partial(Workspace, folder), Keep()).sweep(99.0))
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    with closing(SQLiteStore(tmp_path / "jobs.sqlite")) as store:
        yield store


def retention(store: SQLiteStore, folder: Path, keep: Keep = NO_LIMITS) -> Retention:
    return Retention(store, folder, partial(Workspace, folder), keep)


def add(store: SQLiteStore, folder: Path, n: int, status: JobStatus = JobStatus.SUCCEEDED) -> str:
    """A job that ended at n in its second attempt, and left what both of them wrote."""
    job_id = f"{n:032x}"
    store.add(NewJob(job_id, "S", "T", (), {}, Terms(), created=1.0))
    for _ in range(2):
        assert store.claim("host:1", 2.0)
        assert store.move(job_id, JobStatus.RUNNING, JobStatus.QUEUED, now=3.0)
    assert store.claim("host:1", 2.0)
    assert store.move(job_id, JobStatus.RUNNING, status, now=float(n))
    for name in ("inputs", "results-1", "results-3", "scratch-3", "fetched-2"):
        (folder / job_id / name).mkdir(parents=True)
        (folder / job_id / name / "file").write_bytes(bytes(100))
    return job_id


def left(folder: Path, job_id: str) -> list[str]:
    return sorted(path.name for path in (folder / job_id).iterdir())


def test_what_an_ended_job_needs_no_more_goes_and_the_rest_is_weighed(
    store: SQLiteStore, tmp_path: Path
) -> None:
    good, bad = add(store, tmp_path, 1), add(store, tmp_path, 2, JobStatus.FAILED)
    gone = tmp_path / f"{3:032x}"
    gone.mkdir()
    tidy(store, partial(Workspace, tmp_path), [good, bad, gone.name])
    assert left(tmp_path, good) == ["inputs", "results-3"]
    assert left(tmp_path, bad) == ["inputs"]
    assert not gone.exists()
    assert [job.size for job in store.find(JobFilter())] == [100, 200]


@pytest.mark.parametrize(
    ("keep", "before", "kept"),
    [
        (NO_LIMITS, 3.0, [4, 3, 1]),
        (Keep(jobs=2), 0.0, [4, 1]),
        (Keep(size=500), 0.0, [4, 1]),
        (Keep(jobs=1, size=1), 0.0, [1]),
    ],
)
def test_the_oldest_go_and_pinned_ones_stay(
    store: SQLiteStore, tmp_path: Path, keep: Keep, before: float, kept: list[int]
) -> None:
    ids = [add(store, tmp_path, n) for n in range(1, 5)]
    assert store.ended.pin(ids[0], pinned=True)
    assert retention(store, tmp_path, keep).sweep(before) == 4 - len(kept)
    assert [int(job.id, 16) for job in store.find(JobFilter())] == kept
    assert sorted(int(path.name, 16) for path in tmp_path.iterdir() if path.is_dir()) == sorted(kept)


def test_a_sweep_that_is_killed_is_finished_by_the_next(store: SQLiteStore, tmp_path: Path) -> None:
    ids = [add(store, tmp_path, n) for n in range(1, 61)]
    store.ended.weigh(dict.fromkeys(ids, 1))
    sweep = subprocess.Popen([sys.executable, "-c", SWEEP, str(tmp_path)])
    while (tmp_path / ids[3]).exists():
        assert sweep.poll() is None
        time.sleep(0.001)
    sweep.kill()
    sweep.wait()
    # Whatever it had begun is gone for clients, and the next sweep knows of it, however young it is.
    begun, whole = store.ended.condemned(999), store.find(JobFilter())
    assert len(begun) + len(whole) == len(store.ended.known(ids))
    assert all(left(tmp_path, job.id) for job in whole)
    assert retention(store, tmp_path).sweep(0.0) == len(begun)
    assert retention(store, tmp_path).sweep(99.0) == len(whole)
    assert store.ended.known(ids) == set()
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_a_folder_that_no_job_has_goes_after_an_hour(store: SQLiteStore, tmp_path: Path) -> None:
    known = add(store, tmp_path, 1)
    young, old, other = tmp_path / f"{2:032x}", tmp_path / f"{3:032x}", tmp_path / "lost+found"
    for folder in (young, old, other):
        folder.mkdir()
    now = time.time()
    for folder in (tmp_path / known, old, other):
        os.utime(folder, (now - 4000, now - 4000))
    assert retention(store, tmp_path).remove_orphans(now) == 1
    assert [old.exists(), young.exists(), other.exists(), (tmp_path / known).exists()] == [
        False,
        True,
        True,
        True,
    ]


def test_a_job_that_is_condemned_while_it_runs_goes_when_it_has_ended(
    store: SQLiteStore, tmp_path: Path
) -> None:
    store.add(NewJob("1" * 32, "S", "T", (), {}, Terms(), created=1.0))
    assert store.claim("host:1", 2.0)
    assert store.ended.condemn(["1" * 32]) == ["1" * 32]
    keeper = retention(store, tmp_path)
    keeper.finish("1" * 32)
    assert keeper.sweep(99.0) == 0
    assert store.move("1" * 32, JobStatus.RUNNING, JobStatus.FAILED, now=3.0)
    assert keeper.sweep(0.0) == 1
    assert store.get("1" * 32) is None
