"""Flat arrays to shapely geometries and back."""

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
from shapely import GeometryType

from gpserver.features.measured import measured_lines, measured_points, measured_polygons
from gpserver.features.shapes import (
    LEVELS,
    MULTIPOINT,
    POINT,
    POLYGON,
    POLYLINE,
    Array,
    Shapes,
    empty_shapes,
    lengths_to_offsets,
    take,
    take_lists,
    without_infinite,
)

_MULTI = {
    MULTIPOINT: GeometryType.MULTIPOINT,
    POLYLINE: GeometryType.MULTILINESTRING,
    POLYGON: GeometryType.MULTIPOLYGON,
}
_JOIN: dict[str, Callable[..., Any]] = {
    MULTIPOINT: shapely.multipoints,
    POLYLINE: shapely.multilinestrings,
    POLYGON: shapely.multipolygons,
}

_BLOCK = 8192  # geometries that become arrays at once: shapely makes several copies on the way


def to_geometry(shapes: Shapes) -> Array:
    """Shapely geometries (object array, None where missing); single parts are not made multi."""
    result = np.full(len(shapes), None, object)
    if shapes.missing.all():
        return result
    if shapes.missing.any():
        present = np.flatnonzero(~shapes.missing)
        result[present] = to_geometry(take(shapes, present))
        return result
    if shapes.kind == POINT:
        return _points(shapes)
    if shapes.kind == MULTIPOINT:
        return _joined(_points(shapes), shapes.offsets[0], shapes.kind)
    parts = _lines(shapes) if shapes.kind == POLYLINE else _polygons(shapes)
    features = shapes.offsets[-1]
    single = np.diff(features) == 1
    result[single] = parts[features[:-1][single]]
    if not single.all():
        chosen, members = take_lists(features, np.flatnonzero(~single))
        result[~single] = _joined(parts[members], chosen, shapes.kind)
    return result


def _joined(parts: Array, offsets: Array, kind: str) -> Array:
    feature = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    return np.asarray(_JOIN[kind](parts, indices=feature), object)


def _points(shapes: Shapes) -> Array:
    if shapes.has_m:
        return measured_points(shapes.coords, shapes.has_z)
    return np.asarray(shapely.points(shapes.coords), object)


def _lines(shapes: Shapes) -> Array:
    if shapes.has_m:
        return measured_lines(shapes.coords, shapes.offsets[0], shapes.has_z)
    return _ragged(GeometryType.LINESTRING, shapes)


def _polygons(shapes: Shapes) -> Array:
    if shapes.has_m:
        return measured_polygons(shapes.coords, shapes.offsets[0], shapes.offsets[1], shapes.has_z)
    return _ragged(GeometryType.POLYGON, shapes)


def _ragged(kind: GeometryType, shapes: Shapes) -> Array:
    coords = np.ascontiguousarray(shapes.coords)
    return np.asarray(shapely.from_ragged_array(kind, coords, shapes.offsets[:-1]), object)


def from_geometry(geometry: Array, missing: Array, kind: str) -> Shapes:
    """Shapes of shapely geometries, which all are of this kind (single or multi) or marked as missing."""
    present = geometry[~missing]
    if len(present) == 0:
        return empty_shapes(kind, len(geometry))
    has_z, has_m = bool(shapely.has_z(present).any()), bool(shapely.has_m(present).any())
    coords, lengths = _to_arrays(present, kind, has_z, has_m)
    if has_z and not np.isfinite(coords[:, 2]).any():
        coords, has_z = np.delete(coords, 2, axis=1), False
    if kind == POINT and missing.any():
        padded = np.full((len(geometry), coords.shape[1]), np.nan)
        padded[~missing] = coords
        coords = padded
    if lengths:
        outer = np.zeros(len(missing), np.int64)
        outer[~missing] = lengths[-1]
        lengths[-1] = outer
    offsets = tuple(map(lengths_to_offsets, lengths))
    return without_infinite(Shapes(kind, coords, offsets, missing, has_z, has_m))


def _to_arrays(geometry: Array, kind: str, has_z: bool, has_m: bool) -> tuple[Array, list[Array]]:
    """All coordinates, and the lengths of the lists of every level, innermost first."""
    coords = np.empty((int(shapely.get_num_coordinates(geometry).sum()), 2 + has_z + has_m))
    levels: list[list[Array]] = [[] for _ in range(LEVELS[kind])]
    filled = 0
    for at in range(0, len(geometry), _BLOCK):
        block, offsets = _to_ragged(geometry[at : at + _BLOCK], kind, has_z, has_m)
        coords[filled : filled + len(block)] = block
        filled += len(block)
        for level, lists in zip(levels, offsets, strict=True):
            level.append(np.diff(lists))
    return coords[:filled], [np.concatenate(level) for level in levels]


def _to_ragged(geometry: Array, kind: str, has_z: bool, has_m: bool) -> tuple[Array, tuple[Array, ...]]:
    """Coordinates and offsets, those of the parts included where all geometries are single."""
    rings = shapely.get_type_id(geometry) == GeometryType.LINEARRING
    if rings.any():  # a ring is a line on the wire, and in WKB
        geometry = geometry.copy()
        geometry[rings] = shapely.from_wkb(shapely.to_wkb(geometry[rings]))
    found, coords, offsets = shapely.to_ragged_array(geometry, has_z, has_m)
    if _has_empty_parts(kind, coords, offsets):
        geometry = _without_empty_parts(geometry, kind)
        found, coords, offsets = shapely.to_ragged_array(geometry, has_z, has_m)
    if kind != POINT and found != _MULTI[kind]:
        offsets = (*offsets, np.arange(len(geometry) + 1, dtype=np.int32))
    return coords, offsets


def _has_empty_parts(kind: str, coords: Array, offsets: tuple[Array, ...]) -> bool:
    if kind == MULTIPOINT and offsets and offsets[-1][-1] != len(coords):
        return True  # shapely counts the empty points of a multipoint, but gives no coordinates for them
    return any(bool((np.diff(level) == 0).any()) for level in offsets)


def _without_empty_parts(geometry: Array, kind: str) -> Array:
    parts, feature = shapely.get_parts(geometry, return_index=True)
    filled = ~shapely.is_empty(parts)
    return np.asarray(_JOIN[kind](parts[filled], indices=feature[filled]), object)
