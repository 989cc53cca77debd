"""Labels: where they stand, which of them have room, and their letters as outlines."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
import shapely
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Affine2D, Bbox

from gpserver.features.shapely_geometry import to_geometry
from gpserver.features.shapes import MULTIPOINT, POINT, POLYLINE, Array, Shapes
from gpserver.maps.surfaces import Surface
from gpserver.maps.symbols import TextSymbol

_HERE = Affine2D()
_EM = 100.0  # the size in which matplotlib gives letters as paths
_HEIGHT = 0.76  # of capital letters with their accents, in sizes; what a label keeps free above its baseline
_DEPTH = 0.2  # and below
_CELL = 2.0  # units of the surface: labels are kept apart on a grid
_TOGETHER = 50  # labels drawn by one call; Agg holds no more letters at once
_LONGEST = 250  # characters


class Room:
    """What of a surface is taken by labels."""

    def __init__(self, surface: Surface) -> None:
        self._size = np.array([surface.width, surface.height])
        rows, columns = np.ceil(self._size[::-1] / _CELL).astype(int)
        self._taken = np.zeros((rows, columns), bool)

    def take(self, box: Bbox) -> bool:
        """Take a box if it lies inside and nothing of it is taken."""
        xmin, ymin, xmax, ymax = box.extents
        if xmin < 0 or ymin < 0 or xmax > self._size[0] or ymax > self._size[1]:
            return False
        rows = slice(int(ymin / _CELL), int(ymax / _CELL) + 1)
        cells = self._taken[rows, int(xmin / _CELL) : int(xmax / _CELL) + 1]
        if cells.any():
            return False
        cells[:] = True
        return True


def anchors(shapes: Shapes, surface: Surface) -> tuple[Array, Array]:
    """Where a feature is labelled: (n, 2), NaN where it cannot be seen; and the direction of lines there.

    Polygons in the middle of what can be seen of them, lines half-way along it, with the angle in degrees, so
    that text stands upright.

    Args:
        shapes: In pixels.
        surface: What is drawn on.
    """
    if shapes.kind == POINT:
        return shapes.coords[:, :2], np.zeros(len(shapes))
    geometry = to_geometry(shapes)
    if shapes.kind == MULTIPOINT:
        return _places(shapely.get_geometry(geometry, 0)), np.zeros(len(shapes))
    seen = shapely.clip_by_rect(geometry, 0, 0, surface.width, surface.height)
    if shapes.kind == POLYLINE:
        return _half_way(_greatest(seen, shapely.length))
    part = _greatest(seen, shapely.area)
    middle = shapely.centroid(part)
    outside = ~shapely.intersects(part, middle)
    middle[outside] = shapely.point_on_surface(part[outside])
    return _places(middle), np.zeros(len(shapes))


def _greatest(geometry: Array, measure: Callable[[Array], Array]) -> Array:
    """The greatest part of each geometry, None where there is none."""
    parts, feature = shapely.get_parts(geometry, return_index=True)
    order = np.lexsort((-measure(parts), feature))
    _, first = np.unique(feature[order], return_index=True)
    result = np.full(len(geometry), None, object)
    result[feature[order[first]]] = parts[order[first]]
    return result


def _half_way(lines: Array) -> tuple[Array, Array]:
    before, middle, after = (
        _places(shapely.line_interpolate_point(lines, share, normalized=True)) for share in (0.45, 0.5, 0.55)
    )
    dx, dy = (after - before).T
    return middle, (np.degrees(np.arctan2(dy, dx)) + 90) % 180 - 90


def _places(points: Array) -> Array:
    return np.column_stack([shapely.get_x(points), shapely.get_y(points)])


def draw_labels(
    surface: Surface,
    room: Room,
    places: tuple[Array, Array],
    texts: Sequence[str],
    style: TextSymbol,
    placement: str,
    gap: float,
) -> None:
    """Draw those labels that have room; the first one asked gets it.

    Args:
        surface: What to draw on.
        room: What is taken already.
        places: Points and angles, as of :func:`anchors`.
        texts: One per point; empty ones are not drawn.
        style: How they look.
        placement: Esri's word for where a label stands, of which Above, Below, Left and Right count.
        gap: Points between the place and the text.
    """
    unit = surface.dpi / 72
    turn = Affine2D().rotate_deg(style.angle).translate(*(unit * np.array(style.offset)))
    letters: list[Path] = []
    for (x, y), angle, text in zip(places[0].tolist(), places[1].tolist(), texts, strict=True):
        line = " ".join(text.split())[:_LONGEST]
        if line and x == x:
            width, size = _width(line, style) * unit, style.size * unit
            move = turn + Affine2D().rotate_deg(angle).translate(x, y)
            left, base = _corner(width, size, placement, gap * unit)
            box = [(left, base - _DEPTH * size), (left + width, base + _HEIGHT * size)]
            if room.take(move.transform_bbox(Bbox(box))):
                grow = Affine2D().scale(size / _EM).translate(left, base)
                letters.append(
                    _letters(line, style.family, style.bold, style.italic).transformed(grow + move)
                )
    for first in range(0, len(letters), _TOGETHER):
        _draw(surface, Path.make_compound_path(*letters[first : first + _TOGETHER]), style)


def _corner(width: float, size: float, placement: str, gap: float) -> tuple[float, float]:
    """Left end and baseline of a text, as seen from its place."""
    left, base = -width / 2, size * (_DEPTH - _HEIGHT) / 2
    if "Right" in placement:
        left = gap
    elif "Left" in placement:
        left = -gap - width
    if "Above" in placement:
        base = gap + size * _DEPTH
    elif "Below" in placement:
        base = -gap - size * _HEIGHT
    return left, base


def _draw(surface: Surface, letters: Path, style: TextSymbol) -> None:
    context = surface.renderer.new_gc()
    context.set_snap(False)
    context.set_joinstyle("round")
    if style.halo:
        context.set_linewidth(2 * style.halo.width)
        context.set_foreground(style.halo.color, isRGBA=True)
        surface.renderer.draw_path(context, letters, _HERE, None)
    context.set_linewidth(0)
    surface.renderer.draw_path(context, letters, _HERE, style.color)


def _width(text: str, style: TextSymbol) -> float:
    """The width of a text in points, not counting that some letters move together."""
    return sum(_advance(letter, style.family, style.bold, style.italic) for letter in text) * style.size / _EM


@contextmanager
def _unknown_letters_allowed() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        yield


@lru_cache(4096)
@_unknown_letters_allowed()
def _advance(letter: str, family: str, bold: bool, italic: bool) -> float:
    font = _font(family, bold, italic)
    return float(text_to_path.get_text_width_height_descent(letter, font, ismath=False)[0])


@lru_cache(4096)
@_unknown_letters_allowed()
def _letters(text: str, family: str, bold: bool, italic: bool) -> Path:
    """The outlines of a text's letters; what the fonts do not have is drawn as a box."""
    vertices, codes = text_to_path.get_text_path(_font(family, bold, italic), text)
    return Path(np.reshape(vertices, (-1, 2)), codes)


@lru_cache
def _font(family: str, bold: bool, italic: bool) -> FontProperties:
    return FontProperties(
        family=[family],
        weight="bold" if bold else "normal",
        style="italic" if italic else "normal",
        size=_EM,
    )
