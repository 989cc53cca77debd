"""What the clerk is asked about the rows of a layer, and what he answers: values that JSON can write."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pyproj import Transformer
from pyproj.exceptions import ProjError

from gpserver.eql import read_expression, read_select
from gpserver.errors import GPServerError, InvalidRequest, InvalidValue, NotFound
from gpserver.evergis.feature_json import write_features, write_page
from gpserver.evergis.layer_query import Query, count, page, rows
from gpserver.evergis.published import quoted, source_of
from gpserver.layers import LayerInfo, Layers
from gpserver.layers.table import described
from gpserver.tools.statistics import FUNCTIONS, Groups, Statistic, statistics

_SAMPLE = 50  # rows that tell the types of an expression or a SELECT


def features(layers: Layers, name: str, query: dict[str, Any]) -> Iterator[bytes]:
    """A PagedFeaturesListDc as JSON text."""
    asked = Query(**query)
    frame, total = page(layers, name, asked)
    ids = frame[layers.find(name).id_attribute]
    return write_page(frame, ids, total=total, offset=asked.offset, limit=asked.limit or total)


def feature(layers: Layers, name: str, id: str, sr_id: int | None) -> Iterator[bytes]:
    """A FeatureDc as JSON text.

    Raises:
        NotFound: There is no such feature.
    """
    frame = rows(layers, name, Query(ids=[id], sr_id=sr_id))
    if frame.empty:
        raise NotFound(f"The layer {name} has no feature {id[:50]}.")
    return write_features(frame, frame[layers.find(name).id_attribute])


def feature_count(layers: Layers, name: str, query: dict[str, Any]) -> int:
    """How many rows hold a condition."""
    return count(layers, name, Query(**query))


def extent(layers: Layers, name: str, query: dict[str, Any], sr_id: int | None) -> dict[str, Any]:
    """An EnvelopeDc.

    Raises:
        NotFound: There is no geometry.
    """
    info, asked = layers.find(name), Query(**query, attributes=[])
    if not info.geometry_attribute:
        raise NotFound(f"{name} has no geometry.")
    frame = rows(layers, name, asked)
    bounds = frame.geometry.total_bounds if len(frame) else [float("nan")]
    if pd.isna(bounds).any():
        raise NotFound(f"The layer {name} has no geometry that would have an extent.")
    code = sr_id or info.sr_id
    xmin, ymin, xmax, ymax = _projected(bounds, info.sr_id, code)
    return {"coordinates": [[xmin, ymin], [xmax, ymax]], "srId": code}


def distincts(
    layers: Layers, name: str, attribute: str, query: dict[str, Any], starts_with: str, limit: int
) -> dict[str, Any]:
    """An AttributeDistinctsDc: the values as text, the most frequent first; null and '' are none."""
    frame = rows(layers, name, Query(**query, attributes=[attribute], geometry=False))
    values = frame[attribute].dropna().map(_text)
    values = values[(values != "") & values.str.startswith(starts_with)]
    counts = values.value_counts().rename_axis("value").reset_index(name="count")
    counts = counts.sort_values(["count", "value"], ascending=[False, True])
    chosen = counts.head(limit) if limit else counts
    return {"distincts": chosen.to_dict("records")}


def aggregates(
    layers: Layers,
    name: str,
    attribute: str,
    function: str,
    groups: Sequence[str],
    sort: Sequence[str],
    query: dict[str, Any],
) -> list[dict[str, Any]]:
    """A list of AggregationDataResultDc: one for each combination of the groups' values."""
    frame = rows(layers, name, Query(**query, attributes=[attribute, *groups], geometry=False))
    grouped = frame.groupby(list(groups), dropna=False, sort=True) if groups else None
    codes = grouped.ngroup() if grouped is not None else pd.Series(0, index=frame.index)
    keys = frame.loc[codes.drop_duplicates().index, list(groups)] if groups else pd.DataFrame(index=[0])
    keys = keys.set_index(codes[keys.index].to_numpy()).sort_index() if groups else keys
    wanted = Statistic(attribute, _function(function), "value")
    found = statistics(Groups(frame, np.asarray(codes, np.intp), len(keys)), [wanted]).set_index(keys.index)
    table = keys.assign(**{"\0value": found["value"]})
    for item in reversed(sort):
        if (by := item.lstrip("+-")) not in keys.columns:
            raise InvalidRequest(f"The result cannot be sorted by {by[:50]!r}, which is no group.")
        table = table.sort_values(by, ascending=not item.startswith("-"), kind="stable")
    return [
        {
            "attributes": {group: _plain(row[group]) for group in groups},
            "aggregationAttributeName": attribute,
            "aggregationFunctionName": function,
            "value": _plain(row["\0value"]),
        }
        for row in table.to_dict("records")
    ]


def validation(layers: Layers, name: str, expression: str) -> dict[str, Any]:
    """An ExpressionValidationResultDc: an expression of the first language, else of the second."""
    info = layers.find(name)
    try:
        kind, errors = _type_of(layers, info, expression), []
    except GPServerError as error:
        kind, errors = "Unknown", [str(error)]
    return {"isValid": not errors, "errors": errors, "returnType": kind, "expression": expression}


def evaluated(layers: Layers, info: LayerInfo, frame: pd.DataFrame, expression: str) -> "pd.Series[Any]":
    """The values of an expression for rows of a layer, by their index.

    Raises:
        InvalidValue: It is an expression of neither language; the text is that of the first.
    """
    try:
        return read_expression(expression).values(frame)
    except InvalidValue as first:
        text = f"SELECT {quoted(info.id_attribute)}, ({expression}\n) AS value FROM {source_of(info)}"  # noqa: S608 - it is parsed and checked
        try:
            found = layers.select(read_select(text)).set_index(info.id_attribute)["value"]
        except GPServerError:
            raise first from None
        return pd.Series(found.reindex(frame[info.id_attribute]).to_numpy(), index=frame.index)


def _type_of(layers: Layers, info: LayerInfo, expression: str) -> str:
    frame = rows(layers, info.name, Query(limit=_SAMPLE))
    values = evaluated(layers, info, frame, expression)
    _, made = described("temp.expression", pd.DataFrame({"value": values}), None)
    return made.attribute("value").type


def _projected(bounds: Any, code: int | None, wanted: int | None) -> Sequence[float]:
    if code == wanted or code is None:
        return [float(value) for value in bounds]
    try:
        return Transformer.from_crs(code, wanted, always_xy=True).transform_bounds(*bounds)
    except ProjError:
        raise InvalidRequest(f"The spatial reference {wanted} is not known.") from None


def _function(name: str) -> str:
    key = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    if key not in FUNCTIONS:
        raise InvalidRequest(f"There is no aggregation function {name[:50]!r}.")
    return key


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _plain(value: Any) -> Any:
    """A value that JSON has."""
    if isinstance(value, list | dict):
        return value
    if pd.isna(value):
        return None
    value = value.item() if hasattr(value, "item") else value
    return value if isinstance(value, str | int | float | bool) else _text(value)
