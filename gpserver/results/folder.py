"""Files of jobs in one folder, which all machines share if there are several."""

from dataclasses import dataclass
from pathlib import Path

from gpserver.errors import NotFound
from gpserver.workspace import Workspace


@dataclass(frozen=True)
class FolderResults:
    """A folder with the folders of all jobs; fills ``Results``."""

    root: Path

    def start(self) -> None:
        """Make the folder; nothing was fetched."""
        self.root.mkdir(parents=True, exist_ok=True)

    def workspace(self, job_id: str) -> Workspace:
        """The folder of a job."""
        return Workspace(self.root, job_id)

    def take(self, job_id: str) -> None:
        """They lie where they are found."""

    def dataset(self, job_id: str, name: str) -> Path:
        """The file."""
        return self.workspace(job_id).folder / name

    def file(self, job_id: str, name: str) -> Path:
        """The file."""
        return self.dataset(job_id, name)

    def text(self, job_id: str, name: str) -> Path:
        """The file; NotFound where there is none."""
        path = self.dataset(job_id, name)
        if not path.is_file():
            raise NotFound(f"There is no {name} of this job.")
        return path

    def sweep(self) -> None:
        """Nothing was fetched."""
