"""What ArcGIS does and its clients seldom expect: each quirk has a name, and the source that documents it."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from gpserver.emulator.rules import same
from gpserver.emulator.timeline import Step, Timeline
from gpserver.job import Job
from gpserver.publishing import Service

if TYPE_CHECKING:
    from gpserver.emulator.stage import Stage

Name = Literal[
    "cancel_refused_while_submitted",
    "maximum_records",
    "instances",
    "new_at_first",
    "timed_out",
    "deleted",
    "results_purged",
]

SOURCES: dict[str, str] = {
    # Only a job that waits or executes can be cancelled; the answer to any other is "Invalid or missing input
    # parameters", and the job goes on.
    "cancel_refused_while_submitted": "developers.arcgis.com/rest: Geoprocessing service, Cancel job",
    # "Data exceeds transfer limit": beyond the limit no features at all are sent.
    "maximum_records": "pro.arcgis.com: Publish geoprocessing services, General considerations",
    # Two by default; a job that finds none waits.
    "instances": "enterprise.arcgis.com: Geoprocessing service settings, Pooling",
    # ArcGIS Online's first answer, where Enterprise says esriJobSubmitted.
    "new_at_first": "developers.arcgis.com/rest: Submit GP job, jobStatus",
    # 600 seconds by default.
    "timed_out": "enterprise.arcgis.com: Geoprocessing service settings, maximum usage time",
    "deleted": "developers.arcgis.com/rest: GP job, jobStatus",
    # The jobs directory is cleaned by age, after 360 minutes by default.
    "results_purged": "enterprise.arcgis.com: Work with current geoprocessing jobs in Manager",
}
"""Where each is documented."""

_STEPS: dict[str, tuple[Step, ...]] = {
    "new_at_first": (Step("new", polls=1),),
    "timed_out": (Step("executing"), Step("timed_out")),
    "deleted": (Step("executing"), Step("deleting", polls=1), Step("deleted")),
    "results_purged": (Step("executing"), Step("succeeded", polls=1), Step("purged")),
}


class Quirk(Struct, frozen=True, forbid_unknown_fields=True):
    """One quirk, of all tasks or of some."""

    name: Name
    service: str = ""
    """``Service`` or ``Folder/Service``; empty for any."""
    task: str = ""
    """Empty for any."""
    value: int = 1
    """Of ``maximum_records`` and ``instances``: how many."""

    def concerns(self, service: str, task: str) -> bool:
        """Whether it is about a task."""
        return same(self.service, service) and same(self.task, task)


class Quirks:
    """The quirks of an emulated server; safe to use from any thread."""

    stage: "Stage"
    """Knows where jobs stand; set by whoever makes a server."""

    def __init__(self) -> None:
        self._lock, self._all = threading.Lock(), tuple[Quirk, ...]()

    def __iter__(self) -> Iterator[Quirk]:
        return iter(self._all)

    def add(self, quirk: Quirk) -> None:
        """Have it from now on."""
        with self._lock:
            self._all = (*self._all, quirk)

    def clear(self) -> None:
        """Be as the real server would like to be."""
        with self._lock:
            self._all = ()

    def refuses_cancel(self, job: Job) -> bool:
        """Whether a job cannot be cancelled where it stands."""
        refuses = self._of("cancel_refused_while_submitted", job.service, job.task)
        return bool(refuses) and self.stage.is_submitted(job.id)

    def service(self, service: Service, task: str) -> Service:
        """A service with the limits that a job of it has now."""
        limits: dict[str, Any] = {
            name: quirk.value
            for name in ("maximum_records", "instances")
            if (quirk := self._of(name, service.full_name, task))
        }
        return replace(service, **limits) if limits else service

    def timeline(self, job: Job) -> Timeline | None:
        """The timeline of a new job, where a quirk says it."""
        for name, steps in _STEPS.items():
            if self._of(name, job.service, job.task):
                return Timeline(steps)
        return None

    def _of(self, name: str, service: str, task: str) -> Quirk | None:
        found = (item for item in reversed(self._all) if item.name == name and item.concerns(service, task))
        return next(found, None)
