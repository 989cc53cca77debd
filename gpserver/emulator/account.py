"""What an emulated server tells of itself: its time, its jobs, and the requests that it got."""

import re
from typing import Any

import msgspec

from gpserver.clock import Clock
from gpserver.emulator.record import Record
from gpserver.emulator.stage import Stage

_STATUS = re.compile(r'"jobStatus"\s*:\s*"(\w+)"')


class ClockTime(msgspec.Struct, frozen=True):
    """The clock."""

    now: float
    """Epoch seconds."""
    speed: float


class PlayedStep(msgspec.Struct, frozen=True):
    """A step that a job has come to."""

    status: str
    since: float
    """Epoch seconds."""


class PlayedJob(msgspec.Struct, frozen=True):
    """A job and its steps so far."""

    id: str
    service: str
    task: str
    held: bool
    """Whether it waits to be released."""
    steps: list[PlayedStep]


class Noted(msgspec.Struct, frozen=True):
    """One request, without its secrets."""

    number: int
    method: str
    path: str
    url: str
    operation: str
    """submit, execute, poll, cancel, result …"""
    service: str
    task: str
    job: str
    parameters: dict[str, Any]
    status: int
    """Of HTTP; 0 where no answer came."""
    told: str
    """What a poll was told: esriJobExecuting …; empty where it was told no such thing."""
    fault: str
    """What broke it; empty for nothing."""
    matched: bool
    """Whether there is something at its path."""
    began: float
    """Epoch seconds of the emulator's clock."""
    seconds: float
    """How long it took, in real time."""


def time_of(clock: Clock) -> ClockTime:
    """What a clock says."""
    return ClockTime(clock.now(), clock.speed)


def jobs_of(stage: Stage) -> list[PlayedJob]:
    """The newest thousand jobs, in the order in which they were submitted."""
    return [
        PlayedJob(
            f"j{play.job.id}",
            play.job.service,
            play.job.task,
            play.step.held and not play.released,
            [PlayedStep(status, since) for status, since in play.history],
        )
        for play in stage.played()
    ]


def note_of(record: Record) -> Noted:
    """What is told of a record, whose secrets are masked."""
    return Noted(
        record.number,
        record.method,
        record.path,
        record.url,
        record.subject.operation,
        record.subject.service,
        record.task,
        record.job,
        {name: _plain(value) for name, value in record.parameters.items()},
        record.status,
        _told(record),
        record.fault,
        record.matched,
        record.began,
        record.seconds,
    )


def _plain(value: Any) -> Any:
    try:
        msgspec.json.encode(value)
    except (TypeError, ValueError):
        return str(value)
    return value


def _told(record: Record) -> str:
    found = _STATUS.search(record.text) if record.subject.operation == "poll" else None
    return found[1] if found else ""
