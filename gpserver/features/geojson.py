"""Features as GeoJSON (RFC 7946): always in WGS84, shells counter-clockwise."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpserver.features.geographic import geographic_chunks
from gpserver.features.selection import Chunk, Selection
from gpserver.features.shapes import MULTIPOINT, POINT, POLYLINE, Shapes
from gpserver.features.text import attribute_tokens, join, list_texts, number_tokens, object_pieces, text_of

_EXCEEDED = b'"properties":{"exceededTransferLimit":true},'
# One part, and several: what is before the first vertex, and what follows the last ring or path.
_LINES = ('{"type":"LineString","coordinates":[', "}"), ('{"type":"MultiLineString","coordinates":[[', "]}")
_POLYGONS = ('{"type":"Polygon","coordinates":[[', "]}"), ('{"type":"MultiPolygon","coordinates":[[[', "]]}")


def write(selection: Selection) -> Iterator[bytes]:
    """A FeatureCollection as JSON text, in pieces of a few megabytes at most.

    A feature's ``id`` is its object id; dates are milliseconds since 1970, as in Esri's JSON. There is no m
    in GeoJSON, and no grid: neither is written. Coordinates of an unknown system stay as they are.
    """
    yield b'{"type":"FeatureCollection",%s"features":[' % (_EXCEEDED if selection.exceeded else b"")
    comma = 1
    for chunk in geographic_chunks(selection, selection.precision):
        yield bytes(_text(selection, chunk)[comma:])
        comma = 0
    yield b"]}"


def _text(source: Selection, chunk: Chunk) -> memoryview:
    """The features of a chunk, each with a comma before it."""
    pieces: list[Any] = [pa.repeat(',{"type":"Feature",', len(chunk.rows))]
    if source.layer.object_id_field:
        pieces += ['"id":', attribute_tokens(pa.array(source.layer.object_ids_at(chunk.rows)), ",")]
    pieces += ['"geometry":', *(["null"] if chunk.shapes is None else _geometry_pieces(chunk.shapes))]
    names = [field["name"] for field in source.chosen_fields]
    return text_of(join(*pieces, ',"properties":', *object_pieces(names, chunk.columns), "}"))


def _geometry_pieces(shapes: Shapes) -> list[Any]:
    """The geometry objects; ``null`` where a geometry is missing."""
    if shapes.kind == POINT:
        pieces = _points(shapes)
    elif shapes.kind == MULTIPOINT:
        points = list_texts(shapes.coords, shapes.offsets[0])
        pieces = ['{"type":"MultiPoint","coordinates":[', points, "}"]
    else:
        pieces = _lines(shapes) if shapes.kind == POLYLINE else _polygons(shapes)
    if not shapes.missing.any():
        return pieces
    return [pc.if_else(pa.array(shapes.missing), "null", join(*pieces))]


def _points(shapes: Shapes) -> list[Any]:
    *before, last = shapes.coords.T
    tokens = [*(number_tokens(axis, ",") for axis in before), number_tokens(last, "]")]
    return ['{"type":"Point","coordinates":[', *tokens, "}"]


def _lines(shapes: Shapes) -> list[Any]:
    paths, features = shapes.offsets
    return _framed(shapes, _joined(list_texts(shapes.coords, paths), features, ",["), _LINES)


def _polygons(shapes: Shapes) -> list[Any]:
    rings, parts, features = shapes.offsets
    texts = _joined(list_texts(shapes.coords, rings), parts, ",[")
    return _framed(shapes, _joined(texts, features, "],[["), _POLYGONS)


def _joined(texts: Any, offsets: Any, separator: str) -> Any:
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), texts), separator)


def _framed(shapes: Shapes, texts: Any, frames: Any) -> list[Any]:
    """Coordinates between the beginning and the end of an object with one part, or with several."""
    single, multi = frames
    many = np.diff(shapes.offsets[-1]) > 1
    if not many.any():
        return [single[0], texts, single[1]]
    choice = pa.array(many)
    return [pc.if_else(choice, multi[0], single[0]), texts, pc.if_else(choice, multi[1], single[1])]
