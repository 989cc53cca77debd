"""One observer of jobs for all who want to know: the log, the metrics and, where they are on, traces."""

import logging
import os
from typing import TYPE_CHECKING

from gpserver.errors import GPServerError
from gpserver.job import Job, JobStatus, NewJob
from gpserver.telemetry.lag import Lag
from gpserver.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from gpserver.telemetry.traces import Traces

_log = logging.getLogger(__name__)


class Telemetry:
    """The ``Observer`` of a process.

    Args:
        metrics: Are always counted.
        traces: Where the environment asks for them.
    """

    def __init__(self, metrics: Metrics, traces: "Traces | None") -> None:
        self.metrics, self.traces = metrics, traces
        self._lag = Lag()

    def start(self) -> None:
        """Begin to watch the event loop that runs this."""
        self.metrics.watch_lag(self._lag.worst)
        self._lag.start()

    def trace(self, job: NewJob) -> str:
        """The trace that the job belongs to from now on."""
        return self.traces.trace(job) if self.traces else ""

    def submitted(self, job: NewJob) -> None:
        """A job was queued."""
        self.metrics.submitted(job)

    def began(self, job: Job, since: float) -> None:
        """A job left the line."""
        self.metrics.began(job, since)
        if self.traces:
            self.traces.began(job, since)

    def moved(self, job: Job, source: JobStatus) -> None:
        """A job came from another state to where it is now."""
        self.metrics.moved(job, source)
        if self.traces:
            self.traces.moved(job, source)
        if job.ended is not None:
            lasted = job.ended - (job.started or job.created)
            facts = {"job_id": job.id, "service": job.service, "task": job.task, "status": job.status}
            facts |= {"attempt": str(job.attempt), "seconds": f"{lasted:.3f}"}
            _log.info("%s/%s %s after %.3f s", job.service, job.task, job.status, lasted, extra=facts)

    def replaced(self, reason: str) -> None:
        """A child process that runs jobs had to be replaced."""
        self.metrics.replaced(reason)

    def close(self) -> None:
        """Stop watching, and send what is left of the traces."""
        self._lag.close()
        if self.traces:
            self.traces.close()


def create_telemetry() -> Telemetry:
    """The telemetry of this process, by its environment.

    Raises:
        GPServerError: It asks for traces, and what sends them is not installed.
    """
    return Telemetry(Metrics(), _traces())


def _traces() -> "Traces | None":
    if not any(name.startswith("OTEL_") for name in os.environ):
        return None
    try:
        # Here, since a server that nobody traces needs none of it.
        from gpserver.telemetry.traces import Traces, asked_for
    except ImportError as error:
        raise GPServerError(f"Traces need pip install gpserver[telemetry]: {error}.") from None
    return Traces() if asked_for(os.environ) else None
