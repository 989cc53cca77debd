"""One suite over every store: what a ``JobStore`` promises."""

import itertools
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from gpserver.errors import GPServerError
from gpserver.job import (
    MOVES,
    Input,
    Job,
    JobFilter,
    JobStatus,
    Message,
    MessageType,
    NewJob,
    Progress,
    Result,
    Terms,
)
from gpserver.stores import JobStore
from gpserver.stores.postgres import PostgresStore
from gpserver.stores.sqlite import SQLiteStore

INFO, ERROR = MessageType.INFORMATIVE, MessageType.ERROR


def new(job_id: str, service: str = "Buffer", **terms: object) -> NewJob:
    return NewJob(job_id, service, "BufferPoints", (), {}, Terms(**terms), created=1.0)


def in_state(store: JobStore, job_id: str, status: JobStatus) -> None:
    """Bring a new job into a state by allowed moves."""
    store.add(new(job_id))
    if status is JobStatus.QUEUED:
        return
    assert store.claim("me", 2.0)
    if status is JobStatus.CANCELLED:
        assert store.move(job_id, JobStatus.RUNNING, JobStatus.CANCELLING, now=3.0)
        assert store.move(job_id, JobStatus.CANCELLING, JobStatus.CANCELLED, now=3.0)
    elif status is not JobStatus.RUNNING:
        assert store.move(job_id, JobStatus.RUNNING, status, now=3.0)


def test_what_is_said_twice_is_there_once(store: JobStore) -> None:
    """Whoever does not know whether the store took it says it again: the answer may have been lost."""
    in_state(store, "1", JobStatus.RUNNING)
    lines = [Message(INFO, f"line {n}", float(n)) for n in range(6)]
    for _ in range(2):
        assert store.append("1", 1, lines[:2], None, said_before=0)
    assert store.append("1", 1, lines[:4], None, said_before=0)  # and more by now
    assert store.move("1", JobStatus.RUNNING, JobStatus.FAILED, now=9.0, messages=lines[2:], said_before=2)
    assert store.messages("1") == lines
    job = store.get("1")
    assert job
    assert job.message_count == 6


def test_a_new_job_is_queued_with_its_facts(store: JobStore) -> None:
    inputs = (Input("A", "GPString", ("x", "ü")), Input("B", "GPRecordSet", file="inputs/B.text"))
    terms = Terms(time_limit=5.0, instances=2)
    store.add(NewJob("1", "F/S", "T", inputs, {"out_sr": 4326}, terms, created=10.0, owner="ann"))
    job = store.get("1")
    assert job is not None
    assert (job.service, job.task, job.status, job.attempt, job.created) == ("F/S", "T", "queued", 0, 10.0)
    assert (job.environment, job.terms, job.owner) == ({"out_sr": 4326}, terms, "ann")
    assert store.inputs("1") == list(inputs)
    assert store.get("2") is None


def test_a_file_of_another_version_is_told(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "jobs.sqlite")) as connection:
        connection.execute("PRAGMA user_version=2")
    with pytest.raises(GPServerError, match=r"another version.*--data"):
        SQLiteStore(tmp_path / "jobs.sqlite")


def test_the_jobs_of_the_version_before_are_kept(tmp_path: Path) -> None:
    SQLiteStore(tmp_path / "jobs.sqlite").close()
    with closing(sqlite3.connect(tmp_path / "jobs.sqlite")) as connection:
        connection.executescript(
            "DROP INDEX jobs_line; DROP INDEX jobs_turns; DROP INDEX jobs_statistics;"
            " DROP INDEX jobs_unweighed; DROP INDEX jobs_condemned; DROP INDEX jobs_overdue"
        )
        newer = ("progress_detail", "priority", "turn", "size", "pinned", "trace", "spared", "wait_until")
        for column in newer:
            connection.execute(f"ALTER TABLE jobs DROP COLUMN {column}")
        connection.execute(
            "INSERT INTO jobs (id, service, task, status, version, attempt, created, message_count,"
            " environment, terms, owner) VALUES ('old', 'S', 'T', 'queued', 1, 0, 1.0, 0, '{}', '{}', '')"
        )
        connection.execute("PRAGMA user_version=3")
        connection.commit()
    for _ in range(2):  # the tables are brought up to date once
        with closing(SQLiteStore(tmp_path / "jobs.sqlite")) as store:
            old = store.get("old")
            assert old is not None
            assert old.progress is None


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted in Linux' way")
def test_threads_that_come_and_go_leave_no_files_open(store: JobStore) -> None:
    store.add(new("1"))

    def open_files() -> int:
        for _ in range(20):
            thread = threading.Thread(target=store.get, args=["1"])
            thread.start()
            thread.join()
        return len(list(Path("/proc/self/fd").iterdir()))

    assert open_files() == open_files()


def test_claims_come_in_the_order_of_submission(store: JobStore) -> None:
    for job_id in "312":
        store.add(new(job_id))
    claimed = [job.id for job in iter(lambda: store.claim("me", 5.0), None)]
    assert claimed == ["3", "1", "2"]
    job = store.get("3")
    assert job is not None
    assert (job.status, job.attempt, job.started) == (JobStatus.RUNNING, 1, 5.0)


def test_a_higher_priority_comes_first_and_users_take_turns(store: JobStore) -> None:
    for n, (owner, priority) in enumerate([("ann", 0), ("ann", 0), ("bob", 0), ("ann", 0), ("eve", 5)]):
        store.add(NewJob(str(n), "S", "T", (), {}, Terms(priority=priority), created=1.0, owner=owner))
    assert store.waiting(3) == ["4", "0", "2"]
    claimed = [job.id for job in iter(lambda: store.claim("me", 5.0), None)]
    assert claimed == ["4", "0", "2", "1", "3"]
    assert store.waiting(3) == []


def test_who_comes_late_waits_for_nobody_twice(store: JobStore) -> None:
    for n in range(6):
        store.add(NewJob(f"a{n}", "S", "T", (), {}, Terms(), created=1.0, owner="ann"))
    for _ in range(3):
        store.claim("me", 5.0)
    for n in range(3):
        store.add(NewJob(f"b{n}", "S", "T", (), {}, Terms(), created=1.0, owner="bob"))
    assert store.waiting(9) == ["a3", "b0", "a4", "b1", "a5", "b2"]


def test_a_job_that_has_waited_too_long_never_begins_and_is_overdue(store: JobStore) -> None:
    store.add(new("late", wait_limit=0.0))
    store.add(new("lost", wait_limit=60.0))
    assert [job.id for job in store.overdue()] == ["late"]
    lost = store.claim("me", 5.0)
    assert lost
    assert lost.id == "lost"
    assert store.claim("me", 5.0) is None
    assert store.move("lost", JobStatus.RUNNING, JobStatus.QUEUED, now=6.0)
    assert store.move("late", JobStatus.QUEUED, JobStatus.FAILED, now=6.0)
    assert store.overdue() == []
    assert store.claim("me", 1e12) is not None


def test_only_some_services_may_begin(store: JobStore) -> None:
    for name in ("a", "b", "c"):
        store.add(new(name, service=name))
    claimed = store.claim("me", 5.0, full={"b"}, only={"b", "c"})
    assert claimed
    assert claimed.id == "c"
    assert store.claim("me", 5.0, only=()) is None


def test_a_full_service_is_passed_over(store: JobStore) -> None:
    store.add(new("1", "Busy"))
    store.add(new("2", "Free"))
    job = store.claim("me", 5.0, ["Busy"])
    assert job is not None
    assert job.id == "2"
    assert store.claim("me", 5.0, ["Busy"]) is None


@pytest.mark.parametrize(("source", "to"), list(itertools.product(JobStatus, JobStatus)))
def test_only_moves_of_the_table_are_made(store: JobStore, source: JobStatus, to: JobStatus) -> None:
    in_state(store, "1", source)
    before = store.get("1")
    if to in MOVES[source]:
        assert store.move("1", source, to, now=9.0)
        after = store.get("1")
        assert after is not None
        assert before is not None
        assert (after.status, after.ended is not None) == (to, to.is_terminal)
        assert after.version > before.version
    else:
        with pytest.raises(ValueError, match="no move"):
            store.move("1", source, to, now=9.0)
        assert store.get("1") == before


def test_who_comes_too_late_changes_nothing(store: JobStore) -> None:
    in_state(store, "1", JobStatus.CANCELLED)
    result, message = Result("Out", "GPString", "x"), Message(INFO, "late", 1.0)
    late = store.move(
        "1", JobStatus.RUNNING, JobStatus.SUCCEEDED, now=4.0, results=[result], messages=[message]
    )
    assert late is False
    assert store.results("1") == []
    assert store.messages("1") == []


def test_the_latest_success_of_a_task_and_its_drawing(store: JobStore) -> None:
    assert store.latest("Buffer", "BufferPoints") is None
    for job_id in ("1", "2"):
        in_state(store, job_id, JobStatus.RUNNING)
        result = Result(
            "Out", "GPFeatureRecordSetLayer", layer="Out.arrow", rows=1, drawing={"renderer": job_id}
        )
        assert store.move(job_id, JobStatus.RUNNING, JobStatus.SUCCEEDED, now=4.0, results=[result])
    in_state(store, "3", JobStatus.FAILED)
    latest = store.latest("Buffer", "BufferPoints")
    assert latest is not None
    assert latest.id == "2"
    assert store.results("2")[0].drawing == {"renderer": "2"}
    assert store.latest("Buffer", "Other") is None


def test_another_attempt_changes_nothing(store: JobStore) -> None:
    in_state(store, "1", JobStatus.RUNNING)
    assert store.move("1", JobStatus.RUNNING, JobStatus.QUEUED, now=4.0)
    assert store.claim("other", 5.0)
    assert not store.move("1", JobStatus.RUNNING, JobStatus.SUCCEEDED, now=6.0, attempt=1)
    assert not store.append("1", 1, [Message(INFO, "old", 1.0)], None)
    assert store.move("1", JobStatus.RUNNING, JobStatus.SUCCEEDED, now=6.0, attempt=2)


def test_an_attempt_that_is_spared_does_not_count(store: JobStore) -> None:
    in_state(store, "1", JobStatus.RUNNING)
    assert store.move("1", JobStatus.RUNNING, JobStatus.QUEUED, now=4.0, spare=True)
    assert store.claim("other", 5.0)
    assert store.move("1", JobStatus.RUNNING, JobStatus.QUEUED, now=4.0)
    job = store.claim("third", 5.0)
    assert job is not None
    assert (job.attempt, job.spared) == (3, 1)


def test_a_runner_that_leaves_loses_its_jobs_at_once(store: JobStore) -> None:
    in_state(store, "1", JobStatus.RUNNING)
    store.beat("me")
    assert store.lost(60) == []
    store.leave("me")
    assert [job.id for job in store.lost(60)] == ["1"]


def test_messages_and_progress_grow(store: JobStore) -> None:
    in_state(store, "1", JobStatus.RUNNING)
    lines = [Message(INFO, f"line {n}", float(n)) for n in range(2500)]
    assert store.append("1", 1, lines[:2000], Progress("Half", 50.0))
    assert store.append("1", 1, lines[2000:], None)
    assert store.move("1", JobStatus.RUNNING, JobStatus.FAILED, now=4.0, messages=[Message(ERROR, "no", 9.0)])
    job = store.get("1")
    assert job is not None
    assert (job.message_count, job.progress) == (2501, Progress("Half", 50.0))
    assert store.messages("1") == [*lines, Message(ERROR, "no", 9.0)]


def test_what_a_report_of_progress_leaves_out_stays_and_outlives_the_job(store: JobStore) -> None:
    in_state(store, "1", JobStatus.RUNNING)
    assert store.append("1", 1, [], Progress("Begun", 1.0, {"steps": [1, None]}))
    assert store.append("1", 1, [], Progress("Half"))
    job = store.get("1")
    assert job is not None
    assert job.progress == Progress("Half", 1.0, {"steps": [1, None]})
    assert store.move("1", JobStatus.RUNNING, JobStatus.FAILED, now=4.0, progress=Progress("End", 9.0, {}))
    job = store.get("1")
    assert job is not None
    assert job.progress == Progress("End", 9.0, {})


def test_another_attempt_begins_without_the_progress_of_the_last(store: JobStore) -> None:
    in_state(store, "1", JobStatus.RUNNING)
    assert store.move("1", JobStatus.RUNNING, JobStatus.QUEUED, now=4.0, progress=Progress("Half", 50.0, [1]))
    job = store.claim("me", 5.0)
    assert job is not None
    assert job.progress is None


def test_results_come_with_the_success(store: JobStore) -> None:
    in_state(store, "1", JobStatus.RUNNING)
    results = [
        Result("Text", "GPString", {"any": ["json", None, 1.5]}),
        Result("Features", "GPFeatureRecordSetLayer", layer="Features.arrow", rows=3),
        Result("File", "GPDataFile", file="scratch/a.txt"),
    ]
    assert store.move("1", JobStatus.RUNNING, JobStatus.SUCCEEDED, now=4.0, results=results)
    assert store.results("1") == results


def test_one_of_many_racing_moves_wins(store: JobStore) -> None:
    for n in range(20):
        in_state(store, str(n), JobStatus.RUNNING)
    moves = [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.TIMED_OUT, JobStatus.CANCELLING]
    won: list[tuple[str, JobStatus]] = []

    def race(to: JobStatus) -> None:
        for n in range(20):
            if store.move(str(n), JobStatus.RUNNING, to, now=4.0):
                won.append((str(n), to))

    threads = [threading.Thread(target=race, args=(to,)) for to in moves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(job_id for job_id, _ in won) == sorted(str(n) for n in range(20))
    for job_id, to in won:
        job = store.get(job_id)
        assert job is not None
        assert job.status is to


def test_unfinished_and_ended_jobs_are_found_and_deleted(store: JobStore) -> None:
    for job_id, status in (("1", JobStatus.RUNNING), ("3", JobStatus.SUCCEEDED), ("4", JobStatus.QUEUED)):
        in_state(store, job_id, status)
    assert [job.id for job in store.lost(0)] == ["1"]
    store.delete("3")
    assert store.get("3") is None


def test_a_job_is_seen_as_others_left_it(store: JobStore) -> None:
    """Whatever a store remembers, each change shows at once, and so does another job of the same id."""
    in_state(store, "1", JobStatus.RUNNING)
    seen = [store.get("1")]
    store.append("1", 1, [], Progress("half", 50.0))
    seen.append(store.get("1"))
    store.move("1", JobStatus.RUNNING, JobStatus.SUCCEEDED, now=3.0)
    seen.append(store.get("1"))
    store.ended.weigh({"1": 7})
    seen.append(store.get("1"))
    store.ended.pin("1", pinned=True)
    seen.append(store.get("1"))
    store.delete("1")
    assert store.get("1") is None
    store.add(replace(new("1"), owner="ada"))
    seen += [store.get("1"), store.get("1")]
    assert [job and (job.status, job.owner, job.size, job.pinned) for job in seen] == [
        (JobStatus.RUNNING, "", None, False),
        (JobStatus.RUNNING, "", None, False),
        (JobStatus.SUCCEEDED, "", None, False),
        (JobStatus.SUCCEEDED, "", 7, False),
        (JobStatus.SUCCEEDED, "", 7, True),
        *[(JobStatus.QUEUED, "ada", None, False)] * 2,
    ]
    assert seen[1]
    assert seen[1].progress == Progress("half", 50.0)


def test_several_jobs_are_read_at_once(store: JobStore) -> None:
    in_state(store, "1", JobStatus.FAILED)
    in_state(store, "2", JobStatus.QUEUED)
    assert store.several(["2", "gone", "1"]) == {"1": store.get("1"), "2": store.get("2")}


def test_jobs_survive_a_restart(tmp_path: Path) -> None:
    first = SQLiteStore(tmp_path / "jobs.sqlite")
    first.add(new("1"))
    first.close()
    second = SQLiteStore(tmp_path / "jobs.sqlite")
    job = second.get("1")
    second.close()
    assert job is not None
    assert job.status is JobStatus.QUEUED


def test_several_servers_make_the_tables_of_a_database_once(database: str) -> None:
    stores: list[PostgresStore] = []
    threads = [threading.Thread(target=lambda: stores.append(PostgresStore(database))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stores) == 4
    for store in stores:
        assert store.lost(0) == []
        store.close()


def test_a_database_of_another_version_is_told(
    database: str, postgres: PostgresStore, postgis: psycopg.Connection
) -> None:
    for change, match in (
        ("version = version - 1", "gpserver migrate"),
        ("oldest = version + 1", "newer version"),
    ):
        [before] = postgis.execute(
            "SELECT version, oldest FROM gpserver_schema WHERE part = 'jobs'"
        ).fetchall()
        postgis.execute(f"UPDATE gpserver_schema SET {change} WHERE part = 'jobs'")
        try:
            with pytest.raises(GPServerError, match=match):
                PostgresStore(database)
        finally:
            postgis.execute(
                "UPDATE gpserver_schema SET version = %s, oldest = %s WHERE part = 'jobs'", before
            )


def test_a_database_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(GPServerError, match="cannot be used"):
        PostgresStore(f"postgresql:///nothing?host={tmp_path}&connect_timeout=1")


def test_claims_that_race_take_each_job_once(store: JobStore) -> None:
    for n in range(60):
        store.add(new(str(n)))
    taken: list[str] = []

    def claim(name: str) -> None:
        while job := store.claim(name, 2.0):
            taken.append(job.id)

    threads = [threading.Thread(target=claim, args=(f"host {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken, key=int) == [str(n) for n in range(60)]


def test_a_job_that_is_cancelled_while_it_is_claimed_does_not_run(store: JobStore) -> None:
    count = 300
    for n in range(count):
        store.add(new(str(n)))
    claimed = set[str]()

    def claim() -> None:
        while job := store.claim("me", 2.0):
            claimed.add(job.id)

    threads = [threading.Thread(target=claim) for _ in range(2)]
    for thread in threads:
        thread.start()
    cancelled = {
        str(n) for n in range(count) if store.move(str(n), JobStatus.QUEUED, JobStatus.CANCELLED, now=2.0)
    }
    for thread in threads:
        thread.join()
    assert not claimed & cancelled
    for job_id in cancelled:
        job = store.get(job_id)
        assert job is not None
        assert job.status is JobStatus.CANCELLED


def test_what_a_database_cannot_hold_is_replaced_and_nothing_is_lost(store: JobStore) -> None:
    in_state(store, "1", JobStatus.RUNNING)
    assert store.append("1", 1, [Message(INFO, "a\0b", 1.0)], Progress("50 % \0?"))
    [message] = store.messages("1")
    assert message.text[0] + message.text[-1] == "ab"


def test_a_runner_that_is_not_heard_of_loses_its_jobs(store: JobStore) -> None:
    for n in "123":
        store.add(new(n))
    held, others = store.claim("me", 2.0), store.claim("other", 2.0)
    assert held is not None
    assert others is not None
    assert store.move(held.id, JobStatus.RUNNING, JobStatus.CANCELLING, now=3.0)
    assert [job.id for job in store.lost(60)] == ["1", "2"]  # neither has ever been heard of
    [mine] = store.beat("me")
    assert (mine.id, mine.status) == ("1", JobStatus.CANCELLING)
    assert [job.id for job in store.lost(60)] == ["2"]
    assert store.alive(60) == 1
    assert [job.id for job in store.lost(-60)] == ["1", "2"]
    assert store.beat("third") == []
    assert store.alive(60) == 2


def test_jobs_are_found_by_service_owner_status_and_time(store: JobStore) -> None:
    for n, (service, owner) in enumerate([("A", "ann"), ("A", ""), ("B", "ann"), ("B", "bob")]):
        store.add(NewJob(str(n), service, "T", (), {}, Terms(), created=float(n), owner=owner))
    assert store.claim("me", 9.0)

    def found(**wanted: object) -> list[str]:
        return [job.id for job in store.find(JobFilter(**wanted))]

    assert found() == ["3", "2", "1", "0"]
    assert found(service="A") == ["1", "0"]
    assert found(owner="ann") == ["2", "0"]
    assert found(owner="") == ["1"]
    assert found(statuses=frozenset({JobStatus.RUNNING, JobStatus.FAILED})) == ["0"]
    assert found(since=1.0, until=3.0) == ["2", "1"]
    assert [job.id for job in store.find(JobFilter(), 1, 2)] == ["2", "1"]
    assert store.count(JobFilter()) == {JobStatus.RUNNING: 1, JobStatus.QUEUED: 3}
    assert store.count(JobFilter(service="nothing")) == {}


class Listener:
    """An observer that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def trace(self, job: NewJob) -> str:
        return f"00-{job.id}"

    def submitted(self, job: NewJob) -> None:
        self.told.append(("submitted", job.id))

    def began(self, job: Job, since: float) -> None:
        self.told.append(("began", job.id, job.attempt, job.trace, since))

    def moved(self, job: Job, source: JobStatus) -> None:
        self.told.append(("moved", source, job.status, job.attempt, job.started, job.ended))

    def replaced(self, reason: str) -> None: ...


def test_an_observer_is_told_every_fact_once(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "observer", listener := Listener())
    store.add(new("1"))
    job = store.claim("me", 2.0)
    assert job
    again = Message(MessageType.WARNING, "once more", 3.0)
    assert store.move("1", JobStatus.RUNNING, JobStatus.QUEUED, now=3.0, messages=[again])
    assert not store.move("1", JobStatus.RUNNING, JobStatus.FAILED, now=3.0)
    assert store.claim("you", 4.0)
    assert store.claim("you", 4.0) is None
    assert store.move("1", JobStatus.RUNNING, JobStatus.SUCCEEDED, now=5.0)
    assert listener.told == [
        ("submitted", "1"),
        ("began", "1", 1, "00-1", job.created),
        ("moved", "running", "queued", 1, 2.0, None),
        ("began", "1", 2, "00-1", 3.0),
        ("moved", "running", "succeeded", 2, 4.0, 5.0),
    ]
