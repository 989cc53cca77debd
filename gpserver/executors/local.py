"""Runs jobs on this machine: from the store into the slots of one sandbox."""

import logging
import os
import secrets
import socket
import threading
import time
from collections import Counter, deque
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from gpserver.executors import OnChange
from gpserver.executors.lease import Lease
from gpserver.fetch import Reach
from gpserver.job import Job, JobStatus, Message, MessageType, Progress, Result
from gpserver.layers import Place
from gpserver.sandbox import Ending, Order, Outcome, Sandbox
from gpserver.stores import JobStore
from gpserver.worker import Assignment

_log = logging.getLogger(__name__)

_MAX_MESSAGES = 10_000  # of one attempt; a task in a wild loop must not fill the disk
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
    ) -> None:
        self._store, self._services, self._jobs, self._debug = store, services, jobs, debug
        self._uploads, self._reach, self._layers = uploads, reach, asdict(layers)
        # Processes of one name may follow each other; a runner that is gone never comes back.
        self._runner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._lease = Lease(store, self._runner, lease)
        self._sandbox = Sandbox(
            "gpserver.worker:run",
            slots=slots,
            on_events=self._on_events,
            on_end=self._on_outcome,
            on_free=self._wake,
            start_method=start_method,
        )
        self._running: dict[str, Job] = {}
        self._said: Counter[str] = Counter()
        self._over: deque[tuple[Job, Outcome, list[Message], Progress | None]] = deque()
        self._settling = threading.Lock()
        self._work = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._dispatch, name="gpserver-dispatch", daemon=True)

    def start(self, on_end: OnChange) -> None:
        """Resolve what a dead server left behind, then begin to run what is queued."""
        self._on_end = on_end
        self._lease.take_over()
        self._sandbox.start()
        self._thread.start()
        self._wake()

    def enqueue(self, job_id: str) -> None:
        """A job was added to the store."""
        self._wake()

    def cancel(self, job_id: str) -> None:
        """A running job was moved to CANCELLING: stop it now."""
        self._sandbox.cancel(job_id)

    def free(self) -> bool:
        """Whether another job could begin now."""
        return self._sandbox.free() > 0

    def ready(self) -> bool:
        """Whether a worker is warm."""
        return self._sandbox.ready.is_set()

    def close(self) -> None:
        """Stop; a job that still runs is killed and left for the next start to resolve."""
        self._closing = True
        self._wake()
        if self._thread.is_alive():
            self._thread.join()
        self._sandbox.close()

    def _wake(self) -> None:
        self._work.set()

    def _dispatch(self) -> None:
        # A job that is said to run should run, not wait for the first worker to warm up.
        while not self._closing and not self._sandbox.ready.wait(0.1):
            pass
        while not self._closing:
            self._work.wait(_POLL)
            self._work.clear()
            try:
                self._settle()
                self._lease.renew(self._running, self._sandbox.cancel)
                while not self._closing and self._start_one():
                    pass
            except Exception:
                # A locked or full disk passes; what could not be written down is tried again.
                _log.exception("The dispatcher could not reach the store; it tries again.")

    def _start_one(self) -> bool:
        if not self._sandbox.free():
            return False
        job = self._store.claim(self._runner, time.time(), self._full())
        if job is None:
            return False
        self._running[job.id] = job
        try:
            self._sandbox.run(self._order(job))
        except Exception:
            del self._running[job.id]
            lost = Outcome(job.id, Ending.FAILED, "The server could not start the job.")
            self._over.append((job, lost, [], None))
            raise
        self._heed_early_cancel(job.id)
        return True

    def _heed_early_cancel(self, job_id: str) -> None:
        """A cancel between the claim and the run found nothing in the sandbox that it could stop."""
        job = self._store.get(job_id)
        if job and job.status is JobStatus.CANCELLING:
            self._sandbox.cancel(job_id)

    def _full(self) -> list[str]:
        """Services that run as many jobs as they have instances."""
        jobs = list(self._running.values())
        counts = Counter(job.service for job in jobs)
        limits = {job.service: job.terms.instances for job in jobs if job.terms.instances}
        return [service for service, limit in limits.items() if counts[service] >= limit]

    def _order(self, job: Job) -> Order:
        assignment = Assignment(
            job_id=job.id,
            attempt=job.attempt,
            service=job.service,
            task=job.task,
            services=str(self._services),
            jobs=str(self._jobs),
            uploads=str(self._uploads),
            reach=asdict(self._reach),
            owner=job.owner,
            layers=self._layers,
            inputs=[asdict(item) for item in self._store.inputs(job.id)],
            environment=job.environment,
            debug=self._debug,
        )
        terms = job.terms
        return Order(job.id, asdict(assignment), terms.time_limit, terms.memory_limit, terms.cancel_grace)

    def _on_events(self, job_id: str, events: list[list[Any]]) -> None:
        messages, attempt = self._said_in(job_id, events), self._running[job_id].attempt
        self._store.append(job_id, attempt, messages, _reported_in(events))

    def _said_in(self, job_id: str, events: list[list[Any]]) -> list[Message]:
        for event in events:
            if event[0] == "output":
                _log.info("job %s printed: %s", job_id, event[1])
        messages = [Message(MessageType(e[1]), e[2], e[3]) for e in events if e[0] == "message"]
        return self._capped(job_id, messages)

    def _capped(self, job_id: str, messages: list[Message]) -> list[Message]:
        before = self._said[job_id]
        self._said[job_id] = after = before + len(messages)
        kept = messages[: max(_MAX_MESSAGES - before, 0)]
        if before <= _MAX_MESSAGES < after:
            text = f"A job has at most {_MAX_MESSAGES} messages; the others are left out."
            kept.append(Message(MessageType.WARNING, text, time.time()))
        return kept

    def _on_outcome(self, outcome: Outcome) -> None:
        if outcome.ending is Ending.CLOSED:
            self._on_events(outcome.job_id, outcome.events)
            return  # the next start resolves it, as after a crash
        job, said = self._running.pop(outcome.job_id), list[Message]()
        if outcome.detail:
            _log.warning("job %s %s: %s", job.id, outcome.ending, outcome.detail)
        try:
            said = self._said_in(job.id, outcome.events)
        finally:  # whatever its last events were, the job has ended
            self._said.pop(job.id, None)
            self._over.append((job, outcome, said, _reported_in(outcome.events)))
        self._settle()

    def _settle(self) -> None:
        """Write down how jobs ended; one that cannot be written stays for the dispatcher's next round."""
        with self._settling:
            while self._over:
                job, outcome, said, progress = self._over[0]
                self._finish(job, outcome, said, progress)
                self._over.popleft()
                self._on_end(job.id)

    def _finish(self, job: Job, outcome: Outcome, said: list[Message], progress: Progress | None) -> None:
        status, errors, results = _verdict(job, outcome)
        now = time.time()
        messages = said + [Message(MessageType.ERROR, text, now) for text in errors]
        move = partial(self._store.move, job.id, now=now, attempt=job.attempt, progress=progress)
        if not move(JobStatus.RUNNING, status, messages=messages, results=results):
            # Its cancel came first, so whatever it did in the meantime is discarded.
            move(JobStatus.CANCELLING, JobStatus.CANCELLED, messages=said)


def _reported_in(events: list[list[Any]]) -> Progress | None:
    """The last report among the events; where it lacks a detail it has the last one before it."""
    reports = [Progress(*event[1:]) for event in events if event[0] == "progress"]
    if not reports:
        return None
    details = [report.detail for report in reports if report.detail is not None]
    return replace(reports[-1], detail=details[-1] if details else None)


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
