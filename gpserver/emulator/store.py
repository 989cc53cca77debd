"""The jobs of an emulated server: on its clock, and moved on before anybody looks at them."""

from collections.abc import Callable, Iterable
from pathlib import Path

from gpserver.clock import Clock
from gpserver.job import Job, JobFilter, JobStatus, Message, Progress
from gpserver.stores.rows import COLUMNS, add_messages, job_of, reported
from gpserver.stores.sqlite import SQLiteStore


class StagedStore(SQLiteStore):
    """A store whose jobs begin when they are told to.

    Args:
        path: Its file.
        clock: Its time.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        super().__init__(path)
        self._clock = clock
        self.before_look: Callable[[], None] = lambda: None
        """Called before jobs are looked at."""

    @property
    def _now(self) -> str:
        return repr(self._clock.now())

    def begin(self, job_id: str, now: float) -> Job | None:
        """Take a queued job: it is running now; None where it waits no more."""
        with self._transaction() as connection:
            row = connection.execute(
                "UPDATE jobs SET status = 'running', attempt = attempt + 1, started = ?,"  # noqa: S608 - constant
                " version = version + 1, wait_until = NULL"
                f" WHERE id = ? AND status = 'queued' RETURNING {COLUMNS}",
                (now, job_id),
            ).fetchone()
        if row is None:
            return None
        job = job_of(row)
        self.observer.began(job, job.created)
        return job

    def say(self, job_id: str, messages: Iterable[Message] = (), progress: Progress | None = None) -> None:
        """Add messages of a job wherever it stands, and say how far it is."""
        with self._transaction() as connection:
            row = connection.execute(
                "UPDATE jobs SET version = version + 1, progress_text = coalesce(?, progress_text),"
                " progress_percent = coalesce(?, progress_percent),"
                " progress_detail = coalesce(?, progress_detail) WHERE id = ? RETURNING message_count",
                (*reported(progress), job_id),
            ).fetchone()
            if row is not None:
                add_messages(connection, job_id, row[0], messages)

    def get(self, job_id: str) -> Job | None:
        """The job as it stands now."""
        self.before_look()
        return super().get(job_id)

    def find(self, wanted: JobFilter, first: int = 0, most: int = 100) -> list[Job]:
        """The jobs that are meant, as they stand now."""
        self.before_look()
        return super().find(wanted, first, most)

    def count(self, wanted: JobFilter) -> dict[JobStatus, int]:
        """How many jobs are meant, by their status now."""
        self.before_look()
        return super().count(wanted)
