"""Which URL leads to which handler of EverGIS' REST."""

from starlette.routing import BaseRoute, Mount, Route

from gpserver.errors import NotFound
from gpserver.protocols.evergis import (
    account,
    eql,
    features,
    files,
    importing,
    layers,
    listings,
    prototypes,
    resources,
    runs,
    scheduler,
    srs,
    tables,
    taskresources,
    tiles,
    vectors,
    workers,
)
from gpserver.protocols.evergis.callers import identify
from gpserver.protocols.evergis.wire import Call, Routes, Site, endpoint

PREFIX = "/sp"

# Literals such as /scheduler/worker come before /scheduler/{id}, which is therefore last.
_MODULES: tuple[Routes, ...] = (
    account.ROUTES,
    features.ROUTES,
    layers.ROUTES,
    listings.ROUTES,
    eql.ROUTES,
    tables.ROUTES,
    files.ROUTES,
    resources.ROUTES,
    importing.ROUTES,
    srs.ROUTES,
    workers.ROUTES,
    taskresources.ROUTES,
    runs.ROUTES,
    prototypes.ROUTES,
    scheduler.ROUTES,
    tiles.ROUTES,
    vectors.ROUTES,
)
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def routes(site: Site) -> list[BaseRoute]:
    """Every resource, at the root and below ``/sp``; what else is below ``/sp``, ``/layers`` … is a 404.

    A service that is called like one of those folders has no short URL.
    """
    table = [
        Route(path, endpoint(handler, site, identify), methods=list(methods))
        for module in _MODULES
        for methods, path, handler in module
    ]
    nothing = endpoint(_nothing, site, identify)
    folders = sorted({f"/{route.path.split('/')[1]}" for route in table})
    absent = [
        Route(folder + rest, nothing, methods=_METHODS) for folder in folders for rest in ("", "/{rest:path}")
    ]
    return [
        Route(PREFIX, endpoint(account.server, site, identify), methods=["GET"]),
        Mount(PREFIX, routes=[*table, Route("/{rest:path}", nothing, methods=_METHODS)]),
        *table,
        *absent,
    ]


async def _nothing(call: Call) -> None:
    raise NotFound(f"There is nothing at {call.request.method} {call.request.scope['path'][:200]}.")
