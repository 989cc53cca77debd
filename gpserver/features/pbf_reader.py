"""Esri's protocol buffer to a frame: what ``f=pbf`` answers (schema: github.com/Esri/arcgis-pbf)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
from geopandas.array import from_shapely
from pyproj import CRS

from gpserver.errors import InvalidValue
from gpserver.features.fields import READ_AS, declared_types, read_column, to_series
from gpserver.features.json_geometry import Chunk, join_chunks
from gpserver.features.parse import CHUNK_FEATURES
from gpserver.features.protobuf_reader import BYTES, Messages, fields, signed, varint
from gpserver.features.shapely_geometry import to_geometry
from gpserver.features.shapes import (
    MULTIPOINT,
    POINT,
    POLYGON,
    POLYLINE,
    Array,
    Shapes,
    lengths_to_offsets,
)
from gpserver.features.spatialref import parse_spatial_reference

_GEOMETRY_TYPES = {0: POINT, 1: MULTIPOINT, 2: POLYLINE, 3: POLYGON}
_NO_GEOMETRY = 127
_FIELD_TYPES = dict(
    enumerate(
        f"esriFieldType{name}"
        for name in (
            "SmallInteger", "Integer", "Single", "Double", "String", "Date", "OID", "Geometry", "Blob",
            "Raster", "GUID", "GlobalID", "XML", "BigInteger", "DateOnly", "TimeOnly", "TimestampOffset",
        )
    )
)  # fmt: skip
_TEXT, _FLOAT, _DOUBLE, _ZIGZAG = 1, 2, 3, (4, 8)
_ATTRIBUTE, _GEOMETRY, _LENGTHS, _COORDS = 1, 2, 2, 3


@dataclass(slots=True)
class _Head:
    """What stands before the features."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    geometry_type: int = 0
    crs: CRS | None = None
    has_z: bool = False
    has_m: bool = False
    upper_left: bool = True
    scale: list[float] = field(default_factory=lambda: [1.0] * 4)
    translate: list[float] = field(default_factory=lambda: [0.0] * 4)


def read_pbf(data: bytes) -> pd.DataFrame:
    """Read features; a DataFrame where there is no geometry, else a GeoDataFrame.

    Raises:
        InvalidValue: The bytes are no such protocol buffer, or hold no features.
    """
    start, end = _feature_result(data)
    head, starts, ends = _Head(), [], []
    for number, kind, begin, stop in fields(data, start, end):
        if number == 15 and kind == BYTES:
            starts.append(begin)
            ends.append(stop)
        elif number in _HEAD:
            _HEAD[number](head, data, begin, stop)
    rows = Messages.of(data, np.array(starts, np.int64), np.array(ends, np.int64))
    return _frame(head, rows)


def _feature_result(data: bytes) -> tuple[int, int]:
    for number, kind, start, end in fields(data):
        if number == 2 and kind == BYTES:
            for inner, inner_kind, begin, stop in fields(data, start, end):
                if inner == 1 and inner_kind == BYTES:
                    return begin, stop
    raise InvalidValue("The protocol buffer holds no features.")


def _frame(head: _Head, rows: Messages) -> pd.DataFrame:
    columns: dict[str, Any] = {}
    for name, kind in head.fields:
        values, rows = _attribute(rows)
        columns[name] = _column(name, kind, values)
    table = pd.DataFrame(columns, index=range(len(rows)))
    if head.geometry_type == _NO_GEOMETRY:
        return table
    if head.geometry_type not in _GEOMETRY_TYPES:
        raise InvalidValue("The geometry type of the protocol buffer is not supported, such as multipatch.")
    if "geometry" in table:
        table = table.rename(columns={"geometry": "geometry_1"})
    table["geometry"] = from_shapely(to_geometry(_shapes(head, rows)), crs=head.crs)
    features: pd.DataFrame = gpd.GeoDataFrame(table, geometry="geometry")
    return features


def _attribute(rows: Messages) -> tuple[Messages, Messages]:
    """The next attribute of every feature, and what is left behind it."""
    if not len(rows):
        return rows, rows
    numbers, kinds, values, rest = rows.next_fields()
    if (numbers != _ATTRIBUTE).any() or (kinds != BYTES).any():
        raise InvalidValue("A feature of the protocol buffer has fewer attributes than fields.")
    return values, rest


def _column(name: str, kind: str, messages: Messages) -> Any:
    """A column of Value messages; an empty one is null."""
    given = np.flatnonzero(messages.ends > messages.starts)
    wanted = READ_AS.get(kind, pa.large_string())
    try:
        values = _array(messages, given).cast(wanted) if len(given) else pa.nulls(len(messages), wanted)
        declared = declared_types([{"name": name, "type": kind}]).get(name) or wanted
        return to_series(values if declared == wanted else read_column(name, values.to_pylist(), declared))
    except pa.ArrowException as error:
        raise InvalidValue(f"A value of field {name} is not of its declared type: {error}.") from error


def _array(messages: Messages, given: Array) -> Any:
    """The values as an Arrow array, null where a message has none."""
    numbers, _, values, _ = messages.take(given).next_fields()
    if len(set(numbers.tolist())) > 1:
        raise InvalidValue("The values of a field of the protocol buffer are of several kinds.")
    read = _values(int(numbers[0]), values)
    filled = np.zeros(len(messages), read.dtype)
    missing = np.ones(len(messages), bool)
    filled[given], missing[given] = read, False
    return pa.array(filled, mask=missing)


def _values(number: int, messages: Messages) -> Array:
    """The values of messages that hold what this field of a Value holds."""
    if number == _TEXT:
        return np.array([text.decode(errors="replace") for text in messages.texts()], object)
    if number in (_FLOAT, _DOUBLE):
        return messages.floats(8 if number == _DOUBLE else 4)
    numbers, _ = messages.numbers()
    return signed(numbers) if number in _ZIGZAG else numbers.view(np.int64)


def _shapes(head: _Head, rows: Messages) -> Shapes:
    """The geometries, on the ground; read chunk by chunk, as numbers take several times their bytes."""
    kind = _GEOMETRY_TYPES[head.geometry_type]
    starts = range(0, max(len(rows), 1), CHUNK_FEATURES)
    parts = [rows.take(slice(start, start + CHUNK_FEATURES)) for start in starts]
    return join_chunks(kind, [_chunk(head, kind, part) for part in parts], 0)


def _chunk(head: _Head, kind: str, rows: Messages) -> Chunk:
    lengths, coords = _geometries(rows)
    width = 2 + head.has_z + head.has_m
    cells, bounds = coords.packed()
    if (bounds % width).any():
        raise InvalidValue("The coordinates of the protocol buffer are not whole vertices.")
    vertices, features = signed(cells).reshape(-1, width).astype(np.float64), bounds // width
    if kind == POINT:
        return Chunk(_points(head, vertices, features), ())
    if kind == MULTIPOINT:
        counts = np.diff(features)
        return Chunk(_on_the_ground(head, _summed(vertices, counts)), (counts,))
    counts, lists = _lists(lengths, features)
    return Chunk(_on_the_ground(head, _summed(vertices, counts)), (counts, lists))


def _lists(lengths: Messages, features: Array) -> tuple[Array, Array]:
    """How many vertices the parts have, and how many parts the features."""
    numbers, lists = lengths.packed()
    counts = numbers.astype(np.int64)
    if ((counts < 0) | (counts > features[-1])).any() or (
        lengths_to_offsets(counts)[lists] != features
    ).any():
        raise InvalidValue("The coordinates of the protocol buffer are not those of its parts.")
    return counts, np.diff(lists)


def _geometries(rows: Messages) -> tuple[Messages, Messages]:
    """The lengths and the coordinates of every feature; nothing where there is no geometry."""
    lengths, coords = ([rows.starts.copy(), rows.starts.copy()] for _ in range(2))
    at = np.flatnonzero(rows.ends > rows.starts)
    outer = rows.take(at)
    while len(at):
        numbers, kinds, values, rest = outer.next_fields()
        here = np.flatnonzero((numbers == _GEOMETRY) & (kinds == BYTES))
        _collect(values.take(here), at[here], {_LENGTHS: lengths, _COORDS: coords})
        more = np.flatnonzero(rest.ends > rest.starts)
        at, outer = at[more], rest.take(more)
    return Messages(rows.data, *lengths), Messages(rows.data, *coords)


def _collect(messages: Messages, rows: Array, found: dict[int, list[Array]]) -> None:
    """Note where the wanted fields of messages begin and end, by row."""
    while True:
        more = np.flatnonzero(messages.ends > messages.starts)
        if not len(more):
            return
        rows = rows[more]
        numbers, kinds, values, messages = messages.take(more).next_fields()
        for number, (starts, ends) in found.items():
            here = (numbers == number) & (kinds == BYTES)
            starts[rows[here]], ends[rows[here]] = values.starts[here], values.ends[here]


def _points(head: _Head, vertices: Array, features: Array) -> Array:
    counts = np.diff(features)
    if (counts > 1).any():
        raise InvalidValue("A point of the protocol buffer has several vertices.")
    points = np.full((len(counts), vertices.shape[1]), np.nan)
    points[counts == 1] = vertices
    return _on_the_ground(head, points)


def _summed(vertices: Array, parts: Array) -> Array:
    """x and y, of which each but the first of a list was counted from the vertex before."""
    offsets = lengths_to_offsets(parts)
    total = np.cumsum(vertices[:, :2], axis=0)
    before = np.vstack([np.zeros((1, 2)), total])[offsets[:-1]]
    vertices[:, :2] = total - np.repeat(before, parts, axis=0)
    return vertices


def _on_the_ground(head: _Head, cells: Array) -> Array:
    """Coordinates x, y, z and m of numbers of cells; a z that is not there is NaN."""
    axes = [0, 1, *[3] * head.has_z, *[2] * head.has_m]  # m stands before z in a transform
    scale, translate = np.array(head.scale)[axes], np.array(head.translate)[axes]
    scale[1] *= -1 if head.upper_left else 1
    coords: Array = cells * scale + translate
    return np.insert(coords, 2, np.nan, axis=1) if head.has_m and not head.has_z else coords


def _read_field(head: _Head, data: bytes, start: int, end: int) -> None:
    facts = {number: (begin, stop) for number, _, begin, stop in fields(data, start, end)}
    kind = varint(data, facts[2][0])[0] if 2 in facts else 0
    if 1 not in facts or kind not in _FIELD_TYPES:
        raise InvalidValue("A field of the protocol buffer has no name, or an unknown type.")
    head.fields.append((data[slice(*facts[1])].decode(errors="replace"), _FIELD_TYPES[kind]))


def _read_reference(head: _Head, data: bytes, start: int, end: int) -> None:
    names, value = {1: "wkid", 2: "latestWkid", 5: "wkt"}, dict[str, Any]()
    for number, kind, begin, stop in fields(data, start, end):
        if number in names:
            text = data[begin:stop].decode(errors="replace")
            value[names[number]] = text if kind == BYTES else varint(data, begin)[0]
    head.crs = parse_spatial_reference(value)


def _read_transform(head: _Head, data: bytes, start: int, end: int) -> None:
    for number, kind, begin, stop in fields(data, start, end):
        if number == 1:
            head.upper_left = varint(data, begin)[0] == 0
        elif number in (2, 3) and kind == BYTES:
            target = head.scale if number == 2 else head.translate
            for axis, _, first, last in fields(data, begin, stop):
                if 1 <= axis <= 4 and last - first == 8:
                    target[axis - 1] = float(np.frombuffer(data[first:last], np.float64)[0])


def _read_number(head: _Head, name: str, data: bytes, start: int) -> None:
    setattr(head, name, type(getattr(head, name))(varint(data, start)[0]))


_HEAD: dict[int, Callable[[_Head, bytes, int, int], None]] = {
    7: lambda head, data, start, _: _read_number(head, "geometry_type", data, start),
    8: _read_reference,
    10: lambda head, data, start, _: _read_number(head, "has_z", data, start),
    11: lambda head, data, start, _: _read_number(head, "has_m", data, start),
    12: _read_transform,
    13: _read_field,
}
