"""Jobs in one SQLite file in WAL mode: the store of a server on one machine."""

import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from gpserver.database import Database
from gpserver.job import (
    MOVES,
    Input,
    Job,
    JobStatus,
    Message,
    MessageType,
    NewJob,
    Progress,
    Result,
    Terms,
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, service TEXT NOT NULL, task TEXT NOT NULL,
    status TEXT NOT NULL, version INTEGER NOT NULL, attempt INTEGER NOT NULL,
    owner TEXT NOT NULL, runner TEXT,
    created REAL NOT NULL, started REAL, ended REAL,
    progress_text TEXT, progress_percent REAL, message_count INTEGER NOT NULL,
    environment TEXT NOT NULL, terms TEXT NOT NULL, progress_detail TEXT);
CREATE INDEX IF NOT EXISTS jobs_queued ON jobs (seq) WHERE status = 'queued';
CREATE INDEX IF NOT EXISTS jobs_unfinished ON jobs (seq) WHERE status IN ('running', 'cancelling');
CREATE INDEX IF NOT EXISTS jobs_ended ON jobs (ended) WHERE ended IS NOT NULL;
CREATE INDEX IF NOT EXISTS jobs_succeeded ON jobs (service, task, seq) WHERE status = 'succeeded';
CREATE TABLE IF NOT EXISTS inputs (
    job_id TEXT NOT NULL, n INTEGER NOT NULL, name TEXT NOT NULL, data_type TEXT NOT NULL,
    texts TEXT NOT NULL, file TEXT, PRIMARY KEY (job_id, n)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    job_id TEXT NOT NULL, n INTEGER NOT NULL, type TEXT NOT NULL, text TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (job_id, n)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS results (
    job_id TEXT NOT NULL, n INTEGER NOT NULL, name TEXT NOT NULL, data_type TEXT NOT NULL,
    value TEXT, layer TEXT, file TEXT, rows INTEGER, drawing TEXT, PRIMARY KEY (job_id, n)) WITHOUT ROWID;
"""
_SCHEMA_VERSION = 4

# What brings the tables of an older version up to the next one.
_MIGRATIONS = {3: "ALTER TABLE jobs ADD COLUMN progress_detail TEXT"}

_COLUMNS = (
    "id, service, task, status, version, attempt, created, started, ended,"
    " progress_text, progress_percent, progress_detail, message_count, environment, terms, owner"
)
# What a report does not say stays as it was said before.
_PROGRESS = (
    "version = version + 1, progress_text = coalesce(?, progress_text),"
    " progress_percent = coalesce(?, progress_percent), progress_detail = coalesce(?, progress_detail)"
)


class SQLiteStore:
    """A ``JobStore`` in one file; each call borrows a connection, so reads never wait for writes.

    Raises:
        GPServerError: The file has the tables of another version.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA, _SCHEMA_VERSION, _MIGRATIONS)
        self._database.rows("SELECT 1")  # what is wrong with the file shows now

    def add(self, job: NewJob) -> None:
        """Keep a new job, queued; durable when this returns."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO jobs (id, service, task, status, version, attempt, created, message_count,"
                " environment, terms, owner) VALUES (?, ?, ?, 'queued', 1, 0, ?, 0, ?, ?, ?)",
                (
                    job.id,
                    job.service,
                    job.task,
                    job.created,
                    _dump(job.environment),
                    _terms_text(job.terms),
                    job.owner,
                ),
            )
            connection.executemany(
                "INSERT INTO inputs VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (job.id, n, item.name, item.data_type, _dump(item.texts), item.file)
                    for n, item in enumerate(job.inputs)
                ],
            )

    def get(self, job_id: str) -> Job | None:
        """The job as it stands, or None."""
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", job_id)  # noqa: S608 - constant columns
        return _job(rows[0]) if rows else None

    def claim(self, runner: str, now: float, full: Collection[str] = ()) -> Job | None:
        """Take the oldest queued job whose service is not in ``full``: it is running now, attempt + 1."""
        if not self._database.rows("SELECT 1 FROM jobs WHERE status = 'queued' LIMIT 1"):
            return None
        marks = ", ".join("?" * len(full))
        with self._database.transaction() as connection:
            row = connection.execute(
                "UPDATE jobs SET status = 'running', attempt = attempt + 1, runner = ?, started = ?,"  # noqa: S608 - only ? marks are put in
                " version = version + 1,"
                " progress_text = NULL, progress_percent = NULL, progress_detail = NULL"
                f" WHERE seq = (SELECT seq FROM jobs WHERE status = 'queued' AND service NOT IN ({marks})"
                f" ORDER BY seq LIMIT 1) RETURNING {_COLUMNS}",
                (runner, now, *full),
            ).fetchone()
        return _job(row) if row else None

    def move(
        self,
        job_id: str,
        source: JobStatus,
        to: JobStatus,
        *,
        now: float,
        attempt: int | None = None,
        messages: Iterable[Message] = (),
        results: Iterable[Result] = (),
        progress: Progress | None = None,
    ) -> bool:
        """Move a job, with its last messages, its last progress and its results, in one transaction."""
        if to not in MOVES[source]:
            raise ValueError(f"no move leads from {source} to {to}")
        with self._database.transaction() as connection:
            row = connection.execute(
                f"UPDATE jobs SET status = ?, ended = ?, {_PROGRESS}"  # noqa: S608 - constant columns
                " WHERE id = ? AND status = ? AND attempt = coalesce(?, attempt) RETURNING message_count",
                (to, now if to.is_terminal else None, *_reported(progress), job_id, source, attempt),
            ).fetchone()
            if row is None:
                return False
            _add_messages(connection, job_id, row[0], messages)
            _add_results(connection, job_id, results)
        return True

    def append(
        self, job_id: str, attempt: int, messages: Iterable[Message], progress: Progress | None
    ) -> bool:
        """Add messages of a running attempt and say how far it is."""
        with self._database.transaction() as connection:
            row = connection.execute(
                f"UPDATE jobs SET {_PROGRESS}"  # noqa: S608 - constant columns
                " WHERE id = ? AND attempt = ? AND status IN ('running', 'cancelling')"
                " RETURNING message_count",
                (*_reported(progress), job_id, attempt),
            ).fetchone()
            if row is None:
                return False
            _add_messages(connection, job_id, row[0], messages)
        return True

    def inputs(self, job_id: str) -> list[Input]:
        """The declared inputs in declared order."""
        rows = self._database.rows(
            "SELECT name, data_type, texts, file FROM inputs WHERE job_id = ? ORDER BY n", job_id
        )
        return [Input(name, kind, tuple(orjson.loads(texts)), file) for name, kind, texts, file in rows]

    def results(self, job_id: str) -> list[Result]:
        """The results in declared order; empty until the job succeeded."""
        rows = self._database.rows(
            "SELECT name, data_type, value, layer, file, rows, drawing FROM results"
            " WHERE job_id = ? ORDER BY n",
            job_id,
        )
        return [
            Result(name, kind, orjson.loads(value), layer, file, count, orjson.loads(drawing))
            for name, kind, value, layer, file, count, drawing in rows
        ]

    def messages(self, job_id: str) -> list[Message]:
        """All messages in order."""
        rows = self._database.rows("SELECT type, text, at FROM messages WHERE job_id = ? ORDER BY n", job_id)
        return [Message(MessageType(kind), text, at) for kind, text, at in rows]

    def latest(self, service: str, task: str) -> Job | None:
        """The youngest job of a task that succeeded."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM jobs WHERE service = ? AND task = ? AND status = 'succeeded'"  # noqa: S608 - constant columns
            " ORDER BY seq DESC LIMIT 1",
            service,
            task,
        )
        return _job(rows[0]) if rows else None

    def unfinished(self) -> list[Job]:
        """Jobs that are running or being cancelled, whoever runs them."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM jobs WHERE status IN ('running', 'cancelling') ORDER BY seq"  # noqa: S608 - constant columns
        )
        return [_job(row) for row in rows]

    def ended_before(self, when: float) -> list[str]:
        """Ids of the jobs that ended before ``when`` (epoch seconds)."""
        return [row[0] for row in self._database.rows("SELECT id FROM jobs WHERE ended < ?", when)]

    def delete(self, job_id: str) -> None:
        """Forget a job and all that belongs to it."""
        with self._database.transaction() as connection:
            for table in ("inputs", "messages", "results"):
                connection.execute(f"DELETE FROM {table} WHERE job_id = ?", (job_id,))  # noqa: S608 - our own names
            connection.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()


def _dump(value: Any) -> str:
    return orjson.dumps(value).decode()


def _reported(progress: Progress | None) -> tuple[str | None, float | None, str | None]:
    if progress is None:
        return None, None, None
    return progress.text, progress.percent, None if progress.detail is None else _dump(progress.detail)


def _job(row: Any) -> Job:
    *facts, text, percent, detail, count, environment, terms, owner = row
    job_id, service, task, status, version, attempt, created, started, ended = facts
    return Job(
        id=job_id,
        service=service,
        task=task,
        status=JobStatus(status),
        version=version,
        attempt=attempt,
        created=created,
        started=started,
        ended=ended,
        progress=None if text is None else Progress(text, percent, detail and orjson.loads(detail)),
        message_count=count,
        environment=orjson.loads(environment),
        terms=_terms(terms),
        owner=owner,
    )


@lru_cache(maxsize=256)
def _terms_text(terms: Terms) -> str:
    return _dump(asdict(terms))


@lru_cache(maxsize=256)
def _terms(text: str) -> Terms:
    # All jobs of a service have the same; a poll must not read them anew.
    return Terms(**orjson.loads(text))


def _add_messages(
    connection: sqlite3.Connection, job_id: str, count: int, messages: Iterable[Message]
) -> None:
    rows = [(job_id, count + n, item.type, item.text, item.at) for n, item in enumerate(messages)]
    if rows:
        connection.executemany("INSERT INTO messages VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute("UPDATE jobs SET message_count = ? WHERE id = ?", (count + len(rows), job_id))


def _add_results(connection: sqlite3.Connection, job_id: str, results: Iterable[Result]) -> None:
    connection.executemany(
        "INSERT INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(job_id, n, *_result_row(item)) for n, item in enumerate(results)],
    )


def _result_row(item: Result) -> tuple[Any, ...]:
    value, drawing = _dump(item.value), _dump(item.drawing)
    return item.name, item.data_type, value, item.layer, item.file, item.rows, drawing
