"""What becomes of a job, step by step: the words in which a test says it."""

from typing import Literal

from msgspec import Struct

from gpserver.emulator.rules import Count, Rule, Seconds
from gpserver.job import JobStatus, MessageType

Status = Literal[
    "new",
    "submitted",
    "waiting",
    "executing",
    "succeeded",
    "failed",
    "timed_out",
    "cancelling",
    "cancelled",
    "deleting",
    "deleted",
    "purged",
]
"""Where a job can stand; ``purged`` is a job that the server has forgotten."""

STANDS: dict[str, JobStatus] = {
    "new": JobStatus.QUEUED,
    "submitted": JobStatus.QUEUED,
    "waiting": JobStatus.QUEUED,
    "executing": JobStatus.RUNNING,
    "succeeded": JobStatus.SUCCEEDED,
    "failed": JobStatus.FAILED,
    "timed_out": JobStatus.TIMED_OUT,
    "cancelling": JobStatus.CANCELLING,
    "cancelled": JobStatus.CANCELLED,
    # The engine knows no such states: ArcGIS' clients are told so of a job that was stopped.
    "deleting": JobStatus.CANCELLED,
    "deleted": JobStatus.CANCELLED,
}
"""What each is for the engine."""


class Said(Struct, frozen=True, forbid_unknown_fields=True):
    """One message of a job."""

    text: str
    type: MessageType = MessageType.INFORMATIVE


class Step(Struct, frozen=True, forbid_unknown_fields=True):
    """One step of a job: where it stands, and for how long.

    It is over once ``seconds`` have passed, it was shown in ``polls`` answers, and, where it is ``held``,
    somebody has released it. What the job says while it waits to begin is seen when it begins.
    """

    status: Status
    seconds: Seconds = 0.0
    """By the emulator's clock."""
    polls: Count = 0
    held: bool = False
    progress: tuple[float, float] | None = None
    """Per cent at its begin and at its end."""
    text: str = ""
    """What the progress says."""
    messages: tuple[str | Said, ...] = ()
    """A plain text is informative, or an error of a job that fails."""

    @property
    def said(self) -> tuple[Said, ...]:
        """The messages."""
        kind = MessageType.ERROR if self.status == "failed" else MessageType.INFORMATIVE
        return tuple(item if isinstance(item, Said) else Said(item, kind) for item in self.messages)


class Timeline(Rule, frozen=True, forbid_unknown_fields=True):
    """The steps of certain jobs; whatever a step does not end goes on as its task does."""

    steps: tuple[Step, ...] = ()
    cancel: tuple[Step, ...] = ()
    """What follows when a client cancels it while it runs; by default it is cancelled at once."""


def submitted(seconds: float = 0.0, *, polls: int = 0, held: bool = False) -> Step:
    """The job was taken."""
    return Step("submitted", seconds, polls, held)


def waiting(seconds: float = 0.0, *, polls: int = 0, held: bool = False) -> Step:
    """The job waits for an instance of its service."""
    return Step("waiting", seconds, polls, held)


def executing(
    seconds: float = 0.0,
    *messages: str | Said,
    progress: tuple[float, float] | None = None,
    polls: int = 0,
    held: bool = False,
) -> Step:
    """The job runs."""
    return Step("executing", seconds, polls, held, progress, messages=messages)


def cancelling(seconds: float = 0.0, *, polls: int = 0, held: bool = False) -> Step:
    """The job is being stopped."""
    return Step("cancelling", seconds, polls, held)


def succeeded(*messages: str | Said) -> Step:
    """The job ends as its task returns."""
    return Step("succeeded", messages=messages)


def failed(*errors: str) -> Step:
    """The job fails, and says these errors; its task is never called."""
    return Step("failed", messages=errors)


def timed_out() -> Step:
    """The job ran longer than its service allows."""
    return Step("timed_out")


def cancelled() -> Step:
    """The job was stopped."""
    return Step("cancelled")


def deleted() -> Step:
    """The job is told as deleted."""
    return Step("deleted")


def purged() -> Step:
    """The server has forgotten the job and its results, as after six hours."""
    return Step("purged")
