"""Rows of the tables of jobs, as the facts that they hold."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from functools import lru_cache
from typing import Any, Protocol

import orjson

from gpserver.job import Job, JobFilter, JobStatus, Message, Progress, Result, Terms

COLUMNS = (
    "id, service, task, status, version, attempt, created, started, ended,"
    " progress_text, progress_percent, progress_detail, message_count, environment, terms, owner, runner,"
    " spared, trace, size, pinned"
)


class Cursor(Protocol):
    """One transaction, or one connection outside of it; values stand for the ``?`` of a statement."""

    def execute(self, statement: str, values: Sequence[object] = ()) -> Any:
        """Run a statement; its rows come from ``fetchone`` and ``fetchall`` of what this gives."""

    def executemany(self, statement: str, rows: Sequence[Sequence[object]]) -> Any:
        """Run a statement for each row of values."""


def condition(wanted: JobFilter) -> tuple[str, list[object]]:
    """What of a ``WHERE`` means those jobs, and the values of its marks."""
    parts: list[tuple[str, list[object]]] = [("created >= ?", [wanted.since])]
    if wanted.service:
        parts.append(("service = ?", [wanted.service]))
    if wanted.owner is not None:
        parts.append(("owner = ?", [wanted.owner]))
    if wanted.until is not None:
        parts.append(("created < ?", [wanted.until]))
    if wanted.statuses:
        marks = ", ".join("?" * len(wanted.statuses))
        parts.append((f"status IN ({marks})", [*wanted.statuses]))
    if wanted.ended_before is not None:
        parts.append(("ended < ?", [wanted.ended_before]))
    if wanted.machine:
        start = f"{wanted.machine.lower()}:"
        parts.append(("lower(substr(runner, 1, ?)) = ?", [len(start), start]))
    if wanted.pinned is not None:
        parts.append(("pinned = ?", [int(wanted.pinned)]))
    return " AND ".join(text for text, _ in parts), [value for _, values in parts for value in values]


def dump(value: Any) -> str:
    """JSON text."""
    return orjson.dumps(value).decode()


def reported(progress: Progress | None) -> tuple[str | None, float | None, str | None]:
    """A report as the columns of a job: text, percent and detail; None for what it leaves out."""
    if progress is None:
        return None, None, None
    return progress.text, progress.percent, None if progress.detail is None else dump(progress.detail)


def job_of(row: Any) -> Job:
    """The job of a row of ``COLUMNS``."""
    *facts, text, percent, detail, count, environment, terms, owner, runner, spared, trace, size, pinned = row
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
        runner=runner or "",
        spared=spared,
        trace=trace,
        size=size,
        pinned=pinned > 0,
        condemned=pinned < 0,
    )


_TERMS = frozenset(field.name for field in fields(Terms))


@lru_cache(maxsize=256)
def terms_text(terms: Terms) -> str:
    """Terms as they are stored."""
    return dump(asdict(terms))


@lru_cache(maxsize=256)
def _terms(text: str) -> Terms:
    # All jobs of a service have the same; a poll must not read them anew.
    known = orjson.loads(text)
    # A newer version, whose machines work beside this one, may have written more.
    return Terms(**{name: known[name] for name in _TERMS & known.keys()})


def add_messages(
    connection: Cursor, job_id: str, count: int, messages: Iterable[Message], before: int | None = None
) -> None:
    """Add messages of a job that has ``count`` of them; those beyond the first ``before`` are among these."""
    new = list(messages)[count - before if before is not None else 0 :]
    rows = [(job_id, count + n, item.type, item.text, item.at) for n, item in enumerate(new)]
    if rows:
        connection.executemany("INSERT INTO messages VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute("UPDATE jobs SET message_count = ? WHERE id = ?", (count + len(rows), job_id))


def add_results(connection: Cursor, job_id: str, results: Iterable[Result]) -> None:
    """Add the results of a job."""
    connection.executemany(
        "INSERT INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(job_id, n, *_result_row(item)) for n, item in enumerate(results)],
    )


def _result_row(item: Result) -> tuple[Any, ...]:
    value, drawing = dump(item.value), dump(item.drawing)
    return item.name, item.data_type, value, item.layer, item.file, item.rows, drawing
