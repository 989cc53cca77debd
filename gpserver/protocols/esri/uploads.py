"""Uploaded files of a geoprocessing service: whole or in parts, looked at, fetched back and deleted."""

import re
from typing import Any

from starlette.responses import FileResponse

from gpserver.errors import InvalidRequest, NotFound
from gpserver.features.parse import read_json
from gpserver.formats import Resource
from gpserver.protocols.esri.version import takes_uploads
from gpserver.protocols.esri.wire import Call, MethodNotAllowed, NotSupported
from gpserver.publishing import Service
from gpserver.uploads import Upload
from gpserver.workspace import Spooled

# The number of a part, by the names that Esri's documentation and its clients give it.
_NUMBERS = ("partId", "partNumber", "partNum")

_MEGABYTE = 1_000_000


def items(call: Call) -> Resource:
    """``…/GPServer/uploads``: the items of the caller.

    Items that nobody owns are in no list: their ids are all that keeps strangers from them.
    """
    service, name = _service(call), call.caller.name
    found = call.site.engine.uploads.all() if name else ()
    mine = [_value(item) for item in found if (item.service, item.owner) == (service.full_name, name)]
    facts = {"types": call.site.engine.uploads.types}
    return Resource({"uploads": mine}, "Uploads", page="uploads", path=call.path, facts=facts)


def info(call: Call) -> Resource:
    """``…/uploads/info``: what may be uploaded; sizes in megabytes."""
    _service(call)
    limit, types = call.site.engine.uploads.most_bytes, call.site.engine.uploads.types
    value = {
        "maxUploadFileSize": limit // _MEGABYTE or limit / _MEGABYTE,
        "maxUploadFileSizeUnit": "MB",
        "allowedUploadFileTypes": ",".join(types),
    }
    return _page(call, value, "Upload Info")


def upload(call: Call) -> Resource:
    """``…/uploads/upload``: a whole file, the part ``file`` of a multipart body.

    Raises:
        InvalidRequest: There is no file, or its type is not taken.
        TooLarge: It is over the limit.
    """
    service = _service(_posted(call))
    return _done(call, keep(call, service, _file(call), call.parameters.text("description")))


def keep(call: Call, service: Service, file: Spooled, description: str = "") -> Upload:
    """Make an item of a file that came with a request.

    Raises:
        InvalidRequest: Files of its type are not taken.
        TooLarge: It is over the limit.
    """
    uploads = call.site.engine.uploads
    return uploads.add(file.path, file.name, description, service.full_name, call.caller.name)


def register(call: Call) -> Resource:
    """``…/uploads/register``: room for a file that comes in parts.

    Raises:
        InvalidRequest: The name is missing, or its type is not taken.
    """
    service, name = _service(_posted(call)), call.parameters.text("itemName")
    if not name:
        raise InvalidRequest("'itemName' is missing: the name of the file with its extension.")
    text = call.parameters.text("description")
    return _done(call, call.site.engine.uploads.register(name, text, service.full_name, call.caller.name))


def item(call: Call) -> Resource:
    """``…/uploads/<itemID>``: the item.

    Raises:
        NotFound: There is none.
    """
    found = _item(call)
    return Resource(_value(found), f"Item: {found.name}", page="upload", path=call.path)


def upload_part(call: Call) -> Resource:
    """``…/<itemID>/uploadPart``: one part, the part ``file`` of a multipart body, and its number.

    Raises:
        InvalidRequest: There is no file or no number, or the item is committed.
        TooLarge: The parts are over the limit together.
    """
    found = _item(_posted(call))
    text = next(filter(None, map(call.parameters.text, _NUMBERS)), "")
    number = _part_number(text)
    call.site.engine.uploads.add_part(found, number, _file(call).path)
    return _page(call, {"success": True, "partID": number}, "Upload Part", location=_place(call))


def parts(call: Call) -> Resource:
    """``…/<itemID>/parts``: the numbers of the parts that have come."""
    return _page(call, {"parts": call.site.engine.uploads.parts(_item(call))}, "Parts")


def commit(call: Call) -> Resource:
    """``…/<itemID>/commit``: the parts become the file.

    Raises:
        InvalidRequest: A part is missing, or the checksum is another.
    """
    found = _item(_posted(call))
    order = [_part_number(text) for text in _listed(call)]
    return _done(call, call.site.engine.uploads.commit(found, order, call.parameters.text("checksum")))


def download(call: Call) -> FileResponse:
    """``…/<itemID>/download``: the file, as something that no browser opens.

    Raises:
        NotFound: There is none, or not yet.
    """
    found = _item(call)
    return FileResponse(
        call.site.engine.uploads.content(found),
        media_type="application/octet-stream",
        filename=found.name,
        headers={"x-content-type-options": "nosniff", "cache-control": "no-cache"},
    )


def delete(call: Call) -> Resource:
    """``…/<itemID>/delete``: forget the item; jobs that have begun with it keep what they need."""
    call.site.engine.uploads.delete(_item(_posted(call)))
    return _page(call, {"success": True}, "Delete Item", location=_place(call).rpartition("/")[0])


def _service(call: Call) -> Service:
    if call.site.catalog.changed():
        call.site.catalog.refresh()
    found = call.site.catalog.service(call.part("service"))
    if not takes_uploads(found):
        raise NotSupported(f"Uploads are not supported: no task of {found.full_name} takes a file.")
    return found


def _item(call: Call) -> Upload:
    service, found = _service(call), call.site.engine.uploads.get(call.part("item"))
    strange = found.owner not in ("", call.caller.name) and not call.caller.is_administrator
    if strange or found.service != service.full_name:
        raise NotFound(f"There is no uploaded item {found.id}.")
    return found


def _posted(call: Call) -> Call:
    if call.request.method != "POST":
        raise MethodNotAllowed("This operation is done by POST alone.")
    return call


def _file(call: Call) -> Spooled:
    file = call.parameters.file("file")
    if file is None:
        raise InvalidRequest("There is no file: send it as the part 'file' of a multipart body.")
    return file


def _listed(call: Call) -> list[str]:
    """The elements of ``parts``: repeated keys, text with commas, or a JSON list."""
    texts: list[str] = []
    for value in call.parameters.values("parts"):
        if not isinstance(value, str):
            raise InvalidRequest("'parts' is too long.")
        found = read_json(value) if value.strip().startswith("[") else value.split(",")
        texts += [str(part).strip() for part in found]
    return [text for text in texts if text]


def _part_number(text: str) -> int:
    # The parts of an item "roads.zip" are also known as "roads.zip.1".
    match = re.search(r"(?:^|\.)(\d{1,9})$", text.strip('"'), re.ASCII)
    if match is None:
        raise InvalidRequest(f"'{text[:50]}' is not the number of a part; send it as partId.")
    return int(match[1])


def _place(call: Call) -> str:
    """The URL path of the item or of the uploads that an operation belongs to."""
    return call.path.rpartition("/")[0]


def _done(call: Call, found: Upload) -> Resource:
    base = call.path.partition("/uploads")[0]
    value = {"success": True, "item": _value(found)}
    return _page(call, value, found.name, location=f"{base}/uploads/{found.id}")


def _page(call: Call, value: Any, title: str, location: str = "") -> Resource:
    return Resource(value, title, path=call.path, location=location)


def _value(found: Upload) -> dict[str, Any]:
    return {
        "itemID": found.id,
        "itemName": found.name,
        "description": found.description,
        "date": int(found.date * 1000),
        "committed": found.committed,
    }
