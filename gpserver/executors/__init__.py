"""Who runs the jobs: the port that every executor fills."""

from collections.abc import Callable
from typing import Protocol

OnChange = Callable[[str], None]
"""Called with a job's id, from the executor's own thread, when the job reached its end."""


class Executor(Protocol):
    """Carries jobs from the store to a sandbox and writes down how they went."""

    def start(self, on_end: OnChange) -> None:
        """Resolve what a dead server left behind, then begin to run what is queued."""

    def enqueue(self, job_id: str) -> None:
        """A job was added to the store."""

    def cancel(self, job_id: str) -> None:
        """A running job was moved to CANCELLING: stop it now."""

    def slots(self) -> tuple[int, int]:
        """How many jobs run in this process, and how many could."""

    def ready(self) -> bool:
        """Whether a worker is warm."""

    def drain(self, seconds: float) -> None:
        """Begin no more jobs, and wait until none runs here, for so long or until ``hurry``."""

    def hurry(self) -> None:
        """Wait for nothing any more."""

    def close(self) -> None:
        """Stop; a job that still runs is killed and goes back to the queue, if it may run again."""
