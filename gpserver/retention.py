"""What of ended jobs is kept: for some time, so many, so large; and that nothing else is left of any."""

import os
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from gpserver.job import JOB_NAME, JobStatus
from gpserver.stores import JobStore
from gpserver.workspace import Workspace

_BATCH = 200  # jobs
_TURN = 20.0  # seconds; what is left after them waits for the next turn
_ORPHANED = 3600.0  # seconds; a younger folder may be that of a job that is being submitted


WorkspaceOf = Callable[[str], Workspace]
"""Gives the workspace of a job, by its id."""


@dataclass(frozen=True)
class Keep:
    """What may stay of ended jobs, pinned ones among them; 0 for any number."""

    jobs: int = 0
    size: int = 0
    """Bytes of their files."""


class Retention:
    """Removes ended jobs, the one that ended first before others; safe to use from any thread and process.

    A job goes in three steps: it is *condemned*, so that clients see it no more and nobody can pin it; its
    files go; its row goes. Whoever dies in between leaves a condemned row, which the next sweep finds.

    Args:
        store: Where jobs are kept.
        folder: The folder of the jobs' folders.
        workspace: Where the files of a job are.
        keep: What may stay.
    """

    def __init__(self, store: JobStore, folder: Path, workspace: WorkspaceOf, keep: Keep) -> None:
        self._store, self._folder, self._workspace, self._keep = store, folder, workspace, keep

    def sweep(self, before: float) -> int:
        """Remove jobs that ended before a time (epoch seconds), and those that are too many or too large.

        Every step is a short transaction; what is not done within seconds waits for the next sweep.

        Returns:
            How many jobs are gone.
        """
        until, ended = time.monotonic() + _TURN, self._store.ended
        while time.monotonic() < until and (left := ended.unweighed(_BATCH)):
            tidy(self._store, self._workspace, left)
        gone = 0
        while time.monotonic() < until and (going := self._next(before)):
            for job_id in going:
                self._forget(job_id)
            gone += len(going)
        return gone

    def remove(self, job_ids: Collection[str]) -> int:
        """Remove those of some ended jobs that are not pinned; gives how many."""
        going = self._store.ended.condemn(job_ids)
        for job_id in going:
            self._forget(job_id)
        return len(going)

    def finish(self, job_id: str) -> None:
        """Remove a job that was condemned while it ran, now that it has ended."""
        job = self._store.get(job_id)
        if job and job.condemned and job.status.is_terminal:
            self._forget(job_id)

    def remove_orphans(self, now: float) -> int:
        """Remove folders that no job has and in which nothing was made for an hour; gives how many."""
        found, names = 0, self._old_folders(now - _ORPHANED)
        while batch := list(islice(names, _BATCH)):
            for name in set(batch) - self._store.ended.known(batch):
                self._workspace(name).delete()
                found += 1
        return found

    def _next(self, before: float) -> list[str]:
        ended, keep = self._store.ended, self._keep
        left = ended.condemned(_BATCH)
        return left or ended.condemn(ended.overdue(before, keep.jobs, keep.size, _BATCH))

    def _forget(self, job_id: str) -> None:
        # Files first: a row without files is found again.
        self._workspace(job_id).delete()
        self._store.delete(job_id)

    def _old_folders(self, before: float) -> Iterator[str]:
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if JOB_NAME.fullmatch(entry.name) and entry.stat(follow_symlinks=False).st_mtime < before:
                    yield entry.name


def tidy(store: JobStore, workspace_of: WorkspaceOf, job_ids: Collection[str]) -> None:
    """Remove what ended jobs need no more: scratch, what was fetched, and what lost attempts wrote.

    Args:
        store: Where the jobs are; it is told what is left of each.
        workspace_of: Where the files of a job are.
        job_ids: The jobs; one that is gone loses its folder, one that has not ended is left alone.
    """
    sizes = dict[str, int]()
    for job_id in job_ids:
        job, workspace = store.get(job_id), workspace_of(job_id)
        if job is None:
            workspace.delete()
        elif job.status.is_terminal:
            sizes[job_id] = workspace.tidy(job.attempt if job.status is JobStatus.SUCCEEDED else 0)
    store.ended.weigh(sizes)
