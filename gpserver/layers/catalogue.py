"""The catalogue of embedded layers: their facts, and which part files hold their rows."""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from gpserver.database import Database
from gpserver.layers.info import LayerInfo
from gpserver.layers.record import (
    COLUMNS,
    attributes_of,
    changed_meanwhile,
    facts_of,
    gone,
    key_of,
    layer_of,
    taken,
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS layers (
    id TEXT PRIMARY KEY, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL, owner TEXT NOT NULL,
    attributes TEXT NOT NULL, facts TEXT NOT NULL, created REAL NOT NULL, changed REAL NOT NULL,
    count INTEGER NOT NULL, version INTEGER NOT NULL, next_id INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS parts (
    layer TEXT NOT NULL, file TEXT NOT NULL, rows INTEGER NOT NULL, first INTEGER NOT NULL,
    last INTEGER NOT NULL, xmin REAL, ymin REAL, xmax REAL, ymax REAL,
    PRIMARY KEY (layer, file)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS replaced (
    layer TEXT NOT NULL, file TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (layer, file)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Part:
    """A file with some rows of a layer.

    Attributes:
        file: Its name in the layer's folder.
        rows: How many.
        first, last: The least and the greatest id.
        box: xmin, ymin, xmax, ymax of its geometries; all None where there are none.
    """

    file: str
    rows: int
    first: int
    last: int
    box: tuple[float | None, ...] = (None, None, None, None)


class Catalogue:
    """The rows of ``catalogue.sqlite`` in the folder of the layers."""

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder / "catalogue.sqlite", _SCHEMA, 1)

    def add(self, info: LayerInfo) -> None:
        """Keep a new layer; raises Conflict when its name is taken."""
        row = (
            info.id,
            key_of(info.name, info.owner),
            info.name,
            info.owner,
            attributes_of(info),
            facts_of(info),
        )
        with self._database.transaction() as connection, _name_is_free(info):
            connection.execute(
                "INSERT INTO layers VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 1, 1)",
                (*row, info.created, info.created),
            )

    def get(self, name: str, owner: str) -> LayerInfo | None:
        """The layer of a name; temporary ones are the owner's."""
        rows = self._layers("key = ?", key_of(name, owner))
        return rows[0] if rows else None

    def all(self) -> list[LayerInfo]:
        """Every layer, by name."""
        return self._layers("true ORDER BY name")

    def change(self, info: LayerInfo) -> LayerInfo:
        """Replace the facts of a layer, its attributes excepted."""
        now = time.time()
        values = (key_of(info.name, info.owner), info.name, info.owner, facts_of(info), now, info.id)
        with self._database.transaction() as connection, _name_is_free(info):
            changed = connection.execute(
                "UPDATE layers SET key = ?, name = ?, owner = ?, facts = ?, changed = ?,"
                " version = version + 1 WHERE id = ?",
                values,
            )
            _check_there(changed, info)
        return replace(info, changed=now, version=info.version + 1)

    def drop(self, info: LayerInfo) -> None:
        """Forget a layer; its files stay for readers until the sweep."""
        with self._database.transaction() as connection:
            _check_there(connection.execute("DELETE FROM layers WHERE id = ?", (info.id,)), info)
            _replace(connection, info.id, [part.file for part in self.parts(info)])

    def parts(self, info: LayerInfo) -> list[Part]:
        """The files that hold its rows now, by their first ids."""
        rows = self._database.rows(
            "SELECT file, rows, first, last, xmin, ymin, xmax, ymax FROM parts WHERE layer = ?"
            " ORDER BY first",
            info.id,
        )
        return [Part(row[0], row[1], row[2], row[3], tuple(row[4:])) for row in rows]

    def reserve(self, info: LayerInfo, count: int) -> int:
        """The first of so many new ids that nobody else gets; those of a crashed append are left out."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "UPDATE layers SET next_id = next_id + ? WHERE id = ? RETURNING next_id - ?",
                (count, info.id, count),
            ).fetchone()
        if row is None:
            raise gone(info)
        return int(row[0])

    def commit(
        self,
        info: LayerInfo,
        new: Sequence[Part],
        old: Sequence[Part] = (),
        attributes: LayerInfo | None = None,
    ) -> bool:
        """Put parts in the place of others, or beside them; False when one of those is there no more.

        Args:
            info: The layer as the new parts know it.
            new: Files that are written.
            old: Files that they replace.
            attributes: The layer with its new attributes, where those change too.

        Raises:
            NotFound: The layer was dropped.
            Conflict: Its attributes were changed.
        """
        grown = sum(part.rows for part in new) - sum(part.rows for part in old)
        with self._database.transaction() as connection:
            self._check(connection, info)
            if not _are_there(connection, info.id, files := [part.file for part in old]):
                return False
            _replace(connection, info.id, files)
            connection.executemany(
                "INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(info.id, part.file, part.rows, part.first, part.last, *part.box) for part in new],
            )
            connection.execute(
                "UPDATE layers SET count = count + ?, version = version + 1, changed = ?, attributes = ?"
                " WHERE id = ?",
                (grown, time.time(), attributes_of(attributes or info), info.id),
            )
        return True

    def replaced(self, before: float) -> list[tuple[str, str]]:
        """(layer id, file) of the files that were replaced before ``before``; they are forgotten."""
        with self._database.transaction() as connection:
            return connection.execute(
                "DELETE FROM replaced WHERE at < ? RETURNING layer, file", (before,)
            ).fetchall()

    def files(self) -> set[tuple[str, str]]:
        """(layer id, file) of every file that somebody may read."""
        return set(
            self._database.rows("SELECT layer, file FROM parts UNION SELECT layer, file FROM replaced")
        )

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _layers(self, condition: str, *values: object) -> list[LayerInfo]:
        query = f"SELECT {COLUMNS} FROM layers WHERE {condition}"  # noqa: S608 - our own text
        return [layer_of(row) for row in self._database.rows(query, *values)]

    def _check(self, connection: sqlite3.Connection, info: LayerInfo) -> None:
        row = connection.execute("SELECT attributes FROM layers WHERE id = ?", (info.id,)).fetchone()
        if row is None:
            raise gone(info)
        if row[0] != attributes_of(info):
            raise changed_meanwhile(info)


@contextmanager
def _name_is_free(info: LayerInfo) -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError:
        raise taken(info) from None


def _check_there(changed: sqlite3.Cursor, info: LayerInfo) -> None:
    if not changed.rowcount:
        raise gone(info)


def _are_there(connection: sqlite3.Connection, layer: str, files: Sequence[str]) -> bool:
    query = "SELECT count(*) FROM parts WHERE layer = ? AND file IN (SELECT value FROM json_each(?))"
    (count,) = connection.execute(query, (layer, orjson.dumps(files).decode())).fetchone()
    return bool(count == len(files))


def _replace(connection: sqlite3.Connection, layer: str, files: Iterable[str]) -> None:
    now = time.time()
    connection.executemany(
        "DELETE FROM parts WHERE layer = ? AND file = ?", [(layer, file) for file in files]
    )
    connection.executemany("INSERT INTO replaced VALUES (?, ?, ?)", [(layer, file, now) for file in files])
