"""What of a store an operator watches: how many jobs it holds, and whether it takes more."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from gpserver.job import JobStatus
from gpserver.stores.rows import Cursor


@dataclass(frozen=True, slots=True)
class Census:
    """How many jobs of a task are in a state, and the bytes of their files as far as they are known."""

    service: str
    task: str
    status: JobStatus
    count: int
    bytes: int


class Vitals:
    """The vital signs of a store.

    Args:
        transaction: Changes that are made together or not at all.
        rows: The rows of a query.
    """

    def __init__(
        self, transaction: Callable[[], AbstractContextManager[Cursor]], rows: Callable[..., list[Any]]
    ) -> None:
        self._transaction, self._rows = transaction, rows

    def census(self) -> Sequence[Census]:
        """All jobs, by task and state; reads the whole table once."""
        rows = self._rows(
            "SELECT service, task, status, count(*), sum(CASE WHEN size > 0 THEN size ELSE 0 END) FROM jobs"
            " GROUP BY service, task, status"
        )
        return [
            Census(service, task, JobStatus(status), count, int(size))
            for service, task, status, count, size in rows
        ]

    def probe(self) -> bool:
        """Write as a submit does; raises what the database raises where it cannot."""
        with self._transaction() as connection:
            # A runner that never was: it changes each time, since what does not is not written.
            connection.execute(
                "INSERT INTO runners (name, seen) VALUES ('probe', -1)"
                " ON CONFLICT (name) DO UPDATE SET seen = -3 - runners.seen"
            )
        return True
