"""A PostGIS database: for tests that ask it for a second opinion, and for layers."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

_DEBIAN = map(str, Path("/usr/lib/postgresql").glob("*/bin"))
_PROGRAMS = os.pathsep.join([os.environ.get("PATH", ""), *_DEBIAN])


@pytest.fixture(scope="session")
def postgis() -> Iterator[psycopg.Connection]:
    """A connection to an empty database of the session's own, strings in code point order, times in UTC."""
    programs = shutil.which("initdb", path=_PROGRAMS)
    if programs is None:
        pytest.skip("needs PostgreSQL, there is no initdb: run tests/clients/setup.sh")
    # Not in pytest's folder: that one is closed to everybody else, and a server of root's runs as postgres.
    with tempfile.TemporaryDirectory(prefix="postgis-", ignore_cleanup_errors=True) as folder:
        user = "postgres" if os.getuid() == 0 else None
        if user:
            shutil.chown(folder, user)
        data, log = f"{folder}/data", f"{folder}/log"

        def run(program: str, *options: str) -> None:
            command = [Path(programs).resolve().with_name(program), "-D", data, *options]
            done = subprocess.run(
                command, user=user, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            assert done.returncode == 0, done.stderr

        run(
            "initdb",
            "--username=postgres",
            "--auth=trust",
            "--locale=C.UTF-8",
            "--encoding=UTF8",
            "--no-sync",
        )
        # A socket and no port: nobody else can come in, and no two sessions meet.
        run(
            "pg_ctl",
            "start",
            "-w",
            "-l",
            log,
            "-o",
            f"-k {folder} -c listen_addresses= -c fsync=off -c timezone=UTC",
        )
        try:
            with psycopg.connect(
                host=folder, user="postgres", dbname="postgres", autocommit=True
            ) as connection:
                if not connection.execute(
                    "SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'"
                ).fetchone():
                    pytest.skip("needs PostGIS: run tests/clients/setup.sh")
                connection.execute("CREATE EXTENSION postgis")
                yield connection
        finally:
            run("pg_ctl", "stop", "-m", "immediate")


@pytest.fixture(scope="session")
def postgis_url(postgis: psycopg.Connection) -> str:
    """The URL of another, empty database of the same server."""
    postgis.execute("CREATE DATABASE layers")
    return f"postgresql://postgres@/layers?host={postgis.info.host}"
