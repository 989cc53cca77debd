"""What a request is about, as its URL says: which service, task and job, and what is done with it."""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

Operation = Literal[
    "submit",  # submitJob, and a task of EverGIS' scheduler
    "execute",
    "start",  # a run of one of EverGIS' prototypes
    "poll",
    "cancel",
    "result",
    "results",
    "input",
    "inputs",
    "events",
    "file",
    "validate",
    "keep",  # a new prototype
    "",
]


class Subject(NamedTuple):
    """What a request is about; what its URL does not say is empty."""

    operation: Operation = ""
    service: str = ""
    """``Service`` or ``Folder/Service``."""
    task: str = ""
    job: str = ""
    """As the client writes it: ``j`` and 32 digits, or a UUID."""
    name: str = ""
    """Of a result, an input or a file."""
    prototype: str = ""


_ID = re.compile(r"j?[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TASK: dict[str, Operation] = {
    "submitJob": "submit",
    "execute": "execute",
    "validate": "validate",
    "cancel": "cancel",
    "metadata": "",
}
_JOB: dict[str, Operation] = {
    "": "poll",
    "cancel": "cancel",
    "events": "events",
    "results": "results",
    "inputs": "inputs",
}
_NAMED: dict[str, Operation] = {"results": "result", "inputs": "input"}
_SCHEDULER = "EverGIS/Scheduler"


def subject_of(method: str, path: str) -> Subject:
    """What a request is about.

    Args:
        method: Of HTTP.
        path: Decoded; of ArcGIS, long or short, or of EverGIS.
    """
    subject = _subject(method, path)
    # A browser that asks whether it may does nothing yet.
    return subject._replace(operation="") if method == "OPTIONS" else subject


def _subject(method: str, path: str) -> Subject:
    parts = [part for part in path.split("/") if part]
    context = [part.lower() for part in parts[:3]]
    if context == ["arcgis", "rest", "services"]:
        return _service(parts[3:])
    if context == ["arcgis", "rest", "directories"]:
        return _file(parts[3:])
    if context[:1] == ["arcgis"]:
        return Subject()
    if context[:1] == ["sp"]:
        parts = parts[1:]
    return _scheduler(method, parts[1:]) if parts[:1] == ["scheduler"] else _short(parts)


def same_job(one: str, other: str) -> bool:
    """Whether two ids are those of one job: ArcGIS' and EverGIS' differ in how they are written."""
    return _digits(one) == _digits(other)


def _digits(job: str) -> str:
    return job.lower().removeprefix("j").replace("-", "")


def _service(parts: Sequence[str]) -> Subject:
    kind = next((n for n, part in enumerate(parts) if part in ("GPServer", "MapServer")), len(parts))
    service, rest = "/".join(parts[:kind]), parts[kind + 1 :]
    if "MapServer" in parts[kind : kind + 1]:
        return Subject("", service, job=rest[1] if rest[:1] == ["jobs"] and len(rest) > 1 else "")
    if not rest or rest[0] in ("uploads", "info"):
        return Subject("", service)
    return _of_task(service, rest[0], rest[1:])


def _short(parts: Sequence[str]) -> Subject:
    """Of ``[<service>/]<task>/submitJob``, ``jobs/<job>`` and the like."""
    jobs = next(
        (n for n in range(len(parts) - 1) if parts[n] == "jobs" and _ID.fullmatch(parts[n + 1])), None
    )
    if jobs is None:
        jobs = len(parts) - 1 if parts and parts[-1] in _TASK else len(parts)
    head = parts[:jobs]
    return _of_task("/".join(head[:-1]), head[-1] if head else "", parts[jobs:])


def _of_task(service: str, task: str, rest: Sequence[str]) -> Subject:
    if rest[:1] != ["jobs"] or len(rest) == 1:
        return Subject(_TASK.get(rest[0], "") if rest else "", service, task)
    job, end, name = (*rest[1:4], "", "", "")[:3]
    return Subject((_NAMED if name else _JOB).get(end, ""), service, task, job, name)


def _file(parts: Sequence[str]) -> Subject:
    """Of ``arcgisjobs/<place>/<job>/scratch/<file>``."""
    at = next((n for n, part in enumerate(parts) if _ID.fullmatch(part)), None)
    return Subject() if at is None else Subject("file", job=parts[at], name="/".join(parts[at + 2 :]))


def _scheduler(method: str, parts: Sequence[str]) -> Subject:
    match [method, *parts]:
        case ["POST", "tasks"]:
            return Subject("submit", _SCHEDULER)
        case ["POST"]:
            return Subject("keep", _SCHEDULER)
        case ["POST", prototype, "start", *_]:
            return Subject("start", _SCHEDULER, prototype=prototype)
        case ["POST", "task" | "tasks", job, "stop" | "cancel"] | ["POST", job, "cancel"]:
            return Subject("cancel", _SCHEDULER, job=job)
        case ["GET", "task" | "tasks", job, *_] | ["GET", job, "progress"] | ["GET", job] if _ID.fullmatch(
            job
        ):
            return Subject("poll", _SCHEDULER, job=job)
    return Subject("", _SCHEDULER)
