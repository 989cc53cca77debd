"""Puts the parts together: the only module that knows every one of them."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route

from gpserver.addresses import Allowed
from gpserver.catalog import Catalog
from gpserver.clerk import Clerk
from gpserver.engine import Engine
from gpserver.errors import GPServerError
from gpserver.examiner import Examiner
from gpserver.executors.local import LocalExecutor
from gpserver.fetch import Reach
from gpserver.layers import Place, is_database
from gpserver.maps.studio import Studio
from gpserver.protocols.compression import Compression
from gpserver.protocols.cors import Origins
from gpserver.protocols.esri.routes import routes
from gpserver.protocols.esri.wire import Site
from gpserver.protocols.evergis import wire as evergis
from gpserver.protocols.evergis.routes import routes as evergis_routes
from gpserver.protocols.paths import Paths
from gpserver.schedules.office import Office, View
from gpserver.schedules.ticker import Ticker
from gpserver.security import ADMINISTRATORS, Guard, create_guard, kept_key, read_users
from gpserver.settings import Settings
from gpserver.stores.sqlite import SQLiteStore
from gpserver.uploads import Uploads

_log = logging.getLogger(__name__)

_ARTISTS = 2  # processes that draw maps


class DataFolderBusy(GPServerError):
    """Another server already works on this data folder."""


def create_app(settings: Settings) -> Starlette:
    """The ASGI application; its lifespan starts and stops the engine.

    Raises:
        ValueError: The users or the rules of access are not written as they should be.
        DataFolderBusy: At start-up, when another server has the data folder.
    """
    data = settings.data.resolve()
    spool = data / "incoming"
    spool.mkdir(parents=True, exist_ok=True)
    lock, guard = FileLock(data / "engine.lock"), _guard(settings, data)
    start_method = settings.start_method or None
    engine, catalog = create_engine(settings), Catalog(settings.services.resolve())
    examiner = _examiner(settings, data)
    studio = Studio(data / "pictures", slots=_ARTISTS, start_method=start_method)
    # Of its own: tiles come by the hundred, and would push out pictures that were promised for a while.
    tiles = Studio(data / "tiles", slots=_ARTISTS, start_method=start_method)
    clerk = Clerk(layers_of(settings), data / "answers", start_method=start_method)
    office = Office(data / "schedules.sqlite", engine)
    ticker = Ticker(office, partial(_view_of, engine, catalog, guard))
    staff = (engine, examiner, studio, tiles, clerk, ticker)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        _acquire(lock, data)
        for leftover in spool.iterdir():
            leftover.unlink()
        catalog.refresh()
        if guard:
            _warn_of_misspelled(guard, catalog)
        for member in staff:
            member.start()
        yield
        for member in reversed(staff):
            await run_in_threadpool(member.close)
        lock.release()

    site = Site(
        engine,
        catalog,
        examiner,
        studio,
        spool,
        settings.max_body,
        settings.public_url.rstrip("/"),
        settings.current_version,
        settings.execute_wait,
        guard,
        frozenset(settings.trusted_origins),
    )
    # Without users there is nothing that a page could do in somebody's name.
    trusted = site.origins if guard else None
    app = Starlette(
        routes=_routes(site, tiles, clerk, office), middleware=_middleware(trusted), lifespan=lifespan
    )
    app.state.stopping = site.stopping
    return app


def _examiner(settings: Settings, data: Path) -> Examiner:
    return Examiner(
        settings.services.resolve(),
        data / "questions",
        uploads=data / "uploads",
        reach=_reach(settings),
        start_method=settings.start_method or None,
    )


def _routes(site: Site, tiles: Studio, clerk: Clerk, office: Office) -> list[BaseRoute]:
    """EverGIS' come behind ArcGIS' long ones, which are polled, and before the short ones, which take all."""
    arcgis = routes(site)
    long = [route for route in arcgis if isinstance(route, Route) and route.path.startswith("/arcgis/")]
    everpoint = evergis.Site(
        site.engine,
        site.catalog,
        site.engine.layers,
        clerk,
        office,
        tiles,
        site.spool,
        site.max_body,
        site.guard,
        site.origins,
    )
    return [*long, *evergis_routes(everpoint), *(route for route in arcgis if route not in long)]


def _view_of(engine: Engine, catalog: Catalog, guard: Guard | None, owner: str) -> View | None:
    """What a user sees in whose name the clock starts a run; None where he is a user no more."""
    if guard is None:
        return View(engine.seen_by(owner, lambda _: True), catalog)
    caller = guard.named(owner)
    return View(guard.engine(engine, caller), guard.catalog(catalog, caller)) if caller else None


def _guard(settings: Settings, data: Path) -> Guard | None:
    if not settings.users:
        if settings.access:
            raise ValueError("There is [access] without [users]: nobody could sign in.")
        return None
    key = settings.token_key or kept_key(data / "token.key")
    return create_guard(settings.users, settings.access, key, settings.token_lifetime)


def _warn_of_misspelled(guard: Guard, catalog: Catalog) -> None:
    for name in guard.misspelled(catalog):
        _log.warning("[access] has a rule for %s, but there is no such folder or service.", name)


def create_engine(settings: Settings) -> Engine:
    """The engine of a data folder; it runs nothing until it is started."""
    data = settings.data.resolve()
    data.mkdir(parents=True, exist_ok=True)
    store = SQLiteStore(data / "jobs.sqlite")
    uploads = Uploads(data / "uploads", settings.max_upload, settings.upload_types)
    layers = layers_of(settings)
    Allowed(settings.fetch_allowed)  # a mistake in it shows at once, not in a job
    executor = LocalExecutor(
        store,
        settings.services.resolve(),
        data / "jobs",
        data / "uploads",
        _reach(settings),
        layers,
        slots=settings.slots,
        start_method=settings.start_method or None,
        debug=settings.debug,
    )
    return Engine(store, executor, data / "jobs", uploads, layers.open(), lifetime=settings.job_lifetime)


def layers_of(settings: Settings) -> Place:
    """Where the named layers of a data folder are, and who may change them."""
    users = read_users(settings.users).values()
    administrators = tuple(user.name for user in users if ADMINISTRATORS in user.roles)
    folder = str(settings.data.resolve() / "layers")
    where = settings.layers or folder
    location = where if is_database(where) else str(Path(where).resolve())
    return Place(location, folder, bool(settings.users), administrators)


def _reach(settings: Settings) -> Reach:
    return Reach(settings.fetch_allowed, settings.fetch_size, settings.fetch_seconds)


def _middleware(trusted: frozenset[str] | None) -> list[Middleware]:
    return [Middleware(Origins, trusted=trusted), Middleware(Compression), Middleware(Paths)]


def _acquire(lock: FileLock, data: Path) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise DataFolderBusy(
            f"Another gpserver works on {data}. Stop it, or start this one with another --data folder."
        ) from None
