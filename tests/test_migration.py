"""Tables of an older version are migrated while machines with the older code go on."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from procrastinate.schema import SchemaManager

from gpserver.app import create_app
from gpserver.cli import main
from gpserver.errors import GPServerError
from gpserver.job import Job, JobStatus, NewJob, Terms
from gpserver.settings import Settings
from gpserver.stores.postgres import PostgresStore

# What version 5 made of an empty database, and what its machines go on to say.
TABLES = """
CREATE TABLE jobs (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id TEXT NOT NULL UNIQUE, service TEXT NOT NULL,
    task TEXT NOT NULL, status TEXT NOT NULL, version INTEGER NOT NULL, attempt INTEGER NOT NULL,
    owner TEXT NOT NULL, runner TEXT,
    created DOUBLE PRECISION NOT NULL, started DOUBLE PRECISION, ended DOUBLE PRECISION,
    progress_text TEXT, progress_percent DOUBLE PRECISION, message_count INTEGER NOT NULL,
    environment TEXT NOT NULL, terms TEXT NOT NULL, progress_detail TEXT,
    priority INTEGER NOT NULL DEFAULT 0, turn INTEGER NOT NULL DEFAULT 0);
CREATE TABLE runners (name TEXT PRIMARY KEY, seen DOUBLE PRECISION NOT NULL);
CREATE INDEX jobs_line ON jobs (priority DESC, turn, seq, service) WHERE status = 'queued';
CREATE INDEX jobs_turns ON jobs (owner, priority, turn) WHERE status = 'queued';
CREATE INDEX jobs_unfinished ON jobs (seq) WHERE status IN ('running', 'cancelling');
CREATE INDEX jobs_ended ON jobs (ended) WHERE ended IS NOT NULL;
CREATE INDEX jobs_succeeded ON jobs (service, task, seq) WHERE status = 'succeeded';
CREATE TABLE inputs (
    job_id TEXT NOT NULL, n INTEGER NOT NULL, name TEXT NOT NULL, data_type TEXT NOT NULL,
    texts TEXT NOT NULL, file TEXT, PRIMARY KEY (job_id, n));
CREATE TABLE messages (
    job_id TEXT NOT NULL, n INTEGER NOT NULL, type TEXT NOT NULL, text TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL, PRIMARY KEY (job_id, n));
CREATE TABLE results (
    job_id TEXT NOT NULL, n INTEGER NOT NULL, name TEXT NOT NULL, data_type TEXT NOT NULL,
    value TEXT, layer TEXT, file TEXT, rows INTEGER, drawing TEXT, PRIMARY KEY (job_id, n));
CREATE TABLE gpserver_schema (version INTEGER NOT NULL);
INSERT INTO gpserver_schema VALUES (5)
"""
SUBMIT = (
    "INSERT INTO jobs (id, service, task, status, version, attempt, created, message_count, environment,"
    " terms, owner, priority, turn) VALUES (%s, 'S', 'T', 'queued', 1, 0, 1.0, 0, '{}', '{}', '', 0, 0)"
)
INPUT = "INSERT INTO inputs VALUES (%s, 0, 'A', 'GPString', '[\"x\"]', NULL)"
CLAIM = (
    "UPDATE jobs SET status = 'running', attempt = attempt + 1, runner = 'old:1:a', started = 2.0,"
    " version = version + 1, progress_text = NULL, progress_percent = NULL, progress_detail = NULL"
    " WHERE seq = (SELECT seq FROM jobs WHERE status = 'queued' AND service NOT IN ('')"
    " ORDER BY priority DESC, turn, seq LIMIT 1) RETURNING id"
)
SUCCEED = (
    "UPDATE jobs SET status = 'succeeded', ended = 3.0, version = version + 1 WHERE id = %s AND status ="
    " 'running' AND attempt = 1 RETURNING message_count"
)
RESULT = "INSERT INTO results VALUES (%s, 0, 'Out', 'GPString', '\"x\"', NULL, NULL, NULL, 'null')"
MESSAGE = "INSERT INTO messages VALUES (%s, 0, 'informative', 'done', 3.0)"


@pytest.fixture
def old(postgis: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """A machine of the version before, as far as the database sees it."""
    name = f"old_{os.urandom(4).hex()}"
    postgis.execute(f"CREATE DATABASE {name}")
    with psycopg.connect(host=postgis.info.host, user="postgres", dbname=name, autocommit=True) as connection:
        connection.execute(TABLES)
        connection.execute(SchemaManager.get_schema())
        yield connection
    postgis.execute(f"DROP DATABASE {name} WITH (FORCE)")


def url_of(connection: psycopg.Connection) -> str:
    info = connection.info
    return f"postgresql:///{info.dbname}?host={info.host}&user={info.user}"


def submit(old: psycopg.Connection, job_id: str) -> None:
    old.execute(SUBMIT, [job_id])
    old.execute(INPUT, [job_id])


def finish(old: psycopg.Connection, job_id: str) -> None:
    assert old.execute(SUCCEED, [job_id]).fetchone()
    old.execute(RESULT, [job_id])
    old.execute(MESSAGE, [job_id])


def job(store: PostgresStore, job_id: str) -> Job:
    found = store.get(job_id)
    assert found
    return found


def test_older_tables_are_refused_until_they_are_migrated(
    old: psycopg.Connection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        with pytest.raises(GPServerError, match="run `gpserver migrate`"):
            create_app(Settings(store=url_of(old), data=tmp_path))
    assert main(["migrate", "--store", url_of(old)]) == 0
    assert "jobs: version 5 -> " in capsys.readouterr().out
    assert main(["migrate", "--store", url_of(old)]) == 0
    assert "->" not in capsys.readouterr().out
    PostgresStore(url_of(old)).close()


def test_old_and_new_machines_work_side_by_side_after_a_migration(old: psycopg.Connection) -> None:
    submit(old, "before")
    submit(old, "waiting")
    assert old.execute(CLAIM).fetchall() == [("before",)]
    assert main(["migrate", "--store", url_of(old)]) == 0
    with closing(PostgresStore(url_of(old))) as new:
        assert (job(new, "before").status, job(new, "before").runner) == (JobStatus.RUNNING, "old:1:a")
        finish(old, "before")
        assert job(new, "before").status is JobStatus.SUCCEEDED
        assert [item.name for item in new.results("before")] == ["Out"]
        claimed = new.claim("new", 4.0)
        assert claimed
        assert claimed.id == "waiting"
        assert new.move("waiting", JobStatus.RUNNING, JobStatus.SUCCEEDED, now=5.0)
        submit(old, "later")
        new.add(NewJob("newer", "S", "T", (), {}, Terms(), created=6.0))
        assert old.execute(CLAIM).fetchall() == [("later",)]
        assert old.execute(CLAIM).fetchall() == [("newer",)]
        for name in ("later", "newer"):
            finish(old, name)
            assert job(new, name).status is JobStatus.SUCCEEDED


def test_terms_of_a_newer_version_are_read_as_far_as_they_are_known(old: psycopg.Connection) -> None:
    assert main(["migrate", "--store", url_of(old)]) == 0
    submit(old, "1")
    old.execute('UPDATE jobs SET terms = \'{"priority": 3, "of_next_year": true}\'')
    with closing(PostgresStore(url_of(old))) as store:
        assert job(store, "1").terms == Terms(priority=3)
