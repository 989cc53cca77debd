"""Rings of polygons: their direction, and which hole belongs to which shell; for all features at once.

Esri's rule (Geometry objects): a shell runs clockwise, a hole counter-clockwise, in whatever order they come.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import shapely
from shapely import GeometryType

from gpserver.features.shapes import POLYGON, Array, Shapes, lengths_to_offsets, take_lists

_BLOCK = 1 << 18  # vertices


def ring_areas(coords: Array, rings: Array) -> Array:
    """Twice the signed area of each closed ring, positive counter-clockwise.

    Measured from the ring's first vertex: far from the origin products of whole coordinates lose the area.
    Rings must have a vertex at least.
    """
    if len(rings) == 1:
        return np.zeros(0)
    # In blocks: the arrays in between would need several times the memory of the coordinates.
    cuts = np.unique([*np.searchsorted(rings, np.arange(0, rings[-1], _BLOCK)), len(rings) - 1])
    return np.concatenate([_areas(coords, rings[begin : end + 1]) for begin, end in pairwise(cuts)])


def _areas(coords: Array, rings: Array) -> Array:
    lengths, starts = np.diff(rings), rings[:-1] - rings[0]
    block = coords[rings[0] : rings[-1], :2]
    x, y = (block - np.repeat(block[starts], lengths, axis=0)).T
    cross = np.zeros(len(x))
    # At the seam of two rings the last vertex equals the first, so the product is 0 by itself.
    cross[:-1] = x[:-1] * y[1:] - x[1:] * y[:-1]
    return np.asarray(np.add.reduceat(cross, starts))


def oriented(shapes: Shapes) -> Shapes:
    """The same polygons with every shell clockwise and every hole counter-clockwise."""
    if shapes.kind != POLYGON or len(shapes.coords) == 0:
        return shapes
    rings, parts, _ = shapes.offsets
    is_shell = np.zeros(len(rings) - 1, bool)
    is_shell[parts[:-1][np.diff(parts) > 0]] = True
    areas = ring_areas(shapes.coords, rings)
    wrong = np.where(is_shell, areas > 0, areas < 0)
    if not wrong.any():
        return shapes
    order = np.where(np.repeat(wrong, np.diff(rings)), _backward(rings), np.arange(len(shapes.coords)))
    return replace(shapes, coords=shapes.coords[order])


def turned(shapes: Shapes) -> Shapes:
    """The same polygons with every ring the other way round, as GeoJSON has them (RFC 7946, 3.1.6)."""
    return replace(shapes, coords=shapes.coords[_backward(shapes.offsets[0])])


def _backward(rings: Array) -> Array:
    """Numbers of the vertices, those of every ring from its end."""
    return np.asarray(np.repeat(rings[:-1] + rings[1:] - 1, np.diff(rings)) - np.arange(rings[-1]))


def assemble(coords: Array, rings: Array, features: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    """Polygons from rings in any order.

    Open rings are closed. Rings without area have no direction, so they can be neither shell nor hole:
    dropped. A feature whose largest ring runs counter-clockwise was written against the rule: all its rings
    are turned in meaning. A hole belongs to the smallest shell around it; a hole in no shell becomes a shell.

    Args:
        coords: Vertices, (n, 2 or more).
        rings: Offsets of the rings, none of them empty.
        features: Offsets of the features, in rings.

    Returns:
        The vertices and the three levels of offsets of :class:`Shapes`.
    """
    coords, rings = _closed(coords, rings)
    areas = ring_areas(coords, rings)
    keep = (areas != 0) & (np.diff(rings) >= 4)
    feature = np.repeat(np.arange(len(features) - 1), np.diff(features))[keep]
    rings, members = take_lists(rings, np.flatnonzero(keep))
    coords = coords if keep.all() else coords[members]
    areas = _esri_sign(areas[keep], feature)
    owner = _owners(coords, rings, areas, feature)
    return _grouped(coords, rings, feature, owner, len(features) - 1)


def _closed(coords: Array, rings: Array) -> tuple[Array, Array]:
    first, last = coords[rings[:-1]], coords[rings[1:] - 1]
    is_open = (first[:, :2] != last[:, :2]).any(axis=1)
    if not is_open.any():
        return coords, rings
    closed = np.insert(coords, rings[1:][is_open], first[is_open], axis=0)
    return closed, lengths_to_offsets(np.diff(rings) + is_open)


def _esri_sign(areas: Array, feature: Array) -> Array:
    """Areas with shells below zero, also in features that were written the other way round."""
    if len(areas) == 0:
        return areas
    begins = np.flatnonzero(np.diff(feature, prepend=-1))
    lengths = np.diff(begins, append=len(areas))
    against = np.maximum.reduceat(areas, begins) > -np.minimum.reduceat(areas, begins)
    return np.where(np.repeat(against, lengths), -areas, areas)


def _owners(coords: Array, rings: Array, areas: Array, feature: Array) -> Array:
    """For every ring the number of the shell it belongs to; a shell belongs to itself."""
    owner = np.arange(len(areas))
    is_hole = areas > 0
    if not is_hole.any():
        return owner
    shells = np.flatnonzero(~is_hole)
    count = np.bincount(feature[shells], minlength=feature[-1] + 1)
    shell_of_feature = np.zeros(len(count), np.int64)
    shell_of_feature[feature[shells]] = shells
    simple = is_hole & (count[feature] == 1)
    owner[simple] = shell_of_feature[feature[simple]]
    holes = np.flatnonzero(is_hole & (count[feature] > 1))
    if len(holes):
        candidates = shells[count[feature[shells]] > 1]
        owner[holes] = _smallest_shell_around(holes, candidates, coords, rings, areas, feature)
    return owner


def _smallest_shell_around(
    holes: Array, shells: Array, coords: Array, rings: Array, areas: Array, feature: Array
) -> Array:
    """The shell of each hole in features with several shells; the hole itself when there is none."""
    # The middle of an edge, not a vertex: a hole may touch its shell in vertices.
    middle = (coords[rings[holes], :2] + coords[rings[holes] + 1, :2]) / 2
    offsets, members = take_lists(rings, shells)
    polygons = shapely.from_ragged_array(
        GeometryType.POLYGON, coords[members, :2], (offsets, np.arange(len(shells) + 1))
    )
    hole, shell = shapely.STRtree(polygons).query(shapely.points(middle))
    fits = (feature[holes[hole]] == feature[shells[shell]]) & (-areas[shells[shell]] >= areas[holes[hole]])
    hole, shell = hole[fits], shell[fits]
    shapely.prepare(polygons[np.unique(shell)])
    inside = shapely.intersects_xy(polygons[shell], middle[hole, 0], middle[hole, 1])
    hole, shell = hole[inside], shell[inside]
    order = np.lexsort((-areas[shells[shell]], hole))
    found, first = np.unique(hole[order], return_index=True)
    owner = holes.copy()
    owner[found] = shells[shell[order[first]]]
    return owner


def _grouped(
    coords: Array, rings: Array, feature: Array, owner: Array, features: int
) -> tuple[Array, tuple[Array, Array, Array]]:
    """Rings put in order: every shell followed by its holes."""
    number = np.arange(len(owner))
    is_shell = owner == number
    order = np.lexsort((number, ~is_shell, owner))
    if (order != number).any():
        rings, members = take_lists(rings, order)
        coords = coords[members]
    parts = np.append(np.flatnonzero(is_shell[order]), len(order))
    counts = np.bincount(feature[is_shell], minlength=features)
    return coords, (rings, parts, lengths_to_offsets(counts))
