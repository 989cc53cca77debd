"""Which URL leads to which handler."""

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gpserver.formats import Resource
from gpserver.protocols.esri import (
    directory,
    gpserver,
    iteminfo,
    jobs,
    mapimage,
    mapquery,
    mapsearch,
    mapserver,
    validate,
)
from gpserver.protocols.esri.directory import SERVICES
from gpserver.protocols.esri.wire import Call, Handler, Site, endpoint

_JOB: tuple[tuple[str, Handler], ...] = (
    ("", jobs.job),
    ("/cancel", jobs.cancel),
    ("/results", jobs.results),
    ("/results/{name}", jobs.result),
    ("/inputs", jobs.inputs),
    ("/inputs/{name}", jobs.input_),
)
_TASK: tuple[tuple[str, Handler], ...] = (
    ("/submitJob", gpserver.submit_job),
    ("/execute", gpserver.execute),
    ("/validate", validate.validate),
    ("/metadata", iteminfo.task_metadata),
    ("/cancel", jobs.cancel),
)
_INFO: tuple[tuple[str, Handler], ...] = (
    ("/info", iteminfo.info),
    ("/info/iteminfo", iteminfo.iteminfo),
    ("/info/metadata", iteminfo.metadata),
    ("/info/thumbnail", iteminfo.thumbnail),
)


def _in_thread(handler: Callable[[Call], Resource | Response]) -> Handler:
    """The handler as one that leaves the event loop alone: it reads layers, or may load a service."""

    async def answer(call: Call) -> Resource | Response:
        return await run_in_threadpool(handler, call)

    return answer


_MAP: tuple[tuple[str, Handler], ...] = (
    ("/export", mapimage.export),
    ("/tile/{level}/{row}/{column}", mapimage.tile),
    ("/identify", _in_thread(mapsearch.identify)),
    ("/find", _in_thread(mapsearch.find)),
    ("/layers", _in_thread(mapserver.layers)),
    ("/legend", mapserver.legend),
    ("/info", _in_thread(mapserver.info)),
    ("/info/iteminfo", _in_thread(mapserver.info)),
    ("", _in_thread(mapserver.map_resource)),
    ("/{layer}/query", _in_thread(mapquery.query)),
    ("/{layer}/generateRenderer", _in_thread(mapserver.renderer)),
    ("/{layer}/images/{image}", mapserver.image),
    ("/{layer}", _in_thread(mapserver.layer)),
)
_PICTURES = "/arcgis/rest/directories/arcgisoutput/{file}"
_FILES = "/arcgis/rest/directories/arcgisjobs/{place:path}/{job_id}/scratch/{file:path}"


def routes(site: Site) -> list[BaseRoute]:
    """Every resource, at its ArcGIS URL and at its short one; the most polled come first."""
    long, short, shortest = SERVICES + "/{service:path}/GPServer/{task}", "/{service:path}/{task}", "/{task}"
    table: list[tuple[str, Handler]] = []
    table += [(f"{long}/jobs/{{job_id}}{end}", handler) for end, handler in _JOB]
    # No task is called info.
    table += [(SERVICES + "/{service:path}/GPServer" + end, handler) for end, handler in _INFO]
    table += [(long + end, handler) for end, handler in _TASK]
    for map_ in (
        SERVICES + "/{service:path}/MapServer/jobs/{job_id}",
        SERVICES + "/{service:path}/MapServer",
    ):
        table += [(map_ + end, handler) for end, handler in _MAP]
    table += [
        (_FILES, jobs.file),
        (_PICTURES, mapimage.output),
        ("/", directory.home),
        ("/arcgis/rest", directory.home),
        ("/arcgis/rest/info", directory.info),
        ("/arcgis/rest/info/healthcheck", directory.health),
        (SERVICES, directory.folder),
        (SERVICES + "/{service:path}/GPServer", gpserver.service),
        (long, gpserver.task),
        (SERVICES + "/{folder}", directory.folder),
    ]
    table += [(f"/jobs/{{job_id}}{end}", handler) for end, handler in _JOB]
    for prefix in (shortest, short):
        table += [(f"{prefix}/jobs/{{job_id}}{end}", handler) for end, handler in _JOB]
        table += [(prefix + end, handler) for end, handler in _TASK]
    table += [("/{service}", gpserver.service_or_task), (short, gpserver.task)]
    return [Route(path, endpoint(handler, site), methods=["GET", "POST"]) for path, handler in table]
