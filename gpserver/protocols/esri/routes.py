"""Which URL leads to which handler."""

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gpserver.formats import Resource
from gpserver.protocols.answering import Answering
from gpserver.protocols.esri import (
    admin,
    directory,
    events,
    gpserver,
    iteminfo,
    jobs,
    managed,
    mapimage,
    mapkml,
    mapquery,
    mapsearch,
    mapserver,
    tokens,
    uploads,
    validate,
    webhooks,
)
from gpserver.protocols.esri.admission import ADMISSION
from gpserver.protocols.esri.directory import SERVICES
from gpserver.protocols.esri.wire import SIGN_IN, SIGN_OUT, Call, Handler, Site, endpoint

_JOB: tuple[tuple[str, Handler], ...] = (
    ("", jobs.job),
    ("/cancel", jobs.cancel),
    ("/events", events.events),
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
    ("/kml/mapImage.kmz", mapkml.map_image),
    ("/generateKml", _in_thread(mapkml.generate)),
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
_UPLOAD, _UPLOAD_PART = _in_thread(uploads.upload), _in_thread(uploads.upload_part)
_UPLOADS: tuple[tuple[str, Handler], ...] = (
    ("", _in_thread(uploads.items)),
    ("/info", _in_thread(uploads.info)),
    ("/upload", _UPLOAD),
    ("/register", _in_thread(uploads.register)),
    ("/{item}", _in_thread(uploads.item)),
    ("/{item}/uploadPart", _UPLOAD_PART),
    ("/{item}/parts", _in_thread(uploads.parts)),
    ("/{item}/commit", _in_thread(uploads.commit)),
    ("/{item}/download", _in_thread(uploads.download)),
    ("/{item}/delete", _in_thread(uploads.delete)),
)
_ADMIN: tuple[tuple[str, Handler], ...] = (
    ("", _in_thread(admin.jobs)),
    ("/query", _in_thread(admin.query)),
    ("/statistics", _in_thread(admin.statistics)),
    ("/purgeQueue", _in_thread(admin.purge_queue)),
    ("/{job_id}", _in_thread(admin.job)),
    ("/{job_id}/cancel", _in_thread(admin.cancel)),
    ("/{job_id}/delete", _in_thread(admin.delete)),
    ("/{job_id}/pin", _in_thread(admin.pin)),
    ("/{job_id}/unpin", _in_thread(admin.unpin)),
)
_WEBHOOKS: tuple[tuple[str, Handler], ...] = (
    ("", _in_thread(webhooks.webhooks)),
    ("/create", _in_thread(webhooks.create)),
    ("/deleteAll", _in_thread(webhooks.delete_all)),
    ("/activateAll", _in_thread(webhooks.activate_all)),
    ("/deactivateAll", _in_thread(webhooks.deactivate_all)),
    ("/{webhook}", _in_thread(webhooks.webhook)),
    ("/{webhook}/edit", _in_thread(webhooks.edit)),
    ("/{webhook}/delete", _in_thread(webhooks.delete)),
    ("/{webhook}/notificationStatus", _in_thread(webhooks.notification_status)),
)
_FROM_FILES = {_UPLOAD, _UPLOAD_PART}
_AROUND_A_FILE = 1 << 20  # bytes of boundaries, headers and short fields
_TOKENS: tuple[tuple[str, Handler], ...] = (
    ("/arcgis/tokens", tokens.generate_token),
    ("/arcgis/tokens/generateToken", tokens.generate_token),
    ("/tokens", tokens.generate_token),
    ("/tokens/generateToken", tokens.generate_token),
    (SIGN_IN, tokens.sign_in),
    (SIGN_OUT, tokens.sign_out),
)
# For everybody, and a token that is over changes nothing here.
_OPEN = {directory.info, directory.health, directory.static, *(handler for _, handler in _TOKENS)}
_PICTURES = "/arcgis/rest/directories/arcgisoutput/{file}"
_FILES = "/arcgis/rest/directories/arcgisjobs/{place:path}/{job_id}/scratch/{file:path}"


def routes(site: Site) -> list[BaseRoute]:
    """Every resource, at its ArcGIS URL and at its short one; the most polled come first."""
    long, short, shortest = SERVICES + "/{service:path}/GPServer/{task}", "/{service:path}/{task}", "/{task}"
    table: list[tuple[str, Handler]] = []
    table += [(f"{long}/jobs/{{job_id}}{end}", handler) for end, handler in _JOB]
    # No task is called info or uploads.
    table += [(SERVICES + "/{service:path}/GPServer" + end, handler) for end, handler in _INFO]
    table += [(f"{SERVICES}/{{service:path}}/GPServer/uploads{end}", handler) for end, handler in _UPLOADS]
    table += [(long + end, handler) for end, handler in _TASK]
    place = "/arcgis/admin/services/{service:path}.GPServer"
    table += [(place, _in_thread(managed.service))]
    table += [(f"{place}/jobs{end}", handler) for end, handler in _ADMIN]
    table += [(f"{place}/webhooks{end}", handler) for end, handler in _WEBHOOKS]
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
        *(_TOKENS if site.guard else ()),
        ("/arcgis/rest/info", directory.info),
        ("/arcgis/rest/info/healthcheck", directory.health),
        ("/arcgis/rest/static/{file:path}", directory.static),
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
    files = site.engine.uploads.most_bytes + _AROUND_A_FILE
    return [_route(site, path, handler, files if handler in _FROM_FILES else None) for path, handler in table]


def _route(site: Site, path: str, handler: Handler, most: int | None) -> Route:
    admission = ADMISSION if site.guard and handler not in _OPEN else None
    return Route(path, Answering(endpoint(handler, site, admission, most)), methods=["GET", "POST"])
