"""A webhook: where the end of every job of a service is told, and one such end on its way."""

from dataclasses import dataclass

from gpserver.job import JobStatus


@dataclass(frozen=True, slots=True)
class Webhook:
    """Somebody who is told of a service's jobs that end; times are epoch seconds."""

    id: str
    service: str
    """Its full name."""
    name: str
    url: str
    key: str = ""
    """What deliveries are signed with; empty for none."""
    active: bool = True
    root: str = ""
    """How its maker reached this server: scheme and host of the URLs that it is told."""
    delivered: float | None = None
    """When it took a delivery last."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The end of a job that a webhook is to be told of."""

    seq: int
    webhook: Webhook
    job_id: str
    service: str
    task: str
    status: JobStatus
    attempts: int
    """Those that were made before this one."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A delivery that did not arrive, or has not yet; times are epoch seconds."""

    job_id: str
    attempts: int
    tried: float
    reason: str
    given_up: bool
