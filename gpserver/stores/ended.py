"""Ended jobs: what they weigh, which are in the way, and how all of them went."""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from gpserver.job import JobFilter, JobStatus, Tally
from gpserver.stores.rows import Cursor, condition

_TALLY = (
    "SELECT service, task, status, count(*), avg(started - created), max(started - created),"
    " avg(ended - started), max(ended - started) FROM {jobs} GROUP BY service, task, status"
)
_SOME = "(SELECT service, task, status, created, started, ended FROM jobs WHERE {where} AND {which}"
# Two parts: an index has all that is asked of the many that have ended, others lead to the few that have not.
_ENDED = _TALLY.format(jobs=_SOME.replace("{which}", "ended IS NOT NULL") + ") AS ended_jobs")
_UNFINISHED = _TALLY.format(
    jobs=_SOME.replace("{which}", "status = 'queued'")
    + " UNION ALL "
    + _SOME[1:].replace("{which}", "status IN ('running', 'cancelling')")
    + ") AS unfinished_jobs"
)

# What the column ``pinned`` says.
_PINNED, _LOOSE, _CONDEMNED = 1, 0, -1


@dataclass(frozen=True)
class EndedJobs:
    """The ended jobs of one store.

    Attributes:
        transaction: Changes that are made together or not at all.
        rows: The rows of a query.
        now: The database's own clock, as SQL.
    """

    transaction: Callable[[], AbstractContextManager[Cursor]]
    rows: Callable[..., list[Any]]
    now: str

    def unweighed(self, most: int) -> list[str]:
        """Ids of jobs that have ended and whose size nobody knows, up to ``most``."""
        query = "SELECT id FROM jobs WHERE ended IS NOT NULL AND size IS NULL ORDER BY seq LIMIT ?"
        return [row[0] for row in self.rows(query, most)]

    def weigh(self, sizes: Mapping[str, int]) -> None:
        """Write down how many bytes the files of jobs take, by id."""
        with self.transaction() as connection:
            rows = [(size, job_id) for job_id, size in sizes.items()]
            connection.executemany("UPDATE jobs SET size = ? WHERE id = ?", rows)

    def pin(self, job_id: str, *, pinned: bool) -> bool:
        """Keep a job for good, or no longer; False where there is none, or where it is just being removed."""
        with self.transaction() as connection:
            row = connection.execute(
                "UPDATE jobs SET pinned = ?, version = version + 1 WHERE id = ? AND pinned >= 0 RETURNING id",
                (_PINNED if pinned else _LOOSE, job_id),
            ).fetchone()
        return row is not None

    def overdue(self, before: float, jobs: int, size: int, most: int) -> list[str]:
        """Ids of jobs that are not pinned and should go, those that ended first before others.

        Args:
            before: Those that ended before then, in epoch seconds.
            jobs: How many ended jobs may stay, pinned ones among them; 0 for any number.
            size: How many bytes their files may take; 0 for any number.
            most: Of one answer.
        """
        old = self._oldest("ended < ?", most, before)
        if old or not (jobs or size):
            return [job_id for job_id, _ in old]
        [[count, total]] = self.rows("SELECT count(*), sum(size) FROM jobs WHERE ended IS NOT NULL")
        if jobs and count > jobs:
            return [job_id for job_id, _ in self._oldest("ended IS NOT NULL", min(most, count - jobs))]
        excess = (total or 0) - size if size else 0
        large = self._oldest("ended IS NOT NULL AND size > 0", most) if excess > 0 else []
        going = list[str]()
        for job_id, bytes_ in large:
            if excess <= 0:
                break
            going.append(job_id)
            excess -= bytes_
        return going

    def _oldest(self, which: str, most: int, *values: object) -> list[Any]:
        query = f"SELECT id, size FROM jobs WHERE {which} AND pinned = 0 ORDER BY ended LIMIT ?"  # noqa: S608 - constant
        return self.rows(query, *values, most)

    def condemn(self, job_ids: Collection[str]) -> list[str]:
        """Say of jobs that they are to be removed; gives those that are not pinned and not yet being removed.

        For clients they are gone from now on, and nobody can pin them any more.
        """
        if not job_ids:
            return []
        marks = ", ".join("?" * len(job_ids))
        with self.transaction() as connection:
            rows = connection.execute(
                f"UPDATE jobs SET pinned = {_CONDEMNED}, version = version + 1"  # noqa: S608 - only ? marks are put in
                f" WHERE id IN ({marks}) AND pinned = {_LOOSE} RETURNING id",
                list(job_ids),
            ).fetchall()
        return [row[0] for row in rows]

    def condemned(self, most: int) -> list[str]:
        """Ids of ended jobs that are to be removed, up to ``most``; others are being stopped."""
        query = "SELECT id FROM jobs WHERE pinned < 0 AND ended IS NOT NULL ORDER BY seq LIMIT ?"
        return [row[0] for row in self.rows(query, most)]

    def known(self, job_ids: Collection[str]) -> set[str]:
        """Those of the ids that are jobs, ended or not."""
        if not job_ids:
            return set()
        marks = ", ".join("?" * len(job_ids))
        return {row[0] for row in self.rows(f"SELECT id FROM jobs WHERE id IN ({marks})", *job_ids)}  # noqa: S608

    def take_turn(self, chore: str, seconds: float) -> bool:
        """Whether it is the caller's turn to do what one of all machines does every so many seconds."""
        due = f"{self.now} + CAST(? AS DOUBLE PRECISION)"
        with self.transaction() as connection:
            row = connection.execute(
                f"INSERT INTO chores (name, due) VALUES (?, {due}) ON CONFLICT (name) DO UPDATE"  # noqa: S608 - constant
                # A time that nobody can have written was written before the clock was set back.
                f" SET due = excluded.due WHERE chores.due <= {self.now} OR chores.due > excluded.due"
                " RETURNING name",
                (chore, seconds),
            ).fetchone()
        return row is not None

    def statistics(self, wanted: JobFilter) -> list[Tally]:
        """How many jobs of each task are in each state, not only ended ones, and how long they took."""
        where, values = condition(wanted)
        rows = self.rows(_ENDED.format(where=where), *values)
        rows += self.rows(_UNFINISHED.format(where=where), *values, *values)
        return [Tally(service, task, JobStatus(status), *facts) for service, task, status, *facts in rows]
