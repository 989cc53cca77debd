"""Frames: JSON values on a stream socket, each behind its length in four bytes."""

import socket
import struct
from collections.abc import Iterator
from typing import Any

import orjson

from gpserver.errors import TooLarge

LIMIT = 64 << 20
"""Bytes of JSON in one frame; what is larger belongs into a file."""

_LENGTH = struct.Struct("!I")


def encode(value: object) -> bytes:
    """One frame; raises TooLarge, and TypeError for a value that is not JSON-ready."""
    text = orjson.dumps(value)
    _check(len(text))
    return _LENGTH.pack(len(text)) + text


def receive(connection: socket.socket) -> Any:
    """The next frame of a blocking socket, and not a byte more; raises EOFError at the end."""
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size))
    return orjson.loads(_exactly(connection, length))


class Decoder:
    """Frames out of the pieces in which they come through a non-blocking socket."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Any]:
        """The frames that ``data`` completes; raises TooLarge and JSONDecodeError (a ValueError)."""
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            _check(length)
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            text = self._buffer[_LENGTH.size : end]
            del self._buffer[:end]
            yield orjson.loads(text)


def _check(length: int) -> None:
    if length > LIMIT:
        raise TooLarge(f"{length >> 20} MB in one piece is over the limit of {LIMIT >> 20} MB")


def _exactly(connection: socket.socket, size: int) -> bytearray:
    data = bytearray(size)
    view, got = memoryview(data), 0
    while got < size:
        count = connection.recv_into(view[got:])
        if not count:
            raise EOFError
        got += count
    return data
