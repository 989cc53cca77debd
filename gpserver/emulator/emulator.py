"""The emulated server: one ASGI application that can be scripted, asked what it saw, and put back."""

import asyncio
from dataclasses import replace

from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from gpserver.emulator.clock import Clock
from gpserver.emulator.faults import Faults
from gpserver.emulator.journal import Journal
from gpserver.emulator.quirks import Quirks
from gpserver.emulator.script import Script
from gpserver.emulator.timeline import Timeline
from gpserver.emulator.world import World
from gpserver.settings import Settings
from gpserver.task import Service

_PATIENCE = 5.0  # seconds of the wall that tasks at work get before the clock is advanced


class Emulator:
    """An emulated server.

    Args:
        settings: What it serves, and how; its data rests in temporary folders.
        seed: What ids and chance follow from.
        start: When its clock begins, and begins again at a reset, in epoch seconds; None for now.
        speed: How fast its clock runs, as for ``Clock``.
        version: The release of ArcGIS that it is taken for, such as 10.91; 0 for none in particular.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        seed: int = 1,
        start: float | None = None,
        speed: float = 1.0,
        version: float = 0.0,
    ) -> None:
        self._settings, self._seed, self._start, self._speed = settings, seed, start, speed
        self._version = version
        self.clock = Clock(start, speed)
        self.quirks = Quirks()
        self.script = Script(self.quirks)
        self.faults = Faults(self._answer, self.clock)
        self.journal = Journal(self.faults, self.clock)
        self._world: World | None = None
        self._changing = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, by the server as it is since the last reset."""
        await self.journal(scope, receive, send)

    async def start(self) -> None:
        """Begin to serve."""
        async with self._changing:
            self._world = await self._begin()

    async def close(self) -> None:
        """Stop, and remove all that was kept."""
        async with self._changing:
            world, self._world = self._world, None
            if world:
                await world.close()

    async def reset(self) -> None:
        """Be as at the start: no jobs, files, stubs or records, nothing scripted, and at the first time."""
        async with self._changing:
            self.clock.set(self._start, self._speed)
            self.quirks.clear()
            self.faults.clear(self._seed)
            former, self._world = self._world, await self._begin()
            if former:
                await former.close()
            self.journal.clear()

    async def advance(self, seconds: float) -> None:
        """Set the clock forward, once the tasks at work have returned or some seconds have passed."""
        await run_in_threadpool(self.world.stage.settle, _PATIENCE)
        await run_in_threadpool(self.clock.advance, seconds)
        await run_in_threadpool(self.world.sweep)

    @property
    def world(self) -> World:
        """The server as it is since the last reset.

        Raises:
            RuntimeError: It was not started.
        """
        if self._world is None:
            raise RuntimeError("The emulator was not started.")
        return self._world

    def play(self, timeline: Timeline) -> None:
        """Have certain jobs go the steps of a timeline."""
        self.script.add(timeline)

    def publish(self, service: Service) -> None:
        """Publish a service of stubs; one of its name is replaced, or gets these tasks beside its own.

        Raises:
            PublishingError: Something of it cannot be.
        """
        catalog = self.world.catalog
        names = {item.name for item in service.tasks}
        former = [item for item in catalog.services(service.folder) if item.name == service.name]
        kept = [item for found in former for item in found.tasks if item.name not in names]
        catalog.withdraw(service.full_name)
        catalog.publish(replace(service, tasks=(*kept, *service.tasks)))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        world = self.world
        world.stage.begin_request()
        await world.app(scope, receive, send)

    async def _begin(self) -> World:
        self.script.clear(self._seed)
        world = await run_in_threadpool(
            World,
            self._settings,
            self.clock,
            self._seed,
            self.script.choose,
            self.quirks,
            self._version,
        )
        await world.start()
        return world
