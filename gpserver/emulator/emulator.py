"""The emulated server: one ASGI application that can be scripted, asked what it saw, and put back."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gpserver.clock import Clock
from gpserver.emulator.admin import OPERATIONS, PREFIX, admin
from gpserver.emulator.faults import Fault, Faults
from gpserver.emulator.journal import Journal
from gpserver.emulator.openapi import document
from gpserver.emulator.page import page_routes
from gpserver.emulator.quirks import Quirk, Quirks
from gpserver.emulator.rules import Rules
from gpserver.emulator.scenario import Scenario
from gpserver.emulator.timeline import Timeline
from gpserver.emulator.watching import Watching
from gpserver.emulator.world import World
from gpserver.job import Job
from gpserver.publishing import Service
from gpserver.settings import Settings

_PATIENCE = 5.0  # seconds of the wall that a task gets to return when its time has come


class Emulator:
    """An emulated server.

    Args:
        settings: What it serves, and how; its data rests in temporary folders.
        scenario: What it is like at the start and after a reset.
    """

    def __init__(self, settings: Settings, scenario: Scenario = Scenario()) -> None:  # noqa: B008 - frozen
        self._settings, self.scenario = settings, scenario
        self.clock = Clock(scenario.epoch, scenario.speed)
        self.quirks = Quirks()
        self.timelines = Rules[Timeline](self.clock)
        self.faults = Faults(self._answer, self.clock)
        self.journal = Journal(self.faults, self.clock)
        self.watching = Watching(self)
        self._admin = admin(
            self, [Route(f"{PREFIX}/openapi.json", _openapi), *page_routes(PREFIX, self.watching)]
        )
        self._world: World | None = None
        self._changing = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, by the server as it is since the last reset."""
        if scope["type"] == "http" and (scope["path"] == PREFIX or scope["path"].startswith(f"{PREFIX}/")):
            await self._admin(scope, receive, send)
        else:
            await self.journal(scope, receive, send)

    async def start(self) -> None:
        """Begin to serve."""
        async with self._changing:
            self._world = await self._begin()
        if self._world.catalog.services() or self._world.catalog.folders():
            # They will be asked for: the first job does not wait for what decodes features.
            await run_in_threadpool(import_module, "gpserver.features.columns")

    async def close(self) -> None:
        """Stop, and remove all that was kept."""
        self.watching.close()
        async with self._changing:
            world, self._world = self._world, None
            if world:
                await world.close()

    async def reset(self, scenario: Scenario | None = None) -> None:
        """Be as at the start: no jobs, files, stubs or records, nothing else scripted, and at the first time.

        Args:
            scenario: What it is to be like from now on; None for what it was.
        """
        async with self._changing:
            self.scenario = scenario or self.scenario
            former, self._world = self._world, await self._begin()
            if former:
                await former.close()
            self.journal.clear()

    async def advance(self, seconds: float) -> None:
        """Set the clock forward; tasks that should have returned by then get some seconds for it."""
        await run_in_threadpool(self.world.stage.settle, _PATIENCE)
        await run_in_threadpool(self.clock.advance, seconds)
        await run_in_threadpool(self.world.stage.settle, _PATIENCE)
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

    def add(
        self, timelines: Iterable[Timeline] = (), faults: Iterable[Fault] = (), quirks: Iterable[Quirk] = ()
    ) -> None:
        """Script more of it, until the next reset."""
        for timeline in timelines:
            self.timelines.add(timeline)
        for fault in faults:
            self.faults.rules.add(fault)
        for quirk in quirks:
            self.quirks.add(quirk)

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

    def _timeline(self, job: Job) -> Timeline:
        chosen = self.timelines.choose(lambda rule: rule.is_about(job.service, job.task))
        return chosen or self.quirks.timeline(job) or Timeline()

    async def _begin(self) -> World:
        scenario = self.scenario
        self.clock.set(scenario.epoch, scenario.speed)
        self.timelines.clear(scenario.seed)
        self.quirks.clear()
        self.faults.rules.clear(scenario.seed)
        self.add(scenario.timelines, scenario.faults, scenario.quirks)
        world = await run_in_threadpool(
            World,
            self._settings,
            self.clock,
            scenario,
            self._timeline,
            self.quirks,
        )
        await world.start()
        return world


async def _openapi(_: Request) -> JSONResponse:
    return JSONResponse(document(OPERATIONS))
