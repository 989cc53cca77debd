"""Attributes as they arrive: JSON values to columns by declared Esri field type."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from gpserver.errors import InvalidValue

if TYPE_CHECKING:
    import pandas as pd

OBJECT_ID = "OBJECTID"
"""The field of object ids of what we store."""
_MILLISECONDS = pa.timestamp("ms")
_NOT_SO = (pa.ArrowException, ValueError, TypeError, OverflowError)
READ_AS = {
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

# A moment and the minutes that its place was ahead of UTC.
_OFFSET = pa.struct([("moment", _MILLISECONDS), ("minutes", pa.int16())])
# Fields since ArcGIS 11.2, which are texts on the wire and in a stored layer.
_READ_AS_SENT = READ_AS | {
    "esriFieldTypeDateOnly": pa.date32(),
    "esriFieldTypeTimeOnly": pa.time64("us"),
    "esriFieldTypeTimestampOffset": _OFFSET,
}


def declared_types(fields: Iterable[Any]) -> dict[str, Any]:
    """Names and Arrow types (None: to be inferred) of Esri fields; geometry fields are left out."""
    named = [field if isinstance(field, Mapping) else {"name": field} for field in fields]
    return {
        str(field["name"]): _READ_AS_SENT.get(str(field.get("type")))
        for field in named
        if field.get("name") and field.get("type") not in ("esriFieldTypeGeometry", "esriFieldTypeRaster")
    }


def read_column(name: str, values: list[Any], kind: Any) -> Any:
    """JSON values as an Arrow array of a declared type.

    Raises:
        InvalidValue: A value does not fit the type of its field.
    """
    try:
        return _as_arrow(values, kind)
    except _NOT_SO:
        pass
    try:
        return pa.array([_READ_LENIENTLY[kind](value) for value in values], kind, from_pandas=True)
    except _NOT_SO as error:
        raise InvalidValue(f"A value of field {name} is not of its declared type: {error}.") from error


def _as_arrow(values: list[Any], kind: Any) -> Any:
    if kind in (pa.date32(), pa.time64("us"), _OFFSET):
        raise TypeError("Arrow would take a number for days or microseconds, and an object for a moment")
    if kind in (pa.int64(), _MILLISECONDS):
        # By way of the type that Arrow sees: told to make integers, it would cut the decimals off.
        return pa.array(values, from_pandas=True).cast(pa.int64()).cast(kind)
    return pa.array(values, kind, from_pandas=True)


def _whole(value: Any) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, float) and not value.is_integer():
        raise ValueError(f"{value} is not a whole number")
    return int(value)


def _real(value: Any) -> float | None:
    return None if value is None or value == "" else float(value)


def _text(value: Any) -> str | None:
    return None if value is None else str(value).encode("utf-8", "replace").decode()


def _instant(value: Any) -> int | None:
    """Milliseconds since 1970 UTC of a number, its text, or a date in ISO form."""
    import pandas as pd

    number = pd.to_numeric(value, errors="coerce")
    if not pd.isna(number):
        return int(np.rint(number))
    instant = pd.to_datetime(value, utc=True)
    return None if pd.isna(instant) else round(instant.timestamp() * 1000)


def _written(value: Any) -> datetime | None:
    """A moment as people write it, ``8/2/2020 10:00:00 AM -07:00``, in ISO form, or in milliseconds."""
    import pandas as pd

    if value in (None, ""):
        return None
    moment = pd.Timestamp(value, unit="ms" if isinstance(value, int | float) else None)
    return None if pd.isna(moment) else moment.to_pydatetime(warn=False)


def _day(value: Any) -> date | None:
    moment = _written(value)
    return moment.date() if moment else None


def _clock(value: Any) -> time | None:
    moment = _written(value)
    return moment.time() if moment else None


def _with_offset(value: Any) -> dict[str, Any] | None:
    moment = _written(value)
    if moment is None:
        return None
    offset = moment.utcoffset() or timedelta()
    return {"moment": moment.replace(tzinfo=None) - offset, "minutes": offset // timedelta(minutes=1)}


# What a lenient reader still understands: numbers as text, "NaN", dates in ISO form, anything as text.
_READ_LENIENTLY: dict[Any, Callable[[Any], Any]] = {
    pa.int64(): _whole,
    pa.float64(): _real,
    pa.large_string(): _text,
    _MILLISECONDS: _instant,
    pa.date32(): _day,
    pa.time64("us"): _clock,
    _OFFSET: _with_offset,
}


def _moment(value: dict[str, Any] | None) -> datetime | None:
    if value is None:
        return None
    zone = timezone(timedelta(minutes=value["minutes"]))
    moment: datetime = value["moment"]
    return moment.replace(tzinfo=UTC).astimezone(zone)


def to_series(column: Any) -> "pd.Series[Any]":
    """An Arrow column as pandas: integers with nulls are Int64, dates datetime64[ms] (UTC, no zone).

    Days, times of day and moments with an offset are objects of ``datetime``.
    """
    import pandas as pd

    if column.type == _OFFSET:
        return pd.Series([_moment(value) for value in column.to_pylist()], dtype=object)
    nullable = {pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype()}
    mapper = nullable.get if column.null_count else None
    series: pd.Series[Any] = column.to_pandas(types_mapper=mapper)
    return series
