"""Who may have the next slot of a machine: nobody more than its instances, nor what is kept for others."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gpserver.job import Job


@dataclass(frozen=True)
class Turn:
    """Whose job may be claimed next, by the full names of services."""

    full: frozenset[str]
    """Services that run as many jobs as they may."""
    only: frozenset[str] | None = None
    """The services that alone may begin; None for all."""

    @property
    def is_limited(self) -> bool:
        """Whether there are services whose jobs may not begin."""
        return bool(self.full) or self.only is not None


def next_turn(running: Sequence[Job], slots: int, kept: Mapping[str, int]) -> Turn:
    """Say whose turn it is.

    A service below its minimum may always begin. Others must leave as many slots free as are still missing to
    the minima, except for one slot: however much is kept, one job of anybody runs.

    Args:
        running: The jobs of this machine.
        slots: How many it may run.
        kept: Slots that are kept for a service, where there are any.
    """
    counts = Counter(job.service for job in running)
    limits = {job.service: job.terms.instances for job in running if job.terms.instances}
    full = frozenset(service for service, limit in limits.items() if counts[service] >= limit)
    missing = {name: least - counts[name] for name, least in kept.items() if counts[name] < least}
    beyond = len(running) - sum(min(counts[name], least) for name, least in kept.items())
    if beyond == 0 or slots - len(running) > sum(missing.values()):
        return Turn(full)
    return Turn(full, frozenset(missing))
