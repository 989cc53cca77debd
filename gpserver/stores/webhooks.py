"""Webhooks and what they are still to be told, in SQL that SQLite and PostgreSQL understand alike."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from gpserver.job import JobStatus
from gpserver.stores.rows import Cursor
from gpserver.webhook import Delivery, Failure, Webhook

LEASE = 60.0
"""Seconds that a claimed delivery is nobody else's; one attempt must take less."""
PAUSE, LONGEST = 1.0, 600.0
"""Seconds that a webhook is left alone when an attempt failed: at first, doubled each time, and at most."""
ATTEMPTS = 12
"""Then a delivery is given up, half an hour after the first one at the earliest."""
GIVEN_UP = 5
"""Deliveries in a row; then the webhook is no more active."""

_COLUMNS = "id, service, name, url, signature_key, active, root, delivered"
# A time further ahead than any pause was written before the clock was set back.
_FREE = "active = 1 AND (due <= {now} OR due > {now} + 660)"
_PENDING = "EXISTS (SELECT 1 FROM deliveries WHERE webhook = webhooks.id AND given_up = 0)"


def tell_webhooks(connection: Cursor, job_id: str) -> None:
    """A job has ended, in this very transaction: whoever is to hear of it will, whatever dies next."""
    connection.execute(
        "INSERT INTO deliveries (webhook, job_id, service, task, status, ended)"
        " SELECT webhooks.id, jobs.id, jobs.service, jobs.task, jobs.status, jobs.ended FROM jobs"
        " JOIN webhooks ON webhooks.service = jobs.service AND webhooks.active = 1 WHERE jobs.id = ?",
        (job_id,),
    )


@dataclass(frozen=True)
class WebhookTables:
    """The webhooks of one store.

    Attributes:
        transaction: Changes that are made together or not at all.
        rows: The rows of a query.
        now: The database's own clock, as SQL.
        skip: What a look at rows to be claimed ends with.
    """

    transaction: Callable[[], AbstractContextManager[Cursor]]
    rows: Callable[..., list[Any]]
    now: str
    skip: str

    def of(self, service: str) -> list[Webhook]:
        """The webhooks of a service, by name."""
        query = f"SELECT {_COLUMNS} FROM webhooks WHERE service = ? ORDER BY name"  # noqa: S608 - constant
        return [_webhook(row) for row in self.rows(query, service)]

    def put(self, webhook: Webhook) -> None:
        """Keep a webhook, or what it is from now on; its deliveries stay."""
        row = (webhook.id, webhook.service, webhook.name, webhook.url, webhook.key, int(webhook.active))
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO webhooks (id, service, name, url, signature_key, active, root)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
                " url = excluded.url, signature_key = excluded.signature_key, active = excluded.active,"
                " root = excluded.root, due = 0, failures = 0, lost = 0",
                (*row, webhook.root),
            )

    def switch(self, service: str, active: bool) -> None:
        """Turn all webhooks of a service on or off; what was given up is forgotten when they go on."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE webhooks SET active = ?, due = 0, failures = 0, lost = 0 WHERE service = ?",
                (int(active), service),
            )
            if active:
                connection.execute(
                    "DELETE FROM deliveries WHERE given_up = 1"
                    " AND webhook IN (SELECT id FROM webhooks WHERE service = ?)",
                    (service,),
                )

    def delete(self, webhook_id: str) -> None:
        """Forget a webhook and what it was to be told."""
        with self.transaction() as connection:
            connection.execute("DELETE FROM deliveries WHERE webhook = ?", (webhook_id,))
            connection.execute("DELETE FROM webhooks WHERE id = ?", (webhook_id,))

    def claim(self) -> Delivery | None:
        """Take a delivery that is due; no other of that webhook is taken until it went well, or failed.

        Those that were tried least come first, so that one that a receiver refuses holds up no other.
        """
        free = f"{_FREE.format(now=self.now)} AND {_PENDING}"
        if not self.rows(f"SELECT 1 FROM webhooks WHERE {free} LIMIT 1"):  # noqa: S608 - constant
            return None
        with self.transaction() as connection:
            row = connection.execute(
                f"UPDATE webhooks SET due = {self.now} + ? WHERE id = (SELECT id FROM webhooks"  # noqa: S608 - constant
                f" WHERE {free} ORDER BY due LIMIT 1 {self.skip}) RETURNING {_COLUMNS}",
                (LEASE,),
            ).fetchone()
            if row is None:
                return None
            found = connection.execute(
                "SELECT seq, job_id, service, task, status, attempts FROM deliveries"
                " WHERE webhook = ? AND given_up = 0 ORDER BY attempts, seq LIMIT 1",
                (row[0],),
            ).fetchone()
        return _delivery(_webhook(row), found) if found else None

    def arrived(self, delivery: Delivery) -> None:
        """It was taken; the next one of its webhook is due."""
        with self.transaction() as connection:
            connection.execute("DELETE FROM deliveries WHERE seq = ?", (delivery.seq,))
            connection.execute(
                f"UPDATE webhooks SET due = {self.now}, delivered = {self.now}, failures = 0, lost = 0"  # noqa: S608 - constant
                " WHERE id = ?",
                (delivery.webhook.id,),
            )

    def failed(self, delivery: Delivery, reason: str) -> None:
        """It was not taken: its webhook has a pause, and after too many that were given up it is off."""
        given_up = int(delivery.attempts + 1 >= ATTEMPTS)
        with self.transaction() as connection:
            connection.execute(
                f"UPDATE deliveries SET attempts = attempts + 1, tried = {self.now}, reason = ?, given_up = ?"  # noqa: S608 - constant
                " WHERE seq = ?",
                (reason, given_up, delivery.seq),
            )
            row = connection.execute(
                "UPDATE webhooks SET failures = failures + 1, lost = lost + ? WHERE id = ?"
                " RETURNING failures, lost",
                (given_up, delivery.webhook.id),
            ).fetchone()
            if row is None:
                return
            failures, lost = row
            pause = min(PAUSE * 2.0 ** min(failures - 1, 20), LONGEST)
            connection.execute(
                f"UPDATE webhooks SET due = {self.now} + ? WHERE id = ?",  # noqa: S608 - constant
                (pause, delivery.webhook.id),
            )
            if lost >= GIVEN_UP:
                connection.execute(
                    "UPDATE webhooks SET active = 0, lost = 0 WHERE id = ?", (delivery.webhook.id,)
                )

    def failures(self, webhook_id: str, most: int = 100) -> list[Failure]:
        """The deliveries that failed at least once, the latest first."""
        rows = self.rows(
            "SELECT job_id, attempts, tried, reason, given_up FROM deliveries"
            " WHERE webhook = ? AND attempts > 0 ORDER BY tried DESC LIMIT ?",
            webhook_id,
            most,
        )
        return [
            Failure(job, attempts, tried, reason, bool(over)) for job, attempts, tried, reason, over in rows
        ]

    def pending(self, webhook_id: str) -> int:
        """How many ends of jobs it is still to be told."""
        query = "SELECT count(*) FROM deliveries WHERE webhook = ? AND given_up = 0"
        return int(self.rows(query, webhook_id)[0][0])

    def sweep(self, before: float) -> None:
        """Forget what nobody could be told of jobs that ended before then (epoch seconds)."""
        if not self.rows("SELECT 1 FROM deliveries WHERE ended < ? LIMIT 1", before):
            return
        with self.transaction() as connection:
            connection.execute("DELETE FROM deliveries WHERE ended < ?", (before,))


def _webhook(row: Any) -> Webhook:
    webhook_id, service, name, url, key, active, root, delivered = row
    return Webhook(webhook_id, service, name, url, key, bool(active), root, delivered)


def _delivery(webhook: Webhook, row: Any) -> Delivery:
    seq, job_id, service, task, status, attempts = row
    return Delivery(seq, webhook, job_id, service, task, JobStatus(status), attempts)
