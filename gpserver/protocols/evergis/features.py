"""Features of a layer: add, change, query, count, delete, by id or by condition."""

from typing import Any

import msgspec

from gpserver.protocols.evergis.asking import ask, in_payload
from gpserver.protocols.evergis.wire import Call, Routes


class Operation(msgspec.Struct, frozen=True):
    """How rows lie to a geometry of a query."""

    name: str | None = None
    buffer: float | None = None


class Filter(msgspec.Struct, frozen=True):
    """A geometry of a query."""

    geometry: str | None = None
    operation: Operation | None = None


class Asked(msgspec.Struct, frozen=True, rename="camel"):
    """GetFeaturesParametersDc."""

    conditions: list[str] | None = None
    parameters: dict[str, Any] | None = None
    geometries: list[Filter] | None = None
    ewkt_geometry: str | None = None
    offset: int | None = None
    limit: int | None = None
    sr_id: int | None = None
    with_geom: bool | None = None
    sort: list[str] | None = None
    ids: list[str | int] | None = None
    attributes: list[str] | None = None

    def query(self) -> dict[str, Any]:
        """The arguments of a :class:`gpserver.evergis.layer_query.Query`."""
        shapes = [msgspec.to_builtins(item) for item in self.geometries or ()]
        if self.ewkt_geometry:
            shapes.append({"geometry": self.ewkt_geometry})
        return {
            "conditions": [text for text in self.conditions or () if text.strip()],
            "parameters": self.parameters or {},
            "geometries": shapes,
            "ids": None if self.ids is None else [str(id_) for id_ in self.ids],
            "sort": self.sort or [],
            "attributes": self.attributes or None,
            "geometry": self.with_geom is not False,
            "sr_id": self.sr_id or None,
            "offset": max(self.offset or 0, 0),
            "limit": None if self.limit is None or self.limit < 0 else self.limit,
        }


class Edit(msgspec.Struct, frozen=True, rename="camel"):
    """EditAttributesInfoDc."""

    ids: list[int | str]
    attribute: str
    edit_expression: str


async def add(call: Call) -> Any:
    """``POST /layers/{name}/features``: add a list of FeatureDc.

    Raises:
        NotFound: There is no such layer.
        InvalidValue: The features cannot be read, or do not fit the layer.
        Forbidden: The layer is not the caller's.
    """
    additional = call.parameters.flag("allowAdditionalAttributes")
    body = in_payload(await call.body())
    return await ask(call, "layer_edits:add", name=call.part("name"), additional=additional, **body)


async def change(call: Call) -> Any:
    """``PATCH /layers/{name}/features``: change values and geometries, of a list of UpdateFeatureDc.

    Raises:
        NotFound: There is no such layer.
        InvalidValue: The features cannot be read, or do not fit the layer.
        Forbidden: The layer is not the caller's.
    """
    return await ask(call, "layer_edits:change", name=call.part("name"), **in_payload(await call.body()))


async def page(call: Call) -> Any:
    """``GET /layers/{name}/features``: a page of features.

    Raises:
        NotFound: There is no such layer.
        InvalidRequest: A condition, a geometry or an attribute is wrong.
    """
    asked = call.parameters
    condition = asked.text("query") or asked.text("condition")
    query = Asked(
        conditions=[condition],
        ewkt_geometry=asked.text("ewktGeometry"),
        offset=call.number("offset", 0),
        limit=call.number("limit", 0) or None,
        sr_id=call.number("srId", 0),
        with_geom=asked.flag("withGeom", default=True),
        sort=call.texts("sort"),
        ids=list(call.texts("ids")) or None,
        attributes=call.texts("attributes"),
    )
    return await ask(call, "layer_answers:features", name=call.part("name"), query=query.query())


async def query(call: Call) -> Any:
    """``POST /layers/{name}/features/query``: a page of features.

    Raises:
        NotFound: There is no such layer.
        InvalidRequest: The query is wrong.
    """
    asked = await call.json(Asked)
    return await ask(call, "layer_answers:features", name=call.part("name"), query=asked.query())


async def feature(call: Call) -> Any:
    """``GET /layers/{name}/features/{id}``.

    Raises:
        NotFound: There is no such layer or feature.
    """
    code = call.number("srId", 0) or None
    return await ask(call, "layer_answers:feature", name=call.part("name"), id=call.part("id"), sr_id=code)


async def count(call: Call) -> Any:
    """``GET`` or ``POST /layers/{name}/features/count``: how many features hold the conditions.

    Raises:
        NotFound: There is no such layer.
        InvalidRequest: A condition is wrong.
    """
    posted = call.request.method == "POST"
    asked = await call.json(Asked) if posted else Asked(conditions=[call.parameters.text("condition")])
    return await ask(call, "layer_answers:feature_count", name=call.part("name"), query=asked.query())


async def delete(call: Call) -> Any:
    """``DELETE /layers/{name}/features?id=`` and ``…/deleteByIds?ids=``.

    Raises:
        NotFound: There is no such layer.
        Forbidden: The layer is not the caller's.
    """
    ids = [*call.texts("id"), *call.texts("ids")]
    return await ask(call, "layer_edits:delete", name=call.part("name"), ids=ids)


async def delete_where(call: Call) -> Any:
    """``DELETE /layers/{name}/features/deleteByCondition?condition=``.

    Raises:
        NotFound: There is no such layer.
        InvalidRequest: There is no condition, or it is wrong.
        Forbidden: The layer is not the caller's.
    """
    condition = call.parameters.text("condition")
    return await ask(call, "layer_edits:delete_where", name=call.part("name"), condition=condition)


async def edit(call: Call) -> Any:
    """``POST /layers/{name}/features/edit-attributes``: an attribute gets the value of an expression.

    Raises:
        NotFound: There is no such layer.
        InvalidValue: There is no such attribute, or the expression is wrong.
        Forbidden: The layer is not the caller's.
    """
    asked = await call.json(Edit)
    return await ask(
        call,
        "layer_edits:edit_attribute",
        name=call.part("name"),
        ids=[str(id_) for id_ in asked.ids],
        attribute=asked.attribute,
        expression=asked.edit_expression,
    )


_FEATURES = "/layers/{name}/features"
ROUTES: Routes = (
    (("POST",), _FEATURES, add),
    (("PATCH",), _FEATURES, change),
    (("GET",), _FEATURES, page),
    (("DELETE",), _FEATURES, delete),
    (("POST",), f"{_FEATURES}/query", query),
    (("GET", "POST"), f"{_FEATURES}/count", count),
    (("DELETE",), f"{_FEATURES}/deleteByIds", delete),
    (("DELETE",), f"{_FEATURES}/deleteByCondition", delete_where),
    (("POST",), f"{_FEATURES}/edit-attributes", edit),
    (("GET",), f"{_FEATURES}/{{id}}", feature),
)
