"""Versions of tables that machines share: made once, and changed while older and newer machines go on."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gpserver.errors import GPServerError

if TYPE_CHECKING:  # who only names tables needs no PostgreSQL
    from gpserver.shared import Cursor, SharedDatabase

_LOCK = 7_301_044_501_223  # any number: whoever holds this advisory lock changes the tables

# Asked first, so that a user of the database who may not make tables will do for every day.
_KNOWN = (
    "SELECT count(*) FROM information_schema.columns WHERE table_schema = current_schema()"
    " AND table_name = 'gpserver_schema' AND column_name = 'oldest'"
)
_VERSIONS = (
    "CREATE TABLE IF NOT EXISTS gpserver_schema (version INTEGER NOT NULL)",
    # At first there were tables of jobs alone, and one row without a name.
    "ALTER TABLE gpserver_schema ADD COLUMN IF NOT EXISTS part TEXT NOT NULL DEFAULT 'jobs'",
    "ALTER TABLE gpserver_schema ADD COLUMN IF NOT EXISTS oldest INTEGER NOT NULL DEFAULT 0",
)


SERIAL = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
"""The type of a column that numbers the rows."""


@dataclass(frozen=True)
class Tables:
    """Some tables that belong together, as one version of the code knows them.

    A change takes two releases, so that machines can be upgraded one by one while all go on. The first
    *expands*: it adds what is new, and whatever the version before does is still right; ``oldest`` names
    that version. Only a later one *contracts*: it takes away what nobody uses any more, and says so in
    its own ``oldest``.

    Attributes:
        part: Their name.
        version: Grows with every change.
        oldest: The oldest version whose code may go on to use them.
        schema: Statements that make all of them, and may run again.
        migrations: What brings the tables of an older version up to the next one.
    """

    part: str
    version: int
    oldest: int
    schema: str
    migrations: Mapping[int, Sequence[str]] = field(default_factory=dict)


@dataclass
class Upgrade:
    """A transaction that nobody else changes tables beside, and the versions that it finds and leaves."""

    cursor: "Cursor"
    part: str
    version: int
    """0 where there are no tables."""
    oldest: int

    def leave(self, version: int, oldest: int) -> None:
        """Write down what the tables are from now on."""
        if self.version:
            statement = "UPDATE gpserver_schema SET version = ?, oldest = ? WHERE part = ?"
        else:
            statement = "INSERT INTO gpserver_schema (version, oldest, part) VALUES (?, ?, ?)"
        self.cursor.execute(statement, (version, oldest, self.part))


@contextmanager
def upgrading(database: "SharedDatabase", part: str) -> Iterator[Upgrade]:
    """Look at the version of some tables, and change them; one at a time does.

    Raises:
        GPServerError: The database refuses it, or is away.
    """
    with database.alone(_LOCK) as cursor:
        if not cursor.execute(_KNOWN).fetchone()[0]:
            for statement in _VERSIONS:
                cursor.execute(statement)
        # All others wait behind a change that itself waits for one of them.
        cursor.execute("SET LOCAL lock_timeout = '10s'")
        rows = cursor.execute("SELECT version, oldest FROM gpserver_schema WHERE part = ?", [part]).fetchall()
        yield Upgrade(cursor, part, *(rows[0] if rows else (0, 0)))


def use(database: "SharedDatabase", tables: Tables) -> None:
    """Make tables where there are none; of several servers that start one does it.

    Raises:
        GPServerError: They are of a version that this code must not use; the text says what to do.
    """
    with upgrading(database, tables.part) as found:
        if not found.version:
            _make(found, tables)
        elif found.version < tables.version:
            raise GPServerError(
                f"The tables of {tables.part} in the database are of an older version of gpserver: run"
                " `gpserver migrate` once. Machines that still run the older one go on meanwhile."
            )
        elif found.oldest > tables.version:
            raise GPServerError(
                f"The tables of {tables.part} in the database are of a newer version of gpserver, and no more"
                " for this one: upgrade it, or use another database."
            )


def migrate(database: "SharedDatabase", tables: Tables) -> str:
    """Make tables, or bring older ones up to date; returns what was done, for people.

    Raises:
        GPServerError: No way leads from their version.
    """
    with upgrading(database, tables.part) as found:
        if found.version >= tables.version:
            return f"{tables.part}: version {found.version}, nothing to do"
        for version in range(found.version, tables.version if found.version else 0):
            if version not in tables.migrations:
                raise GPServerError(f"The tables of {tables.part} are too old: version {version}.")
            for statement in tables.migrations[version]:
                found.cursor.execute(statement)
        _make(found, tables)
    return f"{tables.part}: version {found.version or 'none'} -> {tables.version}"


def _make(found: Upgrade, tables: Tables) -> None:
    found.cursor.execute(tables.schema)
    found.leave(tables.version, tables.oldest)
