"""One job of an emulated server: where its timeline stands, and the call of its task."""

import math
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from gpserver.emulator.timeline import STANDS, Step, Timeline
from gpserver.job import Job, JobStatus


@dataclass(eq=False)
class Call:
    """The task's function at work; ``outcome`` is what ``gpserver.worker.perform`` returns."""

    cancelled: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    outcome: dict[str, Any] | None = None
    returned: float = 0.0
    """When, by the emulator's clock."""


@dataclass(eq=False)
class Play:
    """A job on its way through the steps of a timeline; times are the clock's epoch seconds."""

    job: Job
    timeline: Timeline
    step: Step
    since: float
    coming: deque[Step]
    polls: int = 0
    """Answers that showed the step."""
    counted: int = 0
    """Those of requests before the one at hand: within one answer a job stands still."""
    released: bool = False
    blocked: bool = False
    """Whether it waits for an instance of its service."""
    started: float | None = None
    percent: int | None = None
    call: Call | None = None
    history: list[tuple[str, float]] = field(default_factory=list)
    """Each step that it has come to, and when."""

    def __post_init__(self) -> None:
        self.history.append((self.step.status, self.since))

    @classmethod
    def of(cls, job: Job, timeline: Timeline) -> "Play":
        """A job that was just submitted; where nothing else is said it begins at once and does its work."""
        steps = deque(timeline.steps)
        if all(STANDS.get(step.status) is JobStatus.QUEUED for step in steps):
            steps.append(Step("executing"))
        return cls(job, timeline, Step("submitted"), job.created, steps)

    @property
    def runs(self) -> bool:
        """Whether the job has begun and has not ended."""
        return self.started is not None and STANDS.get(self.step.status) is JobStatus.RUNNING

    @property
    def ended(self) -> bool:
        """Whether no limit of its service counts any more."""
        stands = STANDS.get(self.step.status)
        return stands is None or stands.is_terminal or stands is JobStatus.CANCELLING

    @property
    def works(self) -> bool:
        """Whether its task is at work."""
        return self.call is not None and not self.call.ended.is_set()

    @property
    def calls(self) -> bool:
        """Whether its task is called: not where the end is told anyway."""
        stands = [STANDS.get(step.status) for step in self.coming]
        return not any(status and status.is_terminal for status in stands) or JobStatus.SUCCEEDED in stands

    def enter(self, step: Step, at: float) -> None:
        """Go to another step."""
        if step.status != self.step.status:
            self.history.append((step.status, at))
        self.step, self.since, self.polls, self.counted = step, at, 0, 0
        self.released, self.percent = False, None

    def turn(self, steps: tuple[Step, ...]) -> None:
        """Leave the timeline for other steps."""
        self.coming = deque(steps)

    def over(self, now: float) -> float | None:
        """When the step was over; None while it is not."""
        if (self.step.held and not self.released) or self.counted < self.step.polls:
            return None
        end = self.since + self.step.seconds
        if end > now:
            return None
        return now if self.step.held or self.step.polls else end

    def lags(self, now: float) -> bool:
        """Whether it would have succeeded by now, and waits for its task."""
        ends = not self.coming or STANDS.get(self.coming[0].status) is JobStatus.SUCCEEDED
        return self.works and ends and self.over(now) is not None

    def overtime(self, now: float) -> tuple[float, str] | None:
        """When the job had waited or run longer than its service allows, and the end of that."""
        if self.ended:
            return None
        terms = self.job.terms
        if self.started is None:
            due, end = self.job.created + (terms.wait_limit or math.inf), "failed"
        else:
            due, end = self.started + (terms.time_limit or math.inf), "timed_out"
        return (due, end) if due <= now else None

    def due(self, now: float) -> float:
        """When to look again though nobody asks; infinite where nothing comes by itself."""
        if self.ended:
            limit = math.inf
        elif self.started is None:
            limit = self.job.created + (self.job.terms.wait_limit or math.inf)
        else:
            limit = self.started + (self.job.terms.time_limit or math.inf)
        end = self.since + self.step.seconds
        stuck = self.blocked or (end <= now and self.works)  # whoever ends that looks as well
        waits = (self.step.held and not self.released) or self.counted < self.step.polls
        return min(limit, math.inf if waits or stuck or not self.coming else end)

    def progress(self, now: float) -> int | None:
        """Per cent, where these have changed since the last look."""
        if not self.step.progress:
            return None
        first, last = self.step.progress
        share = (now - self.since) / self.step.seconds if self.step.seconds else 1.0
        percent = int(first + (last - first) * min(max(share, 0.0), 1.0))
        changed, self.percent = percent != self.percent, percent
        return percent if changed else None
