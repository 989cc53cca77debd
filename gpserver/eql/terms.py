"""Values that an expression computes with: Arrow columns and constants, each of one kind."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gpserver.errors import InvalidValue

_MOMENT, _LENGTH = pa.timestamp("us"), pa.duration("us")


class Kind(StrEnum):
    """What a value is, as messages say it."""

    NUMBER = "a number"
    TEXT = "a text"
    TRUTH = "true or false"
    DATE = "a date"
    PERIOD = "a period"
    MONTHS = "a period of months"
    NULL = "{null}"


@dataclass(frozen=True, slots=True)
class Term:
    """A value of each row, or one for all.

    Attributes:
        kind: What it is.
        values: An Arrow array, or a scalar.
        shown: What stands in the expression.
        literal: The value of a text in quotes.
    """

    kind: Kind
    values: Any
    shown: str
    literal: str | None = None

    @property
    def described(self) -> str:
        """How messages call it."""
        return self.shown if self.kind == Kind.NULL else f"{self.shown} ({self.kind})"


def column_term(frame: Any, name: str) -> Term:
    """The values of an attribute; NaN and NaT are null.

    Raises:
        InvalidValue: The frame has no such column, or one whose values no expression computes with.
    """
    if name not in frame.columns:
        names = ", ".join(map(str, frame.columns[:50]))
        raise InvalidValue(f"There is no attribute {name}. The attributes: {names}.")
    try:
        array = pa.array(frame[name], from_pandas=True)
        if isinstance(array, pa.ChunkedArray):
            array = array.combine_chunks()
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        kind, target = _kind_of(array.type)
        # Unsafe: what a timestamp has below a microsecond is cut off.
        values = array.cast(target, safe=not pa.types.is_temporal(target))
    except (pa.ArrowException, TypeError, ValueError):
        raise InvalidValue(
            f"The attribute {name} has values of a type that no expression can use: {frame[name].dtype}."
        ) from None
    return Term(kind, _clean(values), name)


def _clean(values: Any) -> Any:
    """Times with a zero where they are null: checked arithmetic calls NaT an overflow."""
    if not values.null_count or not pa.types.is_temporal(values.type):
        return values
    return pc.if_else(values.is_valid(), pc.fill_null(values, pa.scalar(0, values.type)), None)


def _kind_of(there: Any) -> tuple[Kind, Any]:
    """Kind and Arrow type that a column's values get."""
    for fits, kind, target in _KINDS:
        if fits(there):
            return kind, target
    raise TypeError(there)


_KINDS = (
    (pa.types.is_boolean, Kind.TRUTH, pa.bool_()),
    (pa.types.is_integer, Kind.NUMBER, pa.int64()),
    (pa.types.is_floating, Kind.NUMBER, pa.float64()),
    (pa.types.is_decimal, Kind.NUMBER, pa.float64()),
    (pa.types.is_string, Kind.TEXT, pa.large_string()),
    (pa.types.is_large_string, Kind.TEXT, pa.large_string()),
    (pa.types.is_timestamp, Kind.DATE, _MOMENT),
    (pa.types.is_date, Kind.DATE, _MOMENT),
    (pa.types.is_duration, Kind.PERIOD, _LENGTH),
    (pa.types.is_null, Kind.NULL, pa.null()),
)
CONSTANTS = {Kind.TEXT: pa.large_string(), Kind.DATE: _MOMENT, Kind.PERIOD: _LENGTH}
_NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


def as_series(term: Term, index: Any) -> "pd.Series[Any]":
    """One value per row, of a nullable type only where numpy's has no null: whole numbers, true or false."""
    values = term.values
    if isinstance(values, pa.Scalar):
        values = pa.repeat(values, len(index))
    series: pd.Series[Any] = values.to_pandas(types_mapper=_NULLABLE.get if values.null_count else None)
    return series.set_axis(index)


def truth(term: Term) -> Any:
    """The values of a condition.

    Raises:
        InvalidValue: It is none.
    """
    if term.kind == Kind.NULL:
        return pa.scalar(None, pa.bool_())
    if term.kind != Kind.TRUTH:
        raise InvalidValue(f"{term.described} is not true or false: compare it with something")
    return term.values
