"""Tables: rows without a published layer, described by their columns."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.concurrency import run_in_threadpool

from gpserver.errors import InvalidRequest
from gpserver.evergis.steps import moment
from gpserver.layers import LayerInfo
from gpserver.protocols.evergis.asking import ask
from gpserver.protocols.evergis.catalogue import Catalogue
from gpserver.protocols.evergis.layerinfo import PERMISSIONS, geometry_type, table_id
from gpserver.protocols.evergis.layers import drop, exists
from gpserver.protocols.evergis.publishing import AttributeConfiguration, attribute
from gpserver.protocols.evergis.rasters import TABLE, TABLE_CONFIGURATION, catalogue, is_catalogue
from gpserver.protocols.evergis.wire import Call, Routes


class Table(msgspec.Struct, frozen=True, rename="camel"):
    """A new table: DetailedTableInfoDc, and that of 2023."""

    name: str
    columns: Annotated[tuple[AttributeConfiguration, ...], Meta(min_length=1)]
    alias: str | None = None
    description: str | None = None
    owner: str | None = None
    parent_id: str | None = None
    type: str | None = None
    configuration: dict[str, Any] | None = None


class Update(msgspec.Struct, frozen=True, rename="camel"):
    """UpdateTableDc."""

    columns_add: tuple[AttributeConfiguration, ...] | None = None
    columns_delete: tuple[str, ...] | None = None
    alias: str | None = None
    description: str | None = None


class View(msgspec.Struct, frozen=True, rename="camel"):
    """CreateViewFromQueryDc and CreateViewFromQueryLayerDc."""

    view_name: str
    eql: str | None = None
    layer_name: str | None = None
    conditions: tuple[str, ...] | None = None
    parameters: dict[str, Any] | None = None
    override: bool | None = None


async def create(call: Call) -> dict[str, Any]:
    """``POST /tables``: make a table; a layer over it is published by its name.

    Raises:
        InvalidRequest: A column is wrong.
        Conflict: The name is taken.
        NotFound: There is no such folder.
        Forbidden: The namespace is another user's.
    """
    asked = await call.json(Table)
    name = asked.name if "." in asked.name else f"{call.caller.name or 'public'}.{asked.name}"
    attributes = [attribute(item) for item in asked.columns]
    shapes = [item for item in asked.columns if item.geometry]
    if len(shapes) > 1:
        raise InvalidRequest(f"The table {name} has {len(shapes)} columns of geometry; it may have one.")
    shape = shapes[0] if shapes else None
    code = (shape.sr_id or shape.srid or 4326) if shape else None
    kept: dict[str, Any] = {"columns": True}
    if asked.parent_id:
        kept["parentId"] = (await run_in_threadpool(Catalogue(call.site.layers).find, asked.parent_id)).id
    info = LayerInfo(
        name,
        tuple(attributes),
        owner=asked.owner or "",
        alias=asked.alias or "",
        description=asked.description or "",
        geometry_attribute=(shape.name or shape.attribute_name) if shape else None,
        geometry_type=shape.geometry if shape else None,
        sr_id=4326 if code == 84 else code,
        configuration=kept,
    )
    if is_catalogue(asked.type, asked.configuration):
        info = catalogue(info)
    return _table_info(await run_in_threadpool(call.site.layers.create, info))


async def materialize(call: Call) -> dict[str, Any]:
    """``POST /tables/fromQuery`` and ``/tables/fromLayer``: keep rows as they are now; once more refreshes.

    Every view is a materialized one; one that follows its tables is a layer with a SELECT.

    Raises:
        Conflict: The name is taken, and ``override`` is not set.
        InvalidRequest: The SELECT or a condition is wrong.
        NotFound: A layer is not there.
        Forbidden: The namespace is another user's.
    """
    asked = await call.json(View)
    shared: dict[str, Any] = {"name": asked.view_name, "replaced": bool(asked.override)}
    shared["parameters"] = asked.parameters or {}
    if asked.layer_name:
        conditions = list(asked.conditions or ())
        await ask(call, "materialized:of_layer", layer=asked.layer_name, conditions=conditions, **shared)
    else:
        await ask(call, "materialized:of_select", text=asked.eql or "", **shared)
    return _table_info(await run_in_threadpool(call.site.layers.find, asked.view_name))


async def table(call: Call) -> dict[str, Any]:
    """``GET /tables/{name}``.

    Raises:
        NotFound: There is none.
    """
    return _table_info(await run_in_threadpool(call.site.layers.find, call.part("name")))


async def update(call: Call) -> dict[str, Any]:
    """``PATCH /tables/{name}``: columns that are added hold null, those that are deleted lose their values.

    Raises:
        NotFound: There is no such table.
        Forbidden: It is not the caller's.
    """
    asked, name = await call.json(Update), call.part("name")
    info = await run_in_threadpool(call.site.layers.find, name)
    facts: dict[str, Any] = {"attributes": _columns(info, asked)}
    facts |= {key: value for key in ("alias", "description") if (value := getattr(asked, key)) is not None}
    return _table_info(await run_in_threadpool(lambda: call.site.layers.change(name, **facts)))


def _columns(info: LayerInfo, asked: Update) -> Sequence[Any]:
    gone = set(asked.columns_delete or ())
    if fixed := gone & {info.id_attribute, info.geometry_attribute}:
        raise InvalidRequest(f"The column {fixed.pop()} cannot be deleted.")
    for name in gone:
        info.attribute(name)
    kept = [item for item in info.attributes if item.name not in gone]
    return (*kept, *(replace(attribute(item), name=item.name or "") for item in asked.columns_add or ()))


def _table_info(info: LayerInfo) -> dict[str, Any]:
    """A DetailedTableInfoDc."""
    columns = []
    for item in info.attributes:
        code = {"srId": info.sr_id} if item.is_geometry and info.sr_id else {}
        columns.append({"name": item.name, "type": item.type, "hasIndex": item.is_geometry, **code})
    shape, rasters = geometry_type(info), info.kind == "rasters"
    return {
        "name": info.name,
        "systemName": info.name,
        "type": TABLE if rasters else "Table",
        "alias": info.alias or info.name,
        "owner": info.owner,
        "description": info.description,
        "createdDate": moment(info.created),
        "changedDate": moment(info.changed),
        "permissions": PERMISSIONS,
        "resourceId": table_id(info),
        "tags": [],
        "geometries": [shape] if shape else [],
        "configuration": _configuration(info),
        "columns": columns,
    }


def _configuration(info: LayerInfo) -> dict[str, Any]:
    """What the table is made of."""
    if info.kind == "rasters":
        return {"type": TABLE_CONFIGURATION}
    if (origin := info.configuration.get("materialized")) is None:
        return {"type": "DefaultTableConfiguration", "tableName": info.name}
    select = {key: origin[key] for key in ("eql", "eqlParameters") if key in origin}
    return {"type": "MaterializedViewConfiguration", "tableName": info.name, **select}


ROUTES: Routes = (
    (("POST",), "/tables", create),
    (("POST",), "/tables/fromQuery", materialize),
    (("POST",), "/tables/fromLayer", materialize),
    (("GET",), "/tables/{name}", table),
    (("PATCH",), "/tables/{name}", update),
    (("DELETE",), "/tables/{name}", drop),
    (("GET",), "/tables/{name}/exists", exists),
)
