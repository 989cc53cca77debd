"""Swatches: what a symbol looks like, for a legend."""

from dataclasses import replace

import numpy as np

from gpserver.features.shapes import POINT, POLYGON, POLYLINE, Shapes
from gpserver.maps.canvas import Canvas
from gpserver.maps.images import write
from gpserver.maps.symbols import Marker, Picture, Stroke, Symbol

_MARGIN = 1.0  # points around what is drawn


def swatch(symbol: Symbol, width: int = 20, height: int = 20, dpi: float = 96) -> bytes:
    """A transparent PNG of a symbol: a point, a line or an area; points are as large as there is room."""
    across, up = width * 72 / dpi, height * 72 / dpi
    canvas = Canvas(width, height, (0, 0, across, up), dpi=dpi)
    canvas.draw(_example(symbol, across, up), [_fitted(symbol, min(across, up))], np.zeros(1, np.int64))
    return write(canvas.rgba(), "png32")


def _example(symbol: Symbol, width: float, height: float) -> Shapes:
    missing, middle = np.zeros(1, bool), height / 2
    if isinstance(symbol, Marker | Picture):
        return Shapes(POINT, np.array([(width / 2, middle)]), (), missing)
    stroke = symbol if isinstance(symbol, Stroke) else getattr(symbol, "outline", None)
    margin = min(_MARGIN + (stroke.width / 2 if stroke else 0.0), min(width, height) / 3)
    left, right, low, high = margin, width - margin, margin, height - margin
    if isinstance(symbol, Stroke):
        line = np.array([(left, middle), (right, middle)])
        return Shapes(POLYLINE, line, (np.array([0, 2]), np.array([0, 1])), missing)
    ring = np.array([(left, low), (left, high), (right, high), (right, low), (left, low)])
    return Shapes(POLYGON, ring, (np.array([0, 5]), np.array([0, 1]), np.array([0, 1])), missing)


def _fitted(symbol: Symbol, room: float) -> Symbol:
    """Points in the middle and not larger than the swatch."""
    if isinstance(symbol, Marker):
        edge = symbol.outline.width if symbol.outline else 0.0
        return replace(symbol, size=min(symbol.size, max(room - edge - 1, 1.0)), offset=(0.0, 0.0))
    if isinstance(symbol, Picture):
        shrink = min(1.0, room / max(symbol.width, symbol.height))
        width, height = symbol.width * shrink, symbol.height * shrink
        return replace(symbol, width=width, height=height, offset=(0.0, 0.0))
    return symbol
