"""What a sandbox is asked to do, and what it answers."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Order:
    """One run of one job."""

    job_id: str
    payload: dict[str, Any]
    """What the entry function is called with; JSON-ready."""
    time_limit: float | None = None
    """Seconds, from the hand-over to a warm child."""
    memory_limit: int | None = None
    """Bytes of private data that the job may add to what a warm child has."""
    cancel_grace: float = 0.0
    """Seconds between telling the job of its cancel and killing it."""


class Ending(StrEnum):
    """How a run ended."""

    FINISHED = "finished"
    """The entry function returned."""
    FAILED = "failed"
    """The entry function raised, or its answer or payload cannot be sent."""
    CRASHED = "crashed"
    """The child died."""
    LOST = "lost"
    """The zygote died and took the child along, which says nothing about the job."""
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    OUT_OF_MEMORY = "out_of_memory"
    CLOSED = "closed"
    """The sandbox was closed under the job, so it says nothing about the job."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run ended: exactly one for every order."""

    job_id: str
    ending: Ending
    reason: str = ""
    """In plain words, fit for the client; empty when finished or cancelled."""
    value: dict[str, Any] = field(default_factory=dict)
    """What the entry function returned."""
    events: list[list[Any]] = field(default_factory=list)
    """The last events, which nobody was told yet."""
    detail: str = ""
    """Traceback, or the Python stack at the crash: for the publisher, not for the client."""
