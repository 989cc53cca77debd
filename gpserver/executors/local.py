"""Runs jobs on this machine: from the store into the slots of one sandbox."""

import logging
import os
import secrets
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from gpserver.addresses import Reach
from gpserver.errors import Unavailable
from gpserver.executors import OnChange
from gpserver.executors.attempts import Attempt, Attempts, key_of
from gpserver.executors.diskwatch import DiskWatch
from gpserver.executors.janitor import Janitor
from gpserver.executors.lease import Lease, resolve
from gpserver.executors.patience import Patience
from gpserver.executors.porter import Porter
from gpserver.executors.share import next_turn
from gpserver.job import Job, JobStatus
from gpserver.layers import Place
from gpserver.results import Freight
from gpserver.sandbox import Ending, Order, Outcome, Sandbox
from gpserver.stores import JobStore
from gpserver.stores.vitals import Vitals
from gpserver.worker import PRELOAD, Assignment
from gpserver.workspace import Workspace

_log = logging.getLogger(__name__)

# Why a child had to be replaced, for people.
_REASONS = {
    Ending.FINISHED: "recycled",
    Ending.FAILED: "stopped",
    Ending.CRASHED: "crash",
    Ending.TIMED_OUT: "time",
    Ending.CANCELLED: "cancel",
    Ending.OUT_OF_MEMORY: "memory",
}
_STEP = 0.05  # seconds between two looks whether everything has ended
_POLL = 1.0  # seconds; only a safety net, every event of ours wakes the dispatcher


class LocalExecutor:
    """One dispatcher thread that claims jobs while slots are free, over one sandbox.

    Args:
        store: Where jobs are kept.
        services: The services folder.
        jobs: The folder of the jobs' folders.
        uploads: The folder of uploaded items.
        reach: What one job may fetch.
        layers: Where the named layers are.
        slots: Jobs that run at once.
        start_method: As for :class:`gpserver.sandbox.Sandbox`.
        debug: Whether clients see the traceback of a failed task.
        lease: Seconds of silence after which other machines take its jobs over; 0 where there are none.
        kept: Gives the slots that are kept for services, by full name; asked before each claim.
        freight: Moves the files of jobs, where they rest in an object store.
        hidden: Variables of the environment that tasks do not see.
    """

    def __init__(
        self,
        store: JobStore,
        services: Path,
        jobs: Path,
        uploads: Path,
        reach: Reach,
        layers: Place,
        *,
        slots: int,
        start_method: str | None,
        debug: bool,
        lease: float = 0.0,
        kept: Callable[[], Mapping[str, int]] = dict,
        freight: Freight | None = None,
        hidden: Collection[str] = (),
    ) -> None:
        self._store, self._services, self._jobs, self._debug = store, services, jobs, debug
        self._uploads, self._reach, self._layers = uploads, asdict(reach), asdict(layers)
        # Processes of one name may follow each other; a runner that is gone never comes back.
        self._runner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._lease = Lease(store, self._runner, lease, self._give_up, self._tell)
        self._attempts = Attempts(store, self._tell)
        self._patience = Patience(store, self._tell)
        self._slots, self._kept = slots, kept
        sandbox = partial(Porter, freight) if freight else Sandbox
        self._sandbox = sandbox(
            "gpserver.worker:run",
            slots=slots,
            on_events=self._on_events,
            on_end=self._on_outcome,
            on_free=self._wake,
            on_replace=lambda ending: store.observer.replaced(_REASONS[ending]),
            preload=PRELOAD,
            start_method=start_method,
            hidden=hidden,
        )
        self._disk = DiskWatch(jobs, self._attempts, self._sandbox.stop)
        self._janitor = Janitor(store, freight.workspace if freight else partial(Workspace, jobs))
        self._unsure: deque[Attempt] = deque()
        self._looks: deque[threading.Event] = deque()
        self._work = threading.Event()
        self._closing = self._draining = self._passed_over = False
        self._hurry = threading.Event()
        self._thread = threading.Thread(target=self._dispatch, name="gpserver-dispatch", daemon=True)

    def start(self, on_end: OnChange) -> None:
        """Resolve what a dead server left behind, then begin to run what is queued."""
        self._on_end = on_end
        self._janitor.start()
        self._lease.start()
        self._sandbox.start()
        self._disk.start()
        self._thread.start()
        self._wake()

    def enqueue(self, job_id: str) -> None:
        """A job was added to the store."""
        self._wake()

    def cancel(self, job_id: str) -> None:
        """A running job was moved to CANCELLING: stop it now."""
        for attempt in self._attempts.running():
            if attempt.job.id == job_id:
                self._sandbox.cancel(attempt.key)

    def look(self) -> bool:
        """Have the dispatcher begin what there is room for, and wait; whether ``free`` is so after that."""
        looked = threading.Event()
        self._looks.append(looked)
        self._wake()
        while not self._closing and not looked.wait(_POLL):
            pass
        return self.free()

    def free(self) -> bool:
        """Whether there is room, and no job waits that only other machines may begin."""
        return not self._draining and self._sandbox.free() > 0 and not self._passed_over

    @property
    def vitals(self) -> Vitals:
        """Whether the store takes what is said of jobs."""
        return self._store.vitals

    def slots(self) -> tuple[int, int]:
        """How many slots are busy, and how many there are."""
        return self._slots - self._sandbox.free(), self._slots

    def ready(self) -> bool:
        """Whether a worker is warm."""
        return bool(self._sandbox.slot_pids())

    def drain(self, seconds: float) -> None:
        """Claim nothing more, and wait until nothing runs here, for so long or until ``hurry``."""
        self._draining = True
        until = time.monotonic() + seconds
        if running := len(self._attempts.running()):
            _log.info("Told to stop: %d jobs that run get %g seconds.", running, seconds)
        while self._attempts.running() and time.monotonic() < until and not self._hurry.wait(_STEP):
            pass

    def hurry(self) -> None:
        """Wait for nothing any more."""
        self._hurry.set()

    def close(self) -> None:
        """Stop; a job that still runs is killed and goes back to the queue, if it may run again."""
        self._closing = True
        self._wake()
        if self._thread.is_alive():
            self._thread.join()
        self._lease.close()
        self._disk.close()
        self._sandbox.close()
        try:
            self._attempts.settle()
            self._lease.leave()
        except Exception:
            _log.exception("How the jobs that ran ended could not be written; they are found later.")
        self._janitor.close()

    def _wake(self) -> None:
        self._work.set()

    def _tell(self, job_id: str) -> None:
        self._janitor.add(job_id)
        try:
            self._on_end(job_id)
        except Exception:
            _log.exception("Nobody was told of the end of job %s.", job_id)

    def _give_up(self) -> None:
        """Others may have what runs here: kill all of it, without the grace that a cancel gives."""
        for attempt in self._attempts.running():
            _log.warning("job %s is given up: the database did not answer for too long", attempt.job.id)
            self._sandbox.kill(attempt.key)

    def _dispatch(self) -> None:
        # A job that is said to run should run, not wait for the first worker to warm up.
        while not self._closing and not self._sandbox.ready.wait(0.1):
            pass
        while not self._closing:
            self._work.wait(min(_POLL, self._lease.pause))
            self._work.clear()
            looks = [self._looks.popleft() for _ in range(len(self._looks))]
            try:
                self._work_through()
            except Unavailable as error:
                _log.error("The store does not take what is new; that is tried again: %s", error)
            except Exception:
                # A locked or full disk passes; what could not be written down is tried again.
                _log.exception("The dispatcher could not reach the store; it tries again.")
            for looked in looks:
                looked.set()

    def _work_through(self) -> None:
        self._renew()  # first: who was away for long must not begin or end anything
        self._patience.look()
        self._attempts.settle()
        self._heed_early_cancels()
        while not self._closing and self._start_one():
            self._heed_early_cancels()

    def _renew(self) -> None:
        held = self._lease.renew()
        if held is None:
            return
        mine = {key_of(job): job for job in held}
        for attempt in self._attempts.running():
            if attempt.key not in mine:
                self._sandbox.kill(attempt.key)
            elif mine[attempt.key].status is JobStatus.CANCELLING:
                self._sandbox.cancel(attempt.key)
        for key, job in mine.items():
            if key not in self._attempts:
                self._adopt(job)

    def _adopt(self, job: Job) -> None:
        """It was claimed, but the store's answer was lost on its way; nothing of it runs anywhere."""
        if job.status is JobStatus.CANCELLING:
            resolve(self._store, job)
            self._tell(job.id)
        elif self._sandbox.free() and not self._draining:
            self._begin(job)

    def _start_one(self) -> bool:
        if self._draining or not self._sandbox.free() or not self._lease.held:
            return False
        running = [attempt.job for attempt in self._attempts.running()]
        turn = next_turn(running, self._slots, self._kept())
        job = self._store.claim(self._runner, time.time(), turn.full, turn.only)
        # One that may not begin here may do so elsewhere, though there is room.
        self._passed_over = job is None and turn.is_limited and bool(self._store.waiting(1))
        if job is None:
            return False
        self._begin(job)
        return True

    def _begin(self, job: Job) -> None:
        attempt = self._attempts.begin(job)
        try:
            self._sandbox.run(self._order(attempt))
        except Exception:
            self._attempts.end(Outcome(attempt.key, Ending.LOST))
            raise
        self._unsure.append(attempt)

    def _heed_early_cancels(self) -> None:
        """A cancel between the claim and the run found nothing in the sandbox that it could stop."""
        while self._unsure:
            attempt = self._unsure[0]
            job = self._store.get(attempt.job.id)
            if job and job.status is JobStatus.CANCELLING:
                self._sandbox.cancel(attempt.key)
            self._unsure.popleft()

    def _order(self, attempt: Attempt) -> Order:
        job = attempt.job
        assignment = Assignment(
            job_id=job.id,
            attempt=job.attempt,
            service=job.service,
            task=job.task,
            services=str(self._services),
            jobs=str(self._jobs),
            uploads=str(self._uploads),
            reach=self._reach,
            owner=job.owner,
            layers=self._layers,
            inputs=[asdict(item) for item in self._store.inputs(job.id)],
            environment=job.environment,
            result_limit=job.terms.result_limit,
            debug=self._debug,
        )
        terms = job.terms
        # Not asdict: it would copy all that is in it, for each job anew.
        return Order(attempt.key, vars(assignment), terms.time_limit, terms.memory_limit, terms.cancel_grace)

    def _on_events(self, key: str, events: list[list[Any]]) -> None:
        self._attempts.note(key, events)
        self._wake()

    def _on_outcome(self, outcome: Outcome) -> None:
        self._attempts.end(outcome)  # and the dispatcher is woken once the slot is free
