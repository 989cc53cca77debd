"""Puts the parts together: the only module that knows every one of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from gpserver.catalog import Catalog
from gpserver.engine import Engine
from gpserver.errors import GPServerError
from gpserver.examiner import Examiner
from gpserver.executors.local import LocalExecutor
from gpserver.maps.studio import Studio
from gpserver.protocols.compression import Compression
from gpserver.protocols.esri.routes import routes
from gpserver.protocols.esri.wire import Site
from gpserver.protocols.paths import Paths
from gpserver.settings import Settings
from gpserver.stores.sqlite import SQLiteStore

_ARTISTS = 2  # processes that draw maps


class DataFolderBusy(GPServerError):
    """Another server already works on this data folder."""


def create_app(settings: Settings) -> Starlette:
    """The ASGI application; its lifespan starts and stops the engine.

    Raises:
        DataFolderBusy: At start-up, when another server has the data folder.
    """
    data = settings.data.resolve()
    spool = data / "incoming"
    spool.mkdir(parents=True, exist_ok=True)
    lock = FileLock(data / "engine.lock")
    engine, catalog = create_engine(settings), Catalog(settings.services.resolve())
    examiner = Examiner(
        settings.services.resolve(), data / "questions", start_method=settings.start_method or None
    )
    studio = Studio(data / "pictures", slots=_ARTISTS, start_method=settings.start_method or None)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        _acquire(lock, data)
        for leftover in spool.iterdir():
            leftover.unlink()
        catalog.refresh()
        engine.start()
        examiner.start()
        studio.start()
        yield
        await run_in_threadpool(examiner.close)
        await run_in_threadpool(studio.close)
        await run_in_threadpool(engine.close)
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
    )
    return Starlette(routes=routes(site), middleware=_middleware(), lifespan=lifespan)


def create_engine(settings: Settings) -> Engine:
    """The engine of a data folder; it runs nothing until it is started."""
    data = settings.data.resolve()
    data.mkdir(parents=True, exist_ok=True)
    store = SQLiteStore(data / "jobs.sqlite")
    executor = LocalExecutor(
        store,
        settings.services.resolve(),
        data / "jobs",
        slots=settings.slots,
        start_method=settings.start_method or None,
        debug=settings.debug,
    )
    return Engine(store, executor, data / "jobs", lifetime=settings.job_lifetime)


def _middleware() -> list[Middleware]:
    # ArcGIS answers any origin with its own name, so that pages may send credentials along.
    return [
        Middleware(
            CORSMiddleware,
            allow_origin_regex=".*",
            allow_credentials=True,
            allow_methods=["GET", "POST", "HEAD", "OPTIONS"],
            allow_headers=["*"],
            expose_headers=["ETag", "Content-Length", "Content-Range", "Accept-Ranges"],
        ),
        Middleware(Compression),
        Middleware(Paths),
    ]


def _acquire(lock: FileLock, data: Path) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise DataFolderBusy(
            f"Another gpserver works on {data}. Stop it, or start this one with another --data folder."
        ) from None
