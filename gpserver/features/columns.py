"""Attributes as they leave: the columns of a frame as Esri fields and Arrow arrays."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gpserver.errors import InvalidValue
from gpserver.features.fields import OBJECT_ID

_INT32 = 2**31
_DEFAULT_LENGTH = 255  # what ArcGIS gives a text field that nobody measured
_NOT_ARROW = (pa.ArrowException, TypeError, ValueError, OverflowError)


def describe_columns(
    frame: pd.DataFrame, geometry: str | None = None
) -> tuple[list[dict[str, Any]], list[Any]]:
    """The attributes of a frame, all columns but ``geometry``, as Esri fields and Arrow arrays.

    The first is OBJECTID. A column OBJECTID (any case) that can serve as one is kept, otherwise rows are
    numbered from 1. An index with a name is a column too. Names become text; a name that comes twice gets a
    number.

    Raises:
        InvalidValue: A column holds bytes.
    """
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    ids, taken = _object_ids(frame)
    length = {"length": 8} if len(ids) and ids.max() >= _INT32 else {}
    fields: list[dict[str, Any]] = [_field(OBJECT_ID, "esriFieldTypeOID") | length]
    columns = [pa.array(ids)]
    for position, (label, series) in enumerate(frame.items()):
        if position == taken or label == geometry:
            continue
        name = _free_name(str(label), {field["name"] for field in fields})
        kind, column = _column(name, series)
        fields.append(_field(name, kind) | _length(kind, column))
        columns.append(column)
    return fields, columns


def _object_ids(frame: pd.DataFrame) -> tuple[Any, int | None]:
    """Object ids, and the position of the column that stands for them (kept or replaced)."""
    for position, name in enumerate(frame.columns):
        if str(name).upper() == OBJECT_ID:
            column = frame.iloc[:, position]
            fit = pd.api.types.is_integer_dtype(column.dtype) and not column.hasnans
            if fit and column.is_unique and (column > 0).all():
                return column.to_numpy(np.int64), position
            return np.arange(1, len(frame) + 1), position
    return np.arange(1, len(frame) + 1), None


def _field(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "type": kind, "alias": name}


def _length(kind: str, column: Any) -> dict[str, int]:
    if kind == "esriFieldTypeString":
        longest = pc.max(pc.utf8_length(column)).as_py() or 0
        return {"length": max(_DEFAULT_LENGTH, longest)}
    return {"length": 8} if kind == "esriFieldTypeDate" else {}


def _free_name(name: str, taken: set[str]) -> str:
    number, free = 0, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def _column(name: str, series: "pd.Series[Any]") -> tuple[str, Any]:
    """Esri type and Arrow array of a column.

    Types that came with ArcGIS 11.2 only where no older one says the same: days, times of day and moments
    with offsets of their own (objects of ``datetime``), and whole numbers of more than 32 bits.
    """
    array = _to_arrow(series)
    kind = array.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise InvalidValue(f"Column {name} holds bytes, which a feature set cannot carry: drop or encode it.")
    if pa.types.is_boolean(kind):
        return "esriFieldTypeSmallInteger", array.cast(pa.int16())
    if pa.types.is_integer(kind):
        return _integers(array)
    if pa.types.is_floating(kind):
        return _floats(array)
    if pa.types.is_date(kind):
        return "esriFieldTypeDateOnly", array.cast(pa.large_string())
    if pa.types.is_time(kind):
        return "esriFieldTypeTimeOnly", array.cast(pa.time32("s"), safe=False).cast(pa.large_string())
    if pa.types.is_timestamp(kind) and kind.tz and series.dtype == object:
        return "esriFieldTypeTimestampOffset", _with_offset(series)
    if pa.types.is_timestamp(kind):
        return "esriFieldTypeDate", array.cast(pa.timestamp("ms"), safe=False)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
        return "esriFieldTypeString", array.cast(pa.large_string())
    return "esriFieldTypeString", _as_text(series)


def _to_arrow(series: "pd.Series[Any]") -> Any:
    """The column in the type that Arrow sees in it, or as text when it sees none."""
    try:
        array = pa.array(series, from_pandas=True)
    except _NOT_ARROW:
        return _as_text(series)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _with_offset(series: "pd.Series[Any]") -> Any:
    texts = [None if pd.isna(value) else value.isoformat(timespec="milliseconds") for value in series]
    return pa.array(texts, pa.large_string())


def _as_text(series: "pd.Series[Any]") -> Any:
    missing = series.isna()
    texts = [
        None if absent else str(value).encode("utf-8", "replace").decode()
        for value, absent in zip(series, missing, strict=True)
    ]
    return pa.array(texts, pa.large_string())


def _integers(array: Any) -> tuple[str, Any]:
    if array.type.bit_width <= 16 and array.type != pa.uint16():
        return "esriFieldTypeSmallInteger", array.cast(pa.int16())
    limits = pc.min_max(array)
    low, high = limits["min"].as_py() or 0, limits["max"].as_py() or 0
    if high >= 2**63:
        return "esriFieldTypeDouble", array.cast(pa.float64(), safe=False)
    if low >= -_INT32 and high < _INT32:
        return "esriFieldTypeInteger", array.cast(pa.int32())
    return "esriFieldTypeBigInteger", array.cast(pa.int64())


def _floats(array: Any) -> tuple[str, Any]:
    if array.type.bit_width <= 32:
        return "esriFieldTypeSingle", array.cast(pa.float32())
    return "esriFieldTypeDouble", array
