"""What starts when: the clock is ours, the book, the engine and its store are real."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from gpserver.app import create_engine
from gpserver.catalog import Catalog
from gpserver.database import Database
from gpserver.engine import Engine
from gpserver.errors import Conflict, NotFound
from gpserver.evergis.states import Status, Subtask, told
from gpserver.job import JobFilter, JobStatus, Message, MessageType, Progress
from gpserver.migration import use
from gpserver.schedules import Prototype, Run, Timing
from gpserver.schedules.book import FILE, SCHEDULES, Book, Shelf
from gpserver.schedules.office import Office, View
from gpserver.schedules.ticker import Ticker
from gpserver.settings import Settings
from gpserver.shared import SharedDatabase
from gpserver.stores.sqlite import SQLiteStore

SERVICE = '''
"""Runs subtasks."""
from gpserver import Service, task

@task(output="Said")
def subtasks(parameters: str) -> str:
    """Says what it was told."""
    return parameters

service = Service("Scheduler", folder="EverGIS")
'''
HOUR = 3600.0
NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z


@dataclass
class Town:
    """An engine that runs nothing by itself, an office over it, and a clock to set."""

    folder: Path
    engine: Engine
    catalog: Catalog
    store: SQLiteStore
    shelf: Shelf
    now: float = NOON
    office: Office = field(init=False)
    ticker: Ticker = field(init=False)

    def __post_init__(self) -> None:
        self.office, self.ticker = self.another()

    @property
    def view(self) -> View:
        return View(self.engine, self.catalog)

    def another(self) -> tuple[Office, Ticker]:
        """One more server over the same book: a file on one machine, a database on several."""
        office = Office(Book(self.shelf), self.engine, lambda: self.now)
        return office, Ticker(office, lambda owner: None if owner == "gone" else self.view)

    def prototype(
        self, owner: str = "ann", orders: tuple[int | None, ...] = (0, 1), **timing: object
    ) -> Prototype:
        settings = [{"order": order, "type": f"kind{n}"} for n, order in enumerate(orders)]
        return self.office.create(owner, "", settings, Timing(**timing))  # type: ignore[arg-type]

    def at(self, hours: float) -> None:
        """Tick at so many hours past noon."""
        self.now = NOON + hours * HOUR
        self.ticker.tick()

    def runs(self, prototype: Prototype) -> list[Run]:
        return [self.office.state(run) for run in self.office.book.runs(prototype.id)]

    def claim(self) -> None:
        assert self.store.claim("test", self.now)

    def end(self, run: Run, status: JobStatus, *messages: Message, said: list[Subtask] | None = None) -> None:
        """End a run's job as an executor would."""
        if self.engine.job(run.id).status is JobStatus.QUEUED:
            self.claim()
        progress = Progress("", None, told(said)) if said else None
        assert self.store.move(
            run.id, JobStatus.RUNNING, status, now=self.now, messages=messages, progress=progress
        )
        self.office.settle(run.id)


@pytest.fixture(params=["file", "shared"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    if request.param == "file":
        with closing(Database(tmp_path / "schedules.sqlite", *FILE)) as file:
            yield file
        return
    info = request.getfixturevalue("postgis").info
    with closing(SharedDatabase(f"postgresql:///{info.dbname}?host={info.host}&user={info.user}")) as shared:
        use(shared, SCHEDULES)
        with shared.transaction() as cursor:
            cursor.execute("TRUNCATE prototypes, runs, resources")
        yield shared


@pytest.fixture
def town(tmp_path: Path, shelf: Shelf) -> Iterator[Town]:
    services = tmp_path / "services"
    services.mkdir()
    (services / "evergis.py").write_text(SERVICE)
    engine = create_engine(Settings(services=services, data=tmp_path / "data"))
    store = SQLiteStore(tmp_path / "data" / "jobs.sqlite")
    yield Town(tmp_path, engine, Catalog(services), store, shelf)
    store.close()
    engine.close()


def test_a_schedule_starts_at_its_times_and_is_not_forced(town: Town) -> None:
    hourly = town.prototype(schedule="0 * * * *", start_if_previous_not_finished=True)
    town.at(0.5)
    assert not town.runs(hourly)
    town.at(1)
    [run] = town.runs(hourly)
    assert (run.status, run.forced, run.owner) == (Status.IN_QUEUE, False, "ann")
    town.end(run, JobStatus.SUCCEEDED)
    town.at(1.9)
    assert len(town.runs(hourly)) == 1
    town.at(2)
    assert len(town.runs(hourly)) == 2
    assert town.office.book.find(hourly.id).runs == 2


def test_what_was_missed_is_started_once(town: Town) -> None:
    hourly, once = town.prototype(schedule="0 * * * *"), town.prototype(delay_date=NOON + HOUR)
    town.at(30)  # no server ran, or the clock jumped
    town.ticker.tick()
    assert len(town.runs(hourly)) == len(town.runs(once)) == 1
    assert town.office.book.find(hourly.id).due == NOON + 31 * HOUR


def test_a_clock_that_is_set_back_starts_nothing_twice(town: Town) -> None:
    hourly = town.prototype(schedule="0 * * * *")
    town.at(1)
    [run] = town.runs(hourly)
    town.end(run, JobStatus.SUCCEEDED)
    town.at(0)
    town.at(1)
    assert len(town.runs(hourly)) == 1
    town.at(2)
    assert len(town.runs(hourly)) == 2


def test_two_servers_over_one_book_start_a_run_once(town: Town) -> None:
    hourly = town.prototype(schedule="0 * * * *")
    office, ticker = town.another()
    town.now = NOON + HOUR
    [mine], [theirs] = town.office.book.due(town.now), office.book.due(town.now)
    assert town.office.book.claim(mine, NOON + 2 * HOUR)
    assert not office.book.claim(theirs, NOON + 2 * HOUR)
    ticker.tick()
    assert not town.runs(hourly)  # the one who claimed it will


def test_a_delay_starts_once_and_waits_for_a_run_that_is_under_way(town: Town) -> None:
    once = town.prototype(delay_date=NOON + HOUR)
    by_hand = town.office.start(once, town.view)
    town.claim()
    town.at(2)
    assert len(town.runs(once)) == 1
    town.end(by_hand, JobStatus.SUCCEEDED)
    town.at(3)
    town.at(4)
    assert [run.forced for run in town.runs(once)] == [True, False]


def test_a_delay_that_is_over_starts_at_once(town: Town) -> None:
    late = town.prototype(delay_date=NOON - HOUR)
    town.at(0)
    assert len(town.runs(late)) == 1


def test_a_schedule_with_a_delay_begins_after_it(town: Town) -> None:
    hourly = town.prototype(schedule="0 * * * *", delay_date=NOON + 3 * HOUR)
    town.at(2.5)
    assert not town.runs(hourly)
    town.at(3)
    assert len(town.runs(hourly)) == 1


@pytest.mark.parametrize("allowed", [True, False])
def test_the_last_run_may_have_to_be_over(town: Town, allowed: bool) -> None:
    hourly = town.prototype(schedule="0 * * * *", start_if_previous_not_finished=allowed)
    town.at(1)
    town.at(2)
    assert len(town.runs(hourly)) == 1  # it still waits in the queue
    town.claim()
    town.at(3)
    assert len(town.runs(hourly)) == (2 if allowed else 1)


@pytest.mark.parametrize("allowed", [True, False])
def test_the_last_run_may_have_to_have_succeeded(town: Town, allowed: bool) -> None:
    hourly = town.prototype(schedule="0 * * * *", start_if_previous_error=allowed)
    town.at(1)
    town.end(town.runs(hourly)[0], JobStatus.FAILED)
    town.at(2)
    assert len(town.runs(hourly)) == (2 if allowed else 1)


def test_what_is_disabled_rests_and_makes_up_for_nothing(town: Town) -> None:
    hourly = town.prototype(schedule="0 * * * *", enabled=False)
    town.at(1)
    town.now += 0.5 * HOUR
    town.office.change(hourly, replace(hourly.timing, enabled=True))
    town.ticker.tick()
    assert not town.runs(hourly)
    town.at(2)
    assert len(town.runs(hourly)) == 1


def test_the_prototypes_of_a_user_who_is_gone_rest(town: Town) -> None:
    gone = town.prototype(owner="gone", schedule="0 * * * *")
    town.at(1)
    assert not town.runs(gone)


def test_a_start_that_the_clock_cannot_make_is_told(town: Town) -> None:
    (town.folder / "services" / "evergis.py").unlink()
    town.catalog.refresh()
    hourly = town.prototype(schedule="0 * * * *")
    town.at(1)
    [run] = town.office.book.runs(hourly.id)
    ended = town.office.book.run(run.id)
    assert ended
    assert [item.status for item in ended.subtasks] == [Status.ERROR, Status.INTERRUPTED]
    assert "EverGIS/Scheduler" in str(ended.subtasks[0].error)


def test_an_id_is_given_once(town: Town) -> None:
    prototype, given = town.prototype(), "0123456789abcdef" * 2
    assert town.office.start(prototype, town.view, run_id=given).id == given
    with pytest.raises(Conflict):
        town.office.start(prototype, town.view, run_id=given)
    service = town.catalog.service("EverGIS/Scheduler")
    other = town.engine.submit(service, service.task("subtasks"), {}, {})
    with pytest.raises(Conflict):
        town.office.start(prototype, town.view, run_id=other)
    assert len(town.runs(prototype)) == 1


def test_subtasks_are_told_in_the_order_in_which_they_run(town: Town) -> None:
    run = town.office.start(town.prototype(orders=(3, None, 1, None)), town.view)
    assert [(item.order, item.type) for item in run.outline] == [
        (0, "kind1"),
        (0, "kind3"),
        (1, "kind2"),
        (3, "kind0"),
    ]
    assert {item.status for item in town.office.state(run).subtasks} == {Status.IN_QUEUE}


@pytest.mark.parametrize(
    ("fate", "expected"),
    [
        (JobStatus.FAILED, Status.ERROR),
        (JobStatus.TIMED_OUT, Status.TIMEOUT),
        (JobStatus.SUCCEEDED, Status.COMPLETED),
    ],
)
def test_what_the_run_could_not_say_is_made_out_of_its_job(
    town: Town, fate: JobStatus, expected: Status
) -> None:
    run = town.office.start(town.prototype(orders=(0, 1, 2)), town.view)
    done, *rest = run.outline
    said = [replace(done, status=Status.COMPLETED), *rest]
    town.end(run, fate, Message(MessageType.ERROR, "no memory", 1.0), said=said)
    last = Status.COMPLETED if fate is JobStatus.SUCCEEDED else Status.INTERRUPTED
    state = town.office.state(run)
    assert [item.status for item in state.subtasks] == [Status.COMPLETED, expected, last]
    assert state.subtasks[1].error == ("no memory" if fate is JobStatus.FAILED else None)


def test_a_stopped_run_is_interrupted(town: Town) -> None:
    run = town.office.start(town.prototype(), town.view)
    town.office.stop(run.id, town.engine)
    town.office.stop(run.id, town.engine)
    state = town.office.state(run)
    assert state.status is Status.INTERRUPTED
    assert {item.status for item in state.subtasks} == {Status.INTERRUPTED}


def test_the_end_of_a_run_outlives_its_job_and_its_prototype(town: Town) -> None:
    prototype = town.prototype()
    run = town.office.start(prototype, town.view)
    town.office.book.remove(prototype.id)
    town.end(run, JobStatus.SUCCEEDED)
    town.engine.sweep(town.now + HOUR)
    with pytest.raises(NotFound):
        town.engine.job(run.id)
    kept = town.office.book.run(run.id)
    assert kept
    assert {item.status for item in town.office.state(kept).subtasks} == {Status.COMPLETED}
    town.office.book.sweep(town.now + HOUR)
    assert town.office.book.run(run.id) is None


def test_a_restart_writes_down_what_ended_meanwhile(town: Town) -> None:
    prototype = town.prototype()
    run = town.office.start(prototype, town.view)
    office, ticker = town.another()
    town.claim()
    lost = Message(MessageType.ERROR, "The server stopped while the job ran.", 1.0)
    town.store.move(run.id, JobStatus.RUNNING, JobStatus.FAILED, now=town.now, messages=[lost])
    ticker.tick()
    kept = office.book.run(run.id)
    assert kept
    assert [item.status for item in kept.subtasks] == [Status.ERROR, Status.INTERRUPTED]
    assert kept.subtasks[0].error == lost.text


def test_a_run_whose_server_died_before_its_job_was_made_is_interrupted(town: Town) -> None:
    prototype = town.prototype()
    town.office.book.begin(Run("f" * 32, prototype.id, "ann", NOON, True, [Subtask(0, "kind0")]))
    [run] = town.runs(prototype)
    assert run.status is Status.IN_QUEUE
    town.now += HOUR
    [run] = town.runs(prototype)
    assert run.status is Status.INTERRUPTED
    assert "before the task began" in str(run.subtasks[0].error)


def test_of_many_servers_one_starts_what_is_due(town: Town) -> None:
    due = [town.prototype(schedule="0 * * * *") for _ in range(5)]
    tickers = [town.another()[1] for _ in range(4)]
    town.now = NOON + HOUR
    threads = [threading.Thread(target=ticker.tick) for ticker in tickers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(town.runs(prototype)) for prototype in due] == [1] * 5
    assert town.engine.count(JobFilter()) == {JobStatus.QUEUED: 5}


def test_a_run_whose_server_died_as_it_began_is_started_once_by_another(town: Town) -> None:
    prototype = town.prototype(delay_date=NOON + HOUR)
    town.now = NOON + HOUR
    claimed = Run("e" * 32, prototype.id, "ann", town.now, False, [Subtask(0, "kind0")])
    assert town.office.book.claim(prototype, None, claimed)  # and then it dies
    town.ticker.tick()
    with pytest.raises(NotFound):
        town.engine.job(claimed.id)
    town.now += 20
    first, second = town.another()[1], town.another()[1]
    first.tick()
    second.tick()
    town.now += 20
    second.tick()
    assert town.engine.count(JobFilter()) == {JobStatus.QUEUED: 1}
    [run] = town.runs(prototype)
    assert (run.id, run.status) == (claimed.id, Status.IN_QUEUE)
    town.end(run, JobStatus.SUCCEEDED)
    [run] = town.runs(prototype)
    assert run.status is Status.COMPLETED


def test_a_book_of_the_version_before_is_read(tmp_path: Path) -> None:
    Database(tmp_path / "schedules.sqlite", *FILE).close()
    with closing(sqlite3.connect(tmp_path / "schedules.sqlite")) as connection:
        connection.executescript(
            FILE[0] + "ALTER TABLE runs DROP COLUMN claimed; PRAGMA user_version=1;"
            "INSERT INTO runs VALUES (1, 'a', 'p', 'ann', 1.0, 1, '[]', NULL, NULL, NULL, '[]')"
        )
    with closing(Database(tmp_path / "schedules.sqlite", *FILE)) as file:
        [run] = Book(file).open_runs()
        assert run.id == "a"
