"""The job engine of an emulated server, which can be as stubborn as ArcGIS."""

from collections.abc import Mapping, Sequence
from typing import Any

from gpserver.emulator.quirks import Quirks
from gpserver.engine import Engine
from gpserver.errors import InvalidRequest
from gpserver.job import Job
from gpserver.publishing import Service, Task
from gpserver.workspace import Value


class EmulatedEngine(Engine):
    """An engine with quirks."""

    def __init__(self, *parts: Any, quirks: Quirks, **options: Any) -> None:
        super().__init__(*parts, **options)
        self._quirks = quirks

    def submit(
        self,
        service: Service,
        task: Task,
        values: Mapping[str, Sequence[Value]],
        environment: Mapping[str, Any],
        job_id: str = "",
    ) -> str:
        """Queue a job under the limits that quirks give its service; as ``Engine.submit``."""
        limited = self._quirks.service(service, task.name)
        return super().submit(limited, task, values, environment, job_id)

    def cancel(self, job_id: str) -> Job:
        """Stop a job, unless a quirk forbids it.

        Raises:
            NotFound: There is no such job.
            InvalidRequest: The job has already ended, or a quirk forbids it.
        """
        if self._quirks.refuses_cancel(self.job(job_id)):
            raise InvalidRequest("")
        return super().cancel(job_id)
