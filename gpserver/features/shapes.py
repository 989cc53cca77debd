"""Geometries of one kind as flat arrays: coordinates and offsets, the form that wire, disk and maps share.

The offsets are those of GeoArrow, innermost first: none for points, one level for multipoints, two for
polylines (paths, features), three for polygons (rings, parts, features; the first ring of a part is its
shell).
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from gpserver.features.spatialref import same_crs, transformer

Array = NDArray[Any]

POINT, MULTIPOINT = "esriGeometryPoint", "esriGeometryMultipoint"
POLYLINE, POLYGON = "esriGeometryPolyline", "esriGeometryPolygon"
_MOST_DECIMALS = 15  # more than a float64 has
LEVELS = {POINT: 0, MULTIPOINT: 1, POLYLINE: 2, POLYGON: 3}


@dataclass(frozen=True, slots=True)
class Shapes:
    """Geometries of one Esri type.

    Attributes:
        kind: The Esri geometry type.
        coords: float64, one row per vertex: x, y, then z and m where there are any; int64 on a grid.
        offsets: Offsets of every level, innermost first.
        missing: Which features have no geometry; a missing point still has a row of ``coords`` (NaN).
        has_z: Whether the third column is z.
        has_m: Whether the last column is m.
    """

    kind: str
    coords: Array
    offsets: tuple[Array, ...]
    missing: Array
    has_z: bool = False
    has_m: bool = False

    def __len__(self) -> int:
        return len(self.missing)


def empty_shapes(kind: str, count: int) -> Shapes:
    """Shapes of ``count`` features without any geometry."""
    coords = np.full((count if kind == POINT else 0, 2), np.nan)
    levels = LEVELS[kind]
    inner = tuple(np.zeros(1, np.int64) for _ in range(levels - 1))
    outer = (np.zeros(count + 1, np.int64),) if levels else ()
    return Shapes(kind, coords, inner + outer, np.ones(count, bool))


def vertex_offsets(shapes: Shapes) -> Array:
    """Where the vertices of each feature begin: one offset per feature and the end."""
    if not shapes.offsets:
        return np.arange(len(shapes) + 1)
    bounds = shapes.offsets[-1]
    for level in reversed(shapes.offsets[:-1]):
        bounds = level[bounds]
    return bounds


def vertex_counts(shapes: Shapes, rows: Array) -> Array:
    """How many vertices the features of these row numbers have."""
    starts, ends = rows, rows + 1
    for level in reversed(shapes.offsets):
        starts, ends = level[starts], level[ends]
    return ends - starts


def lengths_to_offsets(lengths: Array) -> Array:
    """Offsets (int64, one more than lengths) of lists with these lengths."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def take_lists(offsets: Array, rows: Array) -> tuple[Array, Array]:
    """Choose lists by number: their new offsets, and the numbers of the members they hold, in order."""
    starts = offsets[rows]
    lengths = offsets[rows + 1] - starts
    chosen = lengths_to_offsets(lengths)
    members = np.repeat(starts - chosen[:-1], lengths) + np.arange(chosen[-1])
    return chosen, members


def take(shapes: Shapes, rows: Array) -> Shapes:
    """The features of these row numbers, in this order."""
    missing, offsets = shapes.missing[rows], []
    for level in reversed(shapes.offsets):
        chosen, rows = take_lists(level, rows)
        offsets.append(chosen)
    coords = np.take(shapes.coords, rows, axis=0)  # three times as fast as shapes.coords[rows]
    return replace(shapes, coords=coords, offsets=tuple(reversed(offsets)), missing=missing)


def thinned(shapes: Shapes, keep: Array, fewest: int = 1) -> Shapes:
    """The shapes with only those vertices that a mask keeps.

    Lists of fewer than ``fewest`` vertices (paths, rings, points of a multipoint) go, a shell takes its holes
    along, and a feature of which nothing is left becomes a missing geometry.
    """
    members, offsets = shapes.offsets[0], []
    gone = np.diff(lengths_to_offsets(keep)[members]) < fewest
    if shapes.kind == POLYGON:
        rings = np.diff(shapes.offsets[1])
        shells = shapes.offsets[1][:-1][rings > 0]
        gone |= np.repeat(gone[shells], rings[rings > 0])
    keep = keep & ~np.repeat(gone, np.diff(members))
    left = lengths_to_offsets(keep)
    for level in shapes.offsets[:-1]:
        lengths = np.diff(left[level])
        offsets.append(lengths_to_offsets(lengths[lengths > 0]))
        left = lengths_to_offsets(lengths > 0)
    offsets.append(left[shapes.offsets[-1]])
    missing = shapes.missing | (np.diff(offsets[-1]) == 0)
    return replace(shapes, coords=shapes.coords[keep], offsets=tuple(offsets), missing=missing)


def boxes(shapes: Shapes) -> Array:
    """Bounding boxes, (n, 4): xmin, ymin, xmax, ymax; NaN where the geometry is missing."""
    result = np.full((len(shapes), 4), np.nan)
    bounds = vertex_offsets(shapes)
    filled = ~shapes.missing & (np.diff(bounds) > 0)
    if not filled.any():
        return result
    starts, ends = bounds[:-1][filled], bounds[1:][filled]
    gaps = np.any(starts[1:] != ends[:-1]) or starts[0] != 0 or ends[-1] != len(shapes.coords)
    _, members = take_lists(bounds, np.flatnonzero(filled)) if gaps else (None, slice(None))
    starts = lengths_to_offsets(ends - starts)[:-1]
    for axis in range(2):
        values = np.ascontiguousarray(shapes.coords[members, axis])
        result[filled, axis] = np.minimum.reduceat(values, starts)
        result[filled, axis + 2] = np.maximum.reduceat(values, starts)
    return result


def plane(shapes: Shapes, with_z: bool, with_m: bool) -> Shapes:
    """The shapes with no z and m but those that are wanted."""
    z, m = shapes.has_z and with_z, shapes.has_m and with_m
    if (z, m) == (shapes.has_z, shapes.has_m):
        return shapes
    columns = [0, 1, *[2] * z, *[shapes.coords.shape[1] - 1] * m]
    return replace(shapes, coords=shapes.coords[:, columns], has_z=z, has_m=m)


def rounded(shapes: Shapes, decimals: int) -> Shapes:
    """x and y with fewer decimals; z and m stay as they are (ArcGIS REST, geometryPrecision)."""
    coords = shapes.coords.copy()
    coords[:, :2] = np.round(coords[:, :2], min(max(decimals, 0), _MOST_DECIMALS))
    return replace(shapes, coords=coords)


def reprojected(shapes: Shapes, source: CRS | None, target: CRS | None) -> Shapes:
    """The shapes in another CRS; the same object when there is nothing to do or a CRS is not known.

    A feature with a vertex outside the target's domain becomes a missing geometry.
    """
    if source is None or target is None or len(shapes.coords) == 0 or same_crs(source, target):
        return shapes
    x, y = np.array(shapes.coords[:, :2].T, order="C")
    transformer(source, target).transform(x, y, inplace=True)
    coords = np.column_stack([x, y, shapes.coords[:, 2:]])
    return without_infinite(replace(shapes, coords=coords))


def without_infinite(shapes: Shapes) -> Shapes:
    """Mark features as missing that have a vertex without finite x and y: no format can say such a thing."""
    bad = ~(np.isfinite(shapes.coords[:, 0]) & np.isfinite(shapes.coords[:, 1]))
    if not bad.any():
        return shapes
    bounds = vertex_offsets(shapes)
    total = lengths_to_offsets(bad)
    return replace(shapes, missing=shapes.missing | (total[bounds[1:]] > total[bounds[:-1]]))
