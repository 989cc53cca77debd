"""Fills one order: what happens inside a process of the studio, from a map or a value to a file."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from math import hypot
from pathlib import Path
from typing import Any

import numpy as np

from gpserver.datatypes import data_type
from gpserver.errors import GPServerError, InvalidRequest, InvalidValue
from gpserver.features import Layer, parse_spatial_reference, write_layer
from gpserver.features.shapes import Array, reprojected
from gpserver.maps.canvas import Canvas
from gpserver.maps.grid import colored
from gpserver.maps.images import WHITE, write
from gpserver.maps.labeling import expression_of, label_texts
from gpserver.maps.mosaic import draw_tile, inspected
from gpserver.maps.picture import VECTORS, Inspection, Picture, Reading, Sheet, Swatch, Tile
from gpserver.maps.query import Query, columns_at, rows_of
from gpserver.maps.renderer import classify
from gpserver.maps.swatches import swatch
from gpserver.maps.symbols import TextSymbol, read_symbol
from gpserver.maps.view import Box, View, reprojected_box
from gpserver.maps.where import compile_where
from gpserver.rasters import read_window

_ROWS, _VERTICES = 8192, 1 << 18  # of one stroke of the brush: so much stays in the cache
_LABELS = 2000  # features of one layer that are labelled
_MARGIN = 64  # pixels around the picture from which symbols reach into it


def run(payload: dict[str, Any], channel: object) -> dict[str, Any]:
    """Write the file of an order.

    Args:
        payload: The fields of an order.
        channel: The line to the sandbox; a drawing has nothing to say.

    Returns:
        ``{}``, or ``{"problem": text}`` when it cannot be drawn.
    """
    try:
        if "data_type" in payload:
            _read(Reading(**payload))
        else:
            _keep(_content(payload), Path(payload["target"]))
    except GPServerError as error:
        return {"problem": str(error)}
    return {}


def _content(payload: dict[str, Any]) -> bytes:
    if "symbol" in payload:
        return _swatch(Swatch(**payload))
    if "row" in payload:
        return inspected(Inspection(**payload))
    return draw_tile(Tile(**payload)) if "z" in payload else _draw(Picture(**payload))


def _keep(content: bytes, target: Path) -> None:
    draft = target.with_suffix(".draft")
    draft.write_bytes(content)
    draft.replace(target)


def _read(order: Reading) -> None:
    value = data_type(order.data_type).decode(Path(order.file).read_bytes() if order.file else order.text)
    if value is None:
        raise InvalidValue("There is no value.")
    write_layer(value, Path(order.target))


def _swatch(order: Swatch) -> bytes:
    return swatch(read_symbol(order.symbol), order.width, order.height)


def _draw(order: Picture) -> bytes:
    crs = parse_spatial_reference(order.spatial_reference)
    view = View(_box(order.box), order.width, order.height, crs, order.dpi, order.rotation)
    vector = order.format if order.format in VECTORS else ""
    paper = None if order.transparent or not vector else WHITE
    size = view.width, view.height, view.box
    canvas = Canvas(*size, dpi=view.dpi, rotation=view.rotation, background=paper, vector=vector)
    for sheet in reversed([Sheet(**sheet) for sheet in order.sheets]):
        if sheet.path:
            _draw_sheet(canvas, view, sheet)
    return canvas.bytes() if vector else write(canvas.rgba(), order.format, order.transparent)


def _box(corners: Sequence[float]) -> Box:
    xmin, ymin, xmax, ymax = corners
    return xmin, ymin, xmax, ymax


def _draw_sheet(canvas: Canvas, view: View, sheet: Sheet) -> None:
    with canvas.layer(1 - float(sheet.drawing.get("transparency") or 0) / 100):
        if sheet.path.endswith(".tif"):
            _draw_raster(canvas, view, sheet)
        else:
            _draw_features(canvas, view, sheet)


def _draw_raster(canvas: Canvas, view: View, sheet: Sheet) -> None:
    box = _reach(view)
    width, height = (max(1, round(side / view.pixel)) for side in (box[2] - box[0], box[3] - box[1]))
    pixels = read_window(Path(sheet.path), box, view.crs, width, height)
    canvas.image(colored(pixels, sheet.drawing["renderer"]), box)


def _draw_features(canvas: Canvas, view: View, sheet: Sheet) -> None:
    layer = _layer(sheet.path)
    rows = _rows_in(layer, view, sheet)
    classes = classify(sheet.drawing["renderer"], columns_at(layer, rows), len(rows))
    symbols = [read_symbol(symbol) for symbol in classes.symbols]
    for some in _strokes(layer, rows):
        shapes = reprojected(layer.shapes_at(rows[some]), layer.crs, view.crs)
        canvas.draw(shapes, symbols, classes.which[some])
    for label_class in sheet.drawing.get("labelingInfo") or []:
        _label(canvas, view, layer, rows[:_LABELS], label_class)


@lru_cache(maxsize=16)
def _layer(path: str) -> Layer:
    # Whoever looks at a map asks for it again and again; what it knows of its rows is kept.
    return Layer.open(Path(path))


def _label(canvas: Canvas, view: View, layer: Layer, rows: Array, label_class: dict[str, Any]) -> None:
    largest, smallest = label_class.get("maxScale") or 0, label_class.get("minScale") or 0
    if view.scale < largest or (smallest and view.scale > smallest):
        return
    if where := label_class.get("where"):
        rows = rows[compile_where(where, layer.fields).mask(columns_at(layer, rows), len(rows))]
    texts = label_texts(expression_of(label_class), columns_at(layer, rows), len(rows))
    shapes = reprojected(layer.shapes_at(rows), layer.crs, view.crs)
    style = read_symbol(label_class["symbol"])
    if not isinstance(style, TextSymbol):
        raise InvalidRequest("A label is drawn with a text symbol (esriTS).")
    canvas.label(shapes, texts, style, label_class.get("labelPlacement") or "")


def _rows_in(layer: Layer, view: View, sheet: Sheet) -> Array:
    """Rows that may be seen, in the order in which they are drawn."""
    xmin, ymin, xmax, ymax = _reach(view)
    window = reprojected_box((xmin, ymin, xmax, ymax), view.crs, layer.crs)
    if window is None:
        return np.zeros(0, np.int64)
    return rows_of(
        layer, Query(where=sheet.where, period=sheet.period, time_field=sheet.time_field, window=window)
    )


def _reach(view: View) -> Box:
    """The box of all that a turned picture may show, and of symbols that reach into it from outside."""
    x, y = (view.box[0] + view.box[2]) / 2, (view.box[1] + view.box[3]) / 2
    half = view.width / 2, view.height / 2
    if view.rotation:
        half = hypot(*half), hypot(*half)
    across, up = ((pixels + _MARGIN) * view.pixel for pixels in half)
    return x - across, y - up, x + across, y + up


def _strokes(layer: Layer, rows: Array) -> Iterator[slice]:
    """Slices of the rows, so large that numpy pays and so small that memory stays bounded."""
    vertices = layer.vertices_at(rows)
    filled = np.cumsum(np.maximum(vertices / _VERTICES, 1 / _ROWS)).astype(np.int64)
    bounds = [0, *(np.flatnonzero(np.diff(filled)) + 1).tolist(), len(rows)]
    return (slice(begin, end) for begin, end in pairwise(bounds) if begin < end)
