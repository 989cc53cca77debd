"""The office starts runs of prototypes as jobs of the engine, and writes down how they ended."""

import logging
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from gpserver.catalog import Catalog
from gpserver.engine import Engine
from gpserver.errors import Conflict, GPServerError, InvalidRequest, NotFound, Unavailable
from gpserver.evergis.states import STATUS_OF, UNORDERED, Status, Subtask, in_order, subtasks_of
from gpserver.job import Job, JobStatus, MessageType
from gpserver.schedules.book import Book
from gpserver.schedules.cron import next_time
from gpserver.schedules.prototype import Prototype, Run, Timing

_log = logging.getLogger(__name__)

SERVICE, TASK = "EverGIS/Scheduler", "subtasks"
_BEGINNING = 60.0  # seconds after which a run without a job has lost it
_CLAIMED = 15.0  # seconds after which whoever claimed a run and handed in no job counts as dead
_LOST = "The server stopped before the task began."


@dataclass(frozen=True)
class View:
    """The engine and the catalog as the user sees them in whose name a run is started."""

    engine: Engine
    catalog: Catalog


class Office:
    """Starts prototypes, for clients and for the clock.

    Args:
        book: Where prototypes and runs are kept.
        engine: The whole engine.
        clock: The time in epoch seconds.
    """

    def __init__(self, book: Book, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self.book, self.clock, self._engine = book, clock, engine

    def create(
        self, owner: str, description: str, subtasks: list[dict[str, Any]], timing: Timing
    ) -> Prototype:
        """Keep a new prototype; one whose delay is over and that has no schedule is due at once."""
        now = self.clock()
        due = _due(timing, now) or (timing.delay_date if timing.enabled and not timing.schedule else None)
        prototype = Prototype(secrets.token_hex(16), owner, description, now, subtasks, timing, due)
        self.book.add(prototype)
        return prototype

    def change(self, prototype: Prototype, timing: Timing) -> None:
        """Give a prototype another timing; what it missed before is not made up for."""
        self.book.change(prototype.id, timing, _due(timing, self.clock()))

    def start(self, prototype: Prototype, view: View, run_id: str = "") -> Run:
        """Start a run because somebody says so.

        Args:
            prototype: What to run.
            view: In whose name.
            run_id: The id of the job, 32 hexadecimal digits; made here where it is empty.

        Raises:
            Conflict: There is a run or a job of that id.
            NotFound: The service that runs subtasks is not published.
            Forbidden, TokenRequired: The user may not use it.
        """
        view.catalog.service(SERVICE)  # what is not there leaves no trace
        run = self._run(prototype, run_id or secrets.token_hex(16), forced=True)
        self.book.begin(run)
        try:
            self._hand_in(run, prototype, view)
        except BaseException:
            self.book.take_back(run)
            raise
        return run

    def start_due(self, prototype: Prototype, view: View) -> None:
        """Start a run because it is time, and write down when the next one is due; one office alone does it.

        If this process dies before the engine has the job, ``take_over`` hands it in from elsewhere.
        """
        run = self._run(prototype, secrets.token_hex(16), forced=False)
        if self.book.claim(prototype, self.next_due(prototype), run):
            self._begin(run, prototype, view)

    def pass_over(self, prototype: Prototype) -> None:
        """Let a time go by."""
        self.book.claim(prototype, self.next_due(prototype))

    def take_over(self, view_of: Callable[[str], View | None]) -> None:
        """Begin the runs that some other office claimed and did not hand in, because it died."""
        now = self.clock()
        for run in self.book.unclaimed(now - _CLAIMED):
            view = view_of(run.owner)
            if view and self.book.take_over(run, now - _CLAIMED, now):
                try:
                    self._begin(run, self.book.find(run.prototype), view)
                except NotFound:
                    self.book.settle(self._lost(run, now))

    def next_due(self, prototype: Prototype) -> float | None:
        """When a prototype is due after a start by the clock now."""
        schedule = prototype.timing.schedule
        return next_time(schedule, self.clock()) if schedule else None

    def _begin(self, run: Run, prototype: Prototype, view: View) -> None:
        try:
            self._hand_in(run, prototype, view)
        except Unavailable:
            raise  # it is tried again
        except Conflict:
            self.book.handed_in(run)  # by somebody who was slow, not dead
        except GPServerError as error:
            self._refuse(run, str(error))
        else:
            self.book.handed_in(run)

    def _hand_in(self, run: Run, prototype: Prototype, view: View) -> None:
        service = view.catalog.service(SERVICE)
        view.engine.submit(service, service.task(TASK), {"parameters": [_body(prototype)]}, {}, run.id)
        self._engine.watch(run.id, self.settle)

    def _refuse(self, run: Run, reason: str) -> None:
        """Write down a run of the clock that could not begin."""
        now = self.clock()
        ends = [replace(item, status=Status.INTERRUPTED, ended=now) for item in run.outline]
        ends[:1] = [replace(item, status=Status.ERROR, error=reason) for item in ends[:1]]
        self.book.settle(replace(run, status=Status.ERROR, started=now, ended=now, subtasks=ends))

    def _run(self, prototype: Prototype, run_id: str, forced: bool) -> Run:
        return Run(run_id, prototype.id, prototype.owner, self.clock(), forced, _outline(prototype))

    def stop(self, run_id: str, engine: Engine) -> None:
        """Stop a run, or any job; one that has ended stays as it is.

        Raises:
            NotFound: There is none.
        """
        run = self.book.run(run_id)
        if run is None or run.status is None:
            with suppress(InvalidRequest):  # it has ended
                engine.cancel(run_id)

    def state(self, run: Run) -> Run:
        """A run as it stands now."""
        if run.status is not None:
            return run
        try:
            job = self._engine.job(run.id)
        except NotFound:
            return self._without_job(run)
        status = STATUS_OF[job.status]
        subtasks = subtasks_of(job, run.outline, self.problem(job))
        return replace(run, status=status, started=job.started, ended=job.ended, subtasks=subtasks)

    def problem(self, job: Job) -> str:
        """Why a job failed; empty where it did not."""
        if job.status is not JobStatus.FAILED:
            return ""
        errors = [item.text for item in self._engine.messages(job.id) if item.type is MessageType.ERROR]
        return errors[0] if errors else "The task failed."

    def settle(self, run_id: str) -> None:
        """Write down the end of a run, which outlives its job."""
        run = self.book.run(run_id)
        if run and run.status is None and (state := self.state(run)).status in _ENDS:
            self.book.settle(state)

    def settle_all(self) -> None:
        """Write down what ended while nobody looked, such as a run that a web node watched which is gone."""
        for run in self.book.open_runs():
            self.settle(run.id)

    def last_status(self, prototype: Prototype) -> Status:
        """How the last run of a prototype stands; Unknown before the first."""
        run = self.book.last_run(prototype.id)
        return (self.state(run).status if run else None) or Status.UNKNOWN

    def _without_job(self, run: Run) -> Run:
        """One that begins this moment, or whose server died before it had begun."""
        now = self.clock()
        if now - run.created < _BEGINNING:
            return replace(run, status=Status.IN_QUEUE, subtasks=run.outline)
        return self._lost(run, now)

    @staticmethod
    def _lost(run: Run, now: float) -> Run:
        ends = [replace(item, status=Status.INTERRUPTED, ended=now) for item in run.outline]
        ends[:1] = [replace(item, error=_LOST) for item in ends[:1]]
        return replace(run, status=Status.INTERRUPTED, started=run.created, ended=now, subtasks=ends)


_ENDS = (Status.COMPLETED, Status.ERROR, Status.INTERRUPTED, Status.TIMEOUT)


def _due(timing: Timing, now: float) -> float | None:
    if not timing.enabled:
        return None
    delay = timing.delay_date or 0.0
    if timing.schedule:
        # Its times are strictly after a moment, and the delay itself may be one of them.
        return next_time(timing.schedule, max(now, delay - 0.001))
    return delay if delay > now else None


def _outline(prototype: Prototype) -> list[Subtask]:
    settings = prototype.subtasks
    places = in_order([item.get("order") for item in settings])
    return [
        Subtask(settings[place].get("order") or UNORDERED, settings[place].get("type") or "")
        for place in places
    ]


def _body(prototype: Prototype) -> str:
    body = {
        "subTaskSettings": prototype.subtasks,
        "startIfPreviousError": prototype.timing.start_if_previous_error,
    }
    return msgspec.json.encode(body).decode()
