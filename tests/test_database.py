"""A SQLite file that somebody else locks, or that cannot be opened: clear errors, and it goes on after."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gpserver import database
from gpserver.database import Database
from gpserver.errors import Unavailable

SCHEMA = "CREATE TABLE IF NOT EXISTS things (name TEXT)"


def test_a_lock_of_somebody_else_is_waited_for_and_then_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_PATIENCE", 0.05)
    with (
        closing(Database(tmp_path / "d.sqlite", SCHEMA, 1)) as ours,
        closing(sqlite3.connect(tmp_path / "d.sqlite", isolation_level=None)) as other,
    ):
        assert ours.rows("SELECT * FROM things") == []
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Unavailable, match="locked"), ours.transaction():
            pass
        assert ours.rows("SELECT * FROM things") == []  # who reads waits for nobody
        other.execute("ROLLBACK")
        with ours.transaction() as connection:
            connection.execute("INSERT INTO things VALUES ('x')")
        assert ours.rows("SELECT * FROM things") == [("x",)]


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "d.sqlite").mkdir()
    with closing(Database(tmp_path / "d.sqlite", SCHEMA, 1)) as ours:
        with pytest.raises(Unavailable, match="unable to open"):
            ours.rows("SELECT 1")
        (tmp_path / "d.sqlite").rmdir()
        assert ours.rows("SELECT 1") == [(1,)]


def test_a_mistake_in_a_statement_is_ours(tmp_path: Path) -> None:
    with (
        closing(Database(tmp_path / "d.sqlite", SCHEMA, 1)) as ours,
        pytest.raises(sqlite3.OperationalError, match="no such table"),
    ):
        ours.rows("SELECT * FROM absent")
