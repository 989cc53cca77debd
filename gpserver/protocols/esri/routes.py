"""Which URL leads to which handler."""

from starlette.routing import BaseRoute, Route

from gpserver.protocols.esri import directory, gpserver, jobs
from gpserver.protocols.esri.directory import SERVICES
from gpserver.protocols.esri.wire import Handler, Site, endpoint

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
    ("/cancel", jobs.cancel),
)
_FILES = "/arcgis/rest/directories/arcgisjobs/{place:path}/{job_id}/scratch/{file:path}"


def routes(site: Site) -> list[BaseRoute]:
    """Every resource, at its ArcGIS URL and at its short one; the most polled come first."""
    long, short, shortest = SERVICES + "/{service:path}/GPServer/{task}", "/{service:path}/{task}", "/{task}"
    table: list[tuple[str, Handler]] = []
    table += [(f"{long}/jobs/{{job_id}}{end}", handler) for end, handler in _JOB]
    table += [(long + end, handler) for end, handler in _TASK]
    table += [
        (_FILES, jobs.file),
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
