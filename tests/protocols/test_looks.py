"""Polls over a database elsewhere: those that come together are one question, asked after all of them."""

import asyncio
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from gpserver.addresses import Reach
from gpserver.app import create_engine, layers_of
from gpserver.engine import Engine
from gpserver.errors import NotFound, Unavailable
from gpserver.executors.local import LocalExecutor
from gpserver.job import Job, JobStatus, NewJob
from gpserver.parts import Parts
from gpserver.protocols.looks import Looks
from gpserver.results.place import Files
from gpserver.settings import Settings
from gpserver.stores.sqlite import SQLiteStore


class FarStore(SQLiteStore):
    """A database elsewhere that answers when it is told to."""

    near = False

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.looks: list[list[str]] = []
        self.asked, self.answer, self.away = threading.Semaphore(0), threading.Semaphore(0), False

    def several(self, job_ids: Collection[str]) -> dict[str, Job]:
        self.looks.append(sorted(job_ids))
        self.asked.release()
        assert self.answer.acquire(timeout=30)
        if self.away:
            raise Unavailable("away")
        return super().several(job_ids)


@pytest.fixture
def store(tmp_path: Path) -> FarStore:
    store = FarStore(tmp_path / "jobs.sqlite")
    for job_id in "abc":
        store.add(NewJob(job_id, "Buffer", "BufferPoints", (), owner=job_id))
    return store


@pytest.fixture
def engine(store: FarStore, tmp_path: Path) -> Iterator[Engine]:
    settings = Settings(data=tmp_path)

    def jobs(files: Files) -> tuple[FarStore, LocalExecutor]:
        folders = settings.services, files.jobs, tmp_path / "uploads"
        options = {"slots": 1, "start_method": None, "debug": False}
        return store, LocalExecutor(store, *folders, Reach(), layers_of(settings), **options)

    engine = create_engine(settings, parts=Parts(jobs=jobs))
    yield engine
    engine.close()


async def begun(store: FarStore) -> None:
    """Wait until a look is under way, and others have asked who were about to."""
    assert await asyncio.to_thread(store.asked.acquire, timeout=30)
    await asyncio.sleep(0)


def test_who_asks_during_a_look_shares_the_next_one(engine: Engine, store: FarStore) -> None:
    async def run() -> list[Job | BaseException]:
        looks = Looks()
        polls = [asyncio.create_task(looks.job(engine, "a"))]
        await begun(store)
        polls += [asyncio.create_task(looks.job(engine, name)) for name in ("a", "b", "b", "gone")]
        polls.append(asyncio.create_task(looks.job(engine.seen_by("x", lambda job: job.owner == "x"), "c")))
        await asyncio.sleep(0)
        polls[3].cancel()  # a client that hangs up takes nothing from the other one
        # What happens before the second look begins is in its answer.
        assert store.move("a", JobStatus.QUEUED, JobStatus.CANCELLED, now=2.0)
        store.answer.release(2)
        return await asyncio.gather(*polls, return_exceptions=True)

    first, again, other, hung_up, gone, hidden = asyncio.run(run())
    assert store.looks == [["a"], ["a", "b", "c", "gone"]]
    assert isinstance(first, Job)
    assert isinstance(again, Job)
    assert isinstance(other, Job)
    assert (again.status, other.id) == (JobStatus.CANCELLED, "b")
    assert isinstance(hung_up, asyncio.CancelledError)
    assert isinstance(gone, NotFound)
    assert isinstance(hidden, NotFound)


def test_a_database_that_is_away_is_waited_for_once(engine: Engine, store: FarStore) -> None:
    async def run() -> list[Job | BaseException]:
        looks = Looks()
        polls = [asyncio.create_task(looks.job(engine, "a"))]
        await begun(store)
        polls += [asyncio.create_task(looks.job(engine, name)) for name in ("b", "a")]
        await asyncio.sleep(0)
        store.away = True
        store.answer.release()
        away = await asyncio.gather(*polls, return_exceptions=True)
        store.away = False
        store.answer.release()
        return [*away, await looks.job(engine, "b")]

    *away, back = asyncio.run(run())
    assert [type(error) for error in away] == [Unavailable] * 3
    assert isinstance(back, Job)
    assert store.looks == [["a"], ["b"]]
