"""Where the files of jobs and of clients are, by one setting: in the data folder, or in an object store."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gpserver.objects import Objects
from gpserver.results import Freight, Results
from gpserver.results.folder import FolderResults
from gpserver.results.obstore import StoredResults
from gpserver.results.uploads import StoredUploads
from gpserver.uploads import Uploads

# What may open the operator's store is not for the tasks that run in it.
_KEYS = ("AWS_", "AZURE_", "GOOGLE_", "GPSERVER_RESULTS")


@dataclass(frozen=True)
class Files:
    """What a server keeps files in; ``freight`` is None where whoever runs a job finds them in its folder."""

    jobs: Path
    """The folder of the jobs' folders on this machine."""
    results: Results
    uploads: Uploads
    freight: Freight | None = None

    @property
    def hidden(self) -> list[str]:
        """Variables of the environment that tasks are not to see."""
        return [name for name in os.environ if self.freight and name.startswith(_KEYS)]


def open_files(
    url: str, data: Path, home: Path, *, most_cached: int, most_upload: int, types: Sequence[str]
) -> Files:
    """The files of a server.

    Args:
        url: Of an object store, as ``Objects`` reads it; empty for the data folder.
        data: The data folder.
        home: A folder of this process alone, for jobs that are elsewhere when they do not run, and for what
            it fetches.
        most_cached: Bytes that what it fetches may have.
        most_upload: Bytes of one uploaded file.
        types: File name extensions that are taken.

    Raises:
        StoreFailed: The URL names no store.
    """
    if not url:
        jobs = data / "jobs"
        return Files(jobs, FolderResults(jobs), Uploads(data / "uploads", most_upload, types))
    objects, jobs, cache = Objects(url), home / "jobs", home / "fetched"
    uploads = StoredUploads(objects, cache / "uploads", most_upload, types)
    stored = StoredResults(objects, jobs, uploads, cache, most_cached)
    return Files(jobs, stored, uploads, stored)
