"""A SQLite file that several threads and processes use at once."""

import sqlite3
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from gpserver.errors import GPServerError, Unavailable

_PATIENCE = 10.0  # seconds that a writer waits for another; a commit takes milliseconds


class Database:
    """One file in WAL mode; each call borrows a connection, so reads never wait for writes.

    Args:
        path: The file; it and its folder are made where they are not there.
        schema: Statements that may run again.
        version: Of the schema.
        migrations: The statements that bring the tables of an older version up to the next one.

    The first call raises GPServerError for a file with the tables of another version. Any call raises
    Unavailable where the file cannot be read or written now: its disk is full, somebody else locks it.
    """

    def __init__(
        self, path: Path, schema: str, version: int, migrations: Mapping[int, Sequence[str]] | None = None
    ) -> None:
        self._path, self._schema, self._version = path, schema, version
        self._migrations = migrations or {}
        self._idle: deque[sqlite3.Connection] = deque()
        self._ready, self._writing = False, Lock()

    def rows(self, query: str, *values: object) -> list[Any]:
        """All rows of one query."""
        with self._connection() as connection:
            return connection.execute(query, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Several statements, all or none; one writer at a time."""
        with self._turn(), self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.rollback()  # nothing is left to do where SQLite did it, as on a full disk
                raise

    def close(self) -> None:
        """Let go of the file; the last connection folds the write-ahead log into it."""
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for the other writers of this process: SQLite would look for its turn again and again."""
        if not self._writing.acquire(timeout=_PATIENCE):
            raise _unavailable("others write to it for too long")
        try:
            yield
        finally:
            self._writing.release()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Borrow a connection; there are never more than calls at one time."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._opened()
        try:
            yield connection
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # a mistake in a statement
                raise
            raise _unavailable(error) from error
        finally:
            self._idle.append(connection)

    def _opened(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except (sqlite3.OperationalError, OSError) as error:
            raise _unavailable(error) from error

    def _connect(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode=WAL")
        # NORMAL survives the death of any process; only a power cut can take the last commits.
        connection.execute("PRAGMA synchronous=NORMAL")
        if not self._ready:
            self._prepare(connection)
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        [(version,)] = connection.execute("PRAGMA user_version").fetchall()
        if version not in (0, self._version, *self._migrations):  # 0: a new file
            connection.close()
            raise GPServerError(
                f"{self._path} was written by another version of gpserver. Name another folder with --data,"
                " or delete this one: what is in it cannot be read."
            )
        if version in self._migrations:
            self._migrate(connection)
        connection.executescript(self._schema)
        connection.execute(f"PRAGMA user_version={self._version}")
        self._ready = True

    def _migrate(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        # Read again: another process may have done it by now.
        [(version,)] = connection.execute("PRAGMA user_version").fetchall()
        while version < self._version:
            for statement in self._migrations[version]:
                connection.execute(statement)
            version += 1
        connection.execute(f"PRAGMA user_version={version}")
        connection.execute("COMMIT")


def _unavailable(error: Exception | str) -> Unavailable:
    return Unavailable(
        f"The server cannot use what it keeps its data in ({error}). Ask again in some seconds, or tell its"
        " operator."
    )
