"""Esri geometry objects to flat arrays, chunk by chunk."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np

from gpserver.errors import InvalidValue
from gpserver.features.rings import assemble
from gpserver.features.shapes import (
    MULTIPOINT,
    POINT,
    POLYGON,
    POLYLINE,
    Array,
    Shapes,
    lengths_to_offsets,
    take_lists,
)

_KEY = {POINT: "x", MULTIPOINT: "points", POLYLINE: "paths", POLYGON: "rings"}
_KIND_OF_KEY = {key: kind for kind, key in _KEY.items()} | {
    "xmin": POLYGON,
    "curveRings": POLYGON,
    "curvePaths": POLYLINE,
}


@dataclass(frozen=True, slots=True)
class Chunk:
    """Geometries of consecutive features.

    Attributes:
        coords: Vertices: x, y[, z[, m]].
        lengths: Lengths of the lists of every level, innermost first.
    """

    coords: Array
    lengths: tuple[Array, ...]


def kind_of(geometries: Iterable[Mapping[str, Any] | None]) -> str | None:
    """The Esri geometry type that the keys of the first geometry tell; None when there is no geometry."""
    for geometry in filter(None, geometries):
        for key, kind in _KIND_OF_KEY.items():
            if key in geometry:
                return kind
    return None


def read_chunk(kind: str, geometries: Sequence[Any], first: int, only_m: bool) -> Chunk:
    """The geometry objects of features as one chunk.

    Args:
        kind: Their Esri geometry type.
        geometries: Geometry objects or None.
        first: Number of the first feature, for the text of an error.
        only_m: A third ordinate of a vertex is m, not z.

    Raises:
        InvalidValue: A geometry is of another type, has true curves, or is malformed.
    """
    try:
        if kind == POINT:
            return Chunk(_points(geometries, first), ())
        members = _members(kind, geometries, first)
        feature_lengths = _lengths(members)
        if kind == MULTIPOINT:
            return Chunk(_vertices(members, only_m), (feature_lengths,))
        parts = list(chain.from_iterable(members))
        return Chunk(_vertices(parts, only_m), (_lengths(parts), feature_lengths))
    except (TypeError, ValueError, AttributeError) as error:
        last = first + len(geometries) - 1
        raise InvalidValue(f"Coordinates in features {first} to {last} are not numbers: {error}.") from error


def _points(geometries: Sequence[Any], first: int) -> Array:
    if all(geometries) and set(map(len, geometries)) == {2}:
        try:
            return np.array([_numbers(list(map(itemgetter(axis), geometries))) for axis in "xy"]).T
        except KeyError:
            pass
    if any(geometry and "x" not in geometry for geometry in geometries):
        _members(POINT, geometries, first)
    known = {key for geometry in geometries if geometry for key in geometry}
    axes = "xyzm" if known & {"z", "m"} else "xy"
    columns = [[geometry.get(axis) if geometry else None for geometry in geometries] for axis in axes]
    return np.array([_numbers(column) for column in columns]).T


def _numbers(values: list[Any]) -> Array:
    """Float64 of numbers, null and "NaN"."""
    return np.array(values, np.float64)


def _members(kind: str, geometries: Sequence[Any], first: int) -> list[Any]:
    """What the key of this geometry type holds, () for no geometry."""
    key = _KEY[kind]
    try:
        return [geometry[key] or () for geometry in geometries]
    except (KeyError, TypeError):
        return [_member(kind, key, geometry, first + i) for i, geometry in enumerate(geometries)]


def _member(kind: str, key: str, geometry: Any, number: int) -> Any:
    if not geometry:
        return ()
    if key in geometry:
        return geometry[key] or ()
    if "curveRings" in geometry or "curvePaths" in geometry:
        raise InvalidValue(f"Feature {number} has true curves, which are not supported: densify it first.")
    if kind == POLYGON and "xmin" in geometry:
        return _envelope(geometry)
    found = kind_of([geometry])
    if found is None:
        return ()
    raise InvalidValue(f"Feature {number} is {found} in a set of {kind}: send one geometry type at a time.")


def _envelope(geometry: Mapping[str, Any]) -> Any:
    """The rings of an envelope; none when it is empty (null or "NaN")."""
    corners = _numbers([geometry.get(key) for key in ("xmin", "ymin", "xmax", "ymax")])
    if np.isnan(corners).any():
        return ()
    west, south, east, north = corners.tolist()
    return [[[west, south], [west, north], [east, north], [east, south], [west, south]]]


def _lengths(lists: Sequence[Any]) -> Array:
    return np.fromiter(map(len, lists), np.int64, len(lists))


def _vertices(parts: Sequence[Any], only_m: bool) -> Array:
    vertices = list(chain.from_iterable(parts))
    widths = set(map(len, vertices))
    if not widths:
        return np.zeros((0, 2))
    if min(widths) < 2 or isinstance(vertices[0], str):
        raise ValueError("a vertex needs x and y")
    width = max(widths)
    if len(widths) > 1:
        vertices = [[*vertex, *[None] * (width - len(vertex))] for vertex in vertices]
    coords = _flat(vertices, width)[:, :4]
    return np.insert(coords, 2, np.nan, axis=1) if only_m and coords.shape[1] == 3 else coords


def _flat(vertices: list[Any], width: int) -> Array:
    count = len(vertices) * width
    try:
        flat = np.fromiter(chain.from_iterable(vertices), np.float64, count)
    except TypeError:  # null is NaN
        flat = _numbers(list(chain.from_iterable(vertices)))
    return flat.reshape(-1, width)


def join_chunks(kind: str, chunks: Sequence[Chunk], leading: int) -> Shapes:
    """The shapes of all chunks, with valid parts only.

    Args:
        kind: Their Esri geometry type.
        chunks: In order.
        leading: How many features without geometry come before the first chunk.
    """
    coords = _stacked([chunk.coords for chunk in chunks])
    levels = [np.concatenate(level) for level in zip(*(chunk.lengths for chunk in chunks), strict=True)]
    if kind == POINT:
        coords = np.vstack([np.full((leading, coords.shape[1]), np.nan), coords])
        missing = np.asarray(~np.isfinite(coords[:, :2]).all(axis=1))
        return _with_ordinates(POINT, coords, (), missing)
    if not np.isfinite(coords[:, :2]).all():
        raise InvalidValue('A line or polygon has a vertex without x or y (null or "NaN").')
    levels[-1] = np.concatenate([np.zeros(leading, np.int64), levels[-1]])
    if kind != MULTIPOINT:
        coords, levels = _without_short_parts(coords, levels, shortest=2 if kind == POLYLINE else 3)
    offsets = tuple(map(lengths_to_offsets, levels))
    if kind == POLYGON:
        coords, offsets = assemble(coords, offsets[0], offsets[1])
    return _with_ordinates(kind, coords, offsets, np.diff(offsets[-1]) == 0)


def _stacked(arrays: Sequence[Array]) -> Array:
    width = max(array.shape[1] for array in arrays)
    if all(array.shape[1] == width for array in arrays):
        return np.concatenate(arrays)
    stacked = np.full((sum(map(len, arrays)), width), np.nan)
    row = 0
    for array in arrays:
        stacked[row : row + len(array), : array.shape[1]] = array
        row += len(array)
    return stacked


def _without_short_parts(coords: Array, levels: list[Array], shortest: int) -> tuple[Array, list[Array]]:
    parts, features = levels
    keep = parts >= shortest
    if keep.all():
        return coords, levels
    _, members = take_lists(lengths_to_offsets(parts), np.flatnonzero(keep))
    kept = lengths_to_offsets(keep)[lengths_to_offsets(features)]
    return coords[members], [parts[keep], np.diff(kept)]


def _with_ordinates(kind: str, coords: Array, offsets: tuple[Array, ...], missing: Array) -> Shapes:
    """Shapes with the ordinates that are known anywhere: z in the third column, m in the fourth."""
    has_z = coords.shape[1] > 2 and bool(np.isfinite(coords[:, 2]).any())
    has_m = coords.shape[1] > 3 and bool(np.isfinite(coords[:, 3]).any())
    columns = [0, 1, *[2] * has_z, *[3] * has_m]
    if len(columns) != coords.shape[1]:
        coords = coords[:, columns]
    return Shapes(kind, coords, offsets, missing, has_z, has_m)
