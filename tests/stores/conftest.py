"""Every store there is, one after the other."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from gpserver.stores import JobStore
from gpserver.stores.postgres import PostgresStore
from gpserver.stores.sqlite import SQLiteStore


@pytest.fixture(scope="module")
def database(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database."""
    connection: psycopg.Connection = request.getfixturevalue("postgis")
    return f"postgresql:///{connection.info.dbname}?host={connection.info.host}&user={connection.info.user}"


@pytest.fixture(scope="module")
def postgres(database: str) -> Iterator[PostgresStore]:
    with closing(PostgresStore(database)) as store:
        yield store


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[JobStore]:
    if request.param == "sqlite":
        with closing(SQLiteStore(tmp_path / "jobs.sqlite")) as store:
            yield store
        return
    connection: psycopg.Connection = request.getfixturevalue("postgis")
    store = request.getfixturevalue("postgres")
    yield store
    connection.execute("TRUNCATE jobs, runners, inputs, messages, results, webhooks, deliveries, chores")
