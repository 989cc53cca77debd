"""A prototype of runs with its timing, and a run that came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gpserver.evergis.states import Status, Subtask


@dataclass(frozen=True, slots=True)
class Timing:
    """When a prototype starts by itself, and when it does not.

    Attributes:
        enabled: Whether it may be started at all.
        start_if_previous_error: Whether the clock may start it after a run that failed; and whether a run
            goes on after a subtask that failed.
        start_if_previous_not_finished: Whether the clock may start it while its last run is under way.
        delay_date: Epoch seconds before which the clock does not start it. Without a schedule it starts
            then, once.
        schedule: A cron expression, read in UTC (see ``cron``); empty for none.
    """

    enabled: bool = True
    start_if_previous_error: bool = True
    start_if_previous_not_finished: bool = False
    delay_date: float | None = None
    schedule: str = ""


@dataclass(frozen=True, slots=True)
class Prototype:
    """What runs when it is started."""

    id: str
    """32 hexadecimal digits."""
    owner: str
    description: str
    created: float
    """Epoch seconds."""
    subtasks: Sequence[dict[str, Any]]
    """Their settings as a client sent them: ``order``, ``type``, ``description``, ``startParameters``."""
    timing: Timing = Timing()
    due: float | None = None
    """When the clock starts it next, in epoch seconds; None for never."""
    runs: int = 0
    """How many there were."""


@dataclass(frozen=True, slots=True)
class Run:
    """One start of a prototype; a job of the engine with the same id works it off."""

    id: str
    prototype: str
    owner: str
    created: float
    forced: bool
    """Whether somebody started it, not the clock."""
    outline: Sequence[Subtask] = ()
    """The subtasks before they began, in the order in which they run."""
    status: Status | None = None
    """How it ended; None until that was written down."""
    started: float | None = None
    ended: float | None = None
    subtasks: Sequence[Subtask] = ()
    """How they ended."""


@dataclass(frozen=True, slots=True)
class TaskResource:
    """The configuration of a task that lies in the catalogue of resources under the same id."""

    id: str
    owner: str
    sub_type: str
    task_type: str | None = None
    import_method: str | None = None
    description: str | None = None
    user_configuration: Any = None
    ui_configuration: Any = None
