"""The columns of a record batch, in memory or in a file that comes over in pieces: whole, or at some rows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gpserver.features.shapes import Array
from gpserver.objects import Pieces

_MAGIC, _TAIL = 8, 10  # bytes before the first message; behind the footer: its length and the magic again
_WORD = 4


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

    def column_at(self, number: int, rows: Array) -> Any:
        """A column at these rows, in their order."""
        return self.having(number, rows, rows + 1).take(pa.array(rows))

    def having(self, number: int, starts: Array, ends: Array) -> Any:
        """A column of which the rows from each start up to its end are here, and all that is null is known.

        For who looks at nothing else of it.
        """
        column = self._batch.column(number)
        if self._pieces:
            _need(self._pieces, column, starts, ends)
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


def _need(pieces: Pieces, array: Any, starts: Array, ends: Array) -> None:
    """Have the bytes of an array's elements here, from each start up to its end; and all of its null bits."""
    kind = array.type
    validity, *buffers = array.buffers()
    if validity is not None:
        _need_bytes(pieces, validity, np.array([0]), np.array([validity.size]))
    if pa.types.is_fixed_size_list(kind):
        _need(pieces, array.values, starts * kind.list_size, ends * kind.list_size)
    elif pa.types.is_list(kind):
        offsets = _need_offsets(pieces, buffers[0], np.int32, starts, ends)
        _need(pieces, array.values, offsets[starts], offsets[ends])
    elif pa.types.is_large_string(kind):
        offsets = _need_offsets(pieces, buffers[0], np.int64, starts, ends)
        _need_bytes(pieces, buffers[1], offsets[starts], offsets[ends])
    elif pa.types.is_primitive(kind) and kind.bit_width % 8 == 0:
        width = kind.bit_width // 8
        _need_bytes(pieces, buffers[0], starts * width, ends * width)
    else:
        for buffer in filter(None, buffers):
            _need_bytes(pieces, buffer, np.array([0]), np.array([buffer.size]))


def _need_offsets(pieces: Pieces, buffer: Any, kind: type, starts: Array, ends: Array) -> Array:
    """Offsets, of which those from each start to its end are here, the end included; int64 for sums."""
    offsets: Array = np.frombuffer(buffer, kind)
    filled = ends > starts
    width = offsets.itemsize
    _need_bytes(pieces, buffer, starts[filled] * width, (ends[filled] + 1) * width)
    return offsets


def _need_bytes(pieces: Pieces, buffer: Any, starts: Array, ends: Array) -> None:
    if len(starts):
        begin = buffer.address - pieces.bytes.ctypes.data
        pieces.need(begin + starts.astype(np.int64), begin + ends.astype(np.int64))
