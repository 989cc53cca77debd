"""The engine as a library: submit, watch, sweep, without any protocol."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

from gpserver.app import create_engine
from gpserver.catalog import Catalog
from gpserver.engine import Engine
from gpserver.errors import InvalidRequest, NotFound
from gpserver.job import JobStatus
from gpserver.settings import Settings
from gpserver.stores.sql import SQLStore

FAULTS = ROOT / "tests" / "faults" / "services"
CATALOG = Catalog(FAULTS)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(Settings(services=FAULTS, data=tmp_path, slots=1))
    engine.start()
    yield engine
    engine.close()


def submit(engine: Engine, task: str, **values: object) -> str:
    service = CATALOG.service("Faults")
    texts = {name: [json.dumps(value)] for name, value in values.items()}
    return engine.submit(service, service.task(task), texts, {})


def ended(engine: Engine, job_id: str) -> JobStatus:
    done = threading.Event()
    engine.watch(job_id, lambda _: done.set())
    assert done.wait(30)
    return engine.job(job_id).status


def test_a_watcher_hears_of_the_end_and_of_one_that_was_before(engine: Engine) -> None:
    job_id = submit(engine, "Nap", Seconds=0.01)
    assert ended(engine, job_id) is JobStatus.SUCCEEDED
    assert ended(engine, job_id) is JobStatus.SUCCEEDED


def test_a_watcher_hears_of_the_cancel_of_a_queued_job(engine: Engine) -> None:
    blocker, queued = submit(engine, "Nap", Seconds=30), submit(engine, "Nap", Seconds=0)
    assert engine.cancel(queued).status is JobStatus.CANCELLED
    assert ended(engine, queued) is JobStatus.CANCELLED
    with pytest.raises(InvalidRequest, match="already ended"):
        engine.cancel(queued)
    engine.cancel(blocker)
    assert ended(engine, blocker) is JobStatus.CANCELLED


def test_cancelling_twice_is_fine(engine: Engine) -> None:
    job_id = submit(engine, "Polite")
    while not engine.messages(job_id):
        time.sleep(0.01)
    assert engine.cancel(job_id).status is JobStatus.CANCELLING
    assert engine.cancel(job_id).status is JobStatus.CANCELLING
    assert ended(engine, job_id) is JobStatus.CANCELLED


def test_a_job_that_goes_back_to_the_queue_while_it_is_cancelled_is_cancelled(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = submit(engine, "Nap", Seconds=30)
    while engine.job(job_id).status is not JobStatus.RUNNING:
        time.sleep(0.01)
    submit(engine, "Nap", Seconds=30)  # gets the slot, whatever becomes of the other one
    move, lost = SQLStore.move, iter([True])

    def move_late(store: SQLStore, *arguments: object, **facts: object) -> bool:
        if arguments[1:] == (JobStatus.RUNNING, JobStatus.CANCELLING) and next(lost, False):
            move(store, job_id, JobStatus.RUNNING, JobStatus.QUEUED, now=1.0)
        return move(store, *arguments, **facts)

    monkeypatch.setattr(SQLStore, "move", move_late)
    assert engine.cancel(job_id).status in (JobStatus.CANCELLED, JobStatus.CANCELLING)
    assert ended(engine, job_id) is JobStatus.CANCELLED


def test_the_sweep_takes_old_uploads_along(engine: Engine, tmp_path: Path) -> None:
    item = engine.uploads.register("a.txt")
    engine.sweep(time.time() - 60)
    assert engine.uploads.get(item.id) == item
    engine.sweep(time.time() + 60)
    with pytest.raises(NotFound, match="There is no uploaded item"):
        engine.uploads.get(item.id)


def test_a_mistake_in_the_list_of_places_stops_the_server(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no host, address or network"):
        create_engine(Settings(data=tmp_path, fetch_allowed=("http://gis.lan",)))


def test_the_sweep_removes_old_jobs_with_their_folders_and_spares_the_others(
    engine: Engine, tmp_path: Path
) -> None:
    old, running = submit(engine, "Nap", Seconds=0), submit(engine, "Polite")
    assert ended(engine, old) is JobStatus.SUCCEEDED
    assert (tmp_path / "jobs" / old).is_dir()
    assert engine.sweep(time.time() - 60) == 0
    assert engine.sweep(time.time() + 60) == 1
    assert not (tmp_path / "jobs" / old).exists()
    with pytest.raises(NotFound):
        engine.job(old)
    engine.cancel(running)
    assert ended(engine, running) is JobStatus.CANCELLED


def test_a_store_that_was_locked_hears_of_the_end_later(engine: Engine, tmp_path: Path) -> None:
    job_id = submit(engine, "Nap", Seconds=0.5)
    while engine.job(job_id).status is not JobStatus.RUNNING:
        time.sleep(0.01)
    other = sqlite3.connect(tmp_path / "jobs.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    time.sleep(6.5)  # longer than the store waits for a lock
    assert engine.job(job_id).status is JobStatus.RUNNING
    other.execute("ROLLBACK")
    other.close()
    assert ended(engine, job_id) is JobStatus.SUCCEEDED


def test_a_task_that_never_stops_talking_is_cut_short(engine: Engine) -> None:
    job_id = submit(engine, "Chatter", Lines=10_500)
    assert ended(engine, job_id) is JobStatus.SUCCEEDED
    messages = engine.messages(job_id)
    assert len(messages) == 10_001
    assert messages[-1].text == "A job of this service has at most 10,000 messages; the others are left out."


def test_only_what_is_a_result_is_a_file_of_the_job(engine: Engine, tmp_path: Path) -> None:
    job_id = submit(engine, "Files")
    assert ended(engine, job_id) is JobStatus.SUCCEEDED, engine.messages(job_id)
    job = engine.job(job_id)
    assert [engine.file(job, name).read_text() for name in ("a.txt", "b.txt")] == ["a", "b"]
    for name in ("secret.txt", "../scratch/secret.txt", "/etc/passwd", "..", "", "a.txt/../a.txt"):
        with pytest.raises(NotFound):
            engine.file(job, name)


def test_a_closed_engine_leaves_its_running_job_to_the_next(tmp_path: Path) -> None:
    settings = Settings(services=FAULTS, data=tmp_path, slots=1)
    first = create_engine(settings)
    first.start()
    job_id = submit(first, "Polite")
    while not first.messages(job_id):
        time.sleep(0.01)
    first.close()
    second = create_engine(settings)
    second.start()
    while second.job(job_id).attempt < 2:
        time.sleep(0.01)
    second.cancel(job_id)
    assert ended(second, job_id) is JobStatus.CANCELLED
    second.close()
