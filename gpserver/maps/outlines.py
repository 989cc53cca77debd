"""Lines and polygons in pixels, as the renderers read them: no more vertices than a picture can show."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from matplotlib.path import Path
from matplotlib.transforms import Bbox

from gpserver.features.shapes import POLYGON, Array, Shapes, vertex_offsets

_CELLS = 4  # per pixel: vertices nearer than a quarter of a pixel are one


class Outline:
    """The vertices and codes of a path.

    Renderers read no more of a matplotlib ``Path`` than these four, and its constructor takes as long as
    drawing a third of a small polygon.
    """

    __slots__ = ("codes", "vertices")
    should_simplify, simplify_threshold = False, 0.0

    def __init__(self, vertices: Array, codes: Array) -> None:
        self.vertices, self.codes = vertices, codes


def outlines(shapes: Shapes) -> list[Outline]:
    """One path per feature, its rings closed."""
    starts, ends = shapes.offsets[0][:-1], shapes.offsets[0][1:]
    codes = _codes(len(shapes.coords), starts, ends if shapes.kind == POLYGON else ends[:0])
    bounds = vertex_offsets(shapes).tolist()
    return [Outline(shapes.coords[begin:end], codes[begin:end]) for begin, end in pairwise(bounds)]


def _codes(size: int, starts: Array, closed: Array) -> Array:
    """Path codes of lines that begin at ``starts``; those that end at ``closed`` are rings."""
    codes = np.full(size, Path.LINETO, Path.code_type)
    codes[closed - 1] = Path.CLOSEPOLY
    codes[starts] = Path.MOVETO
    return codes


def thinned(shapes: Shapes) -> Shapes:
    """The shapes without vertices in the same quarter of a pixel as the vertex before; ends of lists stay."""
    starts, ends = shapes.offsets[0][:-1], shapes.offsets[0][1:]
    x, y = (np.floor(axis * _CELLS) for axis in shapes.coords.T)
    keep = np.ones(len(x), bool)
    keep[1:] = (x[1:] != x[:-1]) | (y[1:] != y[:-1])
    keep[starts] = keep[ends - 1] = True
    kept = np.zeros(len(keep) + 1, np.int64)
    np.cumsum(keep, out=kept[1:])
    return replace(shapes, coords=shapes.coords[keep], offsets=(kept[shapes.offsets[0]], *shapes.offsets[1:]))


def clip(paths: list[Outline], chosen: Sequence[int], box: Bbox) -> None:
    """Cut these polygons to a box around the picture, where they are: dashes have no end far outside.

    Lines need no cut, the renderers do that themselves.
    """
    for number in chosen:
        whole = Path(paths[number].vertices, paths[number].codes)
        rings = whole.clip_to_bbox(box).to_polygons()
        lengths = np.cumsum([0, *(np.shape(ring)[0] for ring in rings)])
        inside = np.concatenate([np.empty((0, 2)), *rings])
        paths[number] = Outline(inside, _codes(len(inside), lengths[:-1], lengths[1:]))
