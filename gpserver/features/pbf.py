"""Features as Esri's protocol buffer, the FeatureCollectionPBuffer that layers answer f=pbf with.

The numbers of the fields are those of the published schema (github.com/Esri/arcgis-pbf). What is published
has sint32 coordinates; the wire form of sint64 is the same, and full resolution needs it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpserver.features.protobuf import (
    Rows,
    bytes_of,
    double,
    float_rows,
    message,
    message_rows,
    no_rows,
    number,
    number_rows,
    only_where,
    opening,
    packed_rows,
    packed_tuples,
    text_rows,
    zigzag,
)
from gpserver.features.quantization import LOWER_LEFT, Quantization, differences
from gpserver.features.selection import Chunk, Selection
from gpserver.features.shapes import MULTIPOINT, POINT, POLYGON, POLYLINE, Array, Shapes, vertex_offsets
from gpserver.features.spatialref import describe_spatial_reference

_GEOMETRY_TYPES = {POINT: 0, MULTIPOINT: 1, POLYLINE: 2, POLYGON: 3, None: 127}
_FIELD_TYPES = {
    "esriFieldTypeSmallInteger": 0,
    "esriFieldTypeInteger": 1,
    "esriFieldTypeSingle": 2,
    "esriFieldTypeDouble": 3,
    "esriFieldTypeString": 4,
    "esriFieldTypeDate": 5,
    "esriFieldTypeOID": 6,
    "esriFieldTypeGUID": 10,
    "esriFieldTypeGlobalID": 11,
    "esriFieldTypeXML": 12,
    "esriFieldTypeBigInteger": 13,
    "esriFieldTypeDateOnly": 14,
    "esriFieldTypeTimeOnly": 15,
    "esriFieldTypeTimestampOffset": 16,
}
_SQL_TYPE_OTHER = 16
_VERSION = message(1, b"1.0")
_FEATURE, _ATTRIBUTE, _GEOMETRY, _LENGTHS, _COORDS = 15, 1, 2, 2, 3
_TEXT, _FLOAT, _DOUBLE, _SINT32, _SINT64 = 1, 2, 3, 4, 8
_NULL = message(_ATTRIBUTE)
# Each step over a column is short however many rows there are, so other threads need not wait for it.
_CHUNK_ROWS = 65536


def write(selection: Selection) -> Iterator[bytes]:
    """The features, in pieces of a few megabytes at most.

    A message begins with its length, so all features are encoded before the first piece leaves: that much
    memory is needed, and no more. A selection without a grid gets that of the full resolution, a billionth of
    a degree or a tenth of a millimetre.
    """
    grid = selection.quantization or Quantization.of_resolution(selection.crs)
    selection = replace(selection, quantization=grid)
    features = [_features(chunk) for chunk in selection.chunks(_CHUNK_ROWS)]
    head = _head(selection, grid)
    length = len(head) + sum(map(len, features))
    query_result = opening(1, length)
    yield _VERSION + opening(2, len(query_result) + length) + query_result + head
    yield from features


def count(rows: int) -> bytes:
    """The answer to returnCountOnly."""
    return _answer(2, number(1, rows))


def ids(field: str, values: Array) -> bytes:
    """The answer to returnIdsOnly: the name of the object id field, and the ids."""
    numbers = packed_rows(values.astype(np.uint64), np.array([0, len(values)]))
    return _answer(3, message(1, field.encode()), message(3, bytes_of(numbers)))


def extent(rows: int, envelope: Mapping[str, Any]) -> bytes:
    """The answer to returnExtentOnly: the Esri envelope of so many rows."""
    corners = [float(envelope[side]) for side in ("xmin", "ymin", "xmax", "ymax")]  # Esri writes "NaN"
    sides = [double(n, corner) for n, corner in enumerate(corners, start=1)]
    reference = message(5, _spatial_reference(envelope.get("spatialReference") or {}))
    return _answer(4, message(1, *sides, reference), number(2, rows))


def _answer(kind: int, *parts: bytes) -> bytes:
    return _VERSION + message(2, message(kind, *parts))


def _head(selection: Selection, grid: Quantization) -> bytes:
    """All of a FeatureResult that stands before its features."""
    name = (selection.layer.object_id_field or "").encode()
    parts = [message(1, name), message(2, message(1, name), number(2, 1))] if name else []
    parts.append(number(7, _GEOMETRY_TYPES[selection.geometry_type]))
    if selection.geometry_type:
        parts.append(message(8, _spatial_reference(describe_spatial_reference(selection.crs))))
    parts.append(number(9, selection.exceeded) + number(10, selection.has_z) + number(11, selection.has_m))
    if selection.geometry_type:
        parts.append(message(12, _transform(grid)))
    return b"".join([*parts, *map(_field, selection.chosen_fields)])


def _spatial_reference(reference: Mapping[str, Any]) -> bytes:
    codes = [number(n, reference[key]) for n, key in ((1, "wkid"), (2, "latestWkid")) if key in reference]
    return b"".join(codes) + (message(5, reference["wkt"].encode()) if "wkt" in reference else b"")


def _transform(grid: Quantization) -> bytes:
    """The way back from the grid; this format has m before z, but both have cells of one size."""
    facts = grid.describe(measures=True)
    sides = [b"".join(double(n, facts[key][n - 1]) for n in range(1, 5)) for key in ("scale", "translate")]
    return number(1, grid.position == LOWER_LEFT) + message(2, sides[0]) + message(3, sides[1])


def _field(field: Mapping[str, Any]) -> bytes:
    kind = number(2, _FIELD_TYPES[field["type"]])
    name, alias = str(field["name"]).encode(), str(field.get("alias") or field["name"]).encode()
    return message(13, message(1, name), kind, message(3, alias), number(4, _SQL_TYPE_OTHER))


def _features(chunk: Chunk) -> bytes:
    parts = [_attribute(column) for column in chunk.columns]
    if chunk.shapes is not None:
        parts.append(_geometry(differences(chunk.shapes)))
    return bytes_of(message_rows(_FEATURE, no_rows(len(chunk.rows)), *parts))


def _attribute(column: Any) -> Rows:
    """One Value per row; a message without any field where there is null, NaN or an infinite number."""
    present = column.is_valid()
    if pa.types.is_floating(column.type):
        present = pc.and_(present, pc.is_finite(column)).fill_null(False)
    values = _values(column)
    return values if pc.all(present, min_count=0).as_py() else only_where(present, values, _NULL)


def _values(column: Any) -> Rows:
    """The Value of every row, any where there is null."""
    kind = column.type
    if pa.types.is_large_string(kind):
        return message_rows(
            _ATTRIBUTE, message_rows(_TEXT, text_rows(column.fill_null("").cast(pa.string())))
        )
    if pa.types.is_floating(kind):
        field = _FLOAT if kind.bit_width == 32 else _DOUBLE
        return float_rows(_ATTRIBUTE, field, column.to_numpy(zero_copy_only=False))
    whole = column.view(pa.int64()) if pa.types.is_timestamp(kind) else column
    numbers = zigzag((whole.fill_null(0) if whole.null_count else whole).to_numpy())
    return number_rows(_ATTRIBUTE, _SINT32 if kind.bit_width <= 32 else _SINT64, numbers)


def _geometry(shapes: Shapes) -> Rows:
    """One Geometry per row, nothing where it is missing: how long its lists are, and its coordinates."""
    numbers = zigzag(shapes.coords)
    if shapes.kind == POINT:
        coords = packed_tuples(numbers)
    else:
        coords = packed_rows(numbers.ravel(), vertex_offsets(shapes) * numbers.shape[1])
    parts = [message_rows(_COORDS, coords)]
    if shapes.offsets:
        lists = np.diff(shapes.offsets[0])
        parts.insert(0, message_rows(_LENGTHS, packed_rows(lists.astype(np.uint64), _lists(shapes))))
    geometry = message_rows(_GEOMETRY, *parts)
    return only_where(pa.array(~shapes.missing), geometry) if shapes.missing.any() else geometry


def _lists(shapes: Shapes) -> Array:
    """Where the lists of vertices of each feature begin, and the end."""
    if shapes.kind == MULTIPOINT:
        return np.arange(len(shapes) + 1)
    features = shapes.offsets[-1]
    return shapes.offsets[1][features] if shapes.kind == POLYGON else features
