"""Renderer JSON and columns: which symbol each feature has."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gpserver.errors import InvalidRequest, PublishingError
from gpserver.symbology.drawing_info import Column, numbers, value_text

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]

NULL = "<Null>"
"""How Esri's unique values write null."""
_NO_VALUE = object()


@dataclass(frozen=True)
class Classes:
    """The classes of a renderer that are drawn; the default class, if there is one, comes last.

    Attributes:
        symbols: Esri symbol JSON.
        labels: Texts of the legend.
        values: The values of unique values, several fields joined by the delimiter; None for other classes.
        which: The class of each row, -1 for a row that is not drawn.
    """

    symbols: list[Any]
    labels: list[str]
    values: list[list[str] | None]
    which: Indices


@dataclass(frozen=True)
class _Class:
    symbol: Any
    label: str
    values: list[str] | None = None


# Gives each row the number of its class; -1 for the default.
_Finder = Callable[[Column, int], Indices]


def classify(renderer: Mapping[str, Any], column: Column | None, rows: int) -> Classes:
    """Sort rows into the classes of a renderer.

    Read are simple, uniqueValue (up to three fields, uniqueValueInfos or uniqueValueGroups) and classBreaks
    (with normalization). Rotation and visual variables are not: symbols are drawn as they are.

    Args:
        renderer: Esri renderer JSON.
        column: Gives the Arrow array of a field, as long as there are rows; None for a legend, without rows.
        rows: How many rows.

    Raises:
        InvalidRequest: The renderer is of another type, is computed from an expression, or lacks a part.
    """
    if renderer.get("valueExpression"):
        raise InvalidRequest("The renderer has a valueExpression, which is not supported: use a field.")
    read = _READERS.get(str(renderer.get("type")))
    if read is None:
        raise InvalidRequest(
            f"The renderer type {renderer.get('type')!r} is not supported: use {', '.join(_READERS)}."
        )
    try:
        classes, find = read(renderer)
    except (AttributeError, TypeError) as error:
        raise InvalidRequest(f"The renderer is not what Esri's renderer objects are: {error}.") from error
    default = _Class(renderer.get("defaultSymbol"), str(renderer.get("defaultLabel") or ""))
    found = np.zeros(0, np.int32) if column is None else find(column, rows)
    classes.append(default)  # so that -1 finds it
    drawn = [each for each in classes if each.symbol]
    place = np.full(len(classes), -1, np.int32)
    place[[bool(each.symbol) for each in classes]] = np.arange(len(drawn))
    return Classes(
        [each.symbol for each in drawn],
        [each.label for each in drawn],
        [each.values for each in drawn],
        place[found],
    )


def _simple(renderer: Mapping[str, Any]) -> tuple[list[_Class], _Finder]:
    only = _Class(renderer.get("symbol"), str(renderer.get("label") or ""))
    return [only], lambda column, rows: np.zeros(rows, np.int32)


def _unique_values(renderer: Mapping[str, Any]) -> tuple[list[_Class], _Finder]:
    fields = [str(renderer[key]) for key in ("field1", "field2", "field3") if renderer.get(key)]
    if not fields:
        raise InvalidRequest("The renderer's field1 is missing.")
    delimiter = str(renderer.get("fieldDelimiter") or ",")
    classes: list[_Class] = []
    keys: list[list[Any]] = []
    owners: list[int] = []
    for symbol, label, values in _value_classes(renderer):
        split = [_parts(value, len(fields), delimiter) for value in values]
        texts = [delimiter.join(NULL if part is None else value_text(part) for part in key) for key in split]
        owners += [len(classes)] * len(split)
        keys += split
        classes.append(_Class(symbol, label, texts))

    def find(column: Column, rows: int) -> Indices:
        columns = [_comparable(column(field)) for field in fields]
        return _look_up(columns, keys, np.array(owners, np.int32), rows)

    return classes, find


def _value_classes(renderer: Mapping[str, Any]) -> list[tuple[Any, str, list[Any]]]:
    """Symbol, label and values of every class."""
    infos = renderer.get("uniqueValueInfos") or []
    if infos:
        rows = [(info.get("symbol"), info.get("label"), [info.get("value")]) for info in infos]
    else:
        groups = renderer.get("uniqueValueGroups") or []
        members = [each for group in groups for each in group.get("classes") or []]
        rows = [(each.get("symbol"), each.get("label"), each.get("values") or []) for each in members]
    return [(symbol, str(label or ""), list(values)) for symbol, label, values in rows]


def _parts(value: Any, count: int, delimiter: str) -> list[Any]:
    """The value of each field: in groups a list; in infos one value, a text to split when there are more."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return list(value)
    if count == 1:
        return [value]
    parts = str(value).split(delimiter)
    if len(parts) == count:
        return parts
    return [part.strip() for part in str(value).split(delimiter.strip() or delimiter)]


def _comparable(column: Any) -> Any:
    """A column as int64 (dates as epoch milliseconds), float64 or text, NaN as null."""
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
    if pa.types.is_integer(column.type):
        return column.cast(pa.int64())
    if pa.types.is_floating(column.type):
        column = column.cast(pa.float64())
        return pc.if_else(pc.is_nan(column), None, column)
    return column


def _look_up(columns: list[Any], keys: list[list[Any]], owners: Indices, rows: int) -> Indices:
    """The owner of the key that each row's values are, -1 where it is none.

    Keys and rows become one number each: the places of their values among the distinct ones of every field,
    as digits.
    """
    key_codes, row_codes = np.zeros(len(keys), np.int64), np.zeros(rows, np.int64)
    known, fits = np.ones(rows, bool), np.array([len(key) == len(columns) for key in keys], bool)
    for number, column in enumerate(columns):
        parts = [_read(key[number], column.type) if number < len(key) else _NO_VALUE for key in keys]
        fits &= np.array([part is not _NO_VALUE for part in parts], bool)
        typed = pa.array([None if part is _NO_VALUE else part for part in parts], column.type)
        distinct = typed.filter(pa.array(fits)).unique()
        of_row, of_key = _places(column, distinct), _places(typed, distinct)
        known &= of_row >= 0
        row_codes, key_codes = row_codes * len(distinct) + of_row, key_codes * len(distinct) + of_key
    if not fits.any():
        return np.full(rows, -1, np.int32)
    codes, first = np.unique(key_codes[fits], return_index=True)
    place = np.searchsorted(codes, row_codes).clip(max=len(codes) - 1)
    return np.where(known & (codes[place] == row_codes), owners[fits][first[place]], np.int32(-1))


def _places(values: Any, among: Any) -> NDArray[np.int64]:
    return np.asarray(pc.index_in(values, value_set=among).fill_null(-1), np.int64)


def _read(value: Any, kind: Any) -> Any:
    """A renderer's value in a column's type ("1", "1.0" and 1 are one number), or _NO_VALUE."""
    if value is None or value == NULL:
        return None
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return value_text(value)
    try:
        if pa.types.is_floating(kind):
            return float(value)
        number = Decimal(str(value))
        return int(number) if abs(number) < 2**63 and number == int(number) else _NO_VALUE
    except (ArithmeticError, TypeError, ValueError):
        return _NO_VALUE


def _class_breaks(renderer: Mapping[str, Any]) -> tuple[list[_Class], _Finder]:
    field = renderer.get("field")
    if not field:
        raise InvalidRequest("The renderer's field is missing.")
    try:
        infos = sorted(renderer.get("classBreakInfos") or [], key=lambda info: float(info["classMaxValue"]))
        upper = np.array([float(info["classMaxValue"]) for info in infos])
        least = _bound(renderer.get("minValue"))
        lower = np.array([_bound(info.get("classMinValue")) for info in infos])
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidRequest(
            "A class break of the renderer has a bound that is not a number, or no classMaxValue."
        ) from error
    classes = [_Class(info.get("symbol"), str(info.get("label") or "")) for info in infos]

    def find(column: Column, rows: int) -> Indices:
        if not infos:
            return np.full(rows, -1, np.int32)
        values = normalized(renderer, str(field), column)
        place = np.searchsorted(upper, values, side="left")  # the upper bound belongs to the class
        inside = (place < len(upper)) & (values >= least)
        place = place.clip(max=len(upper) - 1)
        return np.where(inside & (values >= lower[place]), place, -1).astype(np.int32)

    return classes, find


def _bound(value: Any) -> float:
    """A lower bound; without one there is none."""
    return -np.inf if value is None else float(value)


def normalized(definition: Mapping[str, Any], field: str, column: Column) -> Floats:
    """The numbers that class breaks divide: those of a field, normalized as the definition says.

    Args:
        definition: A renderer or a classification definition: normalizationType, normalizationField,
            normalizationTotal (the sum of the values if it is missing).
        field: The field.
        column: Gives the Arrow array of a field.

    Returns:
        Float64, NaN where there is no number.

    Raises:
        InvalidRequest: A field holds no numbers, or the normalization is not known.
    """
    values, kind = _numbers(column, field), definition.get("normalizationType")
    other, total = definition.get("normalizationField"), definition.get("normalizationTotal")
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "esriNormalizeByLog":
            values = np.log10(values)
        elif kind == "esriNormalizeByPercentOfTotal":
            values = values / (total if isinstance(total, int | float) and total else np.nansum(values)) * 100
        elif other and kind in ("esriNormalizeByField", "", None):
            values = values / _numbers(column, str(other))
        elif kind not in ("esriNormalizeNone", "", None):
            raise InvalidRequest(f"The normalizationType {kind!r} is not known, or lacks its field.")
    return np.where(np.isfinite(values), values, np.nan)


def _numbers(column: Column, field: str) -> Floats:
    try:
        return np.asarray(numbers(column, field))
    except PublishingError as error:
        raise InvalidRequest(str(error)) from error


_READERS = {"simple": _simple, "uniqueValue": _unique_values, "classBreaks": _class_breaks}
