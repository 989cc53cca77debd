"""Layers: publish, describe, change, drop; and what is asked of their rows as a whole."""

import re
from dataclasses import replace
from typing import Any

from starlette.concurrency import run_in_threadpool

from gpserver.errors import Conflict, GPServerError, InvalidRequest
from gpserver.evergis.published import default_parameters, is_layer
from gpserver.layers import Attribute, LayerInfo
from gpserver.protocols.evergis.asking import ask
from gpserver.protocols.evergis.catalogue import Catalogue
from gpserver.protocols.evergis.layerinfo import configuration, layer_info
from gpserver.protocols.evergis.publishing import attribute, described, read_configuration
from gpserver.protocols.evergis.wire import Call, Routes


async def publish(call: Call) -> dict[str, Any]:
    """``POST /layers``: make a layer, over a new table, one that is there, or the rows of a SELECT.

    Raises:
        InvalidRequest: The configuration is wrong.
        Conflict: There is such a layer.
        NotFound: There is no such folder, or no layer that the SELECT names.
        Forbidden: The namespace is another user's.
    """
    body = await call.json(dict[str, Any])
    sent = body.get("configuration") or body
    if not isinstance(sent, dict):
        raise InvalidRequest("'configuration' is not the description of a layer.")
    sent |= await run_in_threadpool(_folder, call, sent.get("parentId"))
    info = _in_namespace(call, described(read_configuration(sent), sent))
    there = await run_in_threadpool(_found, call, info.name)
    if there and is_layer(there):
        raise Conflict(f"The layer {info.name} already exists.")
    if there:
        facts: dict[str, Any] = {"configuration": info.configuration, "alias": info.alias or there.alias}
        return layer_info(await run_in_threadpool(lambda: call.site.layers.change(info.name, **facts)))
    if eql := _select_of(info):
        info = await _view(call, info, eql)
    return layer_info(await run_in_threadpool(call.site.layers.create, info))


async def layer(call: Call) -> dict[str, Any]:
    """``GET /layers/{name}``: what a layer is.

    Raises:
        NotFound: There is none.
    """
    return layer_info(await run_in_threadpool(call.site.layers.find, call.part("name")))


async def several(call: Call) -> list[dict[str, Any]]:
    """``GET /layers/batchInfo?layerNames=``: those layers that are there."""
    found = [await run_in_threadpool(_found, call, name) for name in call.texts("layerNames")]
    return [layer_info(info) for info in found if info]


async def change(call: Call) -> dict[str, Any]:
    """``PATCH /layers/{name}``: the members that are sent replace those of the configuration.

    New attributes become columns; none is dropped, since other layers may show its values.

    Raises:
        NotFound: There is no such layer.
        InvalidRequest: The configuration is wrong.
        Forbidden: The layer is not the caller's.
    """
    body, name = await call.json(dict[str, Any]), call.part("name")
    info = await run_in_threadpool(call.site.layers.find, name)
    sent = configuration(info) | info.configuration | body | {"name": name}
    sent |= await run_in_threadpool(_folder, call, body.get("parentId"))
    wanted = read_configuration(sent)
    facts: dict[str, Any] = {"configuration": sent}
    facts |= {key: sent[key] for key in ("alias", "description") if isinstance(body.get(key), str)}
    if (listed := wanted.attributes_configuration) and listed.attributes is not None:
        given = {item.name: item for item in map(attribute, filter(lambda i: i.is_column, listed.attributes))}
        facts["attributes"] = _merged(info, given)
    if "eql" in body and sent.get("createTable") is False:
        found = await _view(call, replace(info, configuration=sent, attributes=()), str(body["eql"]))
        facts["attributes"] = found.attributes
    return layer_info(await run_in_threadpool(lambda: call.site.layers.change(name, **facts)))


async def drop(call: Call) -> bool:
    """``DELETE /layers/{name}``, or of a table: it and its rows are gone.

    Raises:
        NotFound: There is none.
        Forbidden: It is not the caller's.
    """
    await run_in_threadpool(call.site.layers.drop, call.part("name"))
    return True


async def exists(call: Call) -> bool:
    """``GET /layers/{name}/exists``."""
    return await run_in_threadpool(_found, call, call.part("name")) is not None


async def dependencies(call: Call) -> dict[str, Any]:
    """``GET /layers/{name}/dependencies``: the layers that show rows of this one by a SELECT."""
    name = (await run_in_threadpool(call.site.layers.find, call.part("name"))).name
    mentioned = re.compile(rf"(?<![\w.]){re.escape(name)}(?![\w.])")
    others = await run_in_threadpool(call.site.layers.all)
    found = [info.name for info in others if info.name != name and mentioned.search(_eql(info))]
    return {"name": name, "dependencies": [{"name": other, "type": "Layer"} for other in found]}


async def extent(call: Call) -> Any:
    """``GET /layers/{name}/extent``: an EnvelopeDc.

    Raises:
        NotFound: There is no such layer, or it has no geometry.
    """
    code = call.number("srId", 0) or None
    return await ask(
        call, "layer_answers:extent", name=call.part("name"), query=_conditions(call), sr_id=code
    )


async def distincts(call: Call) -> Any:
    """``GET /layers/{name}/distincts``: the values of an attribute, and how often each is there.

    Raises:
        NotFound: There is no such layer.
        InvalidRequest: There is no such attribute.
    """
    return await ask(
        call,
        "layer_answers:distincts",
        name=call.part("name"),
        attribute=call.parameters.text("attribute"),
        query=_conditions(call),
        starts_with=call.parameters.text("startsWith"),
        limit=call.number("limit", 0),
    )


async def aggregates(call: Call) -> Any:
    """``GET /layers/{name}/aggregate-values``: a statistic of an attribute, for each group.

    Raises:
        NotFound: There is no such layer.
        InvalidRequest: There is no such attribute or function.
    """
    asked = call.parameters
    return await ask(
        call,
        "layer_answers:aggregates",
        name=call.part("name"),
        attribute=asked.text("aggregationAttributeName"),
        function=asked.text("aggregationFunctionName"),
        groups=call.texts("groups"),
        sort=call.texts("sort"),
        query=_conditions(call),
    )


async def classify(call: Call) -> Any:
    """``GET /layers/{name}/classify``: classes of the values of an attribute.

    Raises:
        NotFound: There is no such layer.
        InvalidRequest: There is no such attribute or method, or it holds no numbers.
    """
    return await ask(
        call,
        "classes:classified",
        name=call.part("name"),
        attribute=call.parameters.text("attribute"),
        classes=call.number("classes", 6),
        precision=call.number("precision", 3),
        type=call.parameters.text("type", "naturalBreaks"),
    )


async def validate(call: Call) -> Any:
    """``GET /layers/{name}/validateExpression``: whether it can be calculated, and the type of its values.

    Raises:
        NotFound: There is no such layer.
    """
    expression = call.parameters.text("expression")
    return await ask(call, "layer_answers:validation", name=call.part("name"), expression=expression)


def _conditions(call: Call) -> dict[str, Any]:
    condition = call.parameters.text("condition")
    return {"conditions": [condition] if condition else []}


def _in_namespace(call: Call, info: LayerInfo) -> LayerInfo:
    """The layer by its full name; one without a namespace is in the caller's."""
    return info if "." in info.name else replace(info, name=f"{call.caller.name or 'public'}.{info.name}")


def _folder(call: Call, key: Any) -> dict[str, str]:
    """The folder that a client names by its id or its path.

    Raises:
        NotFound: There is none.
    """
    return {"parentId": Catalogue(call.site.layers).find(str(key)).id} if key else {}


def _found(call: Call, name: str) -> LayerInfo | None:
    try:
        return call.site.layers.find(name)
    except GPServerError:
        return None


def _select_of(info: LayerInfo) -> str:
    """The SELECT whose rows a new layer shows; empty where it has rows of its own."""
    sent = info.configuration
    eql, table = sent.get("eql"), (sent.get("attributesConfiguration") or {}).get("tableName")
    if sent.get("createTable"):
        return ""
    if table and table != info.name and not eql:
        return f"SELECT * FROM {table}"  # noqa: S608 - it is parsed and checked before it runs
    own = re.fullmatch(r"\s*select\s+\*\s+from\s+(\S+?)\s*;?\s*", str(eql or ""), re.IGNORECASE)
    return "" if own and own[1].replace('"', "") == info.name else str(eql or "")


async def _view(call: Call, info: LayerInfo, eql: str) -> LayerInfo:
    """A layer that shows the rows of a SELECT: with its columns, unless the client lists attributes.

    Raises:
        InvalidRequest: The SELECT cannot be read or run.
    """
    sent = info.configuration | {"eql": eql, "createTable": False}
    info = replace(info, configuration=sent)
    columns = await ask(call, "eql_answers:columns", text=eql, parameters=default_parameters(info))
    types = {item["name"]: item["type"] for item in columns}
    shape = next((item for item in columns if item["srId"]), None)
    listed = [replace(item, type=types[item.name]) for item in info.attributes if item.name in types]
    return replace(
        info,
        attributes=tuple(listed or (Attribute(name, kind) for name, kind in types.items())),
        geometry_attribute=shape and shape["name"],
        geometry_type=shape and shape["type"],
        sr_id=shape and shape["srId"],
    )


def _merged(info: LayerInfo, given: dict[str, Attribute]) -> tuple[Attribute, ...]:
    """The attributes of a layer as a client describes them now, of the types that they have, and new ones.

    Those that he leaves out are not shown any more; their values stay.
    """
    fixed = (info.id_attribute, info.geometry_attribute)
    hidden = {item.name: replace(item, displayed=item.name in fixed) for item in info.attributes}
    kept = [replace(given.get(name, item), type=item.type) for name, item in hidden.items()]
    return (*kept, *(item for name, item in given.items() if name not in info.names))


def _eql(info: LayerInfo) -> str:
    return str(info.configuration.get("eql") or "")


ROUTES: Routes = (
    (("POST",), "/layers", publish),
    (("GET",), "/layers/batchInfo", several),
    (("GET",), "/layers/{name}", layer),
    (("PATCH",), "/layers/{name}", change),
    (("DELETE",), "/layers/{name}", drop),
    (("GET",), "/layers/{name}/exists", exists),
    (("GET",), "/layers/{name}/dependencies", dependencies),
    (("GET",), "/layers/{name}/extent", extent),
    (("GET",), "/layers/{name}/distincts", distincts),
    (("GET",), "/layers/{name}/aggregate-values", aggregates),
    (("GET",), "/layers/{name}/classify", classify),
    (("GET",), "/layers/{name}/validateExpression", validate),
)
