"""Where the subtasks of a run stand: told by the run while it works, and made out of what was told last."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from gpserver.job import Job, JobStatus

UNORDERED = 0
"""What is told of a subtask without an order, where clients want a number."""


class Status(StrEnum):
    """The states of runs and subtasks, as EverGIS' second scheduler calls them."""

    INIT = "Init"
    PROCESS = "Process"
    COMPLETED = "Completed"
    INTERRUPTED = "Interrupted"
    ERROR = "Error"
    TIMEOUT = "Timeout"
    WAITING = "Waiting"
    IN_QUEUE = "InQueue"
    UNKNOWN = "Unknown"
    """Before the first run; clients take it for an end, so it is never told of a run."""

    @property
    def is_terminal(self) -> bool:
        """Whether nothing follows."""
        return self in _TERMINAL


_TERMINAL = (Status.COMPLETED, Status.INTERRUPTED, Status.ERROR, Status.TIMEOUT)

STATUS_OF = {
    JobStatus.QUEUED: Status.IN_QUEUE,
    JobStatus.RUNNING: Status.PROCESS,
    JobStatus.CANCELLING: Status.PROCESS,
    JobStatus.SUCCEEDED: Status.COMPLETED,
    JobStatus.FAILED: Status.ERROR,
    JobStatus.TIMED_OUT: Status.TIMEOUT,
    JobStatus.CANCELLED: Status.INTERRUPTED,
}
"""What a run is called by the state of its job."""


@dataclass(frozen=True, slots=True)
class Subtask:
    """One subtask of a run; times are epoch seconds."""

    order: int
    type: str
    status: Status = Status.WAITING
    started: float | None = None
    ended: float | None = None
    process: int | None = None
    """Features that it is done with, of ``max``."""
    max: int | None = None
    error: str | None = None
    results: dict[str, Any] | None = None


def in_order(orders: Sequence[int | None]) -> list[int]:
    """The places of subtasks in the order in which they run: those without an order first, as they stand.

    EverGIS runs these at once; here a run is one job, which does one thing after the other.
    """
    return sorted(range(len(orders)), key=lambda place: (orders[place] is not None, orders[place] or 0))


def told(subtasks: Sequence[Subtask]) -> dict[str, Any]:
    """The subtasks as JSON, as a run tells them."""
    return {"subtasks": [asdict(item) for item in subtasks]}


def read_told(detail: Any) -> list[Subtask] | None:
    """The subtasks as a run told them; None where it told nothing."""
    if not isinstance(detail, dict) or "subtasks" not in detail:
        return None
    return [Subtask(**{**item, "status": Status(item["status"])}) for item in detail["subtasks"]]


def subtasks_of(job: Job, outline: Sequence[Subtask], problem: str = "") -> list[Subtask]:
    """The subtasks of a run as its job stands, which cannot tell itself that it was ended from outside.

    Args:
        job: The job of the run.
        outline: The subtasks before they began.
        problem: Why the job failed.
    """
    last = read_told(job.progress.detail if job.progress else None) or list(outline)
    if job.status is JobStatus.QUEUED:
        return [replace(item, status=Status.IN_QUEUE) for item in outline]
    if not job.status.is_terminal:
        return last
    return _ended(job, last, problem)


def _ended(job: Job, last: list[Subtask], problem: str) -> list[Subtask]:
    """The first that was not over is ended as the job was; what should have followed is interrupted."""
    fate, found = STATUS_OF[job.status], []
    for item in last:
        if item.status.is_terminal:
            found.append(item)
            continue
        text = problem if fate is Status.ERROR else None
        found.append(replace(item, status=fate, ended=job.ended, error=item.error or text))
        fate = Status.INTERRUPTED if fate is not Status.COMPLETED else fate
    return found
