"""Files that clients send and fetch: resources of 2024, and the temporary storage of 2023."""

import mimetypes
from typing import Any
from urllib.parse import quote, unquote

from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from gpserver.errors import InvalidRequest, NotFound, TooLarge
from gpserver.layers import Resource
from gpserver.protocols.evergis.catalogue import Catalogue
from gpserver.protocols.evergis.wire import Call, Routes
from gpserver.protocols.form import Parameters
from gpserver.workspace import Spooled

_AROUND_A_FILE = 1 << 20  # bytes of boundaries, headers and short fields


async def create(call: Call) -> dict[str, Any]:
    """``POST`` or ``PATCH /resources/file``: keep a file in a folder.

    Raises:
        InvalidRequest: No file was sent.
        TooLarge: It has more bytes than a file may have.
        ServerBusy: There is no space for it.
        Conflict: The name is taken there, and ``rewrite`` is not set.
        NotFound: There is no such folder, or with PATCH no such file.
    """
    form = await _form(call)
    return await run_in_threadpool(_kept, call, form)


async def upload(call: Call) -> dict[str, Any]:
    """``POST /upload/file``: keep a file in the temporary storage; its id is its name.

    Raises:
        InvalidRequest: No file was sent.
        TooLarge: It has more bytes than a file may have.
        ServerBusy: There is no space for it.
        Conflict: There is a file of this name, and ``rewrite`` is not set.
    """
    form = await _form(call)

    def keep() -> Resource:
        sent = _sent(call, form)
        resources, rewrite = call.site.layers.resources, form.flag("rewrite")
        return resources.add_file(sent.path, _name(sent.name), rewrite=rewrite, temporary=True)

    return {"fileId": (await run_in_threadpool(keep)).name, "url": None}


async def download(call: Call) -> Response:
    """``GET /resources/file/{id or path}``, and of 2023 ``GET /upload/file/{fileId}``.

    Raises:
        NotFound: There is no such file.
    """
    key = unquote(call.part("key"))
    path = await run_in_threadpool(call.site.layers.resources.file, key)
    name = key.rpartition("/")[2]
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    # Never a page: what somebody sent must not run as ours.
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "x-content-type-options": "nosniff",
    }
    return FileResponse(path, media_type=kind, headers=headers)


async def _form(call: Call) -> Parameters:
    most = max(call.site.max_body, call.site.engine.uploads.most_bytes + _AROUND_A_FILE)
    return await call.form(most)


def _sent(call: Call, form: Parameters) -> Spooled:
    if (sent := form.file("file")) is None:
        raise InvalidRequest("Send the file as 'file' of multipart/form-data.")
    most = call.site.engine.uploads.most_bytes
    if (size := sent.path.stat().st_size) > most:
        raise TooLarge(f"The file has {size} bytes; this server takes up to {most}.")
    return sent


def _name(text: str) -> str:
    """The name of a file without the folders that some clients send."""
    return text.replace("\\", "/").rpartition("/")[2]


def _kept(call: Call, form: Parameters) -> dict[str, Any]:
    sent, resources = _sent(call, form), call.site.layers.resources
    there = _there(call, form.text("resourceId"))
    name = form.text("fileName") or (there.name if there else "") or _name(sent.name)
    parent = there.parent if there else form.text("parentId")
    made = resources.add_file(
        sent.path,
        name,
        Catalogue(call.site.layers).find(parent).id if parent else "",
        owner=form.text("owner"),
        rewrite=bool(there) or form.flag("rewrite"),
        description=form.text("description"),
        temporary=form.flag("isTemporary"),
    )
    catalogue = Catalogue(call.site.layers)
    item = catalogue.find(made.id)
    return item.facts | {"path": catalogue.path(item)}


def _there(call: Call, key: str) -> Resource | None:
    """The file that is to be replaced.

    Raises:
        NotFound: There is none, though the request is a PATCH.
    """
    if call.request.method == "PATCH":
        return call.site.layers.resources.resource(key)
    try:
        return call.site.layers.resources.resource(key) if key else None
    except NotFound:
        return None


ROUTES: Routes = (
    (("POST", "PATCH"), "/resources/file", create),
    (("GET",), "/resources/file/{key:path}", download),
    (("POST",), "/upload/file", upload),
    (("GET",), "/upload/file/{key:path}", download),
)
