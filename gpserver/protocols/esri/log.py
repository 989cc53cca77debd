"""A job in ArcGIS' words: its status names, its message log, its progress."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from gpserver.job import Job, JobStatus, Message, MessageType

STATUS = {
    JobStatus.QUEUED: "esriJobSubmitted",
    JobStatus.RUNNING: "esriJobExecuting",
    JobStatus.CANCELLING: "esriJobCancelling",
    JobStatus.SUCCEEDED: "esriJobSucceeded",
    JobStatus.FAILED: "esriJobFailed",
    JobStatus.TIMED_OUT: "esriJobTimedOut",
    JobStatus.CANCELLED: "esriJobCancelled",
}

_TYPE = {
    MessageType.INFORMATIVE: "esriJobMessageTypeInformative",
    MessageType.WARNING: "esriJobMessageTypeWarning",
    MessageType.ERROR: "esriJobMessageTypeError",
}

# What each message level of a service lets through.
_LEVELS = {
    "None": frozenset[MessageType](),
    "Error": frozenset({MessageType.ERROR}),
    "Warning": frozenset({MessageType.ERROR, MessageType.WARNING}),
    "Info": frozenset(MessageType),
}

_ROOM = 1.0  # seconds; a job that has not begun by then waits for room

_ENDED = {JobStatus.SUCCEEDED: "Succeeded", JobStatus.FAILED: "Failed", JobStatus.TIMED_OUT: "Timed out"}


JOB_ID = re.compile(r"j([0-9a-f]{32})")
"""How ArcGIS spells a job's id: ``j`` and 32 hexadecimal digits."""


def esri_id(job_id: str) -> str:
    """A job's id as ArcGIS spells it."""
    return f"j{job_id}"


def status_of(job: Job) -> str:
    """The status of a job."""
    return STATUS[job.status]


def waiting_told(job: Job, clock: Callable[[], float] = time.time) -> str:
    """The status of a job, where one that no machine has room for is ``esriJobWaiting``.

    That is what ArcGIS says, but clients such as restapi stop to poll then.
    """
    waiting = job.status is JobStatus.QUEUED and clock() - job.created > _ROOM
    return "esriJobWaiting" if waiting else STATUS[job.status]


def message_log(job: Job, messages: Iterable[Message], ahead: int | None = None) -> list[dict[str, str]]:
    """The log as a client sees it, by the service's message level.

    The lines around the task's own are those of the ArcGIS Pro runtime: ``Submitted.``,
    ``Executing...``, the start time, and how and when it ended.

    Args:
        job: The job.
        messages: What its task said.
        ahead: How many jobs begin before it, while it is queued and that is known.
    """
    lines = list(_lines(job, messages))
    if job.status is JobStatus.QUEUED and ahead:
        others = "1 job begins" if ahead == 1 else f"{ahead} jobs begin"
        lines.append((MessageType.INFORMATIVE, f"Waiting: {others} before this one."))
    return [{"type": _TYPE[kind], "description": text} for kind, text in lines]


def error_lines(messages: Iterable[Message]) -> list[str]:
    """The texts of the errors."""
    return [message.text for message in messages if message.type is MessageType.ERROR]


def progress(job: Job) -> dict[str, Any] | None:
    """The progressor of an executing job, of type ``step`` once the task has counted."""
    if job.status is not JobStatus.RUNNING:
        return None
    if job.progress is None or job.progress.percent is None:
        return {"type": "default", "message": job.progress.text if job.progress else "Executing..."}
    return {"type": "step", "message": job.progress.text, "percent": int(job.progress.percent)}


def elapsed(job: Job, now: float) -> float:
    """Seconds since a job began to run, or was submitted as long as it waits, until its end or now."""
    # A clock that was set back meanwhile must not show.
    return max((job.ended or now) - (job.started or job.created), 0.0)


def _lines(job: Job, messages: Iterable[Message]) -> Iterator[tuple[MessageType, str]]:
    allowed = _LEVELS[job.terms.message_level]
    info, detailed = MessageType.INFORMATIVE, MessageType.INFORMATIVE in allowed
    yield info, "Submitted."
    if job.started is not None:
        yield info, "Executing..."
        if detailed:
            yield info, f"Start Time: {_moment(job.started)}"
    for message in messages:
        # A failed job says so at every level: clients show the error as the reason.
        if message.type in allowed or (message.type is MessageType.ERROR and job.status in _ENDED):
            yield message.type, message.text
    yield from _ending(job, detailed)


def _ending(job: Job, detailed: bool) -> Iterator[tuple[MessageType, str]]:
    if job.status in (JobStatus.FAILED, JobStatus.TIMED_OUT):
        yield MessageType.ERROR, f"Failed to execute ({job.task})."
    if job.status is JobStatus.CANCELLED:
        yield MessageType.INFORMATIVE, "Cancel complete."
    elif job.ended is not None:
        word = _ENDED[job.status]
        elapsed = job.ended - (job.started or job.ended)
        line = f"{word} at {_moment(job.ended)} (Elapsed Time: {_span(elapsed)})" if detailed else f"{word}."
        yield MessageType.INFORMATIVE, line


def _moment(at: float) -> str:
    """``Friday, December 16, 2022 6:05:31 PM``, in the server's local time, as the Pro runtime writes it."""
    moment = time.localtime(at)
    hour = moment.tm_hour % 12 or 12
    return time.strftime(f"%A, %B {moment.tm_mday}, %Y {hour}:%M:%S %p", moment)


def _span(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)} minutes {int(rest)} seconds" if minutes else f"{rest:.2f} seconds"
