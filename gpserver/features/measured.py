"""Shapely geometries with m values, by way of WKB: shapely's own constructors know x, y and z only."""

import struct
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

Array = NDArray[Any]

_LITTLE_ENDIAN = 1
_POINT, _LINE, _POLYGON = 1, 2, 3
_WITH_M, _WITH_Z_AND_M = 2000, 3000  # added to the type number (ISO 13249-3)


def measured_points(coords: Array, has_z: bool) -> Array:
    """Points of x, y, [z,] m, (n, 3 or 4)."""
    head = _head(_POINT, has_z)
    return _from_wkb([head + vertex.tobytes() for vertex in coords])


def measured_lines(coords: Array, paths: Array, has_z: bool) -> Array:
    """Linestrings, given the offsets of the paths."""
    head = _head(_LINE, has_z)
    return _from_wkb([head + text for text in _counted(coords, paths)])


def measured_polygons(coords: Array, rings: Array, polygons: Array, has_z: bool) -> Array:
    """Polygons, given the offsets of the rings and of the polygons."""
    head, texts = _head(_POLYGON, has_z), _counted(coords, rings)
    return _from_wkb(
        [
            head + struct.pack("<I", end - begin) + b"".join(texts[begin:end])
            for begin, end in pairwise(polygons)
        ]
    )


def _head(kind: int, has_z: bool) -> bytes:
    return struct.pack("<BI", _LITTLE_ENDIAN, kind + (_WITH_Z_AND_M if has_z else _WITH_M))


def _counted(coords: Array, offsets: Array) -> list[bytes]:
    return [struct.pack("<I", end - begin) + coords[begin:end].tobytes() for begin, end in pairwise(offsets)]


def _from_wkb(texts: list[bytes]) -> Array:
    return np.asarray(shapely.from_wkb(np.array(texts, object)), object)
