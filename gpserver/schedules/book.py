"""The book of prototypes, runs and task resources: one SQLite file that any process may open."""

import sqlite3
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import msgspec

from gpserver.database import Database
from gpserver.errors import Conflict, NotFound
from gpserver.evergis.states import Status, Subtask
from gpserver.schedules.prototype import Prototype, Run, TaskResource, Timing

_SCHEMA = """
CREATE TABLE IF NOT EXISTS prototypes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL,
    description TEXT NOT NULL, created REAL NOT NULL, subtasks TEXT NOT NULL,
    enabled INTEGER NOT NULL, previous_error INTEGER NOT NULL, previous_not_finished INTEGER NOT NULL,
    delay_date REAL, schedule TEXT NOT NULL, due REAL, runs INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS prototypes_due ON prototypes (due) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS prototypes_owner ON prototypes (owner, seq);
CREATE TABLE IF NOT EXISTS runs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, prototype TEXT NOT NULL,
    owner TEXT NOT NULL, created REAL NOT NULL, forced INTEGER NOT NULL, outline TEXT NOT NULL,
    status TEXT, started REAL, ended REAL, subtasks TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS runs_prototype ON runs (prototype, seq);
CREATE INDEX IF NOT EXISTS runs_open ON runs (seq) WHERE status IS NULL;
CREATE TABLE IF NOT EXISTS resources (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, sub_type TEXT NOT NULL, task_type TEXT, import_method TEXT,
    description TEXT, user_configuration TEXT NOT NULL, ui_configuration TEXT NOT NULL);
"""
_TIMING = "enabled, previous_error, previous_not_finished, delay_date, schedule"
_PROTOTYPE = f"id, owner, description, created, subtasks, {_TIMING}, due, runs"
_RUN = "id, prototype, owner, created, forced, outline, status, started, ended, subtasks"
_RESOURCE = "id, owner, sub_type, task_type, import_method, description, user_configuration, ui_configuration"

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


class Book:
    """What was planned and what was run.

    Every change is one statement or one transaction, so that several threads and processes may share the
    file; what two of them want at once, one gets.

    Args:
        path: The file; made where it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA, 1)
        self._rows = self._database.rows

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def add(self, prototype: Prototype) -> None:
        """Keep a new prototype."""
        with self._database.transaction() as connection:
            connection.execute(
                f"INSERT INTO prototypes ({_PROTOTYPE}) VALUES ({_marks(12)})",  # noqa: S608 - constant columns
                (
                    *(prototype.id, prototype.owner, prototype.description, prototype.created),
                    _text(prototype.subtasks),
                    *astuple(prototype.timing),
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
                (*astuple(timing), due, prototype_id),
            )

    def remove(self, prototype_id: str) -> None:
        """Forget a prototype; its runs go on and are remembered until ``sweep``."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM prototypes WHERE id = ?", (prototype_id,))

    def due(self, now: float) -> list[Prototype]:
        """The prototypes that the clock should start by now."""
        rows = self._rows(f"SELECT {_PROTOTYPE} FROM prototypes WHERE due <= ? ORDER BY due", now)  # noqa: S608
        return [_prototype(row) for row in rows]

    def claim(self, prototype: Prototype, due: float | None) -> bool:
        """Move on when a prototype is due next; False where somebody else did, or changed it."""
        with self._database.transaction() as connection:
            moved = connection.execute(
                "UPDATE prototypes SET due = ? WHERE id = ? AND due = ?", (due, prototype.id, prototype.due)
            )
            return moved.rowcount == 1

    def begin(self, run: Run) -> None:
        """Keep a new run.

        Raises:
            Conflict: There was a run of this id.
        """
        try:
            with self._database.transaction() as connection:
                connection.execute(
                    f"INSERT INTO runs ({_RUN}) VALUES ({_marks(10)})",  # noqa: S608 - constant columns
                    (
                        *(run.id, run.prototype, run.owner, run.created, run.forced, _text(run.outline)),
                        *(run.status, run.started, run.ended, _text(run.subtasks)),
                    ),
                )
                connection.execute("UPDATE prototypes SET runs = runs + 1 WHERE id = ?", (run.prototype,))
                connection.execute(
                    "DELETE FROM runs WHERE prototype = ? AND status IS NOT NULL AND seq <="
                    " (SELECT seq FROM runs WHERE prototype = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)",
                    (run.prototype, run.prototype, MOST_RUNS),
                )
        except sqlite3.IntegrityError:
            raise Conflict(f"There is a task {run.id} already.") from None

    def take_back(self, run: Run) -> None:
        """Forget a run that could not begin."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM runs WHERE id = ?", (run.id,))
            connection.execute("UPDATE prototypes SET runs = runs - 1 WHERE id = ?", (run.prototype,))

    def settle(self, run: Run) -> None:
        """Write down how a run ended."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE runs SET status = ?, started = ?, ended = ?, subtasks = ? WHERE id = ?",
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
        """The runs whose end is not written down."""
        rows = self._rows(f"SELECT {_RUN} FROM runs WHERE status IS NULL ORDER BY seq")  # noqa: S608
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
                f"INSERT OR REPLACE INTO resources ({_RESOURCE}) VALUES ({_marks(8)})",  # noqa: S608 - constants
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
