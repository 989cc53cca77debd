"""EQL over all layers: the rows of a SELECT, and its columns."""

from typing import Any

import msgspec

from gpserver.layers import Attribute
from gpserver.protocols.evergis.asking import ask
from gpserver.protocols.evergis.layerinfo import attribute
from gpserver.protocols.evergis.wire import Call, Routes


class Request(msgspec.Struct, frozen=True, rename="camel"):
    """EqlRequestDc, as far as it matters here: there is one data source."""

    query: str
    geometry_field: str | None = None
    id_field: str | None = None
    offset: int | None = None
    limit: int | None = None
    withgeom: bool | None = None
    parameters: dict[str, Any] | None = None


async def query(call: Call) -> Any:
    """``POST /eql/query``: a page of rows.

    Raises:
        InvalidRequest: The SELECT cannot be read or run.
        NotFound: It names a layer that is not there.
    """
    asked = await call.json(Request)
    return await ask(
        call,
        "eql_answers:query",
        text=asked.query,
        parameters=asked.parameters or {},
        limit=None if asked.limit is None or asked.limit < 0 else asked.limit,
        offset=max(asked.offset or 0, 0),
        geometry=asked.withgeom is not False,
        geometry_field=asked.geometry_field or "",
        id_field=asked.id_field or "",
    )


async def description(call: Call) -> list[dict[str, Any]]:
    """``POST /eql/description``: the columns of the rows.

    Raises:
        InvalidRequest: The SELECT cannot be read or run.
        NotFound: It names a layer that is not there.
    """
    asked = await call.json(Request)
    columns = await ask(call, "eql_answers:columns", text=asked.query, parameters=asked.parameters or {})
    return [attribute(Attribute(item["name"], item["type"]), item["srId"]) for item in columns]


ROUTES: Routes = (
    (("POST",), "/eql/query", query),
    (("POST",), "/eql/description", description),
)
