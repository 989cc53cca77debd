"""The book of prototypes, runs and task resources: a SQLite file, or tables that machines share."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import astuple
from typing import Any, Protocol

import msgspec

from gpserver.errors import Conflict, NotFound
from gpserver.evergis.states import Status, Subtask
from gpserver.migration import SERIAL, Tables
from gpserver.schedules.prototype import Prototype, Run, TaskResource, Timing
from gpserver.stores.rows import Cursor

_SCHEMA = """
CREATE TABLE IF NOT EXISTS prototypes (
    seq {serial}, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL,
    description TEXT NOT NULL, created DOUBLE PRECISION NOT NULL, subtasks TEXT NOT NULL,
    enabled INTEGER NOT NULL, previous_error INTEGER NOT NULL, previous_not_finished INTEGER NOT NULL,
    delay_date DOUBLE PRECISION, schedule TEXT NOT NULL, due DOUBLE PRECISION, runs INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS prototypes_due ON prototypes (due) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS prototypes_owner ON prototypes (owner, seq);
CREATE TABLE IF NOT EXISTS runs (
    seq {serial}, id TEXT NOT NULL UNIQUE, prototype TEXT NOT NULL,
    owner TEXT NOT NULL, created DOUBLE PRECISION NOT NULL, forced INTEGER NOT NULL, outline TEXT NOT NULL,
    status TEXT, started DOUBLE PRECISION, ended DOUBLE PRECISION, subtasks TEXT NOT NULL,
    claimed DOUBLE PRECISION);
CREATE INDEX IF NOT EXISTS runs_prototype ON runs (prototype, seq);
CREATE INDEX IF NOT EXISTS runs_open ON runs (seq) WHERE status IS NULL;
CREATE TABLE IF NOT EXISTS resources (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, sub_type TEXT NOT NULL, task_type TEXT, import_method TEXT,
    description TEXT, user_configuration TEXT NOT NULL, ui_configuration TEXT NOT NULL);
"""
_VERSION, _OLDEST = 2, 1
_MIGRATIONS = {1: ("ALTER TABLE runs ADD COLUMN claimed DOUBLE PRECISION",)}

FILE = _SCHEMA.format(serial="INTEGER PRIMARY KEY AUTOINCREMENT"), _VERSION, _MIGRATIONS
"""The tables of the book in a file of their own: what ``gpserver.database`` asks for."""
SCHEDULES = Tables("schedules", _VERSION, _OLDEST, _SCHEMA.format(serial=SERIAL), _MIGRATIONS)
"""The tables of the book in a database that machines share."""

_TIMING = "enabled, previous_error, previous_not_finished, delay_date, schedule"
_PROTOTYPE = f"id, owner, description, created, subtasks, {_TIMING}, due, runs"
_RUN = "id, prototype, owner, created, forced, outline, status, started, ended, subtasks"
_RESOURCE = "id, owner, sub_type, task_type, import_method, description, user_configuration, ui_configuration"

_REPLACED = ", ".join(f"{name} = excluded.{name}" for name in _RESOURCE.split(", ")[1:])

ORDERS = {
    "": "seq",
    "createdat": "created",
    "description": "description",
    "user": "owner",
    "enabled": "enabled",
    "schedule": "schedule",
    "delaydate": "delay_date",
    "taskscount": "runs",
    "id": "id",
}
"""What prototypes are sorted by, by what clients call it in lower case."""

MOST_RUNS = 1000
"""Runs of one prototype that are remembered."""


class Shelf(Protocol):
    """A database with the tables of the book: ``gpserver.database`` or ``gpserver.shared``."""

    def rows(self, query: str, *values: object) -> list[Any]:
        """All rows of one query."""

    def transaction(self) -> AbstractContextManager[Cursor]:
        """Several statements, all or none."""


class Book:
    """What was planned and what was run.

    Every change is one statement or one transaction, so that several threads, processes and machines may
    share the tables; what two of them want at once, one gets.

    Args:
        shelf: Where it is kept; whoever opened it closes it.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._database, self._rows = shelf, shelf.rows

    def add(self, prototype: Prototype) -> None:
        """Keep a new prototype."""
        with self._database.transaction() as connection:
            connection.execute(
                f"INSERT INTO prototypes ({_PROTOTYPE}) VALUES ({_marks(12)})",  # noqa: S608 - constant columns
                (
                    *(prototype.id, prototype.owner, prototype.description, prototype.created),
                    _text(prototype.subtasks),
                    *_columns(prototype.timing),
                    *(prototype.due, prototype.runs),
                ),
            )

    def find(self, prototype_id: str) -> Prototype:
        """The prototype of an id.

        Raises:
            NotFound: There is none.
        """
        for row in self._rows(f"SELECT {_PROTOTYPE} FROM prototypes WHERE id = ?", prototype_id):  # noqa: S608
            return _prototype(row)
        raise NotFound(f"There is no task prototype {prototype_id}.")

    def page(self, owner: str | None, order: str, backwards: bool, skip: int, most: int) -> list[Prototype]:
        """Some prototypes of one user, or of all for None.

        Args:
            owner: Whose.
            order: One of the values of ``ORDERS``.
            backwards: Whether the last comes first.
            skip, most: How many are left out before them, and how many there are at most.
        """
        assert order in ORDERS.values()
        way = "DESC" if backwards else "ASC"
        rows = self._rows(
            f"SELECT {_PROTOTYPE} FROM prototypes WHERE owner = coalesce(?, owner)"  # noqa: S608 - our own words
            f" ORDER BY {order} {way}, seq {way} LIMIT ? OFFSET ?",
            *(owner, most, skip),
        )
        return [_prototype(row) for row in rows]

    def count(self, owner: str | None) -> int:
        """How many prototypes one user has, or all for None."""
        [(count,)] = self._rows("SELECT count(*) FROM prototypes WHERE owner = coalesce(?, owner)", owner)
        return int(count)

    def change(self, prototype_id: str, timing: Timing, due: float | None) -> None:
        """Give a prototype another timing."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE prototypes SET enabled = ?, previous_error = ?, previous_not_finished = ?,"
                " delay_date = ?, schedule = ?, due = ? WHERE id = ?",
                (*_columns(timing), due, prototype_id),
            )

    def remove(self, prototype_id: str) -> None:
        """Forget a prototype; its runs go on and are remembered until ``sweep``."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM prototypes WHERE id = ?", (prototype_id,))

    def due(self, now: float) -> list[Prototype]:
        """The prototypes that the clock should start by now."""
        rows = self._rows(f"SELECT {_PROTOTYPE} FROM prototypes WHERE due <= ? ORDER BY due", now)  # noqa: S608
        return [_prototype(row) for row in rows]

    def claim(self, prototype: Prototype, due: float | None, run: Run | None = None) -> bool:
        """Move on when a prototype is due next, and keep the run that begins now, or none of the two.

        Args:
            prototype: As it was when it was found due.
            due: When the clock starts it again; None for never.
            run: What begins; None where this time is passed over.

        Returns:
            False where somebody else did it, or changed the prototype.
        """
        with self._database.transaction() as connection:
            moved = connection.execute(
                "UPDATE prototypes SET due = ? WHERE id = ? AND due = ?", (due, prototype.id, prototype.due)
            )
            if moved.rowcount == 1 and run:
                _insert(connection, run, claimed=run.created)
            return bool(moved.rowcount == 1)

    def unclaimed(self, before: float) -> list[Run]:
        """The runs of the clock whose starter has not handed in a job since ``before``: he died."""
        rows = self._rows(f"SELECT {_RUN} FROM runs WHERE status IS NULL AND claimed < ?", before)  # noqa: S608
        return [_run(row) for row in rows]

    def take_over(self, run: Run, before: float, now: float) -> bool:
        """Be the one who starts a run that was claimed before ``before``; False where somebody else is."""
        with self._database.transaction() as connection:
            taken = connection.execute(
                "UPDATE runs SET claimed = ? WHERE id = ? AND claimed < ?", (now, run.id, before)
            )
            return bool(taken.rowcount == 1)

    def handed_in(self, run: Run) -> None:
        """The job of a claimed run is with the engine: nobody else starts it."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE runs SET claimed = NULL WHERE id = ?", (run.id,))

    def begin(self, run: Run) -> None:
        """Keep a new run.

        Raises:
            Conflict: There was a run of this id.
        """
        with self._database.transaction() as connection:
            if not _insert(connection, run):
                raise Conflict(f"There is a task {run.id} already.")

    def take_back(self, run: Run) -> None:
        """Forget a run that could not begin."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM runs WHERE id = ?", (run.id,))
            connection.execute("UPDATE prototypes SET runs = runs - 1 WHERE id = ?", (run.prototype,))

    def settle(self, run: Run) -> None:
        """Write down how a run ended."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE runs SET status = ?, started = ?, ended = ?, subtasks = ?, claimed = NULL"
                " WHERE id = ?",
                (run.status, run.started, run.ended, _text(run.subtasks), run.id),
            )

    def run(self, run_id: str) -> Run | None:
        """The run of an id, or None."""
        rows = self._rows(f"SELECT {_RUN} FROM runs WHERE id = ?", run_id)  # noqa: S608 - constant columns
        return _run(rows[0]) if rows else None

    def runs(self, prototype_id: str) -> list[Run]:
        """The runs of a prototype that are remembered, the oldest first, without their subtasks' ends."""
        columns = _RUN.replace("subtasks", "'[]'")
        rows = self._rows(f"SELECT {columns} FROM runs WHERE prototype = ? ORDER BY seq", prototype_id)  # noqa: S608
        return [_run(row) for row in rows]

    def last_run(self, prototype_id: str) -> Run | None:
        """The youngest run of a prototype."""
        rows = self._rows(
            f"SELECT {_RUN} FROM runs WHERE prototype = ? ORDER BY seq DESC LIMIT 1",  # noqa: S608 - constants
            prototype_id,
        )
        return _run(rows[0]) if rows else None

    def open_runs(self) -> list[Run]:
        """The runs that have begun and whose end is not written down."""
        rows = self._rows(f"SELECT {_RUN} FROM runs WHERE status IS NULL AND claimed IS NULL ORDER BY seq")  # noqa: S608
        return [_run(row) for row in rows]

    def sweep(self, before: float) -> None:
        """Forget runs that ended before ``before`` (epoch seconds) and whose prototype is gone."""
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM runs WHERE ended < ? AND prototype NOT IN (SELECT id FROM prototypes)", (before,)
            )

    def keep_resource(self, resource: TaskResource) -> None:
        """Keep a task resource, in place of what there was of the same id."""
        *facts, user, ui = astuple(resource)
        with self._database.transaction() as connection:
            connection.execute(
                f"INSERT INTO resources ({_RESOURCE}) VALUES ({_marks(8)})"  # noqa: S608 - constants
                f" ON CONFLICT (id) DO UPDATE SET {_REPLACED}",
                (*facts, _text(user), _text(ui)),
            )

    def resource(self, resource_id: str) -> TaskResource:
        """The task resource of an id.

        Raises:
            NotFound: There is none.
        """
        for row in self._rows(f"SELECT {_RESOURCE} FROM resources WHERE id = ?", resource_id):  # noqa: S608
            return _resource(row)
        raise NotFound(f"There is no task resource {resource_id[:80]}.")


def _insert(connection: Cursor, run: Run, claimed: float | None = None) -> bool:
    """Keep a new run and forget one that is too old; False where there was a run of this id."""
    made = connection.execute(
        f"INSERT INTO runs ({_RUN}, claimed) VALUES ({_marks(11)}) ON CONFLICT (id) DO NOTHING",  # noqa: S608 - constants
        (
            *(run.id, run.prototype, run.owner, run.created, int(run.forced), _text(run.outline)),
            *(run.status, run.started, run.ended, _text(run.subtasks), claimed),
        ),
    )
    if made.rowcount != 1:
        return False
    connection.execute("UPDATE prototypes SET runs = runs + 1 WHERE id = ?", (run.prototype,))
    connection.execute(
        "DELETE FROM runs WHERE prototype = ? AND status IS NOT NULL AND seq <="
        " (SELECT seq FROM runs WHERE prototype = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)",
        (run.prototype, run.prototype, MOST_RUNS),
    )
    return True


def _columns(timing: Timing) -> tuple[object, ...]:
    *flags, delay, schedule = astuple(timing)
    return *map(int, flags), delay, schedule


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _prototype(row: Sequence[Any]) -> Prototype:
    key, owner, description, created, subtasks, *timing, due, runs = row
    enabled, error, unfinished, delay, schedule = timing
    return Prototype(
        *(key, owner, description, created, msgspec.json.decode(subtasks)),
        Timing(bool(enabled), bool(error), bool(unfinished), delay, schedule),
        *(due, runs),
    )


def _resource(row: Sequence[Any]) -> TaskResource:
    key, owner, sub_type, task_type, method, description, user, ui = row
    configurations = msgspec.json.decode(user), msgspec.json.decode(ui)
    return TaskResource(key, owner, sub_type, task_type, method, description, *configurations)


def _run(row: Sequence[Any]) -> Run:
    key, prototype, owner, created, forced, outline, status, started, ended, subtasks = row
    return Run(
        *(key, prototype, owner, created, bool(forced), _subtasks(outline)),
        Status(status) if status else None,
        *(started, ended, _subtasks(subtasks)),
    )


def _subtasks(text: str) -> list[Subtask]:
    return msgspec.json.decode(text, type=list[Subtask])
