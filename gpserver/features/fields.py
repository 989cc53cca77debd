"""Attributes as they arrive: JSON values to columns by declared Esri field type."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from gpserver.errors import InvalidValue

_MILLISECONDS = pa.timestamp("ms")
_READ_AS = {
    "esriFieldTypeOID": pa.int64(),
    "esriFieldTypeSmallInteger": pa.int64(),
    "esriFieldTypeInteger": pa.int64(),
    "esriFieldTypeBigInteger": pa.int64(),
    "esriFieldTypeSingle": pa.float64(),
    "esriFieldTypeDouble": pa.float64(),
    "esriFieldTypeDate": _MILLISECONDS,
    "esriFieldTypeString": pa.large_string(),
    "esriFieldTypeGUID": pa.large_string(),
    "esriFieldTypeGlobalID": pa.large_string(),
    "esriFieldTypeXML": pa.large_string(),
    "esriFieldTypeDateOnly": pa.large_string(),
    "esriFieldTypeTimeOnly": pa.large_string(),
    "esriFieldTypeTimestampOffset": pa.large_string(),
}


def declared_types(fields: Iterable[Any]) -> dict[str, Any]:
    """Names and Arrow types (None: to be inferred) of Esri fields; geometry fields are left out."""
    named = [field if isinstance(field, Mapping) else {"name": field} for field in fields]
    return {
        str(field["name"]): _READ_AS.get(str(field.get("type")))
        for field in named
        if field.get("name") and field.get("type") not in ("esriFieldTypeGeometry", "esriFieldTypeRaster")
    }


def read_column(name: str, values: list[Any], kind: Any) -> Any:
    """JSON values as an Arrow array of a declared type.

    Raises:
        InvalidValue: A value does not fit the type of its field.
    """
    plain = pa.int64() if kind == _MILLISECONDS else kind
    try:
        return pa.array(values, plain, from_pandas=True).cast(kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeError):
        pass
    try:
        return pa.array(_coerced(values, kind), kind, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError, TypeError, OverflowError) as error:
        raise InvalidValue(f"A value of field {name} is not of its declared type: {error}.") from error


def _coerced(values: list[Any], kind: Any) -> Any:
    """Values that a lenient reader still understands: numbers as text, "NaN", ISO dates, anything as text."""
    if kind == pa.large_string():
        return [None if value is None else _text(value) for value in values]
    if kind == _MILLISECONDS:
        return [None if value is None else _instant(value) for value in values]
    numbers = pd.to_numeric(pd.Series([None if value == "" else value for value in values], dtype=object))
    return numbers if kind == pa.float64() else numbers.astype("Int64")


def _text(value: Any) -> str:
    return str(value).encode("utf-8", "replace").decode()


def _instant(value: Any) -> int | None:
    """Milliseconds since 1970 UTC of a number, its text, or a date in ISO form."""
    number = pd.to_numeric(value, errors="coerce")
    if not pd.isna(number):
        return int(np.rint(number))
    instant = pd.to_datetime(value, utc=True)
    return None if instant is pd.NaT else int(instant.timestamp() * 1000)


def to_series(column: Any) -> "pd.Series[Any]":
    """An Arrow column as pandas: integers with nulls are Int64, dates datetime64[ms] (UTC, no zone)."""
    nullable = {pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype()}
    mapper = nullable.get if column.null_count else None
    series: pd.Series[Any] = column.to_pandas(types_mapper=mapper)
    return series
