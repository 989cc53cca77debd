"""Arrow columns to JSON text: a chunk of rows takes a few calls, and no row is ever a Python object.

Numbers and strings are written by orjson, one call per column; where its text has a separator, a token ends.
A token keeps one byte of the separator as its last character (a comma, or the brace that closes the object),
so columns of tokens are slices of that text. One Arrow call joins them with the constant pieces between.
"""

from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from gpserver.features.shapes import MULTIPOINT, POINT, POLYLINE, Array, Shapes

_PIECE_VERTICES = 65536
_COMMA, _QUOTE, _CLOSING_BRACKET = b',"]'


def attribute_tokens(column: Any, end: str) -> Any:
    """One JSON token per value, each followed by ``end`` (one character); null and NaN are ``null``."""
    if pa.types.is_floating(column.type):
        return number_tokens(column.to_numpy(zero_copy_only=False), end)
    whole = column.view(pa.int64()) if pa.types.is_timestamp(column.type) else column
    is_text = pa.types.is_large_string(column.type)
    if column.null_count:
        whole = whole.fill_null("" if is_text else 0)
    tokens = _string_tokens(whole.to_pylist(), end) if is_text else number_tokens(whole.to_numpy(), end)
    return pc.if_else(column.is_valid(), tokens, "null" + end) if column.null_count else tokens


def number_tokens(values: Array, end: str) -> Any:
    """Tokens of a flat array of numbers."""
    text = _dumps(values)
    return _cut(text, np.flatnonzero(np.frombuffer(text, np.uint8) == _COMMA), end)


def _string_tokens(values: list[str], end: str) -> Any:
    text = orjson.dumps(values)
    raw = np.frombuffer(text, np.uint8)
    # Every separator is a comma between two quotes, and so is the string of one comma: then one by one.
    commas = np.flatnonzero((raw[:-2] == _QUOTE) & (raw[1:-1] == _COMMA) & (raw[2:] == _QUOTE)) + 1
    if len(commas) >= len(values):
        return pa.array([orjson.dumps(value).decode() + end for value in values])
    return _cut(text, commas, end)


def _cut(text: bytes, commas: Array, end: str) -> Any:
    """The members of a JSON list, given where its commas are; commas and closing bracket become ``end``."""
    stops = np.append(commas, len(text) - 1)
    tokens = np.frombuffer(text, np.uint8)[1:].copy()
    tokens[stops - 1] = ord(end)
    return _string_array(np.append(0, stops), pa.py_buffer(tokens))


def _string_array(offsets: Array, data: Any) -> Any:
    starts = pa.py_buffer(np.ascontiguousarray(offsets, np.int32))
    return pa.Array.from_buffers(pa.string(), len(offsets) - 1, [None, starts, data])


def geometry_texts(shapes: Shapes) -> Any:
    """The Esri geometry object of every feature as text; null where it is missing."""
    if shapes.kind == POINT:
        texts = _points(shapes)
    elif shapes.kind == MULTIPOINT:
        texts = join('{"points":[', _lists(shapes.coords, shapes.offsets[0]), "}")
    else:
        rings = shapes.offsets[0]
        features = shapes.offsets[-1] if shapes.kind == POLYLINE else shapes.offsets[1][shapes.offsets[2]]
        lists = pa.ListArray.from_arrays(pa.array(features, pa.int32()), _lists(shapes.coords, rings))
        key = "paths" if shapes.kind == POLYLINE else "rings"
        texts = join(f'{{"{key}":[[', pc.binary_join(lists, ",["), "]}")
    if not shapes.missing.any():
        return texts
    return pc.if_else(pa.array(shapes.missing), pa.scalar(None, pa.string()), texts)


def _points(shapes: Shapes) -> Any:
    names = ["x", "y", *["z"] * shapes.has_z, *["m"] * shapes.has_m]
    pieces: list[Any] = ["{"]
    for axis, name in enumerate(names):
        end = "}" if axis == len(names) - 1 else ","
        pieces += [f'"{name}":', number_tokens(shapes.coords[:, axis], end)]
    return join(*pieces)


def _lists(coords: Array, offsets: Array) -> Any:
    """For every list of vertices its text, without the opening and with the closing bracket."""
    # Piece by piece: orjson keeps every other thread waiting while it writes.
    starts = range(0, len(coords), _PIECE_VERTICES)
    pieces = [_dumps(coords[start : start + _PIECE_VERTICES])[1:-1] for start in starts]
    tokens = np.frombuffer(bytearray(b",".join([*pieces, b""])), np.uint8)
    # A vertex's text ends behind its bracket and the comma that follows.
    stops = np.append(0, np.flatnonzero(tokens == _CLOSING_BRACKET) + 2)[offsets]
    tokens[stops[1:][np.diff(offsets) > 0] - 1] = _CLOSING_BRACKET
    return _string_array(stops, pa.py_buffer(tokens))


def _dumps(values: Array) -> bytes:
    return orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)


def join(*pieces: Any) -> Any:
    """Join columns and constants to one column; null where any of them is."""
    return pc.binary_join_element_wise(*pieces, "")


def join_nulls(*pieces: Any) -> Any:
    """Join columns and constants to one column; what is null reads ``null``."""
    return pc.binary_join_element_wise(*pieces, "", null_handling="replace", null_replacement="null")


def text_of(column: Any) -> memoryview:
    """All strings of a joined column behind each other."""
    _, offsets, data = column.buffers()
    end = np.frombuffer(offsets, np.int32)[len(column)]
    return memoryview(data)[:end]
