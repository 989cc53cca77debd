"""Reading protocol buffers: single messages field by field, and many messages of one kind side by side.

The wire format is that of protobuf.dev (Encoding). What is read may come from anywhere: whatever does not add
up is an ``InvalidValue``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gpserver.errors import InvalidValue
from gpserver.features.shapes import Array, lengths_to_offsets, take_lists

VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
_PADDING = 16  # so that a number may be read anywhere without looking for the end first
_LONGEST = 10  # bytes of a varint


def fields(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int, int, int]]:
    """The fields of one message: number, how it is written, and where its value begins and ends."""
    end = len(data) if end is None else end
    while start < end:
        tag, start = varint(data, start)
        kind = tag & 7
        if kind == BYTES:
            length, start = varint(data, start)
        elif kind == VARINT:
            length = varint(data, start)[1] - start
        elif kind in (EIGHT_BYTES, FOUR_BYTES):
            length = 8 if kind == EIGHT_BYTES else 4
        else:
            raise InvalidValue("Not a protocol buffer: a field is written in an unknown way.")
        if start + length > end:
            raise InvalidValue("The protocol buffer is cut off.")
        yield tag >> 3, kind, start, start + length
        start += length


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins somewhere, and where it ends."""
    if at < len(data) and data[at] < 128:  # most often
        return data[at], at + 1
    value = shift = 0
    for place in range(at, min(at + _LONGEST, len(data))):
        value |= (data[place] & 127) << shift
        if data[place] < 128:
            return value, place + 1
        shift += 7
    raise InvalidValue("The protocol buffer is cut off.")


@dataclass(frozen=True, slots=True)
class Messages:
    """Many messages in one text: where each begins and ends.

    Attributes:
        data: The bytes of all, with 16 zeros behind them.
        starts: Where each message begins.
        ends: Where each ends.
    """

    data: Array
    starts: Array
    ends: Array

    @classmethod
    def of(cls, data: bytes, starts: Array, ends: Array) -> "Messages":
        """Messages of a text."""
        padded = np.frombuffer(data + bytes(_PADDING), np.uint8)
        return cls(padded, starts, ends)

    def __len__(self) -> int:
        return len(self.starts)

    def take(self, rows: Array | slice) -> "Messages":
        """Some of the messages."""
        return Messages(self.data, self.starts[rows], self.ends[rows])

    def next_fields(self) -> tuple[Array, Array, "Messages", "Messages"]:
        """The first field of every message, which must have one.

        Returns:
            The numbers of the fields, how they are written, their values, and what is left behind them.
        """
        tags, at = self.numbers()
        kinds = (tags & 7).astype(np.int64)
        lengths = np.zeros(len(self), np.int64)
        lengths[kinds == EIGHT_BYTES], lengths[kinds == FOUR_BYTES] = 8, 4
        for kind in (VARINT, BYTES):
            rows = np.flatnonzero(kinds == kind)
            value, behind = Messages(self.data, at[rows], self.ends[rows]).numbers()
            if kind == BYTES:
                lengths[rows], at[rows] = np.minimum(value, len(self.data)).astype(np.int64), behind
            else:
                lengths[rows] = behind - at[rows]
        ends = at + lengths
        if (ends > self.ends).any() or not np.isin(kinds, (VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES)).all():
            raise InvalidValue("The protocol buffer is cut off.")
        values = Messages(self.data, at, ends)
        return (tags >> 3).astype(np.int64), kinds, values, Messages(self.data, ends, self.ends)

    def numbers(self) -> tuple[Array, Array]:
        """The varint at the beginning of every message (uint64), and where it ends."""
        values, at = np.zeros(len(self), np.uint64), self.starts.copy()
        rows = np.arange(len(self))
        for shift in range(0, 7 * _LONGEST, 7):
            if not len(rows):
                return values, at
            if (at[rows] >= self.ends[rows]).any():
                break
            byte = self.data[at[rows]]
            values[rows] |= (byte & 127).astype(np.uint64) << np.uint64(shift)
            at[rows] += 1
            rows = rows[byte > 127]
        if len(rows):
            raise InvalidValue("The protocol buffer is cut off.")
        return values, at

    def floats(self, width: int) -> Array:
        """The float64 (8 bytes) or float32 (4) of every message."""
        if (self.ends - self.starts != width).any():
            raise InvalidValue("The protocol buffer is cut off.")
        data = self.data[self.starts[:, None] + np.arange(width)]
        return data.view(np.float64 if width == 8 else np.float32).ravel().astype(np.float64)

    def texts(self) -> list[bytes]:
        """The bytes of every message."""
        data = self.data.tobytes()
        return [data[start:end] for start, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True)]

    def packed(self) -> tuple[Array, Array]:
        """The varints of messages that are packed lists: all (uint64), and the offsets of the lists."""
        bounds = lengths_to_offsets(self.ends - self.starts)
        spans = np.stack([self.starts, self.ends], axis=1).ravel()
        _, members = take_lists(spans, np.arange(0, len(spans) - 1, 2)) if len(self) else (None, slice(0))
        data = self.data[members]
        last = data < 128
        if len(data) and not last[bounds[1:][np.diff(bounds) > 0] - 1].all():
            raise InvalidValue("The protocol buffer is cut off.")
        ends = np.flatnonzero(last) + 1
        starts = np.concatenate([np.zeros(min(1, len(ends)), np.int64), ends[:-1]])
        sizes = ends - starts
        if sizes.max(initial=0) > _LONGEST:
            raise InvalidValue("A number of the protocol buffer has too many bytes.")
        places = np.arange(len(data)) - np.repeat(starts, sizes)
        bits = (data & 127).astype(np.uint64) << (7 * places).astype(np.uint64)
        values = np.add.reduceat(bits, starts) if len(starts) else np.zeros(0, np.uint64)
        return values, lengths_to_offsets(last)[bounds]


def signed(values: Array) -> Array:
    """The numbers (int64) of zigzag ones: sint32 and sint64."""
    return (values >> np.uint64(1)).view(np.int64) ^ -(values & np.uint64(1)).view(np.int64)
