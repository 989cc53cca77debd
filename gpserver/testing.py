"""What a test says to an emulated server; ``gp_server`` and ``gp_app`` give one."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from starlette.types import Receive, Scope, Send

from gpserver.clock import Clock
from gpserver.emulator.faults import Fault
from gpserver.emulator.quirks import Quirk
from gpserver.emulator.scenario import Scenario
from gpserver.emulator.serving import Resident
from gpserver.emulator.timeline import Step, Timeline
from gpserver.emulator.verification import Requests
from gpserver.publishing import Service, task, task_of

Function = TypeVar("Function", bound=Callable[..., Any])

SERVICE = "Emulated"
"""The service of a stub that names none."""


class GPServer:
    """What a test says to an emulated server; also that server as an ASGI application.

    Args:
        resident: Runs it.
        url: Scheme, host and port.
    """

    def __init__(self, resident: Resident, url: str) -> None:
        self._resident, self._emulator, self.url = resident, resident.emulator, url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._emulator(scope, receive, send)

    @property
    def services(self) -> str:
        """The URL of the services directory."""
        return f"{self.url}/arcgis/rest/services"

    @property
    def clock(self) -> Clock:
        """The time of the server; ``clock.speed = 0`` lets it stand still."""
        return self._emulator.clock

    @property
    def requests(self) -> Requests:
        """What clients sent since the last reset: ``requests.submitted("Buffer").once()``."""
        return Requests(self._emulator.journal)

    def task_url(self, name: str, service: str = SERVICE) -> str:
        """The URL of a task."""
        return f"{self.services}/{service}/GPServer/{name}"

    def task(
        self,
        function: Function | None = None,
        *,
        service: str = SERVICE,
        synchronous: bool = False,
        limits: dict[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """Publish a stub, which is just a function; it runs in this process, so that closures are fine.

        Args:
            function: It; leave it out to use this as a decorator with options.
            service: ``Service`` or ``Folder/Service``.
            synchronous: Whether the service is asked to ``execute``.
            limits: What else ``gpserver.Service`` takes: ``time_limit``, ``maximum_records`` …
            options: As for ``gpserver.task``.

        Raises:
            PublishingError: The function cannot be a task; names the cure.
        """
        if function is None:
            return lambda decorated: self.task(
                decorated, service=service, synchronous=synchronous, limits=limits, **options
            )
        published = function if task_of(function) and not options else task(**options)(function)
        folder, _, name = service.rpartition("/")
        self.publish(
            Service(name, tasks=[published], folder=folder, synchronous=synchronous, **(limits or {}))
        )
        return function

    def publish(self, service: Service) -> None:
        """Publish a service; beside the tasks that one of its name has already."""
        self._emulator.publish(service)

    def play(self, *steps: Step, **facts: Any) -> None:
        """Have jobs go certain steps.

        Args:
            steps: They, such as ``executing(2, progress=(0, 100)), failed("ERROR 000735")``.
            facts: As for ``Timeline``: of which ``service`` and ``task``, the ``nth`` alone …
        """
        self._emulator.add(timelines=[msgspec.convert({"steps": steps, **facts}, Timeline)])

    def quirk(self, name: Any, **facts: Any) -> None:
        """Have the server behave as ArcGIS does: see ``gpserver.emulator.quirks``."""
        self._emulator.add(quirks=[msgspec.convert({"name": name, **facts}, Quirk)])

    def fault(self, kind: Any, **facts: Any) -> None:
        """Break requests or answers on their way: see ``gpserver.emulator.faults``.

        Args:
            kind: What happens: ``"reset"``, ``"gateway"``, ``"half_body"`` …
            facts: As for ``Fault``: of which requests, and how.
        """
        self._emulator.add(faults=[msgspec.convert({"kind": kind, **facts}, Fault)])

    def advance(self, seconds: float) -> None:
        """Set the clock forward; whatever falls due meanwhile has happened when this returns."""
        self._resident.run(self._emulator.advance(seconds))

    def release(self, job_id: str) -> None:
        """Let a job go that a step holds.

        Raises:
            LookupError: It is not held.
        """
        if not self._emulator.world.stage.release(job_id.removeprefix("j")):
            raise LookupError(f"Job {job_id} is not held.")

    def reset(self, scenario: Scenario | None = None) -> None:
        """Put everything back to how it was at the start, or to how a scenario wants it."""
        self._resident.run(self._emulator.reset(scenario))
