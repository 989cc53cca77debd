"""Files of jobs in an object store: written once by who runs a job, read in pieces by who shows it."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpserver.job import Input
from gpserver.objects import Objects, Pieces
from gpserver.results import Distant
from gpserver.results.uploads import StoredUploads
from gpserver.workspace import Workspace

_OF_ATTEMPTS = ("results", "scratch", "fetched")


@dataclass(frozen=True, slots=True)
class StoredWorkspace(Workspace):
    """The folder of a job on this machine, and its objects."""

    objects: Objects

    def tidy(self, attempt: int) -> int:
        """Remove the results of all attempts but one (0: of all); gives the bytes of the objects left."""
        kept, lost, size = f"results-{attempt}", set[str](), 0
        for entry in self.objects.entries(place(self.job_id)):
            folder = entry.name.split("/")[2]
            if folder.startswith("results-") and folder != kept:
                lost.add(folder)
            else:
                size += entry.size
        for folder in lost:
            self.objects.delete(place(self.job_id, folder))
        return size

    def delete(self) -> None:
        """Remove the objects, and what is on this machine."""
        self.objects.delete(place(self.job_id))
        Workspace.delete(self)


@dataclass(frozen=True)
class StoredResults:
    """The objects of all jobs; fills ``Results`` and ``Freight``.

    Args:
        objects: The store.
        root: The folder of the jobs' folders on this machine; they are there while jobs are taken and run.
        uploads: The uploaded items.
        cache: A folder of this machine's own, for what was fetched.
        most: Bytes of the disk that the cache may take; it is looked after once a minute.
    """

    objects: Objects
    root: Path
    uploads: StoredUploads
    cache: Path
    most: int

    # As a server reads them.

    def start(self) -> None:
        """Forget what a former process of this machine had fetched."""
        shutil.rmtree(self.cache, ignore_errors=True)
        self.root.mkdir(parents=True, exist_ok=True)

    def workspace(self, job_id: str) -> Workspace:
        """The folder of a job on this machine, and its objects."""
        return StoredWorkspace(self.root, job_id, self.objects)

    def take(self, job_id: str) -> None:
        """Store the large inputs of a new job; they leave this machine."""
        folder = Workspace(self.root, job_id).folder
        for path in _files(folder / "inputs"):
            self.objects.put(place(job_id, "inputs", path.name), path)
        shutil.rmtree(folder, ignore_errors=True)

    def dataset(self, job_id: str, name: str) -> Path:
        """The file of the object's pieces on this machine."""
        path = self.cache / job_id / name
        Pieces.expect(path, self.objects, place(job_id, name))
        with suppress(FileNotFoundError):  # swept just now: whoever opens it says so
            os.utime(path)
        return path

    def file(self, job_id: str, name: str) -> Distant:
        """The object, streamed."""
        return Distant(self.objects, place(job_id, name), self.objects.size(place(job_id, name)))

    def text(self, job_id: str, name: str) -> Path:
        """The whole object on this machine."""
        path = self.cache / job_id / "whole" / name
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            self.objects.get(place(job_id, name), path)
        with suppress(FileNotFoundError):
            os.utime(path)
        return path

    def sweep(self) -> None:
        """Let go of what lies idle for the longest time, where all of it is too much."""
        found = []
        for path in self.cache.rglob("*"):
            with suppress(FileNotFoundError):
                facts = path.stat()
                if path.is_file():
                    found.append((facts.st_mtime, facts.st_blocks * 512, path))
        over = sum(size for _, size, _ in found) - self.most
        for _, size, path in sorted(found):
            if over <= 0:
                break
            path.unlink(missing_ok=True)  # who reads it keeps what he has
            over -= size

    # As the machine that runs an attempt moves them.

    def bring(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Fetch the large inputs, and the uploaded items that inputs name."""
        folder = Workspace(self.root, job["job_id"]).folder
        files = [item["file"] for item in job["inputs"] if item["file"]]
        for name in files:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            self.objects.get(place(job["job_id"], name), path)
        inputs = [Input(**item) for item in job["inputs"]]
        uploads = self.uploads.near(inputs, folder, job["owner"])
        return {**job, "uploads": str(uploads)}

    def keep(self, job: Mapping[str, Any], *, results: bool) -> None:
        """Store the texts of inputs that were read, and the results where there are any."""
        workspace = Workspace(self.root, job["job_id"])
        folder = workspace.results(job["attempt"])
        for path in _files(folder) if results else ():
            self.objects.put(place(workspace.job_id, folder.name, path.name), path)
        for path in _files(workspace.folder / "inputs"):
            if path.suffix == ".json":
                self.objects.put(place(workspace.job_id, "inputs", path.name), path)

    def drop(self, job: Mapping[str, Any]) -> None:
        """Remove the results of the attempt."""
        self.objects.delete(place(job["job_id"], f"results-{job['attempt']}"))

    def let_go(self, job: Mapping[str, Any], *, alone: bool) -> None:
        """Remove what this machine has of the attempt, and of the job where no other attempt is here."""
        workspace = Workspace(self.root, job["job_id"])
        for kind in _OF_ATTEMPTS:
            shutil.rmtree(workspace.folder / f"{kind}-{job['attempt']}", ignore_errors=True)
        if alone:
            workspace.delete()


def place(job_id: str, *names: str) -> str:
    """The name of an object of a job."""
    return "/".join(("jobs", job_id, *names))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.glob("*")) if path.is_file())
