"""Tables that keep the rows which a SELECT or a layer showed once."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from gpserver.eql import read_select
from gpserver.errors import Conflict
from gpserver.evergis.layer_query import Query, rows
from gpserver.layers import Layers


def of_select(
    layers: Layers, name: str, text: str, parameters: Mapping[str, Any], replaced: bool
) -> dict[str, Any]:
    """Keep the rows of a SELECT as a table.

    Raises:
        Conflict: There is such a table, and it is not to be ``replaced``.
        InvalidRequest: The SELECT cannot be read or run.
        NotFound: It names a layer that is not there.
        Forbidden: The namespace is another user's.
    """
    _refuse_taken(layers, name, replaced)
    frame = layers.select(read_select(text, parameters))
    return _kept(layers, name, frame, {"eql": text, "eqlParameters": dict(parameters)})


def of_layer(
    layers: Layers,
    name: str,
    layer: str,
    conditions: Sequence[str],
    parameters: Mapping[str, Any],
    replaced: bool,
) -> dict[str, Any]:
    """Keep the rows of a layer under conditions as a table; as :func:`of_select`."""
    _refuse_taken(layers, name, replaced)
    frame = rows(layers, layer, Query(conditions=conditions, parameters=parameters))
    return _kept(layers, name, frame, {"layer": layer})


def _refuse_taken(layers: Layers, name: str, replaced: bool) -> None:
    if layers.exists(name) and not replaced:
        raise Conflict(f"The table {name} already exists.")


def _kept(layers: Layers, name: str, frame: pd.DataFrame, origin: dict[str, Any]) -> dict[str, Any]:
    if layers.exists(name):
        layers.drop(name)
    layers.write(name, frame)
    layers.change(name, configuration={"columns": True, "materialized": origin})
    return {"count": len(frame)}
