"""A database that machines share: what becomes of its callers when it goes away and comes back."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
from line import Line, line

from gpserver import shared
from gpserver.errors import GPServerError, Unavailable
from gpserver.shared import SharedDatabase, limited

SLOW = "SELECT pg_sleep(0.3), 1"


@pytest.fixture
def way(postgis: psycopg.Connection) -> Iterator[Line]:
    with line(postgis.info.host) as way:
        yield way


@pytest.fixture
def database(way: Line, monkeypatch: pytest.MonkeyPatch) -> Iterator[SharedDatabase]:
    monkeypatch.setattr(shared, "_STATEMENT", 1.0)
    with closing(SharedDatabase(f"postgresql://postgres@127.0.0.1:{way.port}/postgres")) as database:
        yield database


def test_who_asks_a_database_that_does_not_answer_is_told_and_asks_again(
    way: Line, database: SharedDatabase
) -> None:
    way.cut()
    with pytest.raises(Unavailable, match="does not answer"):
        database.rows("SELECT 1")
    with pytest.raises(Unavailable), database.transaction() as cursor:
        cursor.execute("SELECT 1")
    way.mend()
    for _ in range(20):
        try:
            assert database.rows("SELECT 1") == [(1,)]
            break
        except Unavailable:
            continue
    assert database.rows("SELECT 2") == [(2,)]


def test_while_it_is_away_one_waits_and_the_others_are_told_at_once(
    way: Line, database: SharedDatabase
) -> None:
    way.cut()
    with pytest.raises(Unavailable):
        database.rows("SELECT 1")
    ended = list[int]()
    entered = threading.Barrier(8)

    def ask(number: int) -> None:
        entered.wait()
        with pytest.raises(Unavailable):
            database.rows("SELECT 1")
        ended.append(number)

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, number) for number in range(8)]
        for each in asked:
            each.result()
    assert len(ended) == 8
    way.mend()


def test_connections_that_broke_while_nobody_used_them_are_not_used(
    way: Line, database: SharedDatabase
) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(lambda _: database.rows(SLOW), range(4)))) == 4
    way.reset()
    for _ in range(8):
        assert database.rows("SELECT 1") == [(1,)]


def test_a_transaction_is_all_or_nothing(database: SharedDatabase) -> None:
    name = f"t{os.urandom(4).hex()}"

    def fail() -> None:
        with database.transaction() as cursor:
            cursor.execute(f"CREATE TABLE {name} (n INTEGER)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert database.rows("SELECT to_regclass(?)", name) == [(None,)]


def test_the_limits_of_time_are_the_operators_to_set() -> None:
    assert "connect_timeout=3" in limited("postgresql://host/jobs")
    assert "connect_timeout=9" in limited("postgresql://host/jobs?connect_timeout=9")
    with pytest.raises(GPServerError, match="no postgresql:// URL"):
        limited("postgresql://host/jobs?colour=red")


def test_who_freezes_with_the_lock_of_all_tables_keeps_nobody_from_starting(
    database: SharedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "_SERVER_LIMITS", "SET idle_in_transaction_session_timeout = '1s'")

    def freeze_and_thaw() -> None:
        with database.alone(7) as frozen:
            with database.alone(7) as other:
                assert other.execute("SELECT pg_sleep(1.2), 1").fetchall() == [("", 1)]  # long, but at work
            frozen.execute("SELECT 1")

    with pytest.raises(GPServerError, match="idle-in-transaction"):
        freeze_and_thaw()
