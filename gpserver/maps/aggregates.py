"""Aggregates of columns by groups of rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpserver.errors import InvalidRequest
from gpserver.maps.percentiles import percentile
from gpserver.maps.sql.operators import one_zero
from gpserver.maps.where import Columns, Expression

_SAMPLE = pc.VarianceOptions(ddof=1)
# Arrow's name and options of each aggregate.
_ARROW: Mapping[str, tuple[str, Any]] = {
    "count": ("count", None),
    "sum": ("sum", None),
    "min": ("min", None),
    "max": ("max", None),
    "avg": ("mean", None),
    "stddev": ("stddev", _SAMPLE),
    "var": ("variance", _SAMPLE),
}
PERCENTILES = ("percentile_cont", "percentile_disc")
KINDS = (*_ARROW, *PERCENTILES)
_OF_NUMBERS = {"sum", "avg", "stddev", "var", "percentile_cont"}
_NUMBERS = {
    f"esriFieldType{name}" for name in ("OID", "SmallInteger", "Integer", "BigInteger", "Single", "Double")
}


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One value for a group of rows.

    Attributes:
        kind: One of ``KINDS``.
        of: What is aggregated.
        name: The field that it becomes.
        share: A percentile's, from 0 to 1.
        descends: Whether a percentile counts from the highest value.

    Raises:
        InvalidRequest: The kind needs numbers, and there are none.
    """

    kind: str
    of: Expression
    name: str
    share: float = 0.5
    descends: bool = False

    def __post_init__(self) -> None:
        if self.kind in _OF_NUMBERS and self.of.type not in _NUMBERS:
            raise InvalidRequest(f"{self.kind} needs numbers, but {self.of.text} is {self.of.type}.")

    @property
    def type(self) -> str:
        """Its Esri type."""
        if self.kind == "count":
            return "esriFieldTypeInteger"
        return "esriFieldTypeDouble" if self.kind in _OF_NUMBERS else self.of.type


def aggregated(
    keys: Sequence[Expression], aggregates: Sequence[Aggregate], columns: Columns, rows: int
) -> list[Any]:
    """Columns of keys and of aggregates, with one value per group.

    Without keys, all rows are one group, even when there are none. NULL is a group of its own.

    Raises:
        InvalidRequest: An expression cannot be computed.
    """
    names = [f"key{number}" for number in range(len(keys))]
    arrays = {name: one_zero(key.values(columns, rows)) for name, key in zip(names, keys, strict=True)}
    inputs = [_input_name(item) for item in aggregates]
    for name, item in dict(zip(inputs, aggregates, strict=True)).items():
        arrays[name] = _input(item, columns, rows)
    asked = [
        (name, _ARROW[item.kind][0], item.kind)
        for name, item in zip(inputs, aggregates, strict=True)
        if item.kind in _ARROW
    ]
    specs = [(name, function, _ARROW[kind][1]) for name, function, kind in dict.fromkeys(asked)]
    # Which rows each group has costs as much as all the rest: only percentiles need it.
    by_rows = bool(names) and len(asked) < len(aggregates)
    if by_rows or not specs:
        arrays["row"] = np.arange(rows)
        specs.append(("row", "list" if by_rows else "count", None))
    found = pa.table(arrays).group_by(names, use_threads=False).aggregate(specs)

    def result(name: str, item: Aggregate) -> Any:
        if item.kind in _ARROW:
            return found[f"{name}_{_ARROW[item.kind][0]}"].combine_chunks()
        groups = found["row_list"].combine_chunks() if by_rows else pa.array([np.arange(rows)])
        continuous = item.kind == "percentile_cont"
        return percentile(arrays[name], groups, item.share, continuous=continuous, descends=item.descends)

    results = [result(*pair) for pair in zip(inputs, aggregates, strict=True)]
    return [found[name].combine_chunks() for name in names] + results


def _input_name(item: Aggregate) -> str:
    """Equal for aggregates of the same values."""
    return f"{'numbers' if item.kind in _OF_NUMBERS else 'values'} {item.of.text}"


def _input(item: Aggregate, columns: Columns, rows: int) -> Any:
    values = item.of.values(columns, rows)
    # Whole numbers too: a sum of them could leave their 64 bits.
    return values.cast(pa.float64(), safe=False) if item.kind in _OF_NUMBERS else values
