"""The job engine: submit, look, cancel, wait, fetch, sweep; every protocol drives this and only this."""

import copy
import logging
import secrets
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from gpserver.age import AgeClock
from gpserver.errors import Conflict, InvalidRequest, NotFound, Unavailable
from gpserver.executors import Executor
from gpserver.executors.patience import Patience
from gpserver.features import Layer
from gpserver.job import Input, Job, JobFilter, JobStatus, Message, NewJob, Result, Tally
from gpserver.layers import Layers
from gpserver.publishing import Service, Task
from gpserver.queue import Queue
from gpserver.results import Distant, Results
from gpserver.retention import Retention
from gpserver.stores import JobStore
from gpserver.stores.vitals import Vitals
from gpserver.stores.webhooks import WebhookTables
from gpserver.uploads import Uploads
from gpserver.workspace import Value, confirmed, results_of

_log = logging.getLogger(__name__)

Watcher = Callable[[str], None]
Clock = Callable[[], float]

_SWEEP_EVERY = 60.0  # seconds
_ORPHANS_EVERY = 3600.0
_LOOK_EVERY = 1.0


class Engine:
    """One engine for one data folder.

    Args:
        store: Where jobs are kept.
        executor: Who runs them.
        results: Where the files of jobs rest.
        uploads: The files that clients have sent.
        layers: The named layers.
        queue: The line of jobs that wait.
        retention: Removes ended jobs.
        lifetime: Seconds that a finished job, its files and its results stay, an uploaded file, and a
            temporary layer.
        clock: Gives epoch seconds.
        make_id: Gives 32 hexadecimal digits for a job.
    """

    def __init__(
        self,
        store: JobStore,
        executor: Executor,
        results: Results,
        uploads: Uploads,
        layers: Layers,
        queue: Queue,
        retention: Retention,
        *,
        lifetime: float,
        clock: Clock = lambda: time.time(),
        make_id: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._store, self._executor, self._results, self._lifetime = store, executor, results, lifetime
        self.uploads, self.layers = uploads, layers
        self._watchers: dict[str, list[Watcher]] = {}
        self._watching = threading.Lock()
        self._queue, self._retention = queue, retention
        self._patience = Patience(store, self._ended)
        self._closed, self._draining = threading.Event(), threading.Event()
        self._ages = AgeClock(lifetime, clock)
        self._clock, self._make_id = clock, make_id
        self._sweeper = threading.Thread(target=self._sweep_always, name="gpserver-sweep", daemon=True)
        self._owner = ""
        self._shows: Callable[[Job], bool] = lambda _: True

    def seen_by(self, owner: str, shows: Callable[[Job], bool]) -> "Engine":
        """The same engine as one user sees it.

        Args:
            owner: Whose the jobs are that are submitted here.
            shows: Whether he may see a job; one that he may not see is not there.
        """
        view = copy.copy(self)
        view._owner, view._shows = owner, shows
        return view

    def start(self) -> None:
        """Begin to run jobs, those that a former server left behind first."""
        self._results.start()
        self._executor.start(self._ended)
        self._sweeper.start()

    @property
    def vitals(self) -> Vitals:
        """How many jobs there are, and whether more are taken."""
        return self._store.vitals

    @property
    def webhooks(self) -> WebhookTables:
        """Who is told of jobs that end."""
        return self._store.webhooks

    @property
    def near(self) -> bool:
        """Whether what is asked of the store is answered in microseconds; else it belongs in a thread."""
        return self._store.near

    def ready(self) -> bool:
        """Whether a job submitted now starts at once."""
        return self._executor.ready()

    def drain(self, seconds: float) -> None:
        """Take and begin no more jobs, and wait until none runs here, for so long or until ``hurry``."""
        self._draining.set()
        self._executor.drain(seconds)

    def hurry(self) -> None:
        """End a ``drain`` at once."""
        self._executor.hurry()

    def close(self) -> None:
        """Stop the workers and let go of the store."""
        self._closed.set()
        self._executor.close()
        if self._sweeper.is_alive():
            self._sweeper.join()
        self._store.close()
        self.layers.close()

    def submit(
        self,
        service: Service,
        task: Task,
        values: Mapping[str, Sequence[Value]],
        environment: Mapping[str, Any],
        job_id: str = "",
    ) -> str:
        """Queue a job and return its id; nothing is decoded here, a bad value fails the job.

        Args:
            service: The service that publishes the task.
            task: What to run.
            values: The raw values of declared inputs, by declared name; a name may have several.
            environment: ``out_sr``, ``process_sr``, ``extent`` and the protocol's own settings, JSON-ready.
            job_id: The id it gets, 32 hexadecimal digits that nobody else hands in at this moment; made here
                where it is empty.

        Raises:
            Conflict: There is a job of that id.
            ServerBusy: Too many jobs wait, or the disk is nearly full.
            Unavailable: The server is being stopped, or the database is away.
        """
        if self._draining.is_set():
            raise Unavailable("The server is being stopped. Ask again in a moment.")
        self._queue.admit(self._owner)
        if job_id and self._store.get(job_id):
            raise Conflict(f"There is a job {job_id} already.")
        job_id = job_id or self._make_id()
        workspace = self._results.workspace(job_id)
        terms, now = service.terms(task), self._clock()
        try:
            inputs = tuple(
                workspace.take(parameter.name, parameter.data_type.name, values.get(parameter.name, ()))
                for parameter in task.inputs
            )
            if any(item.file for item in inputs):
                self._results.take(job_id)
            self._store.add(
                NewJob(
                    job_id,
                    service.full_name,
                    task.name,
                    inputs,
                    dict(environment),
                    terms,
                    now,
                    self._owner,
                )
            )
        except BaseException:
            workspace.delete()
            raise
        self._executor.enqueue(job_id)
        return job_id

    def job(self, job_id: str) -> Job:
        """The job as it stands.

        Raises:
            NotFound: There is no such job, or its lifetime is over.
        """
        return self.shown(job_id, self._store.get(job_id))

    def stored(self, job_ids: Collection[str]) -> dict[str, Job]:
        """Those of the ids that are jobs, as they stand; ``shown`` says which of them may be seen here."""
        return self._store.several(job_ids)

    def shown(self, job_id: str, job: Job | None) -> Job:
        """A job that is there and may be seen.

        Raises:
            NotFound: There is no such job, or its lifetime is over.
        """
        if job is None or job.condemned or not self._shows(job):
            raise NotFound(f"Job {job_id} not found.")
        return job

    def find(self, wanted: JobFilter, first: int = 0, most: int = 100) -> list[Job]:
        """The jobs that are meant, the youngest first, from the ``first``-th on; whoever may see them."""
        return self._store.find(wanted, first, most)

    def count(self, wanted: JobFilter) -> dict[JobStatus, int]:
        """How many jobs are meant, by their status."""
        return self._store.count(wanted)

    def statistics(self, wanted: JobFilter) -> list[Tally]:
        """How many of the jobs that are meant are in which state, by task, and how long they took."""
        return self._store.ended.statistics(wanted)

    def pin(self, job_id: str, *, pinned: bool) -> None:
        """Keep a job, its files and its results for good, or no longer.

        Raises:
            NotFound: There is no such job.
        """
        if not self._store.ended.pin(self.job(job_id).id, pinned=pinned):
            raise NotFound(f"Job {job_id} not found.")

    def delete(self, job_id: str) -> None:
        """Forget a job with its files and results; one that has not ended is stopped first.

        Raises:
            NotFound: There is no such job.
            InvalidRequest: It is pinned.
        """
        self.job(job_id)
        if not self._store.ended.condemn([job_id]):
            raise InvalidRequest(f"Job {job_id} is pinned: unpin it first.")
        self._stop(job_id)
        self.watch(job_id, self._retention.finish)

    def purge(self, service: str) -> None:
        """Cancel the jobs of a service that have not begun."""
        waiting = JobFilter(service, statuses=frozenset({JobStatus.QUEUED}))
        while found := self._store.find(waiting):
            for job in found:  # one that has begun meanwhile goes on
                if self._store.move(job.id, JobStatus.QUEUED, JobStatus.CANCELLED, now=self._clock()):
                    self._ended(job.id)

    def cancel(self, job_id: str) -> Job:
        """Stop a job and return it as it stands then; asking again while it stops is fine.

        Raises:
            NotFound: There is no such job.
            InvalidRequest: The job has already ended.
        """
        self.job(job_id)
        stopped = self._stop(job_id)
        if stopped is None:
            raise InvalidRequest(f"Job {job_id} has already ended: {self.job(job_id).status}.")
        return stopped

    def _stop(self, job_id: str) -> Job | None:
        """Stop a job; gives it as it stands then, None where it had ended."""
        now = self._clock()
        if self._store.move(job_id, JobStatus.QUEUED, JobStatus.CANCELLED, now=now):
            self._ended(job_id)
            return self._store.get(job_id)
        stopping = self._store.move(job_id, JobStatus.RUNNING, JobStatus.CANCELLING, now=now)
        # Looked at before the worker is killed, so that the answer does not depend on how fast it dies.
        job = self._store.get(job_id)
        if stopping:
            self._executor.cancel(job_id)
            return job
        if job and job.status in (JobStatus.QUEUED, JobStatus.RUNNING):
            return self._stop(job_id)  # its machine was lost between the two looks, and it waits again
        return job if job and not job.status.is_terminal else None

    def ahead(self, job: Job) -> int | None:
        """How many jobs begin before a queued one, half a second ago; None beyond the first thousand."""
        return self._queue.place(job.id)

    def watch(self, job_id: str, watcher: Watcher) -> None:
        """Call ``watcher`` once the job has ended, from some other thread, or at once if it has."""
        with self._watching:
            self._watchers.setdefault(job_id, []).append(watcher)
        job = self._store.get(job_id)
        if job is None or job.status.is_terminal:
            self._ended(job_id)

    def messages(self, job_id: str) -> list[Message]:
        """What the task said so far."""
        return self._store.messages(job_id)

    def inputs(self, job_id: str) -> list[Input]:
        """The declared inputs, as they were sent."""
        return self._store.inputs(job_id)

    def results(self, job_id: str) -> list[Result]:
        """The outputs of a succeeded job, in declared order."""
        return self._store.results(job_id)

    def latest(self, service: Service, task: Task) -> Job | None:
        """The last job of a task that succeeded, while it is kept and may be seen."""
        job = self._store.latest(service.full_name, task.name)
        return job if job and self._shows(job) else None

    def layer(self, job: Job, result: Result) -> Layer:
        """The stored features or rows of a result, memory-mapped."""
        return Layer.open(self.dataset(job, result))

    def dataset(self, job: Job, result: Result) -> Path:
        """The file of a result's features, rows or cells."""
        return self._results.dataset(job.id, f"{results_of(job.attempt)}/{result.layer or result.file}")

    def file(self, job: Job, name: str) -> Path | Distant:
        """An output file of the job; only what is a result is one, whatever else the task wrote.

        Raises:
            NotFound: It is not there.
        """
        results = self.results(job.id)
        names = {part.file for result in results for part in (result, *result.parts)}
        if name not in names:
            raise NotFound(f"There is no file {name} of this job.")
        return self._results.file(job.id, f"{results_of(job.attempt)}/{name}")

    def large_input(self, job: Job, item: Input) -> Path:
        """The JSON text of a large input.

        Raises:
            NotFound: No worker has read it yet, or it could not be read.
        """
        try:
            return self._results.text(job.id, confirmed(item))
        except NotFound:
            raise NotFound(f"The value of {item.name} was not read.") from None

    def sweep(self, before: float) -> int:
        """Remove jobs that ended ``before``, or are too many; uploads and temporary layers idle since then.

        Args:
            before: Epoch seconds.

        Returns:
            How many jobs.
        """
        gone = self._retention.sweep(before)
        self.webhooks.sweep(before)
        self.uploads.sweep(before)
        self.layers.sweep(before)
        return gone

    def _ended(self, job_id: str) -> None:
        with self._watching:
            watchers = self._watchers.pop(job_id, [])
        for watcher in watchers:
            watcher(job_id)

    def _sweep_always(self) -> None:
        every = min(_SWEEP_EVERY, self._lifetime / 4)
        due = time.monotonic() + every
        while not self._closed.wait(_LOOK_EVERY):
            try:
                self._ages.now()  # sees the clock jump
                self._look_again()
                self._patience.look()  # there may be no machine that does
                if time.monotonic() >= due:
                    due = time.monotonic() + every
                    self._sweep_in_turn()
            except Exception:
                _log.exception("The sweep of old jobs did not finish; it tries again in a minute.")

    def _sweep_in_turn(self) -> None:
        """One of all machines does it."""
        now, ended = self._ages.now(), self._store.ended
        if ended.take_turn("sweep", 0.9 * min(_SWEEP_EVERY, self._lifetime / 4)):
            self.sweep(now - self._lifetime)
        if ended.take_turn("orphans", 0.9 * _ORPHANS_EVERY):
            self._retention.remove_orphans(now)

    def _look_again(self) -> None:
        """Find the ends that nobody told: word of another machine may be lost, a watcher must not be."""
        with self._watching:
            watched = list(self._watchers)
        for job_id in watched:
            job = self._store.get(job_id)
            if job is None or job.status.is_terminal:
                self._ended(job_id)
