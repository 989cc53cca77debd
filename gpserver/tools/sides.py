"""One side of lines: the area within a distance that lies at one hand of whoever walks along them."""

from collections.abc import Callable

import numpy as np
import shapely
from numpy.typing import NDArray

from gpserver.tools.circles import Geometries

Floats = NDArray[np.float64]

# How far a probe stands from its line, in distances of the buffer.
PROBE = 1e-5

Buffer = Callable[[Geometries, Floats], Geometries]


def one_side(lines: Geometries, distances: Floats, buffer: Buffer, both: Buffer) -> Geometries:
    """Buffers at the left of linestrings, at their right where the distance is negative.

    Of the faces that a line and its offset enclose, GEOS since 3.12 keeps the largest alone
    (https://github.com/libgeos/geos/issues/1273), so that where a line turns sharply most of a side may be
    missing, or what it runs round is given instead. That is seen where the two sides do not make up the
    whole, and such buffers are made anew.

    Args:
        lines: Shape (n,).
        distances: In units of the coordinates, shape (n,).
        buffer: Buffers one side as GEOS does.
        both: Buffers both sides, with flat ends.
    """
    found, whole = buffer(lines, distances), both(lines, np.abs(distances))
    beyond = shapely.area(shapely.difference(found, whole))
    missing = shapely.area(shapely.difference(whole, shapely.union(found, buffer(lines, -distances))))
    wrong = np.fmax(beyond, missing) > 1e-6 * shapely.area(whole)
    for each in np.flatnonzero(wrong & (shapely.length(lines) > 0)):
        found[each] = _left_of(shapely.remove_repeated_points(lines[each]), distances[each], buffer)
    return found


def _left_of(line: shapely.Geometry, distance: float, buffer: Buffer) -> shapely.Geometry:
    """A rectangle along each segment and the outer corners between them, cut by the line and at its ends.

    Of the faces that this gives, those count that the line has at its left.
    """
    flat, closed = shapely.get_coordinates(line), shapely.is_closed(line)
    if closed:
        flat = np.append(flat, flat[1:2], axis=0)
    along = np.diff(flat, axis=0)
    along /= np.hypot(*along.T)[:, None]
    aside = np.column_stack([-along[:, 1], along[:, 0]]) * distance
    corners = np.stack([flat[:-1], flat[1:], flat[1:] + aside, flat[:-1] + aside], axis=1)
    away = np.flatnonzero(_cross(along[:-1], along[1:]) * distance < 0)
    bends = np.asarray(shapely.linestrings(np.stack([flat[away], flat[away + 1], flat[away + 2]], axis=1)))
    bent = buffer(bends, np.full(len(away), distance))
    whole = shapely.union_all(np.append(np.asarray(shapely.polygons(corners)), bent))
    ends = [] if closed else [(flat[0], aside[0]), (flat[-1], aside[-1])]
    cuts = [shapely.LineString([place - across, place + across]) for place, across in ends]
    edges = shapely.union_all([shapely.boundary(whole), line, *cuts])
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(edges)))
    probes = shapely.points(_probes(flat, aside, shapely.get_coordinates(edges), PROBE))
    return shapely.union_all(
        faces[np.unique(shapely.STRtree(faces).query(probes, predicate="intersects")[1])]
    )


def _cross(one: Floats, other: Floats) -> Floats:
    return one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]


def _probes(flat: Floats, aside: Floats, nodes: Floats, apart: float) -> Floats:
    """A place beside the middle of every piece between two nodes of every segment, shape (m, 2)."""
    found = []
    for start, end, across in zip(flat[:-1], flat[1:], aside, strict=True):
        step, length = end - start, float(np.hypot(*(end - start)))
        place = (nodes - start) @ step / length**2
        on = (np.abs(_cross(nodes - start, step)) < 1e-6 * length**2) & (place > 0) & (place < 1)
        stops = np.unique(np.concatenate([[0.0], place[on], [1.0]]))
        middles = (stops[1:] + stops[:-1]) / 2
        found.append(start + middles[:, None] * step + across * apart)
    return np.concatenate(found)
