"""Jobs in one SQLite file in WAL mode: the store of a server on one machine."""

from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path
from typing import Any

from gpserver.database import Database
from gpserver.job import Job
from gpserver.stores.rows import Cursor
from gpserver.stores.schema import MIGRATIONS, SCHEMA, SCHEMA_VERSION
from gpserver.stores.sql import SQLStore

_KNOWN = 256  # jobs that are kept in memory as they were read last
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
        self._known = lru_cache(maxsize=_KNOWN)(self._read)

    @property
    def _now(self) -> str:
        return "(julianday('now') - 2440587.5) * 86400.0"

    def get(self, job_id: str) -> Job | None:
        """The job as it stands, or None."""
        # Most polls see what the poll before them saw: whether it is the same costs a third of reading it.
        stamps = self._rows("SELECT seq, version, size FROM jobs WHERE id = ?", job_id)
        return self._known(job_id, *stamps[0]) if stamps else None

    def _read(self, job_id: str, seq: int, version: int, size: int | None) -> Job | None:
        """The job, of the stamp that was just seen or a later one: no stamp comes back."""
        return super().get(job_id)

    def _transaction(self) -> AbstractContextManager[Cursor]:
        return self._database.transaction()

    def _rows(self, query: str, *values: object) -> list[Any]:
        return self._database.rows(query, *values)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()
