"""A runner's word that it is alive, and what becomes of the jobs of one that is not heard of any more."""

import time
from collections.abc import Callable, Mapping

from gpserver.job import Job, JobStatus, Message, MessageType
from gpserver.stores import JobStore

_MAX_ATTEMPTS = 2


class Lease:
    """What one runner holds of a store that it shares with others.

    Args:
        store: Whose jobs they are.
        runner: The runner's name, which no other and no later one has.
        seconds: How long it may be silent before others take its jobs over; 0 where there are no others.
    """

    def __init__(self, store: JobStore, runner: str, seconds: float) -> None:
        self._store, self._runner, self._seconds = store, runner, seconds
        self._due = 0.0

    def take_over(self) -> None:
        """Resolve the jobs of runners that are lost: all others, where nobody shares the store."""
        for job in self._store.lost(self._seconds):
            _resolve(self._store, job)

    def renew(self, running: Mapping[str, Job], stop: Callable[[str], None]) -> None:
        """Say three times in each lease that the runner is alive.

        Args:
            running: The jobs that it runs, by id.
            stop: Ends one that is not its own any more: cancelled elsewhere, or taken over by somebody who
                thought that it was dead. Whatever that job still does is discarded by the store.
        """
        if not self._seconds or time.monotonic() < self._due:
            return
        # In this order: a job that is claimed in the meantime is not missed among those that are held.
        mine = [(job.id, job.attempt) for job in list(running.values())]
        held = {(job.id, job.attempt): job.status for job in self._store.beat(self._runner)}
        for job_id, attempt in mine:
            if held.get((job_id, attempt)) is not JobStatus.RUNNING:
                stop(job_id)
        self.take_over()
        self._due = time.monotonic() + self._seconds / 3


def _resolve(store: JobStore, job: Job) -> None:
    now = time.time()
    if job.status is JobStatus.CANCELLING:
        store.move(job.id, JobStatus.CANCELLING, JobStatus.CANCELLED, now=now, attempt=job.attempt)
    elif job.terms.retry_on_loss and job.attempt < _MAX_ATTEMPTS:
        lost = Message(MessageType.WARNING, "The server stopped while the job ran; it starts again.", now)
        store.move(job.id, JobStatus.RUNNING, JobStatus.QUEUED, now=now, attempt=job.attempt, messages=[lost])
    else:
        lost = Message(MessageType.ERROR, "The server stopped while the job ran.", now)
        store.move(job.id, JobStatus.RUNNING, JobStatus.FAILED, now=now, attempt=job.attempt, messages=[lost])
