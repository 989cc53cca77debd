"""Where jobs are kept: the port that every store fills, and what it promises."""

from collections.abc import Collection, Iterable
from typing import Protocol

from gpserver.job import Input, Job, JobFilter, JobStatus, Message, NewJob, Progress, Result
from gpserver.observer import Observer
from gpserver.stores.ended import EndedJobs
from gpserver.stores.vitals import Vitals
from gpserver.stores.webhooks import WebhookTables


class JobStore(Protocol):
    """Job rows, their inputs, messages and results; its ``observer`` is told what becomes of them.

    Every change of state is one compare-and-set: it happens only from the state (and, where a worker
    asks, for the attempt) that the caller names. Whoever gets False came too late and must stop.
    Safe to call from any thread.
    """

    observer: Observer

    @property
    def near(self) -> bool:
        """Whether it answers in microseconds, always: who must not wait may ask it, and needs no thread."""

    @property
    def webhooks(self) -> WebhookTables:
        """Who is told of jobs that end: a delivery is written in the transaction that ends a job."""

    @property
    def ended(self) -> EndedJobs:
        """What ended jobs weigh, and which of them should go."""

    @property
    def vitals(self) -> Vitals:
        """How many jobs it holds, and whether it takes more."""

    def add(self, job: NewJob) -> None:
        """Keep a new job, queued; durable when this returns."""

    def get(self, job_id: str) -> Job | None:
        """The job as it stands, or None."""

    def several(self, job_ids: Collection[str]) -> dict[str, Job]:
        """Those of the ids that are jobs, as they stand; up to a thousand."""

    def claim(
        self, runner: str, now: float, full: Collection[str] = (), only: Collection[str] | None = None
    ) -> Job | None:
        """Take the queued job whose turn it is: it is running now.

        Those of services in ``full``, or outside of ``only``, are passed over, and those that have waited
        too long never begin.
        """

    def overdue(self) -> list[Job]:
        """Queued jobs that have waited longer than they may, the first hundreds of them."""

    def waiting(self, most: int) -> list[str]:
        """Ids of the queued jobs in the order in which they begin, up to ``most``."""

    def queued(self, most: int, owner: str | None = None) -> int:
        """How many jobs are queued, of a user or of all; counted up to ``most``."""

    def move(
        self,
        job_id: str,
        source: JobStatus,
        to: JobStatus,
        *,
        now: float,
        attempt: int | None = None,
        messages: Iterable[Message] = (),
        results: Iterable[Result] = (),
        progress: Progress | None = None,
        said_before: int | None = None,
        spare: bool = False,
    ) -> bool:
        """Move a job, with its last messages, its last progress and its results, in one transaction.

        Whoever tells how many messages the job had before these may tell them twice, since he does not know
        whether they were written: they are there once. An attempt that is to be spared does not count.
        """

    def append(
        self,
        job_id: str,
        attempt: int,
        messages: Iterable[Message],
        progress: Progress | None,
        said_before: int | None = None,
    ) -> bool:
        """Add messages of a running attempt, as in ``move``; what ``progress`` leaves out stays."""

    def inputs(self, job_id: str) -> list[Input]:
        """The declared inputs in declared order."""

    def results(self, job_id: str) -> list[Result]:
        """The results in declared order; empty until the job succeeded."""

    def messages(self, job_id: str) -> list[Message]:
        """All messages in order."""

    def find(self, wanted: JobFilter, first: int = 0, most: int = 100) -> list[Job]:
        """The jobs that are meant, the youngest first, from the ``first``-th on (counted from 0)."""

    def count(self, wanted: JobFilter) -> dict[JobStatus, int]:
        """How many jobs are meant, by their status."""

    def latest(self, service: str, task: str) -> Job | None:
        """The youngest job of a task that succeeded."""

    def beat(self, runner: str) -> list[Job]:
        """Say that a runner is alive; gives the jobs that it holds, running or being cancelled."""

    def held(self, runner: str) -> list[Job]:
        """The jobs that a runner holds, running or being cancelled."""

    def leave(self, runner: str) -> None:
        """A runner stops; what it still holds is lost at once."""

    def lost(self, seconds: float) -> list[Job]:
        """Jobs that are running or being cancelled, and whose runner was not heard of for that long."""

    def alive(self, seconds: float) -> int:
        """How many runners were heard of in that time."""

    def delete(self, job_id: str) -> None:
        """Forget a job and all that belongs to it."""

    def close(self) -> None:
        """Let go of files and connections."""
