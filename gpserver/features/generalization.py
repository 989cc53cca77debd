"""Lines and rings with fewer vertices, for all features at once."""

import numpy as np
import shapely
from shapely import GeometryType

from gpserver.features.shapes import POLYGON, POLYLINE, Array, Shapes, thinned

_RING = 4  # vertices of a ring, the first one twice


def generalized(shapes: Shapes, offset: float) -> Shapes:
    """The shapes without the vertices that no line or ring needs to stay within ``offset`` (Douglas-Peucker).

    Nothing disappears: paths keep their ends, and a ring that is smaller than the offset keeps three corners.
    Rings may come to cross each other, as they may in ArcGIS (maxAllowableOffset).

    Args:
        shapes: Shapes of any kind; points and multipoints stay as they are.
        offset: Distance in the units of the coordinates.
    """
    if shapes.kind not in (POLYLINE, POLYGON) or len(shapes.coords) == 0:
        return shapes
    lists = shapes.offsets[0]
    keep = np.zeros(len(shapes.coords), bool)
    keep[_needed(shapes.coords[:, :2], lists, offset)] = True
    if shapes.kind == POLYGON:
        small = np.add.reduceat(keep, lists[:-1]) < _RING
        starts, lengths = lists[:-1][small], np.diff(lists)[small]
        for corner in range(_RING):
            keep[starts + corner * (lengths - 1) // (_RING - 1)] = True
    return thinned(shapes, keep)


def _needed(xy: Array, lists: Array, offset: float) -> Array:
    """Numbers of the vertices that are needed; each travels through GEOS as the z of its vertex."""
    numbered = np.column_stack([np.nan_to_num(xy, posinf=0, neginf=0), np.arange(len(xy))])
    lines = shapely.from_ragged_array(GeometryType.LINESTRING, numbered, (lists,))
    simple = shapely.simplify(lines, offset, preserve_topology=False)
    return shapely.get_coordinates(simple, include_z=True)[:, 2].astype(np.int64)
