"""Ends the jobs that have waited longer than their service allows."""

import time
from collections.abc import Callable

from gpserver.job import JobStatus, Message, MessageType
from gpserver.stores import JobStore

_EVERY = 0.5  # seconds


class Patience:
    """Looks for them twice a second at most; whoever else does so at the same time does no harm.

    Args:
        store: Where the jobs are.
        on_end: Called with the id of each that was ended.
    """

    def __init__(self, store: JobStore, on_end: Callable[[str], None]) -> None:
        self._store, self._on_end, self._due = store, on_end, 0.0

    def look(self) -> None:
        """Fail those whose time is over: no store lets them begin any more."""
        if time.monotonic() < self._due:
            return
        for job in self._store.overdue():
            limit = job.terms.wait_limit or 0
            text = f"The job waited longer than {limit:g} seconds, the limit of its service, and was not run."
            said = Message(MessageType.ERROR, text, time.time())
            if self._store.move(job.id, JobStatus.QUEUED, JobStatus.FAILED, now=said.at, messages=[said]):
                self._on_end(job.id)
        self._due = time.monotonic() + _EVERY
