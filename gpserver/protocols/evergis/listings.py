"""The lists of layers and tables of 2023; servers of 2024 have ``POST /resources`` instead."""

from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool

from gpserver.errors import InvalidRequest, NotFound
from gpserver.evergis.published import is_layer, is_virtual, table_of
from gpserver.evergis.steps import moment
from gpserver.layers import LayerInfo, Layers
from gpserver.protocols.evergis.layerinfo import PERMISSIONS
from gpserver.protocols.evergis.wire import Call, Routes

_PAGE = 20
_MOST = 1000
_LON_LAT = {4326: 84}  # what 4326 is called when the longitude comes first
_ORDERS: dict[str, Callable[[LayerInfo], Any]] = {
    "alias": lambda info: (info.alias or info.name).lower(),
    "changedDate": lambda info: info.changed,
    "name": lambda info: info.name,
}
_KINDS = {"linestring": "polyline", "multilinestring": "polyline", "multipolygon": "polygon"}


async def layers(call: Call) -> dict[str, Any]:
    """``GET /layers``: a page of the layers that the caller may read, his own unless ``group`` says more.

    Raises:
        InvalidRequest: They cannot be ordered so, or there is no such group.
    """
    return await run_in_threadpool(_page, call, is_layer, _layer)


async def tables(call: Call) -> dict[str, Any]:
    """``GET /tables``: a page of the tables, as :func:`layers`."""
    return await run_in_threadpool(_page, call, lambda info: not is_virtual(info), _table)


def _page(
    call: Call, wanted: Callable[[LayerInfo], bool], told: Callable[[Layers, LayerInfo], dict[str, Any]]
) -> dict[str, Any]:
    found = [info for info in call.site.layers.all() if wanted(info) and _fits(call, info)]
    for key in reversed(call.texts("orderByField")):
        if (name := key.lstrip("-+")) not in _ORDERS:
            raise InvalidRequest(f"'orderByField' is {', '.join(_ORDERS)}, not {name[:50]!r}.")
        found.sort(key=_ORDERS[name], reverse=key.startswith("-"))
    limit, offset = min(call.number("limit", _PAGE), _MOST), call.number("offset", 0)
    items = [told(call.site.layers, info) for info in found[offset : offset + limit]]
    return {"items": items, "totalCount": len(found), "offset": offset, "limit": limit}


def _fits(call: Call, info: LayerInfo) -> bool:
    group = call.parameters.text("group", "my").lower()
    if group not in ("my", "role", "public", "all"):
        raise InvalidRequest(f"'group' is my, role, public or all, not {group[:50]!r}.")
    mine = info.owner == call.caller.name
    if not {"my": mine, "role": not mine, "public": not mine and info.shared, "all": True}[group]:
        return False
    kinds = {_KINDS.get(kind.lower(), kind.lower()) for kind in call.texts("geometryFilter")}
    if kinds and _kind(info) not in kinds:
        return False
    names, text = call.texts("names"), call.parameters.text("filter").lower()
    if names and info.name not in names:
        return False
    start, text = text.startswith("^"), text.lstrip("^@")
    labels = (info.name.lower(), info.name.rpartition(".")[2].lower(), info.alias.lower())
    return any(label.startswith(text) if start else text in label for label in labels)


def _layer(layers: Layers, info: LayerInfo) -> dict[str, Any]:
    rows = _behind(layers, info)
    box = layers.extent(rows.name) if rows and rows.geometry_attribute else None
    return {
        "name": info.name,
        "type": "PostgresLayerService" if info.kind != "rasters" else "PostgresTileLayerService",
        **_shared(info),
        "ownerName": None,
        "minResolution": 0.0,
        "maxResolution": 0.0,
        "condition": info.configuration.get("condition"),
        "geometryType": _kind(info),
        "objectCount": rows.count if rows else None,
        "dataSourceType": "Table",
        "tags": None,
        "envelope": box and _envelope(box, info.sr_id),
    }


def _table(_: Layers, info: LayerInfo) -> dict[str, Any]:
    acl = [{"role": f"__{info.owner or 'public'}", "permissions": PERMISSIONS}]
    return {
        "rowCount": info.count,
        "geometries": [_kind(info)] if info.geometry_attribute else [],
        "type": "Table" if info.kind != "rasters" else "TileCatalogTable",
        "configuration": None,
        "name": info.name,
        **_shared(info),
        "acl": {"data": acl},
        "icon": None,
    }


def _shared(info: LayerInfo) -> dict[str, Any]:
    return {
        "alias": info.alias or info.name,
        "description": info.description,
        "owner": info.owner,
        "createdDate": moment(info.created),
        "changedDate": moment(info.changed),
        "permissions": PERMISSIONS,
        "preview": None,
        "invisibleInCatalog": False,
    }


def _behind(layers: Layers, info: LayerInfo) -> LayerInfo | None:
    """The layer whose rows are shown; None where a SELECT must be run to know them."""
    if not is_virtual(info):
        return info
    try:
        return layers.find(table_of(info)) if table_of(info) != info.name else None
    except NotFound:
        return None


def _envelope(box: tuple[float, float, float, float], code: int | None) -> dict[str, Any]:
    corners = [list(box[:2]), list(box[2:])]
    return {"coordinates": corners, "type": "envelope", "sr": _LON_LAT.get(code or 0, code)}


def _kind(info: LayerInfo) -> str | None:
    kind = (info.geometry_type or "").lower()
    return _KINDS.get(kind, kind) or None


ROUTES: Routes = (
    (("GET",), "/layers", layers),
    (("GET",), "/tables", tables),
)
