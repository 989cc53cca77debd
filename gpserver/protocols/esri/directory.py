"""The services directory: server info, folders and what they hold."""

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from gpserver.errors import NotFound
from gpserver.formats import Resource
from gpserver.protocols.esri.version import full_version
from gpserver.protocols.esri.wire import Call

SERVICES = "/arcgis/rest/services"


async def home(call: Call) -> Response:
    """The site's root: a person who types the host alone wants the directory."""
    return RedirectResponse(SERVICES)


async def info(call: Call) -> Resource:
    """``/rest/info``: the version, and that no token is needed."""
    version = call.site.current_version
    value = {
        "currentVersion": version,
        "fullVersion": full_version(version),
        "soapUrl": f"{call.root}/arcgis/services",
        "secureSoapUrl": None,
        "authInfo": {"isTokenBasedSecurity": False},
    }
    return Resource(value, "Server Info", path=call.path)


async def health(call: Call) -> Resource:
    """``/rest/info/healthcheck``: whether the server answers."""
    return Resource({"success": True}, "Health Check", path=call.path)


async def folder(call: Call) -> Resource:
    """``/rest/services`` and ``/rest/services/<folder>``: folders, and services by their full names.

    Raises:
        NotFound: There is no such folder.
    """
    await refresh(call)
    catalog, name = call.site.catalog, call.part("folder")
    if name and name not in catalog.folders():
        raise NotFound(f"Folder {name} does not exist.")
    value = {
        "currentVersion": call.site.current_version,
        "folders": [] if name else catalog.folders(),
        "services": [
            {"name": item.full_name, "type": kind}
            for item in catalog.services(name)
            for kind in ("GPServer", *["MapServer"] * item.result_map_service)
        ],
    }
    return Resource(
        value,
        f"Folder: {name or '/'}",
        page="folder",
        path=f"{SERVICES}/{name}" if name else SERVICES,
        facts={"root": SERVICES, "errors": catalog.errors},
    )


async def refresh(call: Call) -> None:
    """Take in what was edited in the services folder, off the event loop where a file must be loaded."""
    if call.site.catalog.changed():
        await run_in_threadpool(call.site.catalog.refresh)
