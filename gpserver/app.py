"""Puts the parts together: the only module that knows every one of them."""

import logging
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route

from gpserver import overview
from gpserver.addresses import Allowed
from gpserver.catalog import Catalog
from gpserver.clerk import Clerk
from gpserver.courier import Courier
from gpserver.database import Database
from gpserver.engine import Engine
from gpserver.errors import GPServerError
from gpserver.examiner import Examiner
from gpserver.executors import Executor
from gpserver.executors.local import LocalExecutor
from gpserver.home import home_of, occupied
from gpserver.maps.studio import Studio
from gpserver.migration import migrate, use
from gpserver.parts import Parts
from gpserver.places import files_of, layers_of, reach_of
from gpserver.protocols.compression import Compression
from gpserver.protocols.cors import Origins
from gpserver.protocols.esri.log import status_of, waiting_told
from gpserver.protocols.esri.routes import routes
from gpserver.protocols.esri.webhooks import letter
from gpserver.protocols.esri.wire import Site
from gpserver.protocols.evergis import wire as evergis
from gpserver.protocols.evergis.routes import routes as evergis_routes
from gpserver.protocols.intake import Intake, Room
from gpserver.protocols.paths import Paths
from gpserver.queue import Limits, Queue
from gpserver.results.place import Files
from gpserver.retention import Keep, Retention
from gpserver.schedules.book import FILE, SCHEDULES, Book
from gpserver.schedules.office import Office, View
from gpserver.schedules.ticker import Ticker
from gpserver.security import KEYS, Guard, create_guard, kept_key, shared_key
from gpserver.settings import Settings
from gpserver.space import Space
from gpserver.stores import JobStore
from gpserver.stores.sqlite import SQLiteStore
from gpserver.telemetry.observers import Telemetry, create_telemetry
from gpserver.telemetry.requests import Requests

if TYPE_CHECKING:
    from gpserver.stores.postgres import PostgresStore

_log = logging.getLogger(__name__)

_ARTISTS = 2  # processes that draw maps


def create_app(settings: Settings, parts: Parts = Parts()) -> Starlette:  # noqa: B008 - it is never changed
    """The ASGI application; its lifespan starts and stops the engine.

    Args:
        settings: What it serves, and how.
        parts: What is made otherwise.

    Raises:
        ValueError: The users or the rules of access are not written as they should be.
        DataFolderBusy: At start-up, when another server has the data folder.
    """
    data = settings.data.resolve()
    data.mkdir(parents=True, exist_ok=True)
    home = home_of(data, shared=bool(settings.store), port=settings.port)
    files = files_of(settings, home)
    spool = home / "incoming"
    shared = _shared(settings)
    guard = _guard(settings, data, shared, parts)
    start_method = settings.start_method or None
    telemetry = create_telemetry()
    catalog = parts.catalog or Catalog(settings.services.resolve())
    engine = create_engine(settings, files, shared, telemetry, catalog, parts)
    examiner = _examiner(settings, home, files, parts)
    studio = Studio(data / "pictures", slots=_ARTISTS, start_method=start_method)
    # Of its own: tiles come by the hundred, and would push out pictures that were promised for a while.
    tiles = Studio(data / "tiles", slots=_ARTISTS, start_method=start_method)
    clerk = Clerk(layers_of(settings), home / "answers", start_method=start_method)
    schedules = shared.database if shared else Database(data / "schedules.sqlite", *FILE)
    office = Office(Book(schedules), engine)
    ticker = Ticker(office, partial(_view_of, engine, catalog, guard))
    courier = Courier(engine.webhooks, letter, Allowed(settings.fetch_allowed))
    staff = (telemetry, engine, examiner, studio, tiles, clerk, ticker, courier)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with occupied(home):
            shutil.rmtree(spool, ignore_errors=True)
            spool.mkdir()
            catalog.refresh()
            if guard:
                _warn_of_misspelled(guard, catalog)
            for member in staff:
                member.start()
            yield
            for member in reversed(staff):
                await run_in_threadpool(member.close)
            schedules.close()

    site = _site(settings, parts, guard, engine, catalog, examiner, studio, spool)
    watched = overview.of_web_node(settings, engine, guard, telemetry, site.stopping.is_set)
    routes_ = _routes(site, tiles, clerk, office, watched)
    app = Starlette(routes=routes_, middleware=_middleware(settings, site, telemetry), lifespan=lifespan)
    app.state.stopping, app.state.engine = site.stopping, engine
    return app


def _site(
    settings: Settings,
    parts: Parts,
    guard: Guard | None,
    engine: Engine,
    catalog: Catalog,
    examiner: Examiner,
    studio: Studio,
    spool: Path,
) -> Site:
    return Site(
        engine,
        catalog,
        examiner,
        studio,
        Intake(spool, _room(settings)),
        settings.max_body,
        settings.public_url.rstrip("/"),
        settings.current_version,
        settings.execute_wait,
        parts.status or (partial(waiting_told, clock=parts.clock) if settings.waiting_status else status_of),
        parts.clock,
        parts.adapt,
        guard,
        frozenset(settings.trusted_origins),
        Allowed(settings.fetch_allowed),
    )


def _routes(
    site: Site, tiles: Studio, clerk: Clerk, office: Office, watched: list[BaseRoute]
) -> list[BaseRoute]:
    """EverGIS' come behind ArcGIS' long ones, which are polled, and before the short ones, which take all."""
    arcgis = routes(site)
    long = [route for route in arcgis if _is_long(route)]
    everpoint = evergis.Site(
        site.engine,
        site.catalog,
        site.engine.layers,
        clerk,
        office,
        tiles,
        site.intake,
        site.max_body,
        site.guard,
        site.origins,
    )
    short = [route for route in arcgis if not _is_long(route)]
    return [*long, *watched, *evergis_routes(everpoint), *short]


def _is_long(route: BaseRoute) -> bool:
    return isinstance(route, Route) and route.path.startswith("/arcgis/")


def _view_of(engine: Engine, catalog: Catalog, guard: Guard | None, owner: str) -> View | None:
    """What a user sees in whose name the clock starts a run; None where he is a user no more."""
    if guard is None:
        return View(engine.seen_by(owner, lambda _: True), catalog)
    caller = guard.named(owner)
    return View(guard.engine(engine, caller), guard.catalog(catalog, caller)) if caller else None


def _examiner(settings: Settings, home: Path, files: Files, parts: Parts) -> Examiner:
    return Examiner(
        settings.services.resolve(),
        home / "questions",
        uploads=files.uploads,
        reach=reach_of(settings),
        start_method=settings.start_method or None,
        hidden=files.hidden,
        desk=parts.desk,
    )


def _guard(settings: Settings, data: Path, shared: "PostgresStore | None", parts: Parts) -> Guard | None:
    if not settings.users:
        if settings.access:
            raise ValueError("There is [access] without [users]: nobody could sign in.")
        return None
    file = data / "token.key"
    key = settings.token_key or (shared_key(shared.database, file) if shared else kept_key(file))
    return create_guard(settings.users, settings.access, key, settings.token_lifetime, parts.clock)


def _warn_of_misspelled(guard: Guard, catalog: Catalog) -> None:
    for name in guard.misspelled(catalog):
        _log.warning("[access] has a rule for %s, but there is no such folder or service.", name)


def create_engine(
    settings: Settings,
    files: Files | None = None,
    shared: "PostgresStore | None" = None,
    telemetry: Telemetry | None = None,
    catalog: Catalog | None = None,
    parts: Parts = Parts(),  # noqa: B008 - it is never changed
) -> Engine:
    """The engine of a data folder; it runs nothing until it is started.

    Args:
        settings: Where it is, and how much it takes.
        files: Where its files rest, where somebody has opened that already.
        shared: The store that machines share; None where there is but one.
        telemetry: Is told what becomes of jobs.
        catalog: The services, where somebody has read them already.
        parts: What is made otherwise.
    """
    data = settings.data.resolve()
    data.mkdir(parents=True, exist_ok=True)
    files, layers = files or files_of(settings, data), layers_of(settings).open()
    files.uploads.space = Space(settings.max_uploads, settings.max_uploads_each)
    Allowed(settings.fetch_allowed)  # a mistake in it shows at once, not in a job
    if parts.jobs:
        store, executor = parts.jobs(files)
    else:
        store, executor = _remote(settings, shared) if shared else _local(settings, files, catalog)
    if telemetry:
        store.observer = telemetry
        telemetry.metrics.watch_slots(executor.slots)
    files.jobs.mkdir(parents=True, exist_ok=True)
    queue = Queue(store, files.jobs, Limits(settings.max_queued, settings.max_queued_each, settings.min_free))
    kept = _retention(settings, files, store)
    rooms = store, executor, files.results, files.uploads, layers, queue, kept
    return parts.engine(*rooms, lifetime=settings.job_lifetime)


def open_jobs(settings: Settings) -> tuple[JobStore, Retention]:
    """The jobs of a server, while it runs or not, and what removes them.

    Raises:
        GPServerError: There are none in the data folder, or the database cannot be used.
    """
    file = settings.data.resolve() / "jobs.sqlite"
    store: JobStore | None = _shared(settings)
    if store is None:
        if not file.is_file():
            raise GPServerError(f"There are no jobs in {file.parent}: name the server's folder by --data.")
        store = SQLiteStore(file)
    files = files_of(settings, home_of(settings.data.resolve(), shared=bool(settings.store)))
    return store, _retention(settings, files, store)


def _retention(settings: Settings, files: Files, store: JobStore) -> Retention:
    kept = Keep(settings.max_jobs, settings.max_bytes)
    return Retention(store, files.jobs, files.results.workspace, kept)


def create_runner(settings: Settings, home: Path, telemetry: Telemetry) -> LocalExecutor:
    """What runs jobs of a shared database on this machine.

    Args:
        settings: The database, and what runs.
        home: The folder of this process.
        telemetry: Is told what becomes of jobs.

    Raises:
        GPServerError: The database cannot be used.
    """
    shared = _shared(settings)
    assert shared  # a runner without one was refused
    shared.observer = telemetry
    executor = _executor(settings, files_of(settings, home), shared, None, lease=settings.lease)
    telemetry.metrics.watch_slots(executor.slots)
    return executor


def _shared(settings: Settings) -> "PostgresStore | None":
    """The store that machines share, its other tables made as well."""
    if not settings.store:
        return None
    try:
        # Here, since a server of one machine needs none of it.
        from gpserver.executors.carrier import make_carrier
        from gpserver.stores.postgres import PostgresStore
    except ImportError as error:
        raise GPServerError(f"Jobs in PostgreSQL need pip install gpserver[postgres]: {error}.") from None
    store = PostgresStore(settings.store)
    use(store.database, SCHEDULES)
    make_carrier(store.database)
    return store


def migrate_tables(settings: Settings) -> list[str]:
    """Bring the tables of a shared database up to date; returns what was done, for people.

    Raises:
        GPServerError: There is no such database, or its tables cannot be changed.
    """
    if not settings.store:
        raise GPServerError(
            "There is nothing to migrate: the setting store names no database, and files of one machine are"
            " brought up to date when the server starts."
        )
    from gpserver.executors.carrier import migrate_carrier
    from gpserver.shared import SharedDatabase
    from gpserver.stores.postgres import JOBS

    with closing(SharedDatabase(settings.store)) as database:
        done = [migrate(database, tables) for tables in (JOBS, SCHEDULES, KEYS)]
        return [*done, migrate_carrier(database)]


def _local(settings: Settings, files: Files, catalog: Catalog | None) -> tuple[JobStore, Executor]:
    store = SQLiteStore(settings.data.resolve() / "jobs.sqlite")
    return store, _executor(settings, files, store, catalog, lease=0.0)


def _remote(settings: Settings, shared: "PostgresStore") -> tuple[JobStore, Executor]:
    from gpserver.executors.remote import RemoteExecutor

    return shared, RemoteExecutor(shared, shared.database, settings.lease)


def _executor(
    settings: Settings, files: Files, store: JobStore, catalog: Catalog | None, *, lease: float
) -> LocalExecutor:
    catalog = catalog or Catalog(settings.services.resolve())
    return LocalExecutor(
        store,
        settings.services.resolve(),
        files.jobs,
        settings.data.resolve() / "uploads",
        reach_of(settings),
        layers_of(settings),
        slots=settings.slots,
        start_method=settings.start_method or None,
        debug=settings.debug,
        lease=lease,
        kept=catalog.kept_slots,
        freight=files.freight,
        hidden=files.hidden,
    )


def _room(settings: Settings) -> Room:
    most, size = settings.max_bodies, settings.max_receiving
    return Room(most, settings.max_bodies_each, size, settings.max_receiving_each, settings.min_free)


def _middleware(settings: Settings, site: Site, telemetry: Telemetry) -> list[Middleware]:
    # Without users there is nothing that a page could do in somebody's name.
    trusted = site.origins if site.guard else None
    trace_of = partial(overview.trace_of, site.engine)
    return [
        Middleware(Requests, telemetry=telemetry, trace_of=trace_of, access=settings.access_log),
        Middleware(Origins, trusted=trusted),
        Middleware(Compression),
        Middleware(Paths),
    ]
