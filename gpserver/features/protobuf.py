"""Protocol buffers by whole columns: the bytes of a row are an element of an Arrow column.

The wire format is that of protobuf.dev (Encoding): a field is a tag, which says its number and how it is
written, and then a varint, 4 or 8 bytes, or a length and as many bytes.
"""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpserver.features.shapes import Array, lengths_to_offsets

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


# Seven bits of a number go into each byte of a varint. Eight of these groups are moved apart in three steps:
# first the upper four by 4 bits, then the upper two of each half by 2, then the upper one of each pair by 1.
_APART = [
    (np.uint64(lower), np.uint64(upper), np.uint64(shift))
    for lower, upper, shift in (
        (0x0FFFFFFF, 0x00FFFFFFF0000000, 4),
        (0x00003FFF00003FFF, 0x0FFFC0000FFFC000, 2),
        (0x007F007F007F007F, 0x3F803F803F803F80, 1),
    )
]
_GROUPS = 8  # of a word
# Numbers move faster than bytes without a meaning.
_ELEMENTS = {1: "u1", 8: "<u8"}


@dataclass(frozen=True, slots=True)
class Rows:
    """Some bytes per row, still in pieces.

    Attributes:
        count: How many rows there are.
        pieces: What stands behind each other in a row: bytes that are the same in all rows, an element of a
            NumPy array, which is as it lies in memory, or an element of a binary column.
        lengths: How many bytes each row has in all pieces; one number where all rows have the same.
    """

    count: int
    pieces: list[Any]
    lengths: Array | int


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


def no_rows(count: int) -> Rows:
    """Nothing in every row."""
    return Rows(count, [], 0)


def text_rows(texts: Any) -> Rows:
    """The bytes of texts."""
    return Rows(len(texts), [texts.cast(pa.binary())], pc.binary_length(texts).to_numpy())


def packed_rows(values: Array, offsets: Array) -> Rows:
    """Lists of unsigned numbers, given flat and by offsets."""
    data, ends = _varints(values)
    bounds = ends[offsets]
    return Rows(len(bounds) - 1, [_cut(data, bounds)], np.diff(bounds))


def packed_tuples(values: Array) -> Rows:
    """Lists of unsigned numbers that are equally long, given as the rows of a matrix."""
    return _rows(len(values), *map(_wide_varints, values.T))


def number_rows(within: int, field: int, values: Array) -> Rows:
    """Messages of one field, a number, given unsigned."""
    return message_rows(within, _rows(len(values), varint(field << 3 | _VARINT), _wide_varints(values)))


def float_rows(within: int, field: int, values: Array) -> Rows:
    """Messages of one field, a float64 or float32."""
    kind = _EIGHT_BYTES if values.dtype.itemsize == 8 else _FOUR_BYTES
    return message_rows(within, _rows(len(values), varint(field << 3 | kind), values))


def message_rows(field: int, *parts: Rows) -> Rows:
    """One message, text or packed list per row, of these parts."""
    count, lengths = parts[0].count, sum((part.lengths for part in parts[1:]), parts[0].lengths)
    if isinstance(lengths, int):
        head = _rows(count, opening(field, lengths))
    else:
        head = _rows(count, varint(field << 3 | _BYTES), _wide_varints(lengths))
    return Rows(count, [piece for part in (head, *parts) for piece in part.pieces], head.lengths + lengths)


def only_where(present: Any, rows: Rows, otherwise: bytes = b"") -> Rows:
    """The rows with other bytes where ``present`` (an Arrow column) is not true."""
    column = pc.if_else(present, joined(rows), otherwise)
    return Rows(rows.count, [column], pc.binary_length(column).to_numpy())


def joined(rows: Rows) -> Any:
    """The pieces of every row in one column."""
    columns: list[Any] = []
    for varying, group in groupby(rows.pieces, lambda piece: isinstance(piece, pa.Array)):
        pieces = list(group)
        columns += pieces if varying else [_lines(rows.count, *pieces)]
    return pc.binary_join_element_wise(*columns, b"") if len(columns) > 1 else columns[0]


def bytes_of(rows: Rows) -> bytes:
    """All rows behind each other."""
    column = joined(rows)
    _, offsets, data = column.buffers()
    return bytes(memoryview(data)[: np.frombuffer(offsets, np.int32)[len(column)]])


def _wide_varints(values: Array) -> Array:
    """Unsigned numbers as varints that are all as long as the longest, an element of an array for each.

    A varint may have more bytes than it needs; equally long ones cost a quarter of the time.
    """
    rest: Array = values.astype("<u8", copy=False)
    width = max(1, -(-int(rest.max(initial=0)).bit_length() // 7))
    words = np.empty((len(rest), -(-width // _GROUPS)), "<u8")
    for place in range(words.shape[1]):
        # The highest bit of a byte says that more of them follow.
        following = min(width - 1 - place * _GROUPS, _GROUPS)
        words[:, place] = _spread(rest) | np.uint64(0x8080808080808080 & ((1 << 8 * following) - 1))
        rest = rest >> np.uint64(7 * _GROUPS)
    return np.ndarray(len(words), _ELEMENTS.get(width, f"V{width}"), words, strides=words.strides[:1])


def _spread(values: Array) -> Array:
    """The eight lowest groups of seven bits in a byte each, the lowest first."""
    for lower, upper, shift in _APART:
        values = values & lower | (values & upper) << shift
    return values


def _varints(values: Array) -> tuple[Array, Array]:
    """Unsigned numbers as varints behind each other, and their offsets."""
    rest: Array = values.astype(np.uint64, copy=False)
    sizes = np.ones(len(values), np.int64)
    for bits in range(7, int(values.max(initial=0)).bit_length(), 7):
        sizes += rest >= 1 << bits
    ends = lengths_to_offsets(sizes)
    data, at = np.empty(ends[-1], np.uint8), ends[:-1]
    while len(rest):
        more = rest > 127
        data[at] = rest.astype(np.uint8) | more.view(np.uint8) << 7
        left = np.flatnonzero(more)
        rest, at = rest[left] >> 7, at[left] + 1
    return data, ends


def _rows(count: int, *pieces: Array | bytes) -> Rows:
    return Rows(count, list(pieces), sum(map(_width, pieces)))


def _width(piece: Array | bytes) -> int:
    return len(piece) if isinstance(piece, bytes) else piece.itemsize


def _lines(count: int, *pieces: Array | bytes) -> Any:
    """Equally long rows as a column: what is the same in all is repeated, then the rest is filled in."""
    line = b"".join(piece if isinstance(piece, bytes) else bytes(piece.itemsize) for piece in pieces)
    data, place = np.frombuffer(bytearray(line) * count, np.uint8), 0
    for piece in pieces:
        if not isinstance(piece, bytes):
            np.ndarray(count, piece.dtype, data, place, (len(line),))[:] = piece
        place += _width(piece)
    return _cut(data, np.arange(count + 1) * len(line))


def _cut(data: Array, bounds: Array) -> Any:
    """Flat bytes, cut where the bounds say, as a column."""
    offsets = pa.py_buffer(np.ascontiguousarray(bounds, np.int32))
    return pa.Array.from_buffers(pa.binary(), len(bounds) - 1, [None, offsets, pa.py_buffer(data)])
