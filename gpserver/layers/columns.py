"""Values of an attribute as Arrow columns, and back: exactly what was written, or an error that says why."""

from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gpserver.errors import InvalidValue

_NOT_SO = (pa.ArrowException, ValueError, TypeError, OverflowError)
_TRUTH = {
    "true": True,
    "t": True,
    "1": True,
    "yes": True,
    "false": False,
    "f": False,
    "0": False,
    "no": False,
}
NULLABLE = {pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


def inferred_type(name: str, series: "pd.Series[Any]") -> str:
    """The type of attribute that holds a column without loss.

    Raises:
        InvalidValue: The column holds bytes.
    """
    array = _arrow(series)
    kind = pa.string() if array is None else array.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise InvalidValue(f"The column {name} holds bytes, which no attribute can: drop or encode it.")
    for fits, attribute in _INFERRED:
        if fits(kind):
            return attribute
    if array is None and series.dropna().map(lambda value: isinstance(value, dict | list)).all():
        return "Json"
    return "String"


def write_column(series: "pd.Series[Any]", name: str, attribute: str, kind: Any) -> Any:
    """A column as an Arrow array of the type of its attribute.

    Numbers are read from text, whole ones from floats without a fraction, times from ISO text, days and
    milliseconds since 1970; anything can be text. NaN is null.

    Raises:
        InvalidValue: A value does not fit.
    """
    try:
        return _WRITE[attribute](series, _arrow(series), kind)
    except _NOT_SO as error:
        raise InvalidValue(
            f"A value of the attribute {name} does not fit its type {attribute}: {str(error)[:200]}."
        ) from error


def read_column(column: Any, attribute: str) -> Any:
    """A stored column as pandas has it; nullable types only where a value is null."""
    if attribute == "Json":
        texts = column.to_pylist()
        values = [None if text is None else orjson.loads(text) for text in texts]
        return pd.Series(np.fromiter(values, object, len(values)), dtype=object)
    return column.to_pandas(types_mapper=NULLABLE.get if column.null_count else None)


def _arrow(series: "pd.Series[Any]") -> Any:
    """The column in the type that Arrow sees in it; None where it sees none."""
    try:
        array = pa.array(series, from_pandas=True)
    except _NOT_SO:
        return None
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _texts(series: "pd.Series[Any]", array: Any, kind: Any) -> Any:
    if array is not None and _is_text(array.type):
        return array.cast(kind)
    if array is not None and (pa.types.is_integer(array.type) or pa.types.is_null(array.type)):
        return array.cast(kind)
    return pa.array(map(_text, series), kind)


def _text(value: Any) -> str | None:
    if isinstance(value, dict | list | np.ndarray):
        return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY, default=str).decode()
    if pd.isna(value):
        return None
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _integers(series: "pd.Series[Any]", array: Any, kind: Any) -> Any:
    if array is None:
        return pa.array([_whole(value) for value in series], kind)
    return _numbers_of_text(array).cast(kind)


def _doubles(series: "pd.Series[Any]", array: Any, kind: Any) -> Any:
    if array is None:
        return pa.array([_real(value) for value in series], kind)
    # A large integer may lose its last digits in a double, as everywhere.
    return _numbers_of_text(array).cast(kind, safe=False)


def _whole(value: Any) -> int | None:
    number = _real(value)
    if number is None or isinstance(value, int | np.integer):
        return None if number is None else int(value)
    if not number.is_integer():
        raise ValueError(f"{value!r} is not a whole number")
    return int(value) if isinstance(value, str) and "." not in value else int(number)


def _real(value: Any) -> float | None:
    return None if pd.isna(value) or str(value).strip() == "" else float(value)


def _numbers_of_text(array: Any) -> Any:
    if not _is_text(array.type):
        return array
    trimmed = pc.utf8_trim_whitespace(array)
    filled = pc.if_else(pc.equal(trimmed, ""), None, trimmed)
    try:
        return filled.cast(pa.int64())
    except pa.ArrowInvalid:
        return filled.cast(pa.float64())


def _booleans(series: "pd.Series[Any]", array: Any, kind: Any) -> Any:
    if array is None or _is_text(array.type):
        return pa.array([None if pd.isna(value) else _truth(value) for value in series], kind)
    return array.cast(kind)


def _truth(value: Any) -> bool | None:
    text = str(value).strip().lower()
    if text not in _TRUTH and text:
        raise ValueError(f"{value!r} is neither true nor false")
    return _TRUTH.get(text)


def _moments(series: "pd.Series[Any]", array: Any, kind: Any) -> Any:
    if array is not None and pa.types.is_timestamp(array.type):
        return array.cast(pa.timestamp("us", array.type.tz), safe=False).cast(kind)
    if array is not None and not _is_text(array.type):
        if pa.types.is_integer(array.type):
            return array.cast(pa.int64()).cast(pa.timestamp("ms")).cast(kind)
        return array.cast(kind)
    moments = pd.to_datetime(series.replace("", None), utc=True, format="ISO8601")
    return pa.array(moments.dt.tz_localize(None).astype("datetime64[us]"), kind, from_pandas=True)


def _documents(series: "pd.Series[Any]", _: Any, kind: Any) -> Any:
    option = orjson.OPT_SERIALIZE_NUMPY
    return pa.array(
        [None if _is_null(value) else orjson.dumps(value, option=option).decode() for value in series], kind
    )


def _is_null(value: Any) -> bool:
    return not isinstance(value, dict | list | tuple | np.ndarray) and bool(pd.isna(value))


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_small(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) and (kind.bit_width < 32 or kind == pa.int32()))


_WRITE = {
    "String": _texts,
    "Int32": _integers,
    "Int64": _integers,
    "Double": _doubles,
    "DateTime": _moments,
    "Boolean": _booleans,
    "Json": _documents,
}
_INFERRED = (
    (pa.types.is_boolean, "Boolean"),
    (_is_small, "Int32"),
    (pa.types.is_integer, "Int64"),
    (pa.types.is_floating, "Double"),
    (pa.types.is_decimal, "Double"),
    (pa.types.is_timestamp, "DateTime"),
    (pa.types.is_date, "DateTime"),
    (pa.types.is_nested, "Json"),
)
