"""Looks to Esri drawingInfo JSON, with the data where classes are to be found in it."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpserver.errors import PublishingError
from gpserver.symbology.breaks import METHODS as BY_ESRI_NAME
from gpserver.symbology.breaks import class_breaks
from gpserver.symbology.colors import distinct, gradient
from gpserver.symbology.labels import Labels
from gpserver.symbology.looks import METHODS, ClassBreaks, Look, Simple, UniqueValue
from gpserver.symbology.symbols import symbol_json

Column = Callable[[str], Any]
"""The Arrow array of a field."""

# As many kinds as anybody tells apart on a map; rarer ones are "all other values".
_MOST_KINDS = 36
_CLASS_OPACITY = 0.8
OTHERS = "<all other values>"


def drawing_info(
    symbology: Look | Mapping[str, Any] | None, geometry_type: str, column: Column | None = None
) -> dict[str, Any]:
    """The Esri drawingInfo of an output.

    Args:
        symbology: The look, an Esri drawingInfo that is passed on as it is, or None for the usual symbol.
        geometry_type: The Esri geometry type of the output.
        column: Gives the column of a field; None while there is no data: then looks that are found in the
            data have their default symbol only.

    Raises:
        PublishingError: A symbol is not for this geometry type, a mapping is no drawingInfo, or classes are
            wanted of a field that holds no numbers.
    """
    if isinstance(symbology, Mapping):
        return _as_it_is(symbology)
    look = Simple() if symbology is None else symbology
    if isinstance(look, UniqueValue):
        renderer = _unique_values(look, geometry_type, column)
    elif isinstance(look, ClassBreaks):
        renderer = _class_breaks(look, geometry_type, column)
    elif isinstance(look, Simple):
        symbol = symbol_json(look.symbol, geometry_type)
        renderer = {"type": "simple", "symbol": symbol, "label": look.label, "description": ""}
    else:
        raise PublishingError(
            f"{symbology!r} is not a symbology.",
            "Use Simple, UniqueValue, ClassBreaks or Esri drawingInfo JSON.",
        )
    labels = Labels(look.labels) if isinstance(look.labels, str) else look.labels
    labeling = labels.json(geometry_type) if labels else None
    return {"renderer": renderer, "transparency": look.transparency, "labelingInfo": labeling}


def _as_it_is(drawing: Mapping[str, Any]) -> dict[str, Any]:
    renderer = drawing.get("renderer")
    if not isinstance(renderer, Mapping) or "type" not in renderer:
        raise PublishingError(
            "The symbology is a mapping without a renderer.", 'Write {"renderer": {"type": ...}}.'
        )
    return {"transparency": 0, "labelingInfo": None} | dict(drawing)


def _unique_values(look: UniqueValue, geometry_type: str, column: Column | None) -> dict[str, Any]:
    if look.values is not None:
        symbols = list(look.values.values())
        texts = labels = [value_text(value) for value in look.values]
    elif column is not None:
        found = frequent(column(look.field))
        symbols = [tuple(color[:3]) for color in distinct(look.palette, len(found))]
        texts, labels = value_texts(found), [str(value) for value in found.to_pylist()]
    else:
        symbols, texts, labels = [], [], []
    drawn = [symbol_json(symbol, geometry_type, _CLASS_OPACITY) for symbol in symbols]
    infos = unique_value_infos(texts, labels, drawn)
    head = {"type": "uniqueValue", "field1": look.field, "field2": None, "field3": None}
    return head | {"fieldDelimiter": ", ", **_default(look, geometry_type), "uniqueValueInfos": infos}


def frequent(column: Any) -> Any:
    """The most frequent values of a column, in their own order; no null."""
    column = column.drop_null()
    if pa.types.is_floating(column.type):
        column = column.filter(pc.is_finite(column))
    counts = pc.value_counts(column)
    most = pc.array_sort_indices(counts.field("counts"), order="descending")[:_MOST_KINDS]
    values = counts.field("values").take(most)
    return values.take(pc.array_sort_indices(values))


def value_texts(values: Any) -> list[str]:
    """Values of a column as renderers write them."""
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
    return [value_text(value) for value in values.to_pylist()]


def value_text(value: str | float) -> str:
    """A value as renderers write it: text as it is, whole numbers without a point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _class_breaks(look: ClassBreaks, geometry_type: str, column: Column | None) -> dict[str, Any]:
    edges = list(look.breaks)
    if look.method != "manual" and column is not None:
        edges = class_breaks(
            numbers(column, look.field), look.classes, BY_ESRI_NAME[METHODS[look.method]]
        ).tolist()
    colors = gradient(look.palette, max(0, len(edges) - 1))
    drawn = [symbol_json(tuple(color[:3]), geometry_type, _CLASS_OPACITY) for color in colors]
    infos = class_break_infos(edges, drawn)
    head = {"type": "classBreaks", "field": look.field, "classificationMethod": METHODS[look.method]}
    least = edges[0] if edges else 0
    return head | {**_default(look, geometry_type), "minValue": least, "classBreakInfos": infos}


def numbers(column: Column, field: str) -> Any:
    """The values of a field as float64, NaN where they are null.

    Raises:
        PublishingError: They are not numbers.
    """
    values = column(field)
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        raise PublishingError(f"The values of {field} are not numbers.", "Use a field that holds numbers.")
    return np.asarray(values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64)


def unique_value_infos(
    texts: Sequence[str], labels: Sequence[str], symbols: Sequence[Any]
) -> list[dict[str, Any]]:
    """The uniqueValueInfos of values, without symbol where that is None."""
    rows = zip(texts, labels, symbols, strict=True)
    return [
        {"value": text, "label": label, "description": ""} | ({"symbol": symbol} if symbol else {})
        for text, label, symbol in rows
    ]


def class_break_infos(edges: Sequence[float], symbols: Sequence[Any]) -> list[dict[str, Any]]:
    """The classBreakInfos of classes, without symbol where that is None; edges: see ``class_breaks``."""
    rows = zip(edges[1:], class_labels(edges), symbols, strict=True)
    return [
        {"classMaxValue": high, "label": label, "description": ""} | ({"symbol": symbol} if symbol else {})
        for high, label, symbol in rows
    ]


def class_labels(edges: Sequence[float]) -> list[str]:
    """The legend texts of classes, with as many decimals as tell neighbouring breaks apart."""
    steps = [high - low for low, high in pairwise(edges) if high > low]
    decimals = min(12, max(0, 1 - int(np.floor(np.log10(min(steps)))))) if steps else 6
    texts = [f"{edge:.{decimals}f}" for edge in edges]
    texts = [text.rstrip("0").rstrip(".") if "." in text else text for text in texts]
    return [f"{low} - {high}" for low, high in pairwise(texts)]


def _default(look: UniqueValue | ClassBreaks, geometry_type: str) -> dict[str, Any]:
    if look.default is None:
        return {"defaultSymbol": None, "defaultLabel": ""}
    symbol = symbol_json(look.default, geometry_type, _CLASS_OPACITY)
    return {"defaultSymbol": symbol, "defaultLabel": OTHERS}
