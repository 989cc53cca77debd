"""Draws lines and polygons: every feature in its turn, its fill below its outline."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.transforms import Bbox

from gpserver.errors import InvalidRequest
from gpserver.features.shapes import POLYGON, POLYLINE, Array, Shapes, boxes, take
from gpserver.maps.outlines import Outline, clip, outlines, thinned
from gpserver.maps.specks import areas, blend, stamp
from gpserver.maps.surfaces import UNBROKEN, Pixels, Surface, draw_collection
from gpserver.maps.symbols import RGBA, Fill, PictureFill, Stroke, Symbol
from gpserver.maps.tiles import draw_tiled

_NOTHING: RGBA = (0.0, 0.0, 0.0, 0.0)
_HATCH_WIDTH = 0.75  # points, as ArcGIS has it
_HATCH_SHARE = 1 / 6  # of an area that a hatch's lines cover

_SPECK = 2.0  # pixels: smaller features are stamped
_THIN = 2.0  # pixels: and only those with outlines up to this width
_FEWEST = 16  # specks in a row that are worth a stamp
_MARGIN = 256.0  # pixels around the picture to which polygons are cut

# Features that follow each other and are drawn in the same manner are drawn by one call. A symbol that needs
# calls of its own has the manner _OWN + its number.
_SOLID, _DASHED, _STAMPED, _OWN = range(4)


@dataclass(frozen=True, slots=True)
class _Brush:
    """A symbol as the renderers want it: fill, line, width and dashes in points."""

    face: RGBA
    edge: RGBA
    width: float
    dashes: list[float] | None
    manner: int


@dataclass(frozen=True, slots=True)
class _Columns:
    """Brushes as columns, one row per feature."""

    face: Array
    edge: Array
    width: Array
    manner: Array
    dashes: Array

    def part(self, begin: int, end: int) -> "_Columns":
        some = slice(begin, end)
        columns = (self.face, self.edge, self.width, self.manner, self.dashes)
        return _Columns(*(column[some] for column in columns))


def draw_outlines(surface: Surface, shapes: Shapes, symbols: Sequence[Symbol], which: Array) -> None:
    """Draw lines or polygons whose coordinates are pixels, counted from the lower left corner.

    Later features cover earlier ones, as in ArcGIS. Features with the same picture fill that follow each
    other are filled together, then outlined.

    Args:
        surface: What to draw on.
        shapes: Polylines or polygons.
        symbols: Symbols.
        which: The number of each feature's symbol, -1 for none.

    Raises:
        InvalidRequest: A symbol is none for these shapes.
    """
    pixel = surface.dpi / 72
    brushes = [_brush(symbol, number, shapes.kind, pixel) for number, symbol in enumerate(symbols)]
    box = boxes(shapes)
    margin = pixel * max((brush.width for brush in brushes), default=0.0)
    rows = np.flatnonzero((which >= 0) & _touches(box, surface, margin))
    if len(rows) == 0:
        return
    if len(rows) < len(shapes):
        shapes, which, box = take(shapes, rows), which[rows], box[rows]
    columns = _columns(brushes, which)
    picture = surface.rgba if isinstance(surface, Pixels) else None
    small = np.zeros(len(which), bool) if picture is None else _specks(box, columns, pixel)
    paths = _paths(shapes, ~small, box, surface)
    marks, inks = _stamps(shapes, small, box, columns, pixel)
    manner = np.where(small, _STAMPED, columns.manner)
    for begin, end in _runs(manner):
        if picture is not None and small[begin]:
            alike = bool((which[begin:end] == which[begin]).all())
            stamp(picture, marks[begin:end], inks[begin:end], alike=alike)
        else:
            _draw(surface, paths[begin:end], columns.part(begin, end), symbols[which[begin]])


def _brush(symbol: Symbol, number: int, kind: str, pixel: float) -> _Brush:
    stroke = symbol if isinstance(symbol, Stroke) else getattr(symbol, "outline", None)
    if not isinstance(symbol, Stroke | Fill | PictureFill) or (kind == POLYLINE and stroke is not symbol):
        what = "lines" if kind == POLYLINE else "polygons"
        raise InvalidRequest(f"A {type(symbol).__name__} symbol cannot draw {what}.")
    own = isinstance(symbol, PictureFill) or (isinstance(symbol, Fill) and symbol.hatch != "")
    if stroke is None:
        return _Brush(_face(symbol), _NOTHING, 0.0, None, _OWN + number if own else _SOLID)
    # The dashes of thinner lines could not be told apart, and there is no end of them.
    dashes = [max(stroke.width, 1 / pixel) * step for step in stroke.dashes] or None
    manner = _OWN + number if own else _DASHED if dashes else _SOLID
    return _Brush(_face(symbol), stroke.color, stroke.width, dashes, manner)


def _face(symbol: Symbol) -> RGBA:
    """The colour of a fill, as seen from afar where it is a hatch or a picture."""
    if isinstance(symbol, PictureFill):
        pixels = symbol.tile.pixels.reshape(-1, 4) / 255
        alpha = float(pixels[:, 3].mean())
        red, green, blue = (pixels[:, :3] * pixels[:, 3:]).mean(axis=0).tolist()
        return (red / alpha, green / alpha, blue / alpha, alpha) if alpha else _NOTHING
    if not isinstance(symbol, Fill) or symbol.color is None:
        return _NOTHING
    red, green, blue, alpha = symbol.color
    return red, green, blue, alpha * (_HATCH_SHARE if symbol.hatch else 1.0)


def _columns(brushes: Sequence[_Brush], which: Array) -> _Columns:
    return _Columns(
        face=np.array([brush.face for brush in brushes])[which],
        edge=np.array([brush.edge for brush in brushes])[which],
        width=np.array([brush.width for brush in brushes])[which],
        manner=np.array([brush.manner for brush in brushes])[which],
        dashes=_objects([(0.0, brush.dashes) for brush in brushes])[which],
    )


def _touches(box: Array, surface: Surface, margin: float) -> Array:
    """Which boxes reach into the picture; none without coordinates does."""
    low, high = box[:, :2] - margin, box[:, 2:] + margin
    inside = (high >= 0) & (low <= np.array([surface.width, surface.height]))
    return np.asarray(inside.all(axis=1))


def _specks(box: Array, columns: _Columns, pixel: float) -> Array:
    """Which features are stamped: small ones, where enough of them follow each other."""
    size = np.max(box[:, 2:] - box[:, :2], axis=1)
    small = (size < _SPECK) & (columns.width * pixel <= _THIN)
    for begin, end in _runs(small):
        small[begin:end] &= end - begin >= _FEWEST
    return np.asarray(small)


def _paths(shapes: Shapes, chosen: Array, box: Array, surface: Surface) -> list[Any]:
    """The outlines of the chosen features, None for others."""
    rows = np.flatnonzero(chosen)
    found = outlines(thinned(shapes if chosen.all() else take(shapes, rows)))
    if shapes.kind == POLYGON:
        size = np.array([surface.width, surface.height])
        outside = (box[rows, :2] < -2 * _MARGIN) | (box[rows, 2:] > size + 2 * _MARGIN)
        frame = Bbox.from_extents(-_MARGIN, -_MARGIN, *(size + _MARGIN).tolist())
        clip(found, np.flatnonzero(outside.any(axis=1)).tolist(), frame)
    result = np.full(len(chosen), None, object)
    result[rows] = _objects(found)
    return result.tolist()


def _objects(things: Sequence[Any]) -> Array:
    return np.fromiter(things, object, len(things))


def _stamps(
    shapes: Shapes, chosen: Array, box: Array, columns: _Columns, pixel: float
) -> tuple[Array, Array]:
    """Boxes and colours of the chosen features, 0 for others."""
    if chosen.all():
        return blend(box, areas(shapes), columns.face, columns.edge, columns.width * pixel)
    rows = np.flatnonzero(chosen)
    marks, inks = np.zeros((len(chosen), 4)), np.zeros((len(chosen), 4))
    if len(rows):
        face, edge, width = columns.face[rows], columns.edge[rows], columns.width[rows] * pixel
        marks[rows], inks[rows] = blend(box[rows], areas(take(shapes, rows)), face, edge, width)
    return marks, inks


def _runs(values: Array) -> Iterator[tuple[int, int]]:
    """Begin and end of each stretch of equal values."""
    cuts = np.flatnonzero(np.diff(values)) + 1
    return pairwise([0, *cuts.tolist(), len(values)])


def _draw(surface: Surface, paths: list[Outline], columns: _Columns, symbol: Symbol) -> None:
    """Draw features of one manner; the symbol is that of the first of them."""
    context = surface.renderer.new_gc()
    context.set_snap(False)  # snapped, straight outlines are darker than others
    # The corners of lines of a pixel look alike, and without curves they cost a quarter less.
    context.set_joinstyle("bevel" if columns.width.max() * surface.dpi <= 72 else "round")
    context.set_capstyle("round" if columns.manner[0] == _SOLID else "butt")
    if isinstance(symbol, Fill) and symbol.hatch and symbol.color:
        context.set_hatch(symbol.hatch)
        context.set_hatch_color(symbol.color)
        context.set_hatch_linewidth(_HATCH_WIDTH)
    if isinstance(symbol, PictureFill):
        draw_tiled(surface, paths, symbol.tile)
    filled = columns.manner[0] < _OWN and columns.face[:, 3].any()
    face = columns.face if filled else columns.face[:0]
    dashes = UNBROKEN if columns.manner[0] == _SOLID else columns.dashes.tolist()
    draw_collection(surface, context, paths, face, columns.edge, columns.width, dashes)
