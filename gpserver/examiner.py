"""Looks at the inputs of tasks before anybody submits a job, in processes that no job keeps waiting."""

import secrets
import shutil
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gpserver.addresses import Reach
from gpserver.finding import Finding
from gpserver.publishing import Service, Task
from gpserver.sandbox import Desk
from gpserver.sandbox.desk import Asks
from gpserver.uploads import Uploads
from gpserver.worker import PRELOAD, Assignment
from gpserver.workspace import Value, Workspace

SECONDS = 60.0
"""What one look may take."""

_SLOTS = 2  # a large value must not hold up a small one

Findings = Future[list[Finding]]


class Examiner:
    """Findings about the inputs of a task; they are decoded where jobs decode theirs, in a child process.

    It has a desk of its own: a client that asks before it submits must not wait for jobs, and what it asks
    is no job, so no store ever hears of it.

    Args:
        services: The services folder.
        folder: Where large values lie meanwhile; it belongs to the examiner alone, on the disk of the spool.
        uploads: The uploaded items.
        reach: What may be fetched for one question.
        start_method: As for :class:`gpserver.sandbox.Sandbox`.
        hidden: As for :class:`gpserver.sandbox.Sandbox`.
        desk: Answers instead of child processes.
    """

    def __init__(
        self,
        services: Path,
        folder: Path,
        *,
        uploads: Uploads,
        reach: Reach,
        start_method: str | None = None,
        hidden: Collection[str] = (),
        desk: Asks | None = None,
    ) -> None:
        self._services, self._folder, self._uploads, self._reach = services, folder, uploads, reach
        self._desk = desk or Desk(
            "gpserver.worker:examine",
            slots=_SLOTS,
            preload=PRELOAD,
            start_method=start_method,
            hidden=hidden,
        )

    def start(self) -> None:
        """Forget what a former one left behind."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def close(self) -> None:
        """Stop; questions that are open get an error."""
        self._desk.close()

    def examine(
        self,
        service: Service,
        task: Task,
        values: Mapping[str, Sequence[Value]],
        environment: Mapping[str, Any],
        owner: str = "",
    ) -> Findings:
        """Ask what is wrong with values, as :meth:`gpserver.engine.Engine.submit` takes them.

        Args:
            service: The service that publishes the task.
            task: Whose inputs they are.
            values: The raw values of declared inputs, by declared name.
            environment: The settings that would go with a submit.
            owner: Who asks; uploaded items of others are not read for him.

        Returns:
            The findings; or GPServerError, when the values need more time or memory than the service gives.
            Whoever does not want to wait any longer cancels it.
        """
        workspace = Workspace(self._folder, secrets.token_hex(16))
        assignment = self._assignment(workspace, service, task, values, environment, owner)
        return self._desk.ask(
            asdict(assignment),
            lambda answer: [Finding(**item) for item in answer["findings"]],
            what="The values could not be validated",
            seconds=min(service.time_limit or SECONDS, SECONDS),
            memory=service.memory_limit,
            after=workspace.delete,
        )

    def _assignment(
        self,
        workspace: Workspace,
        service: Service,
        task: Task,
        values: Mapping[str, Sequence[Value]],
        environment: Mapping[str, Any],
        owner: str,
    ) -> Assignment:
        inputs = [
            workspace.take(item.name, item.data_type.name, values.get(item.name, ())) for item in task.inputs
        ]
        return Assignment(
            job_id=workspace.job_id,
            attempt=1,
            service=service.full_name,
            task=task.name,
            services=str(self._services),
            jobs=str(self._folder),
            inputs=[asdict(item) for item in inputs],
            environment=dict(environment),
            uploads=str(self._uploads.near(inputs, workspace.folder, owner)),
            reach=asdict(self._reach),
            owner=owner,
        )
