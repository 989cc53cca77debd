"""The columns of a record batch, in memory or in a file that comes over in pieces: whole, or at some rows."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gpserver.features.shapes import Array
from gpserver.objects import Pieces

_MAGIC, _TAIL = 8, 10  # bytes before the first message; behind the footer: its length and the magic again
_WORD = 4

_Bytes = tuple[Any, Array, Array]
"""A buffer of Arrow's, and its bytes from each start up to its end."""


class Batch:
    """Gives out no array whose bytes at the rows that were asked for are not here.

    Args:
        batch: A record batch.
        pieces: The file that it lies in, where that comes over piece by piece.
    """

    def __init__(self, batch: Any, pieces: Pieces | None = None) -> None:
        self._batch, self._pieces = batch, pieces
        self.rows: int = batch.num_rows

    @property
    def metadata(self) -> Mapping[bytes, bytes]:
        """The metadata of the schema."""
        found: Mapping[bytes, bytes] = self._batch.schema.metadata
        return found

    def column(self, number: int) -> Any:
        """A whole column."""
        return self.having(number, np.array([0]), np.array([self.rows]))

    def columns_at(self, numbers: Sequence[int], rows: Array) -> list[Any]:
        """Columns at these rows, in their order; what is absent of them comes over together."""
        columns = [self._batch.column(number) for number in numbers]
        if self._pieces:
            _need(self._pieces, [_ranges(column, rows, rows + 1) for column in columns])
        taken = pa.array(rows)
        return [column.take(taken) for column in columns]

    def having(self, number: int, starts: Array, ends: Array) -> Any:
        """A column of which the rows from each start up to its end are here, and all that is null is known.

        For who looks at nothing else of it.
        """
        column = self._batch.column(number)
        if self._pieces:
            _need(self._pieces, [_ranges(column, starts, ends)])
        return column

    def emptied(self, metadata: Mapping[bytes, bytes]) -> Any:
        """The same columns without rows, of another metadata, as a record batch."""
        return self._batch.slice(0, 0).replace_schema_metadata(metadata)


def open_batch(path: Path) -> tuple[Any, Pieces | None]:
    """The one batch of an Arrow file, mapped into memory; nothing of it is read before it is used."""
    if pieces := Pieces.at(path):
        _need_head(pieces)
        return pa.ipc.open_file(pa.py_buffer(pieces.bytes)).get_batch(0), pieces
    return pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0), None


def _need_head(pieces: Pieces) -> None:
    """Have here what says where the columns are: the footer, and the two messages before the columns.

    The layout is that of Arrow's IPC file format: a magic, then messages of a marker, a length and that many
    bytes; at the end a footer, its length and the magic. The columns follow the second message.
    """
    tail = pieces.read(pieces.size - _TAIL, pieces.size)
    footer = int.from_bytes(tail[:_WORD], "little")
    pieces.read(pieces.size - _TAIL - footer, pieces.size)
    at = _MAGIC
    for _ in ("schema", "batch"):
        length = int.from_bytes(pieces.read(at + _WORD, at + 2 * _WORD), "little")
        at += 2 * _WORD + length
        pieces.read(at - length, at)


def _need(pieces: Pieces, walks: Sequence[Iterator[_Bytes]]) -> None:
    """Have here what walks through arrays ask for, step by step, the same step of all of them at once."""
    origin, left = pieces.bytes.ctypes.data, list(walks)
    while left:
        asked = [(walk, step) for walk in left if (step := next(walk, None))]
        left = [walk for walk, _ in asked]
        begun = [
            (buffer.address - origin, starts, ends) for _, (buffer, starts, ends) in asked if len(starts)
        ]
        if begun:
            starts = np.concatenate([begin + starts.astype(np.int64) for begin, starts, _ in begun])
            ends = np.concatenate([begin + ends.astype(np.int64) for begin, _, ends in begun])
            pieces.need(starts, ends)


def _ranges(array: Any, starts: Array, ends: Array) -> Iterator[_Bytes]:
    """Where the bytes of an array's elements are, from each start up to its end; and all of its null bits.

    After each step the bytes that it named are here, since the next step may depend on them.
    """
    kind = array.type
    validity, *buffers = array.buffers()
    if validity is not None:
        yield _all(validity)
    if pa.types.is_fixed_size_list(kind):
        yield from _ranges(array.values, starts * kind.list_size, ends * kind.list_size)
    elif pa.types.is_list(kind) or pa.types.is_large_string(kind):
        offsets: Array = np.frombuffer(buffers[0], np.int32 if pa.types.is_list(kind) else np.int64)
        starts, ends = starts[ends > starts], ends[ends > starts]
        yield buffers[0], starts * offsets.itemsize, (ends + 1) * offsets.itemsize
        bounds = offsets[starts].astype(np.int64), offsets[ends].astype(np.int64)
        if pa.types.is_list(kind):
            yield from _ranges(array.values, *bounds)
        else:
            yield buffers[1], *bounds
    elif pa.types.is_primitive(kind) and kind.bit_width % 8 == 0:
        width = kind.bit_width // 8
        yield buffers[0], starts * width, ends * width
    else:
        yield from (_all(buffer) for buffer in buffers if buffer is not None)


def _all(buffer: Any) -> _Bytes:
    return buffer, np.array([0]), np.array([buffer.size])
