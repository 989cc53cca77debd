"""Jobs in PostgreSQL: the store of many web nodes and workers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool

from gpserver.errors import GPServerError
from gpserver.stores.rows import Cursor
from gpserver.stores.schema import MIGRATIONS, SCHEMA, SCHEMA_VERSION
from gpserver.stores.sql import SQLStore

_SCHEMA = SCHEMA.format(serial="BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", compact="")
_UPGRADE = 7_301_044_501_223  # any number: whoever holds this advisory lock changes the tables
_CONNECTIONS = 10


class PostgresStore(SQLStore):
    """A ``JobStore`` in a database of its own, or in a schema that ``search_path`` of its URL names.

    Args:
        url: ``postgresql://user:password@host/database``.

    Raises:
        GPServerError: The database cannot be reached, or has the tables of another version.
    """

    # Without it the UPDATE would wait for a cancel to commit and then run the cancelled job all the same.
    _skip = "FOR UPDATE SKIP LOCKED"
    _now = "CAST(extract(epoch FROM clock_timestamp()) AS DOUBLE PRECISION)"

    def __init__(self, url: str) -> None:
        try:
            # Not from the pool: that would try again for long, and not say why.
            with psycopg.connect(url, autocommit=True) as connection, connection.transaction():
                _prepare(_Cursor(connection))
        except psycopg.Error as error:
            raise GPServerError(f"The database of jobs cannot be used: {error}") from error
        self._pool = ConnectionPool(
            url, min_size=1, max_size=_CONNECTIONS, kwargs={"autocommit": True}, open=True
        )

    @contextmanager
    def _transaction(self) -> Iterator[Cursor]:
        with self._pool.connection() as connection, connection.transaction():
            yield _Cursor(connection)

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._pool.connection() as connection:
            return list(_Cursor(connection).execute(query, values).fetchall())

    def close(self) -> None:
        """Let go of all connections."""
        self._pool.close()


class _Cursor:
    """Statements as SQLite writes them, with what PostgreSQL's text cannot hold replaced."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, statement: str, values: Sequence[object] = ()) -> Any:
        return self._connection.execute(_marked(statement), _held(values))

    def executemany(self, statement: str, rows: Sequence[Sequence[object]]) -> Any:
        with self._connection.cursor() as cursor:
            cursor.executemany(_marked(statement), [_held(row) for row in rows])


def _marked(statement: str) -> bytes:
    # Our own constant texts: no question mark of theirs is anything but the place of a value.
    return statement.replace("%", "%%").replace("?", "%s").encode()


def _held(values: Sequence[object]) -> list[object]:
    return [value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in values]


def _prepare(cursor: Cursor) -> None:
    """Make the tables, or bring older ones up to date; of several servers that start one does it."""
    cursor.execute("SELECT pg_advisory_xact_lock(?)", [_UPGRADE])
    cursor.execute("CREATE TABLE IF NOT EXISTS gpserver_schema (version INTEGER NOT NULL)")
    row = cursor.execute("SELECT version FROM gpserver_schema").fetchone()
    version = row[0] if row else SCHEMA_VERSION
    while version in MIGRATIONS:
        for statement in MIGRATIONS[version]:
            cursor.execute(statement)
        version += 1
    if version != SCHEMA_VERSION:
        raise GPServerError(
            "The tables of jobs were made by another version of gpserver: use another database."
        )
    cursor.execute(_SCHEMA)
    statement = "UPDATE gpserver_schema SET version = ?" if row else "INSERT INTO gpserver_schema VALUES (?)"
    cursor.execute(statement, [version])
