"""The line of jobs that wait: who may still join it, and where each one stands."""

import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from gpserver.errors import ServerBusy
from gpserver.stores import JobStore

_TOLD = 1000  # jobs whose place is told
_KEPT = 0.5  # seconds


@dataclass(frozen=True)
class Limits:
    """What is taken at most; beyond it a submit is refused, and nothing of it is kept."""

    queued: int = 10_000
    """Jobs that wait."""
    queued_each: int = 1_000
    """Those of one user who signed in."""
    free: int = 0
    """Bytes that the disk of the jobs must have left."""


class Queue:
    """The line of one store; safe to use from any thread.

    Args:
        store: Where jobs are kept.
        folder: The folder of the jobs' folders.
        limits: How long the line may be.
    """

    def __init__(self, store: JobStore, folder: Path, limits: Limits) -> None:
        self._store, self._folder, self._limits = store, folder, limits
        self._lock = threading.Lock()
        self._places, self._due = dict[str, int](), 0.0

    def admit(self, owner: str) -> None:
        """Refuse another job of a user (empty: of nobody in particular) where there is no room.

        Raises:
            ServerBusy: Too many jobs wait, or the disk is nearly full.
        """
        limits = self._limits
        if shutil.disk_usage(self._folder).free < limits.free:
            raise ServerBusy("The disk of the server is nearly full. Ask again later, or tell its operator.")
        if self._store.queued(limits.queued) >= limits.queued:
            raise ServerBusy(f"{limits.queued} jobs are waiting, and no more are taken. Ask again later.")
        if owner and self._store.queued(limits.queued_each, owner) >= limits.queued_each:
            raise ServerBusy(f"{limits.queued_each} of your jobs are waiting. Wait for them, or cancel some.")

    def place(self, job_id: str) -> int | None:
        """How many jobs begin before a queued one, half a second ago; None beyond the first thousand."""
        # However many clients poll, the store is asked twice a second.
        with self._lock:
            if time.monotonic() >= self._due:
                self._places = {each: place for place, each in enumerate(self._store.waiting(_TOLD))}
                self._due = time.monotonic() + _KEPT
            return self._places.get(job_id)
