"""Deliveries of both stores: written with the end of a job, claimed once, tried again, given up."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from gpserver.job import JobStatus, NewJob
from gpserver.stores.postgres import PostgresStore
from gpserver.stores.sql import SQLStore
from gpserver.stores.sqlite import SQLiteStore
from gpserver.stores.webhooks import ATTEMPTS, GIVEN_UP, LONGEST, PAUSE, WebhookTables
from gpserver.webhook import Webhook

NOW = 1_000_000.0


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SQLStore]:
    if request.param == "sqlite":
        with closing(SQLiteStore(tmp_path / "jobs.sqlite")) as store:
            yield store
        return
    connection: psycopg.Connection = request.getfixturevalue("postgis")
    place = f"host={connection.info.host}&user={connection.info.user}"
    with closing(PostgresStore(f"postgresql:///{connection.info.dbname}?{place}")) as store:
        yield store
    connection.execute("TRUNCATE jobs, webhooks, deliveries")


def at(store: SQLStore, seconds: float) -> WebhookTables:
    """The webhooks as they are that long after the beginning."""
    return replace(store.webhooks, now=str(NOW + seconds))


def end(store: SQLStore, *jobs: str, service: str = "S") -> None:
    for job in jobs:
        store.add(NewJob(job, service, "T", (), created=1.0))
        assert store.move(job, JobStatus.QUEUED, JobStatus.CANCELLED, now=NOW)


def hook(name: str = "a", **more: object) -> Webhook:
    return replace(Webhook(name, "S", name, "http://x/"), **more)


def test_each_active_webhook_of_the_service_hears_of_each_end(store: SQLStore) -> None:
    for each in (hook("a"), hook("b"), hook("off", active=False), hook("other", service="O")):
        store.webhooks.put(each)
    end(store, "1", "2")
    assert [store.webhooks.pending(name) for name in ("a", "b", "off", "other")] == [2, 2, 0, 0]


def test_a_webhook_is_told_of_one_job_at_a_time(store: SQLStore) -> None:
    store.webhooks.put(hook())
    end(store, "1", "2")
    first = at(store, 0).claim()
    assert first is not None
    assert (first.job_id, first.status, first.webhook.name) == ("1", JobStatus.CANCELLED, "a")
    assert at(store, 1).claim() is None
    at(store, 1).arrived(first)
    second = at(store, 1).claim()
    assert second is not None
    assert second.job_id == "2"
    at(store, 2).arrived(second)
    assert at(store, 3).claim() is None
    [told] = store.webhooks.of("S")
    assert told.delivered == NOW + 2


def test_what_a_dead_node_had_claimed_is_claimed_again(store: SQLStore) -> None:
    store.webhooks.put(hook())
    end(store, "1")
    assert at(store, 0).claim()
    assert at(store, 59).claim() is None
    assert at(store, 61).claim()


def test_a_clock_that_was_set_back_stops_no_delivery(store: SQLStore) -> None:
    store.webhooks.put(hook())
    end(store, "1")
    assert at(store, 86_400).claim()
    assert at(store, 0).claim()


def test_pauses_grow_and_what_was_refused_lets_others_pass(store: SQLStore) -> None:
    store.webhooks.put(hook())
    end(store, "1", "2")
    now, order = 0.0, []
    for n in range(4):
        delivery = at(store, now).claim()
        assert delivery is not None
        order.append(delivery.job_id)
        at(store, now).failed(delivery, "no")
        pause = PAUSE * 2**n
        assert at(store, now + pause - 0.5).claim() is None
        now += pause
    assert order == ["1", "2", "1", "2"]
    assert [(each.job_id, each.attempts, each.reason) for each in store.webhooks.failures("a")] == [
        ("2", 2, "no"),
        ("1", 2, "no"),
    ]


def test_a_webhook_that_takes_nothing_for_long_is_turned_off(store: SQLStore) -> None:
    store.webhooks.put(hook())
    end(store, *(str(n) for n in range(GIVEN_UP + 1)))
    now = 0.0
    for _ in range(ATTEMPTS * (GIVEN_UP + 1)):
        if not (delivery := at(store, now).claim()):
            break
        at(store, now).failed(delivery, "no")
        now += LONGEST
    [off] = store.webhooks.of("S")
    assert not off.active
    assert sum(each.given_up for each in store.webhooks.failures("a")) == GIVEN_UP
    store.webhooks.switch("S", active=True)  # what is left goes on
    assert store.webhooks.pending("a") == 1
    assert at(store, now).claim()


def test_old_deliveries_and_those_of_a_deleted_webhook_are_forgotten(store: SQLStore) -> None:
    for name in "ab":
        store.webhooks.put(hook(name))
    end(store, "1")
    store.webhooks.delete("a")
    assert store.webhooks.pending("a") == 0
    store.webhooks.sweep(NOW)
    assert store.webhooks.pending("b") == 1
    store.webhooks.sweep(NOW + 1)
    assert store.webhooks.pending("b") == 0
