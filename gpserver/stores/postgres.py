"""Jobs in PostgreSQL: the store of many web nodes and workers."""

from contextlib import AbstractContextManager
from typing import Any

from gpserver.migration import SERIAL, Tables, use
from gpserver.shared import SharedDatabase
from gpserver.stores.rows import Cursor
from gpserver.stores.schema import MIGRATIONS, OLDEST, SCHEMA, SCHEMA_VERSION
from gpserver.stores.sql import SQLStore

JOBS = Tables(
    "jobs",
    SCHEMA_VERSION,
    OLDEST,
    SCHEMA.format(serial=SERIAL, compact=""),
    MIGRATIONS,
)


class PostgresStore(SQLStore):
    """A ``JobStore`` in a database of its own, or in a schema that ``search_path`` of its URL names.

    Args:
        url: ``postgresql://user:password@host/database``.

    Raises:
        GPServerError: The database cannot be reached, or has tables that are too old or too new.
    """

    near = False
    # Without it the UPDATE would wait for a cancel to commit and then run the cancelled job all the same.
    _skip = "FOR UPDATE SKIP LOCKED"

    def __init__(self, url: str) -> None:
        self.database = SharedDatabase(url)
        use(self.database, JOBS)

    @property
    def _now(self) -> str:
        return "CAST(extract(epoch FROM clock_timestamp()) AS DOUBLE PRECISION)"

    def _transaction(self) -> AbstractContextManager[Cursor]:
        return self.database.transaction()

    def _rows(self, query: str, *values: object) -> list[Any]:
        return self.database.rows(query, *values)

    def _change(self, statement: str, *values: object) -> list[Any]:
        return self.database.rows(statement, *values)  # one statement commits itself: a round trip, not three

    def close(self) -> None:
        """Let go of all connections."""
        self.database.close()
