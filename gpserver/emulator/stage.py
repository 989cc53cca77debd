"""Plays the jobs of an emulated server: by the timelines that fit them, on its clock, in this process."""

import logging
import math
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from gpserver.clock import Clock
from gpserver.emulator.play import Call, Play
from gpserver.emulator.store import StagedStore
from gpserver.emulator.timeline import STANDS, Said, Step, Timeline
from gpserver.executors import OnChange
from gpserver.job import MOVES, Job, JobStatus, Message, MessageType, Progress, Result
from gpserver.protocols.esri.log import status_of

_log = logging.getLogger(__name__)

_LIMITS = {
    "failed": "The job waited longer than {:g} seconds, the limit of its service, and was not run.",
    "timed_out": "The job ran longer than its time limit of {:g} seconds.",
}
_MOST = 1000  # jobs whose steps are remembered
_SHOWN = ("deleting", "deleted")  # what a job may be called that has ended


class Line:
    """What a task says while it runs; fills the port ``gpserver.worker.Channel``."""

    def __init__(self, store: StagedStore, job: Job, clock: Clock, cancelled: threading.Event) -> None:
        self._store, self._job, self._clock, self._cancelled = store, job, clock, cancelled

    def send(self, kind: str, *fields: Any) -> None:
        """A message, stamped by the emulator's clock, or how far the task is."""
        said: list[Message] = []
        progress = None
        if kind == "message":
            said = [Message(MessageType(fields[0]), fields[1], self._clock.now())]
        elif kind == "progress":
            progress = Progress(*fields)
        self._store.append(self._job.id, self._job.attempt, said, progress)

    def cancelled(self) -> bool:
        """Whether the job's cancel was asked for."""
        return self._cancelled.is_set()


class Stage:
    """An executor that does nothing before its time, and everything that is due before anybody looks.

    Args:
        store: Where the jobs are.
        clock: The time of the steps.
        choose: Gives the timeline of a new job.
        perform: Calls a job's task; as ``gpserver.worker.perform``.
    """

    def __init__(
        self,
        store: StagedStore,
        clock: Clock,
        choose: Callable[[Job], Timeline],
        perform: Callable[[Job, Line], dict[str, Any]],
    ) -> None:
        self._store, self._clock, self._choose, self._perform = store, clock, choose, perform
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._plays: dict[str, Play] = {}
        self._past: deque[Play] = deque(maxlen=_MOST)
        self._ended: list[str] = []
        self._busy = self._closing = False
        self._forget: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._keep_time, name="gpserver-stage", daemon=True)
        store.before_look = self.catch_up

    def start(self, on_end: OnChange) -> None:
        """Begin to play."""
        self._on_end = on_end
        self._forget = self._clock.watch(self._time_changed)
        self._thread.start()

    def enqueue(self, job_id: str) -> None:
        """A job was submitted."""
        with self._lock:
            job = self._store.get(job_id)
            if job is not None:
                self._plays[job_id] = Play.of(job, self._choose(job))
                self._past.append(self._plays[job_id])
                self._changed.notify()
        self.catch_up()

    def cancel(self, job_id: str) -> None:
        """A running job was moved to CANCELLING."""
        with self._lock:
            play = self._plays.get(job_id)
            if play is None:
                return
            if play.call:
                play.call.cancelled.set()
            play.turn(play.timeline.cancel or (Step("cancelled"),))
            play.enter(Step("cancelling"), self._clock.now())
            self._changed.notify()

    def release(self, job_id: str) -> bool:
        """End the step in which a job is held; whether it was held."""
        with self._lock:
            play = self._plays.get(job_id)
            held = play is not None and play.step.held and not play.released
            if play and held:
                play.released = True
        self.catch_up()
        return held

    def told(self, job: Job) -> str:
        """What clients are told of where a job stands; counts as one poll."""
        with self._lock:
            play = self._plays.get(job.id)
            if play is None:
                return status_of(job)
            play.polls += 1
            word = "waiting" if play.blocked else play.step.status
        fits = STANDS.get(word) is job.status or (word in _SHOWN and job.status.is_terminal)
        return f"esriJob{''.join(part.title() for part in word.split('_'))}" if fits else status_of(job)

    def is_submitted(self, job_id: str) -> bool:
        """Whether a job was taken, and nothing more."""
        with self._lock:
            play = self._plays.get(job_id)
            return play is not None and play.step.status in ("new", "submitted") and not play.blocked

    def played(self) -> list[Play]:
        """The newest thousand jobs, in the order in which they were submitted."""
        self.catch_up()
        with self._lock:
            return list(self._past)

    def settle(self, seconds: float) -> None:
        """Wait for the tasks whose time is over, for so many seconds of the wall at most each."""
        self.catch_up()
        with self._lock:
            now = self._clock.now()
            calls = [play.call for play in self._plays.values() if play.call and play.lags(now)]
        for call in calls:
            call.ended.wait(seconds)

    def slots(self) -> tuple[int, int]:
        """How many jobs run; there is room for as many again."""
        running = sum(play.runs for play in self._plays.values())
        return running, running + 1

    def ready(self) -> bool:
        """Always."""
        return True

    def drain(self, seconds: float) -> None:
        """Nothing is waited for: no job of an emulated server is worth it."""

    def hurry(self) -> None:
        """Nobody waits here."""

    def close(self) -> None:
        """Stop; tasks that are at work are told to, and what they return is discarded."""
        self._forget()
        with self._lock:
            self._closing = True
            for play in self._plays.values():
                if play.call:
                    play.call.cancelled.set()
            self._plays.clear()
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    def begin_request(self) -> None:
        """Do all that is due before a request is answered, what was to be shown first included."""
        with self._lock:
            for play in self._plays.values():
                play.counted = play.polls
        self.catch_up()

    def catch_up(self) -> None:
        """Do all that is due by now."""
        with self._lock:
            if self._busy or self._closing:  # called back by what is done here
                return
            self._busy = True
            try:
                now = self._clock.now()
                while self._move_all(now):  # the end of one job lets another begin
                    pass
            finally:
                self._busy = False
                ended, self._ended = self._ended, []
        for job_id in ended:
            self._on_end(job_id)

    def _move_all(self, now: float) -> bool:
        """Each job as far as it comes; whether any moved."""
        moved = False
        for play in list(self._plays.values()):
            while self._move_on(play, now):
                moved = True
        return moved

    def _time_changed(self) -> None:
        self.catch_up()
        with self._lock:
            self._changed.notify()

    def _keep_time(self) -> None:
        while True:
            with self._lock:
                if self._closing:
                    return
                now = self._clock.now()
                due = min((play.due(now) for play in self._plays.values()), default=math.inf)
                wait = self._clock.real(due - now)
                if wait > 0:
                    self._changed.wait(None if math.isinf(wait) else wait)
            self.catch_up()

    def _move_on(self, play: Play, now: float) -> bool:
        """One step of one job, where it is due; whether there was one."""
        at = play.over(now)
        late = play.overtime(now)
        if late and (at is None or late[0] <= at or play.blocked or not play.coming):
            return self._stop_late(play, *late)
        if at is None:
            self._report(play, now)
            return False
        if not play.coming:
            return self._finish(play, at)
        if not self._may_enter(play, play.coming[0], at):
            return False
        step = play.coming.popleft()
        play.enter(step, at)
        self._enter(play, step, at)
        return True

    def _may_enter(self, play: Play, step: Step, at: float) -> bool:
        stands = STANDS.get(step.status)
        if stands is JobStatus.RUNNING and play.started is None:
            most, service = play.job.terms.instances, play.job.service
            running = sum(other.runs and other.job.service == service for other in self._plays.values())
            play.blocked = most is not None and running >= most
            return not play.blocked
        if stands is JobStatus.SUCCEEDED:
            self._begin(play, at, calls=True)
            return not play.works
        return True

    def _enter(self, play: Play, step: Step, at: float) -> None:
        stands = STANDS.get(step.status)
        if stands is JobStatus.SUCCEEDED:
            self._succeed(play, step, at)
        elif stands and stands.is_terminal:
            self._end(play, stands, at, step.said)
        elif stands is None:
            self._store.ended.condemn([play.job.id])
            self._plays.pop(play.job.id, None)
        else:
            if stands is JobStatus.RUNNING:
                self._begin(play, at, calls=play.calls)
            elif stands is JobStatus.CANCELLING:
                self._store.move(play.job.id, JobStatus.RUNNING, stands, now=at)
            if step.said:
                self._store.say(play.job.id, _lines(step.said, at))
            self._report(play, at)

    def _begin(self, play: Play, at: float, *, calls: bool) -> None:
        """Let the job run, and call its task."""
        if play.started is not None:
            return
        job = self._store.begin(play.job.id, at)
        if job is None:  # cancelled while it waited
            self._plays.pop(play.job.id, None)
            return
        play.job, play.started = job, at
        if calls:
            play.call = Call()
            threading.Thread(
                target=self._work, args=(play, play.call), name="gpserver-task", daemon=True
            ).start()

    def _work(self, play: Play, call: Call) -> None:
        try:
            call.outcome = self._perform(play.job, Line(self._store, play.job, self._clock, call.cancelled))
        except BaseException as error:
            _log.exception("job %s failed inside the emulator", play.job.id)
            call.outcome = {"status": "failed", "errors": [f"{type(error).__name__}: {error}"]}
        finally:
            call.returned = self._clock.now()
            call.ended.set()
        self.catch_up()
        with self._lock:
            self._changed.notify()

    def _finish(self, play: Play, at: float) -> bool:
        """The steps are over: the job ends as its task does, and what has ended needs no more care."""
        if play.ended:
            if play.step.status not in _SHOWN:
                self._plays.pop(play.job.id, None)
            return False
        if play.call is None or play.works:
            return False
        play.enter(Step("succeeded"), at)
        self._succeed(play, play.step, at)
        return True

    def _succeed(self, play: Play, step: Step, at: float) -> None:
        if play.call is None or play.call.outcome is None:
            return
        at, outcome = max(at, play.call.returned), play.call.outcome
        if outcome["status"] == "succeeded":
            results = [Result(**item) for item in outcome["results"]]
            self._end(play, JobStatus.SUCCEEDED, at, step.said, results)
            return
        play.coming.clear()
        play.history.pop()  # it never came to succeed
        play.enter(Step("failed"), at)
        errors = outcome.get("errors", ["The task stopped by itself."])
        self._end(play, JobStatus.FAILED, at, [Said(text, MessageType.ERROR) for text in errors])

    def _stop_late(self, play: Play, at: float, end: str) -> bool:
        terms = play.job.terms
        limit = terms.wait_limit if end == "failed" else terms.time_limit
        if play.call:
            play.call.cancelled.set()
        play.turn(())
        play.enter(Step("failed" if end == "failed" else "timed_out"), at)
        said = [Said(_LIMITS[end].format(limit), MessageType.ERROR)]
        self._end(play, STANDS[end], at, said)
        return True

    def _end(
        self, play: Play, status: JobStatus, at: float, said: Any = (), results: list[Result] | None = None
    ) -> None:
        """Write down an end, from wherever the job stands."""
        job_id, messages = play.job.id, _lines(said, at)
        if status not in (JobStatus.FAILED, JobStatus.CANCELLED):
            self._begin(play, at, calls=False)
        if status is JobStatus.CANCELLED:
            self._store.move(job_id, JobStatus.RUNNING, JobStatus.CANCELLING, now=at)
        sources = (JobStatus.CANCELLING,) if status is JobStatus.CANCELLED else (JobStatus.RUNNING,)
        for source in (*sources, JobStatus.QUEUED):
            if status in MOVES[source] and self._store.move(
                job_id, source, status, now=at, messages=messages, results=results or ()
            ):
                self._ended.append(job_id)
                return

    def _report(self, play: Play, now: float) -> None:
        percent = play.progress(now)
        if percent is not None:
            self._store.say(play.job.id, progress=Progress(play.step.text or "Executing...", float(percent)))


def _lines(said: Any, at: float) -> list[Message]:
    return [Message(item.type, item.text, at) for item in said]
