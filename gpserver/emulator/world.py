"""All that a reset throws away: an ordinary server over a folder of its own, with some parts exchanged."""

import random
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from gpserver.app import create_app
from gpserver.catalog import Catalog
from gpserver.clock import Clock
from gpserver.emulator.desk import NearDesk
from gpserver.emulator.engine import EmulatedEngine
from gpserver.emulator.quirks import Quirks
from gpserver.emulator.release import Release
from gpserver.emulator.scenario import Scenario
from gpserver.emulator.stage import Line, Stage
from gpserver.emulator.store import StagedStore
from gpserver.emulator.timeline import Timeline
from gpserver.executors import Executor
from gpserver.job import Job
from gpserver.parts import Parts
from gpserver.places import layers_of, reach_of
from gpserver.results.place import Files
from gpserver.settings import Settings
from gpserver.stores import JobStore


class World:
    """A server from its start to the next reset.

    Args:
        settings: What it serves, and how; its data folder is not used.
        clock: Its time.
        scenario: What the ids of jobs follow from, and the release of ArcGIS that it is taken for.
        choose: Gives the timeline of a new job.
        quirks: What it does as ArcGIS does.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        scenario: Scenario,
        choose: Callable[[Job], Timeline],
        quirks: Quirks,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="gpserver-", ignore_cleanup_errors=True)
        self._settings = replace(settings, data=Path(self._folder.name), store="", results="", layers="")
        version = scenario.version
        if version:
            self._settings = replace(self._settings, current_version=version)
        self._clock, self._choose = clock, choose
        self.catalog = Catalog(settings.services.resolve())
        chance = random.Random(scenario.seed)  # noqa: S311 - a test wants it to be foreseen
        engine = partial(
            EmulatedEngine, clock=clock.now, make_id=lambda: f"{chance.getrandbits(128):032x}", quirks=quirks
        )
        adapt = Release(version).adapt if version else None
        parts = Parts(clock.now, self.catalog, self._jobs, engine, self._told, NearDesk(self.catalog), adapt)
        self.app: Starlette = create_app(self._settings, parts)
        quirks.stage = self.stage
        self._life: AbstractAsyncContextManager[Mapping[str, Any] | None] = self.app.router.lifespan_context(
            self.app
        )

    async def start(self) -> None:
        """Begin to serve."""
        await self._life.__aenter__()

    async def close(self) -> None:
        """Stop, and remove all that was kept."""
        await self._life.__aexit__(None, None, None)
        self._folder.cleanup()

    def sweep(self) -> None:
        """Forget what is too old by now."""
        self.app.state.engine.sweep(self._clock.now() - self._settings.job_lifetime)

    def _jobs(self, files: Files) -> tuple[JobStore, Executor]:
        store = StagedStore(self._settings.data / "jobs.sqlite", self._clock)
        self.stage = Stage(store, self._clock, self._choose, partial(self._perform, files, store))
        return store, self.stage

    def _told(self, job: Job) -> str:
        return self.stage.told(job)

    def _perform(self, files: Files, store: StagedStore, job: Job, line: Line) -> dict[str, Any]:
        # Here: what decodes features is loaded while the server answers already.
        from gpserver.worker import Assignment, perform

        assignment = Assignment(
            job_id=job.id,
            attempt=job.attempt,
            service=job.service,
            task=job.task,
            services="",
            jobs=str(files.jobs),
            inputs=[asdict(item) for item in store.inputs(job.id)],
            environment=job.environment,
            uploads=str(self._settings.data / "uploads"),
            reach=asdict(reach_of(self._settings)),
            owner=job.owner,
            layers=asdict(layers_of(self._settings)),
            result_limit=job.terms.result_limit,
            debug=self._settings.debug,
        )
        return perform(assignment, line, self.catalog)
