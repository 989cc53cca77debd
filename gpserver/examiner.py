"""Looks at the inputs of tasks before anybody submits a job, in processes that no job keeps waiting."""

import logging
import secrets
import shutil
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from gpserver.errors import GPServerError
from gpserver.fetch import Reach
from gpserver.finding import Finding
from gpserver.sandbox import Ending, Order, Outcome, Sandbox
from gpserver.task import Service, Task
from gpserver.worker import Assignment
from gpserver.workspace import Value, Workspace

_log = logging.getLogger(__name__)

SECONDS = 60.0
"""What one look may take."""

_SLOTS = 2  # a large value must not hold up a small one

Findings = Future[list[Finding]]


class Examiner:
    """Findings about the inputs of a task; they are decoded where jobs decode theirs, in a child process.

    It has a sandbox of its own, whose processes come with the first question: a client that asks before it
    submits must not wait for jobs, and what it asks is no job, so no store ever hears of it.

    Args:
        services: The services folder.
        folder: Where large values lie meanwhile; it belongs to the examiner alone, on the disk of the spool.
        uploads: The folder of uploaded items.
        reach: What may be fetched for one question.
        start_method: As for :class:`gpserver.sandbox.Sandbox`.
    """

    def __init__(
        self, services: Path, folder: Path, *, uploads: Path, reach: Reach, start_method: str | None = None
    ) -> None:
        self._services, self._folder, self._uploads, self._reach = services, folder, uploads, reach
        self._lock = threading.Lock()
        self._queue: deque[Order] = deque()
        self._open: dict[str, Findings] = {}
        self._started = self._closed = False
        self._sandbox = Sandbox(
            "gpserver.worker:examine",
            slots=_SLOTS,
            on_events=_log_output,
            on_end=self._ended,
            on_free=self._next,
            start_method=start_method,
        )

    def start(self) -> None:
        """Forget what a former one left behind."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def close(self) -> None:
        """Stop; questions that are open get an error."""
        with self._lock:
            self._closed = True
            waiting = [self._open.pop(order.job_id) for order in self._queue]
            self._queue.clear()
        for future in waiting:
            _fail(future, "the server is stopping")
        self._sandbox.close()

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
        order = self._order(service, task, values, environment, owner)
        future = Findings()
        with self._lock:
            if self._closed:
                _fail(future, "the server is stopping")
                return future
            if not self._started:
                self._sandbox.start()
                self._started = True
            self._open[order.job_id] = future
            self._queue.append(order)
        future.add_done_callback(partial(self._dropped, order))
        self._next()
        return future

    def _order(
        self,
        service: Service,
        task: Task,
        values: Mapping[str, Sequence[Value]],
        environment: Mapping[str, Any],
        owner: str,
    ) -> Order:
        workspace = Workspace(self._folder, secrets.token_hex(16))
        inputs = [
            workspace.take(item.name, item.data_type.name, values.get(item.name, ())) for item in task.inputs
        ]
        assignment = Assignment(
            job_id=workspace.job_id,
            attempt=1,
            service=service.full_name,
            task=task.name,
            services=str(self._services),
            jobs=str(self._folder),
            inputs=[asdict(item) for item in inputs],
            environment=dict(environment),
            uploads=str(self._uploads),
            reach=asdict(self._reach),
            owner=owner,
        )
        seconds = min(service.time_limit or SECONDS, SECONDS)
        return Order(workspace.job_id, asdict(assignment), seconds, service.memory_limit)

    def _next(self) -> None:
        with self._lock:
            while self._queue and self._sandbox.free():
                self._sandbox.run(self._queue.popleft())

    def _dropped(self, order: Order, future: Findings) -> None:
        if future.cancelled():
            with self._lock:
                waiting = order in self._queue
                if waiting:
                    self._queue.remove(order)
            if waiting:
                self._forget(order.job_id)
            else:
                self._sandbox.cancel(order.job_id)

    def _forget(self, job_id: str) -> Findings:
        Workspace(self._folder, job_id).delete()
        with self._lock:
            return self._open.pop(job_id)

    def _ended(self, outcome: Outcome) -> None:
        future = self._forget(outcome.job_id)
        if outcome.ending is not Ending.FINISHED:
            _log.warning("Values were not validated: %s %s", outcome.ending, outcome.detail)
            _fail(future, outcome.reason or str(outcome.ending))
        elif problem := outcome.value.get("problem"):
            _fail(future, problem)
        elif future.set_running_or_notify_cancel():
            future.set_result([Finding(**item) for item in outcome.value["findings"]])


def _fail(future: Findings, reason: str) -> None:
    if future.set_running_or_notify_cancel():
        future.set_exception(GPServerError(f"The values could not be validated: {reason}."))


def _log_output(_: str, events: list[list[Any]]) -> None:
    for event in events:
        _log.info("validating: %s", event[1:])
