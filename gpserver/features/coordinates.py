"""GeoJSON's coordinates by whole columns: nested lists to geometries, and geometries to JSON text."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from shapely import GeometryType, GEOSException

from gpserver.errors import InvalidValue
from gpserver.features.shapes import Array, lengths_to_offsets
from gpserver.features.text import join, list_texts, number_tokens

# Lists around a vertex.
_DEPTHS = {
    GeometryType.POINT: 0,
    GeometryType.LINESTRING: 1,
    GeometryType.MULTIPOINT: 1,
    GeometryType.POLYGON: 2,
    GeometryType.MULTILINESTRING: 2,
    GeometryType.MULTIPOLYGON: 3,
}
NAMES = {
    GeometryType.POINT: "Point",
    GeometryType.LINESTRING: "LineString",
    GeometryType.MULTIPOINT: "MultiPoint",
    GeometryType.POLYGON: "Polygon",
    GeometryType.MULTILINESTRING: "MultiLineString",
    GeometryType.MULTIPOLYGON: "MultiPolygon",
}


def read_coordinates(kind: GeometryType, nested: Sequence[Any]) -> Array:
    """Geometries of one type from the ``coordinates`` of each, with z where all vertices have one.

    Raises:
        InvalidValue: They are not nested as the type wants, or not numbers, or a ring is not closed.
    """
    lists, offsets = list(nested), []
    try:
        for _ in range(_DEPTHS[kind]):
            offsets.append(lengths_to_offsets(np.fromiter(map(len, lists), np.int64, len(lists))))
            lists = list(chain.from_iterable(lists))
        widths = set(map(len, lists)) or {2}
        if not set(map(type, lists)) <= {list} or widths not in ({2}, {3}):
            raise ValueError("a vertex is [x, y]")
        width = widths.pop()
        coords = np.fromiter(chain.from_iterable(lists), np.float64, len(lists) * width).reshape(-1, width)
        if not np.isfinite(coords).all():
            raise ValueError("a number is missing")
        if kind == GeometryType.POINT:
            return np.asarray(shapely.points(coords), object)
        return np.asarray(shapely.from_ragged_array(kind, coords, tuple(reversed(offsets))), object)
    except GEOSException:
        raise InvalidValue(f"A line or a ring of a {NAMES[kind]} has too few vertices.") from None
    except (TypeError, ValueError) as error:
        raise InvalidValue(f"These are no coordinates of a {NAMES[kind]}: {error}.") from None


def geometry_texts(geometry: Array, members: str = "") -> Any:
    """For every geometry its GeoJSON with two dimensions; ``null`` where there is none, or an empty one.

    Args:
        geometry: Geometries of any types.
        members: More members of each object, as JSON text that begins with a comma.
    """
    geometry = np.asarray(geometry, object)
    kinds = np.where(shapely.is_empty(geometry), -1, shapely.get_type_id(geometry))
    texts, rows = [], []
    for kind in np.unique(kinds):
        chosen = np.flatnonzero(kinds == kind)
        rows.append(chosen)
        texts.append(_texts(int(kind), geometry[chosen], members))
    if len(texts) < 2:
        return texts[0] if texts else pa.array([], pa.string())
    return pa.concat_arrays(texts).take(pa.array(np.argsort(np.concatenate(rows))))


def _texts(kind: int, geometry: Array, members: str) -> Any:
    if kind < 0:
        return pa.array(["null"] * len(geometry))
    if kind not in _DEPTHS:
        texts = shapely.to_geojson(shapely.force_2d(geometry))
        return pa.array([f"{text[:-1]}{members}}}" for text in texts])
    _, coords, offsets = shapely.to_ragged_array(geometry, include_z=False)
    depth = _DEPTHS[GeometryType(kind)]
    start = f'{{"type":"{NAMES[GeometryType(kind)]}","coordinates":{"[" * max(depth, 1)}'
    if depth == 0:
        return join(start, number_tokens(coords[:, 0], ","), number_tokens(coords[:, 1], "]"), members + "}")
    lists = list_texts(coords, offsets[0])
    for level, separator in zip(offsets[1:], (",[", "],[["), strict=False):
        lists = pc.binary_join(pa.ListArray.from_arrays(pa.array(level, pa.int32()), lists), separator)
    return join(start, lists, "]" * (depth - 1) + members + "}")
