"""What every database of jobs is asked, in SQL that SQLite and PostgreSQL understand alike."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import orjson

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
)
from gpserver.observer import Nobody, Observer
from gpserver.stores.ended import EndedJobs
from gpserver.stores.rows import (
    COLUMNS,
    Cursor,
    add_messages,
    add_results,
    condition,
    dump,
    job_of,
    reported,
    terms_text,
)
from gpserver.stores.vitals import Vitals
from gpserver.stores.webhooks import WebhookTables, tell_webhooks

# Start-time fair queueing: the jobs of one user stand one turn behind each other, and who comes new begins at
# the turn that is now (P. Goyal, H. M. Vin and H. Cheng, 1996).
_TURN = (
    "SELECT max(turn) FROM (SELECT 0 AS turn"
    " UNION ALL SELECT max(turn) + 1 FROM jobs WHERE status = 'queued' AND owner = ? AND priority = ?"
    " UNION ALL SELECT min(turn) FROM jobs WHERE status = 'queued' AND priority = ?) AS turns"
)
_HELD = f"SELECT {COLUMNS} FROM jobs WHERE status IN ('running', 'cancelling') AND runner = ? ORDER BY seq"  # noqa: S608 - constant
# What a report does not say stays as it was said before.
_PROGRESS = (
    "version = version + 1, progress_text = coalesce(?, progress_text),"
    " progress_percent = coalesce(?, progress_percent), progress_detail = coalesce(?, progress_detail)"
)


class SQLStore(ABC):
    """A ``JobStore`` but for its connections: those are the database's own."""

    observer: Observer = Nobody()
    near: ClassVar[bool]
    _skip: ClassVar[str]
    """What a claim's look at the line ends with, so that it takes no job that somebody changes just now."""

    @property
    @abstractmethod
    def _now(self) -> str:
        """The database's own clock, SQL for epoch seconds: those of its clients may differ."""

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[Cursor]:
        """Changes that are made together or not at all."""

    @abstractmethod
    def _rows(self, query: str, *values: object) -> list[Any]:
        """The rows of a query."""

    def _change(self, statement: str, *values: object) -> list[Any]:
        """The rows that one change gives, which is a transaction of its own."""
        with self._transaction() as connection:
            return list(connection.execute(statement, values).fetchall())

    @property
    def webhooks(self) -> WebhookTables:
        """Who is told of jobs that end."""
        return WebhookTables(self._transaction, self._rows, self._now, self._skip)

    @property
    def ended(self) -> EndedJobs:
        """What ended jobs weigh, and which of them should go."""
        return EndedJobs(self._transaction, self._rows, self._now)

    @property
    def vitals(self) -> Vitals:
        """How many jobs it holds, and whether it takes more."""
        return Vitals(self._transaction, self._rows)

    def add(self, job: NewJob) -> None:
        """Keep a new job, queued; durable when this returns."""
        trace = self.observer.trace(job)
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO jobs (id, service, task, status, version, attempt, created, message_count,"  # noqa: S608 - constant
                " environment, terms, owner, trace, priority, turn, wait_until)"
                f" VALUES (?, ?, ?, 'queued', 1, 0, ?, 0, ?, ?, ?, ?, ?, ({_TURN}),"
                f" {self._now} + CAST(? AS DOUBLE PRECISION))",
                (
                    job.id,
                    job.service,
                    job.task,
                    job.created,
                    dump(job.environment),
                    terms_text(job.terms),
                    job.owner,
                    trace,
                    job.terms.priority,
                    job.owner,
                    job.terms.priority,
                    job.terms.priority,
                    job.terms.wait_limit,
                ),
            )
            connection.executemany(
                "INSERT INTO inputs VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (job.id, n, item.name, item.data_type, dump(item.texts), item.file)
                    for n, item in enumerate(job.inputs)
                ],
            )
        self.observer.submitted(job)

    def get(self, job_id: str) -> Job | None:
        """The job as it stands, or None."""
        rows = self._rows(f"SELECT {COLUMNS} FROM jobs WHERE id = ?", job_id)  # noqa: S608 - constant columns
        return job_of(rows[0]) if rows else None

    def several(self, job_ids: Collection[str]) -> dict[str, Job]:
        """Those of the ids that are jobs, as they stand; up to a thousand."""
        marks = ", ".join("?" * len(job_ids))
        rows = self._rows(f"SELECT {COLUMNS} FROM jobs WHERE id IN ({marks})", *job_ids)  # noqa: S608 - only ? marks are put in
        return {job.id: job for job in map(job_of, rows)}

    def claim(
        self, runner: str, now: float, full: Collection[str] = (), only: Collection[str] | None = None
    ) -> Job | None:
        """Take the queued job whose turn it is: it is running now.

        The highest priority comes first; in one priority users take turns, each with the job that waits
        longest. Those of services in ``full``, or outside of ``only``, are passed over, and those that have
        waited too long never begin.
        """
        if not self._rows("SELECT 1 FROM jobs WHERE status = 'queued' LIMIT 1"):
            return None
        some, services = _among(full, only)
        rows = self._change(
            "UPDATE jobs SET status = 'running', attempt = attempt + 1, runner = ?, started = ?,"  # noqa: S608 - only ? marks are put in
            " version = version + 1, wait_until = NULL,"
            " progress_text = NULL, progress_percent = NULL, progress_detail = NULL"
            f" WHERE seq = (SELECT seq FROM jobs WHERE status = 'queued' AND {some}"
            f" AND (wait_until IS NULL OR wait_until > {self._now})"
            f" ORDER BY priority DESC, turn, seq LIMIT 1 {self._skip})"
            f" RETURNING {COLUMNS}, (SELECT max(at) FROM messages WHERE job_id = id)",
            runner,
            now,
            *services,
        )
        if not rows:
            return None
        *row, last_word = rows[0]
        job = job_of(row)
        # Whoever puts a job back into the line says so, and nobody has a word after that.
        self.observer.began(job, job.created if job.attempt == 1 else last_word or now)
        return job

    def overdue(self) -> list[Job]:
        """Queued jobs that have waited longer than they may, the first hundreds of them."""
        rows = self._rows(
            f"SELECT {COLUMNS} FROM jobs WHERE status = 'queued' AND wait_until <= {self._now} LIMIT 500"  # noqa: S608 - constant
        )
        return [job_of(row) for row in rows]

    def waiting(self, most: int) -> list[str]:
        """Ids of the queued jobs in the order in which they begin, up to ``most``."""
        rows = self._rows(
            "SELECT id FROM jobs WHERE status = 'queued' ORDER BY priority DESC, turn, seq LIMIT ?", most
        )
        return [row[0] for row in rows]

    def queued(self, most: int, owner: str | None = None) -> int:
        """How many jobs are queued, of a user or of all; counted up to ``most``."""
        of = "" if owner is None else " AND owner = ?"
        rows = self._rows(
            f"SELECT count(*) FROM (SELECT 1 FROM jobs WHERE status = 'queued'{of} LIMIT ?) AS line",  # noqa: S608 - constant
            *([] if owner is None else [owner]),
            most,
        )
        return int(rows[0][0])

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
        said_before: int | None = None,
        spare: bool = False,
    ) -> bool:
        """Move a job, with its last messages, its last progress and its results, in one transaction."""
        if to not in MOVES[source]:
            raise ValueError(f"no move leads from {source} to {to}")
        with self._transaction() as connection:
            row = connection.execute(
                f"UPDATE jobs SET status = ?, ended = ?, spared = spared + ?, {_PROGRESS}"  # noqa: S608 - constant columns
                f" WHERE id = ? AND status = ? AND attempt = coalesce(?, attempt) RETURNING {COLUMNS}",
                (
                    to,
                    now if to.is_terminal else None,
                    int(spare),
                    *reported(progress),
                    job_id,
                    source,
                    attempt,
                ),
            ).fetchone()
            if row is None:
                return False
            job = job_of(row)
            add_messages(connection, job_id, job.message_count, messages, said_before)
            add_results(connection, job_id, results)
            if to.is_terminal:
                tell_webhooks(connection, job_id)
        self.observer.moved(job, source)
        return True

    def append(
        self,
        job_id: str,
        attempt: int,
        messages: Iterable[Message],
        progress: Progress | None,
        said_before: int | None = None,
    ) -> bool:
        """Add messages of a running attempt and say how far it is."""
        with self._transaction() as connection:
            row = connection.execute(
                f"UPDATE jobs SET {_PROGRESS}"  # noqa: S608 - constant columns
                " WHERE id = ? AND attempt = ? AND status IN ('running', 'cancelling')"
                " RETURNING message_count",
                (*reported(progress), job_id, attempt),
            ).fetchone()
            if row is None:
                return False
            add_messages(connection, job_id, row[0], messages, said_before)
        return True

    def inputs(self, job_id: str) -> list[Input]:
        """The declared inputs in declared order."""
        rows = self._rows(
            "SELECT name, data_type, texts, file FROM inputs WHERE job_id = ? ORDER BY n", job_id
        )
        return [Input(name, kind, tuple(orjson.loads(texts)), file) for name, kind, texts, file in rows]

    def results(self, job_id: str) -> list[Result]:
        """The results in declared order; empty until the job succeeded."""
        rows = self._rows(
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
        rows = self._rows("SELECT type, text, at FROM messages WHERE job_id = ? ORDER BY n", job_id)
        return [Message(MessageType(kind), text, at) for kind, text, at in rows]

    def find(self, wanted: JobFilter, first: int = 0, most: int = 100) -> list[Job]:
        """The jobs that are meant, the youngest first, from the ``first``-th on (counted from 0)."""
        where, values = condition(wanted)
        rows = self._rows(
            f"SELECT {COLUMNS} FROM jobs WHERE {where} AND pinned >= 0 ORDER BY seq DESC LIMIT ? OFFSET ?",  # noqa: S608 - constant
            *values,
            most,
            first,
        )
        return [job_of(row) for row in rows]

    def count(self, wanted: JobFilter) -> dict[JobStatus, int]:
        """How many jobs are meant, by their status."""
        where, values = condition(wanted)
        rows = self._rows(
            f"SELECT status, count(*) FROM jobs WHERE {where} AND pinned >= 0 GROUP BY status",  # noqa: S608 - constant
            *values,
        )
        return {JobStatus(status): count for status, count in rows}

    def latest(self, service: str, task: str) -> Job | None:
        """The youngest job of a task that succeeded."""
        rows = self._rows(
            f"SELECT {COLUMNS} FROM jobs WHERE service = ? AND task = ? AND status = 'succeeded'"  # noqa: S608 - constant columns
            " AND pinned >= 0 ORDER BY seq DESC LIMIT 1",
            service,
            task,
        )
        return job_of(rows[0]) if rows else None

    def beat(self, runner: str) -> list[Job]:
        """Say that a runner is alive; gives the jobs that it holds, running or being cancelled."""
        with self._transaction() as connection:
            connection.execute(
                f"INSERT INTO runners (name, seen) VALUES (?, {self._now})"  # noqa: S608 - constant columns
                " ON CONFLICT (name) DO UPDATE SET seen = excluded.seen",
                (runner,),
            )
            connection.execute(f"DELETE FROM runners WHERE seen < {self._now} - 86400")  # noqa: S608 - constant
            rows = connection.execute(_HELD, (runner,)).fetchall()
        return [job_of(row) for row in rows]

    def held(self, runner: str) -> list[Job]:
        """The jobs that a runner holds, running or being cancelled."""
        return [job_of(row) for row in self._rows(_HELD, runner)]

    def leave(self, runner: str) -> None:
        """A runner stops; what it still holds is lost at once."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM runners WHERE name = ?", (runner,))

    def lost(self, seconds: float) -> list[Job]:
        """Jobs that are running or being cancelled, and whose runner was not heard of for that long."""
        rows = self._rows(
            f"SELECT {COLUMNS} FROM jobs WHERE status IN ('running', 'cancelling')"  # noqa: S608 - constant columns
            " AND NOT EXISTS (SELECT 1 FROM runners WHERE name = jobs.runner"
            f" AND seen > {self._now} - CAST(? AS DOUBLE PRECISION)) ORDER BY seq",
            seconds,
        )
        return [job_of(row) for row in rows]

    def alive(self, seconds: float) -> int:
        """How many runners were heard of in that time."""
        [[count]] = self._rows(
            f"SELECT count(*) FROM runners WHERE seen > {self._now} - CAST(? AS DOUBLE PRECISION)",  # noqa: S608 - constant
            seconds,
        )
        return int(count)

    def delete(self, job_id: str) -> None:
        """Forget a job and all that belongs to it."""
        with self._transaction() as connection:
            for table in ("inputs", "messages", "results"):
                connection.execute(f"DELETE FROM {table} WHERE job_id = ?", (job_id,))  # noqa: S608 - our own names
            connection.execute("DELETE FROM jobs WHERE id = ?", (job_id,))


def _among(full: Collection[str], only: Collection[str] | None) -> tuple[str, list[str]]:
    """What of a ``WHERE`` means the services that may begin, and the values of its marks."""
    # An empty list is no SQL, and no service has an empty name.
    marks = [", ".join("?" * (1 + len(names))) for names in (full, only or ())]
    if only is None:
        return f"service NOT IN ({marks[0]})", ["", *full]
    return f"service NOT IN ({marks[0]}) AND service IN ({marks[1]})", ["", *full, "", *only]
