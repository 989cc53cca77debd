"""Tidies up after the jobs that end here."""

import logging
import queue
import threading

from gpserver.retention import WorkspaceOf, tidy
from gpserver.stores import JobStore

_log = logging.getLogger(__name__)

_PAUSE = 0.5  # seconds in which jobs gather, since the store is told of all of them at once


class Janitor:
    """A thread of its own: a large folder takes its time, and jobs must not wait for it.

    What it does not come to, because the process stops or the store is away, the sweep does.

    Args:
        store: Where the jobs are.
        workspace: Where the files of a job are.
    """

    def __init__(self, store: JobStore, workspace: WorkspaceOf) -> None:
        self._store, self._workspace = store, workspace
        self._ended = queue.SimpleQueue[str]()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._tidy_always, name="gpserver-janitor", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def add(self, job_id: str) -> None:
        """A job has ended."""
        self._ended.put(job_id)

    def close(self) -> None:
        """Stop, after what it has in its hands."""
        self._closed.set()
        self._ended.put("")
        if self._thread.is_alive():
            self._thread.join()

    def _tidy_always(self) -> None:
        while first := self._ended.get():
            self._closed.wait(_PAUSE)
            gathered = [first]
            while not self._ended.empty():
                gathered.append(self._ended.get())
            try:
                tidy(self._store, self._workspace, [job_id for job_id in gathered if job_id])
            except Exception:
                _log.warning("Ended jobs were not tidied up; the sweep does it.", exc_info=True)
            if self._closed.is_set():
                return
