"""The services directory: server info, folders and what they hold."""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from gpserver.errors import NotFound
from gpserver.formats import Resource, assets
from gpserver.protocols.esri.version import full_version
from gpserver.protocols.esri.wire import Call

SERVICES = "/arcgis/rest/services"

SHORT_LIVED = 60
"""Minutes that a token is good for when nobody asked for more or less."""


async def home(call: Call) -> Response:
    """The site's root: a person who types the host alone wants the directory."""
    return RedirectResponse(SERVICES)


async def info(call: Call) -> Resource:
    """``/rest/info``: the version, and where tokens are to be had if some are needed."""
    version = call.site.current_version
    authentication: dict[str, Any] = {"isTokenBasedSecurity": call.site.guard is not None}
    if call.site.guard:
        # No owningSystemUrl: clients would look for a portal there.
        authentication |= {
            "tokenServicesUrl": f"{call.root}/arcgis/tokens/",
            "shortLivedTokenValidity": SHORT_LIVED,
        }
    value = {
        "currentVersion": version,
        "fullVersion": full_version(version),
        "soapUrl": f"{call.root}/arcgis/services",
        "secureSoapUrl": None,
        "authInfo": authentication,
    }
    return Resource(value, "Server Info", path=call.path)


async def health(call: Call) -> Resource:
    """``/rest/info/healthcheck``: whether the server answers."""
    return Resource({"success": True}, "Health Check", path=call.path)


async def static(call: Call) -> Response:
    """``/rest/static/<file>``: style sheet, scripts and pictures of the pages.

    Raises:
        NotFound: There is no such file.
    """
    name = call.part("file")
    body = await run_in_threadpool(assets.asset, name)
    etag = f'"{assets.version(name)}"'
    lasting = call.parameters.text("v") == assets.version(name)
    headers = {
        "etag": etag,
        "cache-control": "public, max-age=31536000, immutable" if lasting else "no-cache",
        "x-content-type-options": "nosniff",
    }
    if call.request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(body.content, headers=headers, media_type=body.media_type)


async def folder(call: Call) -> Resource:
    """``/rest/services`` and ``/rest/services/<folder>``: folders, and services by their full names.

    Raises:
        NotFound: There is no such folder.
    """
    await refresh(call)
    catalog, name = call.site.catalog, call.part("folder")
    services = catalog.services(name)
    if name and name not in catalog.folders():
        raise NotFound(f"Folder {name} does not exist.")
    value = {
        "currentVersion": call.site.current_version,
        "folders": [] if name else catalog.folders(),
        "services": [
            {"name": item.full_name, "type": kind}
            for item in services
            for kind in ("GPServer", *["MapServer"] * item.result_map_service)
        ],
    }
    return Resource(
        value,
        f"Folder: {name or '/'}",
        page="folder",
        path=f"{SERVICES}/{name}" if name else SERVICES,
        facts={
            "root": SERVICES,
            "errors": catalog.errors,
            "descriptions": {item.full_name: item.description for item in services},
        },
    )


async def refresh(call: Call) -> None:
    """Take in what was edited in the services folder, off the event loop where a file must be loaded."""
    if call.site.catalog.changed():
        await run_in_threadpool(call.site.catalog.refresh)
