"""Stops attempts whose files grow beyond what their service allows."""

import logging
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from gpserver.executors.attempts import Attempt, Attempts
from gpserver.workspace import Workspace, excess

_log = logging.getLogger(__name__)

_PAUSE = 0.5  # seconds between two looks, and at least ten times as long as one takes


class DiskWatch:
    """A thread that looks at the folders of what runs here, twice a second.

    What grows over its limit is killed and then removed, so that a loop that writes takes no more of the disk
    than half a second's worth.

    Args:
        jobs: The folder of the jobs' folders.
        attempts: What runs.
        stop: Kills the attempt of a key, for a reason.
    """

    def __init__(self, jobs: Path, attempts: Attempts, stop: Callable[[str, str], None]) -> None:
        self._jobs, self._attempts, self._stop = jobs, attempts, stop
        self._stopped: list[Attempt] = []
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="gpserver-disk", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        pause = _PAUSE
        while not self._closed.wait(pause):
            begin = time.monotonic()
            try:
                self._look()
                self._tidy()
            except Exception:
                _log.exception("The files of the jobs that run cannot be looked at; it is tried again.")
            pause = max(_PAUSE, 10 * (time.monotonic() - begin))

    def _look(self) -> None:
        for attempt in self._attempts.running():
            if attempt not in self._stopped and (reason := self._excess(attempt)):
                self._stopped.append(attempt)
                self._stop(attempt.key, reason)

    def _excess(self, attempt: Attempt) -> str:
        terms, (results, *others) = attempt.job.terms, self._folders(attempt)
        return excess("results", [results], terms.result_limit) or excess(
            "temporary files", others, terms.scratch_limit
        )

    def _tidy(self) -> None:
        """Remove what those have written who are dead by now."""
        running = self._attempts.running()
        for attempt in [each for each in self._stopped if each not in running]:
            for folder in self._folders(attempt):
                shutil.rmtree(folder, ignore_errors=True)
            self._stopped.remove(attempt)

    def _folders(self, attempt: Attempt) -> tuple[Path, ...]:
        workspace, number = Workspace(self._jobs, attempt.job.id), attempt.job.attempt
        return workspace.results(number), workspace.scratch(number), workspace.fetched(number)
