"""Attribute calculation: a field of every feature by an expression over the others."""

from typing import Any, Literal, Protocol, get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from geopandas import GeoDataFrame
from pandas import Series

from gpserver.errors import InvalidValue
from gpserver.tools.attributes import attributes_of, framed
from gpserver.tools.counts import counted

Kind = Literal["String", "Int32", "Int64", "Double", "DateTime", "Boolean"]

_TYPES: dict[str, pa.DataType] = {
    "String": pa.string(),
    "Int32": pa.int32(),
    "Int64": pa.int64(),
    "Double": pa.float64(),
    "DateTime": pa.timestamp("ms"),
    "Boolean": pa.bool_(),
}
_NULLABLE = {pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


class Expression(Protocol):
    """What gives a value for every feature at once."""

    def values(self, frame: GeoDataFrame) -> "Series[Any]":
        """The values of the features in their order, null where there is none."""
        ...


def calculate(
    frame: GeoDataFrame, name: str, expression: Expression, kind: Kind | None = None
) -> GeoDataFrame:
    """Give a field of every feature the value of an expression over its attributes.

    A field of that name, found in any case, is replaced where it stands; otherwise there is one more. The
    expression sees all values as they were before, so that a field may be calculated from itself. Geometry is
    not touched: null, invalid, Z and M stay what they are.

    Args:
        frame: The features.
        name: The field.
        expression: Its values.
        kind: The type of the field; None is that of the values.

    Raises:
        InvalidValue: The field is the geometry, or a value is none of that type.
    """
    if name.lower() == str(frame.active_geometry_name).lower():
        raise InvalidValue(f'"{name}" is the geometry; only attributes are calculated.')
    table = attributes_of(frame).reset_index(drop=True)
    label = next((each for each in table.columns if str(each).lower() == name.lower()), name)
    values = expression.values(frame).reset_index(drop=True)
    table[label] = values if kind is None else converted(values, kind, name)
    geometry = np.asarray(frame.geometry.array, dtype=object)
    found = framed(table, geometry, frame.crs, str(frame.active_geometry_name))
    return counted(found, read=len(frame))


def converted(values: "Series[Any]", kind: Kind, name: str) -> "Series[Any]":
    """Values as a type of field, null where they are null.

    As PostgreSQL casts them: numbers become whole ones by rounding, halves to the even one; text is read as
    a number, as a date of ISO 8601 (UTC where it names no zone) or as true and false; all else is written as
    text. Dates and numbers do not become each other.

    Args:
        values: The values.
        kind: The type: integers and Booleans are nullable, dates datetime64[ms] in UTC without a zone.
        name: Of the field, for the error.

    Raises:
        InvalidValue: There is no such type, or a value that is none of it; the text names both.
    """
    if kind not in _TYPES:
        raise InvalidValue(f'A field cannot be of type "{kind}"; use one of {", ".join(get_args(Kind))}.')
    target = _TYPES[kind]
    try:
        column = _plain(pa.array(values, from_pandas=True), target)
        if pa.types.is_floating(column.type) and pa.types.is_integer(target):
            column = pc.round(column, round_mode="half_to_even")
        found: Series[Any] = column.cast(target).to_pandas(types_mapper=_NULLABLE.get)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, ValueError) as error:
        raise InvalidValue(f'A value of "{name}" is no {kind}: {str(error).rstrip(".")}.') from error
    return found


def _plain(column: Any, target: pa.DataType) -> Any:
    """The values in a form that casts: text trimmed, or as dates where those are wanted; dates in UTC."""
    text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    if text and pa.types.is_timestamp(target):
        column = _dates(column)
    elif text and not pa.types.is_string(target):
        column = pc.utf8_trim_whitespace(column)
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ms"), safe=False)
    fits = pa.types.is_string(target) or pa.types.is_null(column.type)
    if not fits and pa.types.is_temporal(column.type) != pa.types.is_temporal(target):
        raise ValueError("dates and numbers do not become each other")
    return column


def _dates(texts: Any) -> Any:
    dates = pd.to_datetime(texts.to_pandas(), utc=True, format="ISO8601", errors="coerce")
    unread = texts.filter(pc.and_(texts.is_valid(), pa.array(dates.isna())))
    if len(unread):
        raise ValueError(f"{unread[0].as_py()!r} is not written as ISO 8601 has it")
    return pa.array(dates, from_pandas=True)
