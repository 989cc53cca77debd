"""Where the files of jobs rest: the ports that a folder and an object store fill."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from gpserver.objects import Objects
from gpserver.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Distant:
    """A file that is streamed from where it rests."""

    objects: Objects
    name: str
    size: int

    def chunks(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes from a start up to an end, a few megabytes at a time; each waits for the store."""
        for piece in self.objects.stream(self.name, start, end):
            yield bytes(piece)


class Results(Protocol):
    """The files of all jobs, as a server reads them; ``name`` is relative to the folder of the job."""

    def start(self) -> None:
        """Forget what a former process of this machine had fetched."""

    def workspace(self, job_id: str) -> Workspace:
        """The folder of a job, or what stands for it: it is weighed, tidied and deleted."""

    def take(self, job_id: str) -> None:
        """The large inputs of a new job lie in its folder: keep them where whoever runs it finds them."""

    def dataset(self, job_id: str, name: str) -> Path:
        """What ``Layer.open`` and the readers of rasters open."""

    def file(self, job_id: str, name: str) -> Path | Distant:
        """A file to be sent."""

    def text(self, job_id: str, name: str) -> Path:
        """A whole file to be read; NotFound where there is none."""

    def sweep(self) -> None:
        """Let go of what was fetched and lies idle, where it is too much."""


class Freight(Protocol):
    """The files of one attempt, as the machine that runs it moves them; each call may wait for the network.

    ``job`` has the fields of the attempt's ``Assignment``.
    """

    def workspace(self, job_id: str) -> Workspace:
        """As ``Results`` gives it."""

    def bring(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Have the inputs, and the uploaded items that they name, on this machine; gives the job's fields."""

    def keep(self, job: Mapping[str, Any], *, results: bool) -> None:
        """Store the texts of the attempt's inputs that were read, and its results where there are any."""

    def drop(self, job: Mapping[str, Any]) -> None:
        """Remove the results of the attempt from where they are stored: it has lost its job."""

    def let_go(self, job: Mapping[str, Any], *, alone: bool) -> None:
        """Remove what this machine has of the attempt, and of the job where no other attempt is here."""
