"""Numbers for Prometheus; their labels are names of published tasks and of routes, never a client's text."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from gpserver.job import Job, JobStatus, NewJob
from gpserver.stores.vitals import Census
from gpserver.telemetry.traffic import Traffic

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

disable_created_metrics()  # type: ignore[no-untyped-call]  # it tells when each was first counted

_TASK = ("service", "task")
_QUEUE_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200)
_RUN_SECONDS = (0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200)
_KEPT = 1.0  # seconds that a count of all jobs is good for


class Metrics:
    """The numbers of one process; safe to use from any thread."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._submits = self._counter("jobs_submitted", "Jobs taken into the queue here.", _TASK)
        self._ends = self._counter("jobs_ended", "Jobs that came to an end here.", (*_TASK, "status"))
        self._queued = self._histogram("job_queue_seconds", "Time in line.", _TASK, _QUEUE_SECONDS)
        self._ran = self._histogram("job_run_seconds", "Time of an attempt.", _TASK, _RUN_SECONDS)
        self._restarts = self._counter("worker_restarts", "Child processes that were replaced.", ("reason",))
        self.traffic = Traffic()
        self.registry.register(self.traffic)

    def submitted(self, job: NewJob) -> None:
        """A job was queued."""
        self._submits.labels(job.service, job.task).inc()

    def began(self, job: Job, since: float) -> None:
        """A job left the line, in which it was since then."""
        if job.started is not None:
            # The clocks of two machines may differ.
            self._queued.labels(job.service, job.task).observe(max(0.0, job.started - since))

    def moved(self, job: Job, source: JobStatus) -> None:
        """An attempt or a job came to its end."""
        if job.ended is None:
            return
        self._ends.labels(job.service, job.task, job.status).inc()
        if source is not JobStatus.QUEUED and job.started is not None:
            self._ran.labels(job.service, job.task).observe(max(0.0, job.ended - job.started))

    def replaced(self, reason: str) -> None:
        """A child process that runs jobs had to be replaced."""
        self._restarts.labels(reason).inc()

    def watch_jobs(self, count: Callable[[], Sequence[Census]]) -> None:
        """Show the jobs that there are, as ``count`` tells; it may wait for a database."""
        self.registry.register(_Jobs(count))

    def watch_slots(self, slots: Callable[[], tuple[int, int]]) -> None:
        """Show how many slots are busy, and how many there are."""
        gauge = self._gauge("slots", "Room for running jobs.", ("state",))
        gauge.labels("busy").set_function(lambda: slots()[0])
        gauge.labels("free").set_function(lambda: slots()[1] - slots()[0])

    def watch_lag(self, lag: Callable[[], float]) -> None:
        """Show how long the event loop kept a timer waiting."""
        self._gauge("event_loop_lag_seconds", "Longest delay of a timer in 15 s.").set_function(lag)

    def text(self) -> bytes:
        """All of it in Prometheus' format; may wait for a database."""
        return generate_latest(self.registry)

    def _counter(self, name: str, what: str, labels: Sequence[str]) -> Counter:
        return Counter(f"gpserver_{name}", what, labels, registry=self.registry)

    def _gauge(self, name: str, what: str, labels: Sequence[str] = ()) -> Gauge:
        return Gauge(f"gpserver_{name}", what, labels, registry=self.registry)

    def _histogram(self, name: str, what: str, labels: Sequence[str], ends: Sequence[float]) -> Histogram:
        return Histogram(f"gpserver_{name}", what, labels, buckets=ends, registry=self.registry)


class _Jobs(Collector):
    """The jobs of the store; many machines that share it show the same."""

    def __init__(self, count: Callable[[], Sequence[Census]]) -> None:
        self._count, self._lock = count, threading.Lock()
        self._seen: Sequence[Census] = ()
        self._due = 0.0

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Raises what the store raises: no numbers are better than old ones."""
        jobs = GaugeMetricFamily("gpserver_jobs", "Jobs that are kept.", labels=(*_TASK, "status"))
        size = GaugeMetricFamily("gpserver_job_bytes", "Bytes of their files.", labels=_TASK)
        sizes, waiting = dict[tuple[str, str], int](), 0
        for row in self._rows():
            jobs.add_metric([row.service, row.task, row.status], row.count)
            sizes[row.service, row.task] = sizes.get((row.service, row.task), 0) + row.bytes
            waiting += row.count if row.status is JobStatus.QUEUED else 0
        for names, total in sizes.items():
            size.add_metric(names, total)
        yield from (jobs, size, GaugeMetricFamily("gpserver_queue_length", "Jobs that wait.", value=waiting))

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing is asked before there is somebody who wants to know."""
        return []

    def _rows(self) -> Sequence[Census]:
        with self._lock:  # whoever else asks meanwhile gets the same answer
            if time.monotonic() >= self._due:
                self._seen = self._count()
                self._due = time.monotonic() + _KEPT
            return self._seen
