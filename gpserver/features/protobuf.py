"""Protocol buffers by whole columns: the bytes of a row are an element of an Arrow column.

The wire format is that of protobuf.dev (Encoding): a field is a tag, which says its number and how it is
written, and then a varint, 4 or 8 bytes, or a length and as many bytes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpserver.features.shapes import Array, lengths_to_offsets

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class Rows:
    """Some bytes per row, still in pieces: binary columns, and how many bytes a row has in all of them."""

    columns: list[Any]
    lengths: Array


def varint(value: int) -> bytes:
    """A whole number from 0 on, seven bits a byte, the lowest ones first."""
    text = bytearray()
    while value > 127:
        text.append(value & 127 | 128)
        value >>= 7
    text.append(value)
    return bytes(text)


def number(field: int, value: int) -> bytes:
    """A field that is a whole number or a truth value."""
    return varint(field << 3 | _VARINT) + varint(value)


def double(field: int, value: float) -> bytes:
    """A field that is a float64."""
    return varint(field << 3 | _EIGHT_BYTES) + np.float64(value).tobytes()


def message(field: int, *parts: bytes) -> bytes:
    """A field that is a message, a text or a packed list, of these parts."""
    text = b"".join(parts)
    return opening(field, len(text)) + text


def opening(field: int, length: int) -> bytes:
    """What stands before the bytes of a message, a text or a packed list."""
    return varint(field << 3 | _BYTES) + varint(length)


def zigzag(values: Array) -> Array:
    """Whole numbers as unsigned ones, small where they were near 0 (the form of sint32 and sint64)."""
    wide = values.astype(np.int64, copy=False)
    return ((wide << 1) ^ (wide >> 63)).view(np.uint64)


def text_rows(texts: Any) -> Rows:
    """The bytes of texts."""
    return Rows([texts.cast(pa.binary())], pc.binary_length(texts).to_numpy())


def packed_rows(values: Array, offsets: Array) -> Rows:
    """Lists of unsigned numbers, given flat and by offsets."""
    data, ends = _varints(values)
    return _rows(data, ends[offsets])


def number_rows(within: int, field: int, values: Array) -> Rows:
    """Messages of one field, a number, given unsigned."""
    data, ends = _varints(values, varint(within << 3 | _BYTES) + b"\0" + varint(field << 3 | _VARINT))
    data[ends[:-1] + 1] = np.diff(ends) - 2  # the length of the message
    return _rows(data, ends)


def float_rows(within: int, field: int, values: Array) -> Rows:
    """Messages of one field, a float64 or float32."""
    width = values.dtype.itemsize
    tag = varint(field << 3 | (_EIGHT_BYTES if width == 8 else _FOUR_BYTES))
    head = opening(within, len(tag) + width) + tag
    data = np.empty((len(values), len(head) + width), np.uint8)
    data[:, : len(head)] = np.frombuffer(head, np.uint8)
    data[:, len(head) :] = values.view(np.uint8).reshape(-1, width)
    return _rows(data.ravel(), np.arange(len(values) + 1) * data.shape[1])


def message_rows(field: int, *parts: Rows) -> Rows:
    """One message, text or packed list per row, of these parts."""
    lengths = sum((part.lengths for part in parts[1:]), parts[0].lengths)
    head = _rows(*_varints(lengths.astype(np.uint64), varint(field << 3 | _BYTES)))
    columns = [column for part in parts for column in part.columns]
    return Rows([*head.columns, *columns], head.lengths + lengths)


def only_where(present: Any, rows: Rows, otherwise: bytes = b"") -> Rows:
    """The rows with other bytes where ``present`` (an Arrow column) is not true."""
    column = pc.if_else(present, joined(rows), otherwise)
    return Rows([column], pc.binary_length(column).to_numpy())


def joined(rows: Rows) -> Any:
    """The pieces of every row in one column."""
    return pc.binary_join_element_wise(*rows.columns, b"")


def bytes_of(rows: Rows) -> bytes:
    """All rows behind each other."""
    column = joined(rows)
    _, offsets, data = column.buffers()
    return bytes(memoryview(data)[: np.frombuffer(offsets, np.int32)[len(column)]])


def _varints(values: Array, head: bytes = b"") -> tuple[Array, Array]:
    """Unsigned numbers as varints behind each other, each behind the same head, and their offsets."""
    rest: Array = values.astype(np.uint64, copy=False)
    sizes = np.full(len(values), len(head) + 1)
    for bits in range(7, int(values.max(initial=0)).bit_length(), 7):
        sizes += rest >= 1 << bits
    ends = lengths_to_offsets(sizes)
    data, at = np.empty(ends[-1], np.uint8), ends[:-1]
    for byte in head:
        data[at] = byte
        at = at + 1
    while len(rest):
        more = rest > 127
        data[at] = rest.astype(np.uint8) | more.view(np.uint8) << 7
        left = np.flatnonzero(more)
        rest, at = rest[left] >> 7, at[left] + 1
    return data, ends


def _rows(data: Array, ends: Array) -> Rows:
    """Flat bytes, cut where ``ends`` says."""
    offsets = pa.py_buffer(np.ascontiguousarray(ends, np.int32))
    column = pa.Array.from_buffers(pa.binary(), len(ends) - 1, [None, offsets, pa.py_buffer(data)])
    return Rows([column], np.diff(ends))
