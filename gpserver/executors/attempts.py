"""Attempts that run here: what they say and how they end, until the store knows of it."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from gpserver.executors.allowance import Allowance, cut, cut_lines
from gpserver.executors.lease import resolve
from gpserver.job import Job, JobStatus, Message, MessageType, Progress, Result
from gpserver.sandbox import Ending, Outcome
from gpserver.stores import JobStore

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Attempt:
    """One run of a job, with what the store was not told yet."""

    job: Job
    told: int
    """Messages of the job that the store has."""
    allowance: Allowance
    messages: list[Message] = field(default_factory=list)
    progress: Progress | None = None
    outcome: Outcome | None = None

    @property
    def key(self) -> str:
        """What the sandbox knows it by: a job may come back while its last attempt is still being killed."""
        return key_of(self.job)


def key_of(job: Job) -> str:
    """The key of a job's current attempt."""
    return f"{job.id}-{job.attempt}"


class Attempts:
    """All that run here, by key.

    The sandbox's thread adds to them and never waits for the store, since nobody else could kill; the
    dispatcher writes down, in its own thread, and again what a store that was away did not take.

    Args:
        store: Where the jobs are.
        on_end: Called with the id of a job that has reached its end.
    """

    def __init__(self, store: JobStore, on_end: Callable[[str], None]) -> None:
        self._store, self._on_end = store, on_end
        self._lock = threading.Lock()
        self._all: dict[str, Attempt] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._all

    def begin(self, job: Job) -> Attempt:
        """A job was claimed."""
        attempt = Attempt(job, job.message_count, Allowance(job.terms.message_limit))
        self._all[attempt.key] = attempt
        return attempt

    def running(self) -> list[Attempt]:
        """Those that have not ended."""
        return [attempt for attempt in list(self._all.values()) if not attempt.outcome]

    def note(self, key: str, events: list[list[Any]]) -> None:
        """Keep what an attempt says until it is written down."""
        attempt = self._all[key]
        for event in events:
            if event[0] == "output":
                _log.info("job %s printed: %s", attempt.job.id, event[1])
        messages = [Message(MessageType(e[1]), e[2], e[3]) for e in events if e[0] == "message"]
        with self._lock:
            attempt.messages += attempt.allowance.admit(messages)
            attempt.progress = _latest(attempt.progress, events)

    def end(self, outcome: Outcome) -> None:
        """Keep how an attempt ended until it is written down."""
        attempt = self._all[outcome.job_id]
        if outcome.detail:
            _log.warning("job %s %s: %s", attempt.job.id, outcome.ending, outcome.detail)
        try:
            self.note(outcome.job_id, outcome.events)
        finally:  # whatever its last events were, it has ended
            attempt.outcome = outcome

    def settle(self) -> None:
        """Write down all that is new; one that cannot be written holds up no other, and is tried again.

        Raises:
            Exception: What the store raised.
        """
        problem: Exception | None = None
        for attempt in list(self._all.values()):
            try:
                self._settle(attempt)
            except Exception as error:
                problem = error
        if problem:
            raise problem

    def _settle(self, attempt: Attempt) -> None:
        outcome = attempt.outcome  # first: what is said before the end is there when the end is
        with self._lock:
            said, progress = list(attempt.messages), attempt.progress
        job = attempt.job
        if outcome:
            ended = _finish(self._store, attempt, outcome, said, progress)
            del self._all[attempt.key]
            if ended:
                self._on_end(job.id)
        elif said or progress:
            self._store.append(job.id, job.attempt, said, progress, attempt.told)
            with self._lock:
                attempt.told += len(said)
                del attempt.messages[: len(said)]
                attempt.progress = None if attempt.progress is progress else attempt.progress


def _finish(
    store: JobStore, attempt: Attempt, outcome: Outcome, said: list[Message], progress: Progress | None
) -> bool:
    """Write down an end; gives whether the job has ended with it, and not just this attempt."""
    if _move(store, attempt, outcome, said, progress):
        return True
    # Back in the queue, or others have it, or it is written down already and the store's answer was lost.
    left = store.get(attempt.job.id)
    return left is None or left.status.is_terminal


def _move(
    store: JobStore, attempt: Attempt, outcome: Outcome, said: list[Message], progress: Progress | None
) -> bool:
    job = attempt.job
    if outcome.ending in (Ending.CANCELLED, Ending.LOST, Ending.CLOSED):
        told_to_stop = outcome.ending is Ending.CLOSED
        return resolve(store, job, said, progress, attempt.told, spare=told_to_stop)
    status, errors, results = _verdict(job, outcome)
    now = time.time()
    move = partial(
        store.move, job.id, now=now, attempt=job.attempt, progress=progress, said_before=attempt.told
    )
    messages = said + [Message(MessageType.ERROR, text, now) for text in cut_lines(errors)]
    if move(JobStatus.RUNNING, status, messages=messages, results=results):
        return True
    # Its cancel came first, so whatever it did in the meantime is discarded.
    return move(JobStatus.CANCELLING, JobStatus.CANCELLED, messages=said)


def _verdict(job: Job, outcome: Outcome) -> tuple[JobStatus, list[str], list[Result]]:
    if outcome.ending is Ending.TIMED_OUT:
        limit = f"The job ran longer than its time limit of {job.terms.time_limit:g} seconds."
        return JobStatus.TIMED_OUT, [limit], []
    value = outcome.value
    if outcome.ending is not Ending.FINISHED:
        return JobStatus.FAILED, [outcome.reason], []
    if value["status"] == "succeeded":
        return JobStatus.SUCCEEDED, [], [Result(**item) for item in value["results"]]
    return JobStatus.FAILED, value.get("errors", ["The task stopped by itself."]), []


def _latest(before: Progress | None, events: Iterable[list[Any]]) -> Progress | None:
    """The last report; where it lacks a detail it has the last one before it."""
    for event in events:
        if event[0] == "progress":
            report = Progress(cut(event[1]), *event[2:])
            kept = before.detail if before and report.detail is None else report.detail
            before = replace(report, detail=kept)
    return before
