"""A PostGIS database: for tests that ask it for a second opinion, and for layers."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

_DEBIAN = map(str, Path("/usr/lib/postgresql").glob("*/bin"))
_USER = "postgres" if os.getuid() == 0 else None
_PROGRAMS = os.pathsep.join([os.environ.get("PATH", ""), *_DEBIAN])


@contextmanager
def postgresql(*settings: str) -> Iterator[str]:
    """The socket folder of a PostgreSQL server of our own, strings in code point order, times in UTC.

    Args:
        settings: Of the server, such as ``fsync=off``.

    Raises:
        FileNotFoundError: PostgreSQL is not installed.
    """
    # Not in pytest's folder: that one is closed to everybody else, and a server of root's runs as postgres.
    with tempfile.TemporaryDirectory(prefix="postgis-", ignore_cleanup_errors=True) as folder:
        if _USER:
            shutil.chown(folder, _USER)
        _run(
            folder,
            "initdb",
            "--username=postgres",
            "--auth=trust",
            "--locale=C.UTF-8",
            "--encoding=UTF8",
            "--no-sync",
        )
        start_postgresql(folder, *settings)
        try:
            yield folder
        finally:
            stop_postgresql(folder)


def start_postgresql(folder: str, *settings: str) -> None:
    """Start a server that is not running."""
    # A socket and no port: nobody else can come in, and no two sessions meet.
    asked = " ".join(f"-c {setting}" for setting in ("listen_addresses=", "timezone=UTC", *settings))
    _run(folder, "pg_ctl", "start", "-w", "-l", f"{folder}/log", "-o", f"-k {folder} {asked}")


def stop_postgresql(folder: str) -> None:
    """Stop a server as a crash does: whatever is open breaks."""
    _run(folder, "pg_ctl", "stop", "-m", "immediate")


def _run(folder: str, program: str, *options: str) -> None:
    programs = shutil.which("initdb", path=_PROGRAMS)
    if programs is None:
        raise FileNotFoundError("there is no initdb: run tests/clients/setup.sh")
    command = [Path(programs).resolve().with_name(program), "-D", f"{folder}/data", *options]
    done = subprocess.run(
        command, user=_USER, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def postgis() -> Iterator[psycopg.Connection]:
    """A connection to an empty database of the session's own."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(postgresql("fsync=off"))
        except FileNotFoundError as error:
            pytest.skip(f"needs PostgreSQL, {error}")
        connection = psycopg.connect(host=folder, user="postgres", dbname="postgres", autocommit=True)
        stack.enter_context(connection)
        if not connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'").fetchone():
            pytest.skip("needs PostGIS: run tests/clients/setup.sh")
        connection.execute("CREATE EXTENSION postgis")
        yield connection


@pytest.fixture(scope="session")
def postgis_url(postgis: psycopg.Connection) -> str:
    """The URL of another, empty database of the same server."""
    postgis.execute("CREATE DATABASE layers")
    return f"postgresql://postgres@/layers?host={postgis.info.host}"
