"""Arrow columns to JSON text: a chunk of rows takes a few calls, and no row is ever a Python object.

Numbers and strings are written by orjson, one call per column; where its text has a separator, a token ends.
A token keeps one byte of the separator as its last character (a comma, or the brace that closes the object),
so columns of tokens are slices of that text. One Arrow call joins them with the constant pieces between.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from gpserver.features.shapes import Array

_PIECE_VERTICES = 65536
_SPACE, _COMMA, _QUOTE, _BACKSLASH, _CLOSING_BRACKET = b' ,"\\]'


def object_pieces(names: Sequence[str], columns: Sequence[Any]) -> list[Any]:
    """The pieces, for :func:`join`, of one JSON object per row with a member per column."""
    pieces, end = ["{"], len(names) - 1
    for number, (name, column) in enumerate(zip(names, columns, strict=True)):
        key = orjson.dumps(name).decode()
        pieces += [f"{key}:", attribute_tokens(column, "," if number < end else "}")]
    return pieces if names else ["{}"]


def attribute_tokens(column: Any, end: str) -> Any:
    """One JSON token per value, each followed by ``end`` (one character); null and NaN are ``null``."""
    if pa.types.is_large_string(column.type):
        tokens = _string_tokens(column, end)
    elif pa.types.is_floating(column.type):
        return number_tokens(column.to_numpy(zero_copy_only=False), end)
    else:
        whole = column.view(pa.int64()) if pa.types.is_timestamp(column.type) else column
        tokens = number_tokens((whole.fill_null(0) if column.null_count else whole).to_numpy(), end)
    return pc.if_else(column.is_valid(), tokens, "null" + end) if column.null_count else tokens


def number_tokens(values: Array, end: str) -> Any:
    """Tokens of a flat array of numbers."""
    text = _dumps(values)
    return _cut(text, np.flatnonzero(np.frombuffer(text, np.uint8) == _COMMA), end)


def _string_tokens(column: Any, end: str) -> Any:
    characters = np.frombuffer(column.buffers()[2] or b"", np.uint8)
    # What JSON must escape is rare, and without it strings need no more than quotes.
    if not ((characters < _SPACE) | (characters == _QUOTE) | (characters == _BACKSLASH)).any():
        return join('"', column.cast(pa.string()), '"' + end)
    text = orjson.dumps(column.fill_null("").to_pylist())
    raw = np.frombuffer(text, np.uint8)
    # Every separator is a comma between two quotes, and so is the string of one comma: then one by one.
    commas = np.flatnonzero((raw[:-2] == _QUOTE) & (raw[1:-1] == _COMMA) & (raw[2:] == _QUOTE)) + 1
    if len(commas) >= len(column):
        return pa.array([orjson.dumps(value).decode() + end for value in column.to_pylist()])
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


def list_texts(coords: Array, offsets: Array) -> Any:
    """For every list of vertices its text, without the opening and with the closing bracket."""
    # Piece by piece: orjson keeps every other thread waiting while it writes.
    starts = range(0, len(coords), _PIECE_VERTICES)
    pieces = [_dumps(coords[start : start + _PIECE_VERTICES])[1:-1] for start in starts]
    tokens = np.frombuffer(bytearray(b",".join([*pieces, b""])), np.uint8)
    # A vertex's text ends behind its bracket and the comma that follows.
    stops = np.append(0, np.flatnonzero(tokens == _CLOSING_BRACKET) + 2)[offsets]
    tokens[stops[1:][np.diff(offsets) > 0] - 1] = _CLOSING_BRACKET
    return _string_array(stops, pa.py_buffer(tokens))


def tuple_texts(coords: Array, offsets: Array) -> Any:
    """For every list of vertices its text as KML writes it: ``x,y x,y``, with a space behind each vertex."""
    starts = range(0, len(coords), _PIECE_VERTICES)
    # [[x,y],[x,y]] without what is around the first and the last vertex.
    dumps = (_dumps(coords[start : start + _PIECE_VERTICES]) for start in starts)
    pieces = [text[2:-2].replace(b"],[", b" ") for text in dumps]
    text = b" ".join([*pieces, b""])
    stops = np.append(0, np.flatnonzero(np.frombuffer(text, np.uint8) == _SPACE) + 1)[offsets]
    return _string_array(stops, pa.py_buffer(text))


def _dumps(values: Array) -> bytes:
    return orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)


def join(*pieces: Any) -> Any:
    """Join columns and constants to one column of strings."""
    return pc.binary_join_element_wise(*pieces, "")


def text_of(column: Any) -> memoryview:
    """All strings of a joined column behind each other."""
    _, offsets, data = column.buffers()
    end = np.frombuffer(offsets, np.int32)[len(column)]
    return memoryview(data)[:end]
