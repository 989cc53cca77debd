"""Jobs in one SQLite file in WAL mode: the store of a server on one machine."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from gpserver.database import Database
from gpserver.stores.rows import Cursor
from gpserver.stores.schema import MIGRATIONS, SCHEMA, SCHEMA_VERSION
from gpserver.stores.sql import SQLStore

_SCHEMA = SCHEMA.format(serial="INTEGER PRIMARY KEY AUTOINCREMENT", compact=" WITHOUT ROWID")


class SQLiteStore(SQLStore):
    """A ``JobStore`` in one file; each call borrows a connection, so reads never wait for writes.

    Raises:
        GPServerError: The file has the tables of another version.
    """

    near = True
    _skip = ""  # a transaction that writes has the whole file anyway

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA, SCHEMA_VERSION, MIGRATIONS)
        self._database.rows("SELECT 1")  # what is wrong with the file shows now

    @property
    def _now(self) -> str:
        return "(julianday('now') - 2440587.5) * 86400.0"

    def _transaction(self) -> AbstractContextManager[Cursor]:
        return self._database.transaction()

    def _rows(self, query: str, *values: object) -> list[Any]:
        return self._database.rows(query, *values)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()
