"""The catalogue over HTTP: list, find, make folders, move, describe and remove."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from gpserver.errors import InvalidRequest, NotFound
from gpserver.protocols.evergis.catalogue import Catalogue, Item
from gpserver.protocols.evergis.layerinfo import PERMISSIONS
from gpserver.protocols.evergis.wire import Call, Routes

_PAGE = 20
_MOST = 10_000
_PUBLIC = "__public"


class Kind(msgspec.Struct, frozen=True):
    """A filter by type that says the name of the type in a member."""

    type: str | None = None


class Wanted(msgspec.Struct, frozen=True, rename="camel"):
    """ListResourcesDc."""

    parent_id: str | None = None
    filter: str | None = None
    owner_filter: str | None = None
    resource_types: list[str] | None = None
    types: list[str | Kind] | None = None
    order_by: list[str] | None = None
    system_names: list[str] | None = None
    geometry_types: list[str] | None = None


class Directory(msgspec.Struct, frozen=True, rename="camel"):
    """CreateDirectoryDc."""

    name: str
    parent_id: str | None = None
    owner: str | None = None
    description: str | None = None
    rewrite: bool | None = False


class Patch(msgspec.Struct, frozen=True, rename="camel"):
    """PatchResourceDc."""

    name: str | None = None
    description: str | None = None


class Move(msgspec.Struct, frozen=True, rename="camel"):
    """MoveResourceDc."""

    target_resource: str | None = None
    new_name: str | None = None


class RolePermission(msgspec.Struct, frozen=True):
    """RolePermissionDc."""

    role: str
    permissions: str


class AccessList(msgspec.Struct, frozen=True):
    """AccessControlListDc."""

    data: list[RolePermission] | None = None


async def listing(call: Call) -> dict[str, Any]:
    """``POST /resources``: a page of the items that fit.

    Raises:
        NotFound: There is no such folder.
    """
    wanted = await call.json(Wanted)
    limit, offset = min(call.number("limit", _PAGE), _MOST), call.number("offset", 0)
    found = await run_in_threadpool(_fitting, Catalogue(call.site.layers), wanted, call.caller.name)
    items = [item.facts for item in found[offset : offset + limit]]
    return {"totalCount": len(found), "offset": offset, "limit": limit, "items": items}


async def resource(call: Call) -> dict[str, Any]:
    """``GET /resources/{id or path}``.

    Raises:
        NotFound: There is none.
    """
    return await run_in_threadpool(_extended, Catalogue(call.site.layers), _key(call))


async def exists(call: Call) -> bool:
    """``GET /resources/exists/{id or path}``."""
    try:
        await run_in_threadpool(Catalogue(call.site.layers).find, _key(call))
    except NotFound:
        return False
    return True


async def parents(call: Call) -> list[dict[str, Any]]:
    """``GET /resources/{id}/parents``: the folders that an item is in, the outermost first.

    Raises:
        NotFound: There is no such item.
    """

    def found() -> list[dict[str, Any]]:
        catalogue = Catalogue(call.site.layers)
        item, above = catalogue.find(_key(call)), list[dict[str, Any]]()
        while item.parent:
            item = catalogue.find(item.parent)
            above.insert(0, {"resourceId": item.id, "name": item.name, "path": catalogue.path(item)})
        return above

    return await run_in_threadpool(found)


async def directory(call: Call) -> dict[str, Any]:
    """``POST /resources/directory``: make a folder; with ``rewrite`` one that is there will do.

    Raises:
        Conflict: The name is taken there.
        NotFound: There is no such parent.
    """
    asked = await call.json(Directory)

    def make() -> dict[str, Any]:
        resources, catalogue = call.site.layers.resources, Catalogue(call.site.layers)
        parent = catalogue.find(asked.parent_id).id if asked.parent_id else ""
        if asked.rewrite:
            for there in resources.listing(parent):
                if there.name == asked.name and there.type == "folder":
                    return _extended(catalogue, there.id)
        made = resources.add_folder(
            asked.name, parent, owner=asked.owner or "", description=asked.description or ""
        )
        return _extended(catalogue, made.id)

    return await run_in_threadpool(make)


async def patch(call: Call) -> dict[str, Any]:
    """``PATCH /resources/{id}``: rename an item (a layer gets another alias), or describe it.

    Raises:
        NotFound: There is none.
        Conflict: The name is taken there.
    """
    asked = await call.json(Patch)
    return await _changed(call, asked.name or "", None, asked.description)


async def move(call: Call) -> dict[str, Any]:
    """``POST /resources/move/{id}``: into another folder, under another name if one is given.

    Raises:
        NotFound: There is no such item or folder.
        Conflict: The name is taken there.
    """
    asked = await call.json(Move)
    return await _changed(call, asked.new_name or "", asked.target_resource or "", None)


async def remove(call: Call) -> Response:
    """``DELETE /resources/{id or path}?cascade=``: an item is gone, a layer with its table.

    Raises:
        NotFound: There is none.
        Conflict: The folder is not empty, and ``cascade`` is not set.
    """
    cascade = call.parameters.flag("cascade")

    def gone() -> None:
        catalogue = Catalogue(call.site.layers)
        item = catalogue.find(_key(call))
        if item.layer:
            call.site.layers.drop(item.layer.name)
            return
        inside = _inside(catalogue, item)
        call.site.layers.resources.remove(item.id, cascade)
        for name in inside if cascade else ():
            call.site.layers.drop(name)

    await run_in_threadpool(gone)
    return Response(status_code=200)


async def permissions(call: Call) -> dict[str, Any]:
    """``GET /resources/{id}/permissions``: the owner may do everything, the public read what is shared.

    Raises:
        NotFound: There is no such item.
    """
    item = await run_in_threadpool(Catalogue(call.site.layers).find, _key(call))
    owner = {"role": f"__{item.facts['owner'] or 'public'}", "permissions": PERMISSIONS}
    shared = item.layer is not None and item.layer.shared
    return {"data": [owner, *[{"role": _PUBLIC, "permissions": "read"}] * shared]}


async def permit(call: Call) -> Response:
    """``PUT /resources/{id}/permissions``: a layer that another role than its owner's may read is shared.

    Raises:
        NotFound: There is no such item.
        Forbidden: It is not the caller's.
    """
    asked = await call.json(AccessList)

    def share() -> None:
        item = Catalogue(call.site.layers).find(_key(call))
        if item.layer:
            own = f"__{item.layer.owner}"
            shared = any("read" in each.permissions and each.role != own for each in asked.data or ())
            call.site.layers.change(item.layer.name, shared=shared)

    await run_in_threadpool(share)
    return Response(status_code=200)


async def tags(call: Call) -> dict[str, Any]:
    """``GET /resources/tags``: there are none."""
    return {"totalCount": 0, "offset": 0, "limit": call.number("limit", 100), "items": []}


def _key(call: Call) -> str:
    return unquote(call.part("key")).strip("/")


def _extended(catalogue: Catalogue, key: str) -> dict[str, Any]:
    item = catalogue.find(key)
    return item.facts | {"path": catalogue.path(item)}


async def _changed(call: Call, name: str, parent: str | None, description: str | None) -> dict[str, Any]:
    def change() -> dict[str, Any]:
        catalogue, layers = Catalogue(call.site.layers), call.site.layers
        item = catalogue.find(_key(call))
        if item.layer:
            facts = _facts(item.layer.configuration, name, parent, description)
            layers.change(item.layer.name, **facts)
        else:
            layers.resources.change(item.id, name=name, parent=parent, description=description)
        return _extended(Catalogue(layers), item.id)

    return await run_in_threadpool(change)


def _facts(
    configuration: Mapping[str, Any], name: str, parent: str | None, description: str | None
) -> dict[str, Any]:
    facts: dict[str, Any] = {"alias": name} if name else {}
    facts |= {} if description is None else {"description": description}
    return facts | ({} if parent is None else {"configuration": {**configuration, "parentId": parent}})


def _inside(catalogue: Catalogue, folder: Item) -> list[str]:
    """The names of the layers in a folder, or in one that is in it."""
    folders, names, items = {folder.id}, list[str](), list(catalogue.all())
    for item in items:  # parents may come behind their children
        folders |= {item.id} if item.resource and item.parent in folders else set()
    for item in items:
        folders |= {item.id} if item.resource and item.parent in folders else set()
        if item.layer and item.parent in folders:
            names.append(item.layer.name)
    return list(dict.fromkeys(names))


def _fitting(catalogue: Catalogue, wanted: Wanted, caller: str) -> list[Item]:
    parent = catalogue.find(wanted.parent_id).id if wanted.parent_id else None
    types = {*(wanted.resource_types or ()), *(_type(item) for item in wanted.types or ())}
    pattern = _pattern(wanted.filter or "")
    names = None if wanted.system_names is None else set(wanted.system_names)
    shapes = set(wanted.geometry_types or ())
    found = [
        item
        for item in catalogue.all()
        if (parent is None or item.parent == parent)
        and (names is None or item.facts.get("systemName") in names)
        and (not types or item.type in types)
        and (not shapes or item.facts.get("geometryType") in shapes)
        and (wanted.owner_filter != "My" or item.facts["owner"] == caller)
        and (wanted.owner_filter not in ("Shared", "Public") or item.facts["owner"] != caller)
        and pattern.search(item.name)
    ]
    return _ordered(found, wanted.order_by or [])


def _type(item: str | Kind) -> str:
    return item if isinstance(item, str) else item.type or ""


def _pattern(text: str) -> re.Pattern[str]:
    """``text*`` starts with it, ``*text`` ends with it, anything else contains it."""
    start, end = text.startswith("*"), text.endswith("*")
    core = ".*".join(map(re.escape, text.strip("*").split("*")))
    whole = f"{'' if start or not end else '^'}{core}{'' if end or not start else '$'}"
    return re.compile(whole, re.IGNORECASE)


def _ordered(items: list[Item], keys: list[str]) -> list[Item]:
    for key in reversed(keys):
        name = key.lstrip("+-")
        if name not in ("name", "createdAt", "updatedAt", "type", "owner", "size", "systemName"):
            raise InvalidRequest(f"Resources cannot be ordered by {name[:50]!r}.")
        items.sort(key=lambda item, name=name: str(item.facts.get(name, "")), reverse=key.startswith("-"))  # type: ignore[misc]
    return items


ROUTES: Routes = (
    (("POST",), "/resources", listing),
    (("POST",), "/resources/directory", directory),
    (("GET",), "/resources/tags", tags),
    (("GET",), "/resources/exists/{key:path}", exists),
    (("POST",), "/resources/move/{key:path}", move),
    (("GET",), "/resources/{key:path}/parents", parents),
    (("GET",), "/resources/{key:path}/permissions", permissions),
    (("PUT",), "/resources/{key:path}/permissions", permit),
    (("GET",), "/resources/{key:path}", resource),
    (("PATCH",), "/resources/{key:path}", patch),
    (("DELETE",), "/resources/{key:path}", remove),
)
