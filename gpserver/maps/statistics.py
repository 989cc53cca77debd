"""The statistics of a query: outStatistics, groupByFieldsForStatistics, having and order."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from gpserver.errors import InvalidRequest
from gpserver.maps.aggregates import KINDS, PERCENTILES, Aggregate, aggregated
from gpserver.maps.order import sorted_rows
from gpserver.maps.sql.tree import read_tree, shown
from gpserver.maps.where import (
    Columns,
    Expression,
    compile_expression,
    condition_of,
    expression_of,
    parse_order,
)

Field = Mapping[str, Any]

_MOST = 100  # statistics in one request
_LENGTH = 255  # what ArcGIS gives a text field that nobody measured
_HAVING = {
    exp.Count: "count",
    exp.Sum: "sum",
    exp.Min: "min",
    exp.Max: "max",
    exp.Avg: "avg",
    exp.Stddev: "stddev",
    exp.StddevSamp: "stddev",
    exp.Variance: "var",
}


def statistics(
    definitions: Sequence[Field],
    group_by: Sequence[str],
    having: str,
    order: str,
    fields: Sequence[Field],
    columns: Columns,
    rows: int,
) -> tuple[list[dict[str, Any]], list[Any]]:
    """The statistics of rows, one row per group; without groups, one row also for no rows at all.

    NULL is counted nowhere, and is a group of its own; what has no value is NULL, but a count is 0. STDDEV
    and VAR are those of a sample.

    Args:
        definitions: Esri's outStatistics.
        group_by: Fields or expressions.
        having: A condition on aggregates (``SUM(POP) > 5``), groups and names of statistics; or "".
        order: By names of groups and statistics; "" is the order of the groups' own values.
        fields: Esri fields of the columns.
        columns: The column of a field, by its declared name; all of them have ``rows`` values.
        rows: How many rows there are.

    Returns:
        Esri fields and columns: those of the groups, then the statistics.

    Raises:
        InvalidRequest: One of these cannot be understood or computed.
    """
    keys = [compile_expression(text, fields) for text in group_by]
    wanted = _read(definitions, fields)
    condition, implied = _having(having, fields)
    described = [_key_field(number, key, fields) for number, key in enumerate(keys, 1)]
    described += [_field(item.name, item.type, item.name) for item in [*wanted, *implied]]
    visible = _distinct(described)[: len(keys) + len(wanted)]
    sorting = parse_order(order, visible) or [(field["name"], False) for field in described[: len(keys)]]
    results = aggregated(keys, [*wanted, *implied], cache(columns), rows)
    table = pa.table(results, [field["name"] for field in described])
    if condition is not None:
        kept = condition_of(condition, described).mask(_columns(table), table.num_rows)
        table = table.filter(pa.array(kept))
    if sorting:
        table = table.take(pa.array(sorted_rows(_columns(table), sorting, table.num_rows)))
    settled = [_settled(field, _columns(table)(field["name"])) for field in visible]
    return [field for field, _ in settled], [column for _, column in settled]


def _columns(table: Any) -> Columns:
    return lambda name: table[name].combine_chunks()


def _read(definitions: Any, fields: Sequence[Field]) -> list[Aggregate]:
    if not isinstance(definitions, list) or not 0 < len(definitions) <= _MOST:
        raise InvalidRequest(f"outStatistics is a JSON list of 1 to {_MOST} statistics.")
    return [_statistic(number, definition, fields) for number, definition in enumerate(definitions, 1)]


def _statistic(number: int, definition: Any, fields: Sequence[Field]) -> Aggregate:
    if not isinstance(definition, Mapping):
        raise InvalidRequest("outStatistics: each statistic is a JSON object.")
    kind = str(definition.get("statisticType")).lower()
    if kind not in KINDS:
        raise InvalidRequest(f'outStatistics: "{kind}" is no statisticType; there are {", ".join(KINDS)}.')
    of = compile_expression(str(definition.get("onStatisticField")), fields)
    name = definition.get("outStatisticFieldName") or f"{kind.upper()}_{of.field or number}"
    if kind not in PERCENTILES:
        return Aggregate(kind, of, str(name))
    return Aggregate(kind, of, str(name), *_percentile_parameters(definition))


def _percentile_parameters(definition: Field) -> tuple[float, bool]:
    parameters = definition.get("statisticParameters")
    parameters = parameters if isinstance(parameters, Mapping) else {}
    share = parameters.get("value")
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise InvalidRequest('outStatistics: a percentile has "statisticParameters": {"value": 0 to 1}.')
    return float(share), str(parameters.get("orderBy")).lower() == "desc"


def _having(text: str, fields: Sequence[Field]) -> tuple[Any, list[Aggregate]]:
    """The condition with fields in the place of its aggregates, and the aggregates that these fields are."""
    implied: list[Aggregate] = []

    def replaced(node: Any) -> Any:
        is_var = isinstance(node, exp.Anonymous) and node.name.lower() == "var"
        kind = "var" if is_var else _HAVING.get(type(node))
        if kind is None:
            return node
        arguments = node.expressions if is_var else [node.this, *node.expressions]
        if len(arguments) != 1:
            raise InvalidRequest(f"{shown(node)}: an aggregate has one argument.")
        of = exp.Literal.number(1) if isinstance(arguments[0], exp.Star) else arguments[0]
        implied.append(Aggregate(kind, expression_of(of, fields), f"aggregate {len(implied)}"))
        return exp.column(implied[-1].name, quoted=True)

    return read_tree(text).transform(replaced) if text.strip() else None, implied


def _key_field(number: int, key: Expression, fields: Sequence[Field]) -> dict[str, Any]:
    if key.field is None:
        return _field(f"EXPR_{number}", key.type, key.text)
    alias = next(field.get("alias") for field in fields if field["name"] == key.field)
    return _field(key.field, key.type, alias or key.field)


def _field(name: str, type: str, alias: str) -> dict[str, Any]:
    # In a table of groups, object ids are numbers like others.
    return {"name": name, "type": type.replace("OID", "Integer"), "alias": alias}


def _distinct(fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = [field["name"].lower() for field in fields]
    twins = {name for name in names if names.count(name) > 1}
    if twins:
        raise InvalidRequest(
            f"The answer would have two fields {twins.pop()}: give statistics names of their own."
        )
    return fields


def _settled(field: dict[str, Any], column: Any) -> tuple[dict[str, Any], Any]:
    """A field with what only its values tell: how many bits they need, how long they are."""
    if field["type"] == "esriFieldTypeInteger":
        try:
            return field, column.cast(pa.int32())
        except pa.ArrowInvalid:
            return field | {"type": "esriFieldTypeBigInteger", "length": 8}, column.cast(pa.int64())
    if field["type"] == "esriFieldTypeString":
        return field | {"length": max(_LENGTH, pc.max(pc.utf8_length(column)).as_py() or 0)}, column
    return field | ({"length": 8} if field["type"] == "esriFieldTypeDate" else {}), column
