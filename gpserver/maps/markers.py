"""Draws points: figures and pictures."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from gpserver.errors import InvalidRequest
from gpserver.features.shapes import Array
from gpserver.maps.sprites import paste, sprite
from gpserver.maps.surfaces import Pixels, Surface, draw_collection
from gpserver.maps.symbols import Marker, Picture, Symbol

_HERE = Affine2D()
_NOTHING = (0.0, 0.0, 0.0, 0.0)
_SHORT = 4  # markers in a row: with fewer, a call for all of them is cheaper than one for each row

# Figures of size 1 around the origin.
_FIGURES = {
    "circle": Path.unit_circle().transformed(Affine2D().scale(0.5)),
    "square": Path([(-0.5, -0.5), (-0.5, 0.5), (0.5, 0.5), (0.5, -0.5), (0, 0)], closed=True),
    "diamond": Path([(-0.5, 0), (0, 0.5), (0.5, 0), (0, -0.5), (0, 0)], closed=True),
    "triangle": Path([(-0.5, -0.5), (0, 0.5), (0.5, -0.5), (0, 0)], closed=True),
    "cross": Path([(-0.5, 0), (0.5, 0), (0, -0.5), (0, 0.5)], [1, 2, 1, 2]),
    "x": Path([(-0.5, -0.5), (0.5, 0.5), (-0.5, 0.5), (0.5, -0.5)], [1, 2, 1, 2]),
}


def draw_points(surface: Surface, points: Array, symbols: Sequence[Symbol], which: Array) -> None:
    """Draw points (n, 2) in pixels, counted from the lower left corner; later ones cover earlier ones.

    Args:
        surface: What to draw on.
        points: Coordinates; points that are NaN or cannot be seen are left out.
        symbols: Symbols.
        which: The number of each point's symbol, -1 for none.

    Raises:
        InvalidRequest: A symbol is none for points.
    """
    for symbol in symbols:
        if not isinstance(symbol, Marker | Picture):
            raise InvalidRequest(f"A {type(symbol).__name__} symbol cannot draw points.")
    margin = max((_reach(symbol) for symbol in symbols), default=0.0) * surface.dpi / 72
    near = (points >= -margin) & (points <= np.array([surface.width, surface.height]) + margin)
    seen = near.all(axis=1) & (which >= 0)
    points, which = points[seen], which[seen]
    if len(points) == 0:
        return
    cuts = [0, *(np.flatnonzero(np.diff(which)) + 1).tolist(), len(which)]
    runs = len(cuts) - 1
    if 1 < runs > len(which) / _SHORT and all(isinstance(symbol, Marker) for symbol in symbols):
        _draw_mixed(surface, points, symbols, which)
        return
    for begin, end in pairwise(cuts):
        _draw_alike(surface, points[begin:end], symbols[which[begin]])


def _reach(symbol: Any) -> float:
    """How far a symbol reaches from its point, in points."""
    size = symbol.size if isinstance(symbol, Marker) else symbol.width + symbol.height
    return float(size + 10 + sum(map(abs, symbol.offset)))


def _draw_alike(surface: Surface, points: Array, symbol: Symbol) -> None:
    if isinstance(symbol, Picture):
        _draw_pictures(surface, points, symbol)
    elif isinstance(symbol, Marker):
        _draw_markers(surface, points, symbol)


def _draw_pictures(surface: Surface, points: Array, picture: Picture) -> None:
    image = sprite(picture, surface)
    center = np.array([image.width, image.height]) / 2 - np.array(picture.offset) * surface.dpi / 72
    for x, y in (points - center).tolist():
        paste(surface, image.pixels, round(x), round(y))


def _draw_markers(surface: Surface, points: Array, marker: Marker) -> None:
    context = surface.renderer.new_gc()
    context.set_snap(False)
    context.set_linewidth(marker.outline.width if marker.outline else 0.0)
    context.set_foreground(marker.outline.color if marker.outline else _NOTHING, isRGBA=True)
    if isinstance(surface, Pixels):
        # Agg stamps a figure at the middle of the pixel to which its place, plus half a pixel, belongs.
        points = points + np.array([-0.5, 0.5])
    if marker.color is None or marker.color[3] == 1:
        points = _uncovered(points)
    figure = _figure(marker, surface)
    surface.renderer.draw_markers(context, figure, _HERE, Path(points), _HERE, marker.color)


def _uncovered(points: Array) -> Array:
    """Only the last of the points at one pixel: the same figure over itself shows no more."""
    x, y = np.rint(points).astype(np.int64).T
    pixels = x * (1 << 32) + y
    ordered = np.sort(pixels)
    if (ordered[1:] != ordered[:-1]).all():  # as of most few points; which one is the last costs more
        return points
    _, last = np.unique(pixels[::-1], return_index=True)
    return points[np.sort(len(points) - 1 - last)]


def _draw_mixed(surface: Surface, points: Array, symbols: Sequence[Any], which: Array) -> None:
    context = surface.renderer.new_gc()
    context.set_snap(False)
    figures = [_figure(symbol, surface) for symbol in symbols]
    strokes = [symbol.outline for symbol in symbols]
    face = np.array([symbol.color or _NOTHING for symbol in symbols])[which]
    edge = np.array([stroke.color if stroke else _NOTHING for stroke in strokes])[which]
    width = np.array([stroke.width if stroke else 0.0 for stroke in strokes])[which]
    paths = [figures[number] for number in which.tolist()]
    draw_collection(surface, context, paths, face, edge, width, offsets=points)


def _figure(marker: Marker, surface: Surface) -> Path:
    scale = surface.dpi / 72
    x, y = marker.offset
    place = Affine2D().scale(marker.size * scale).rotate_deg(marker.angle).translate(x * scale, y * scale)
    return _FIGURES[marker.style].transformed(place)
