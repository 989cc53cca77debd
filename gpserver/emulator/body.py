"""Bodies of which only so much is kept, and the parameters that are in them."""

import json
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

MOST = 64 << 10
"""Bytes of a body that are kept: its begin, and of its end what follows a large value."""

_TAIL = 8 << 10
_HEAD = MOST - _TAIL


class File(NamedTuple):
    """A file in a form; ``size`` in bytes."""

    name: str
    size: int
    type: str


class Body(NamedTuple):
    """A body, as far as it is kept; ``size`` counts all of its bytes."""

    head: bytes = b""
    tail: bytes = b""
    size: int = 0

    @property
    def kept(self) -> bytes:
        """What there is of it."""
        return self.head + self.tail

    @property
    def skipped(self) -> int:
        """Bytes that are missing, between head and tail."""
        return self.size - len(self.head) - len(self.tail)

    def more(self, piece: bytes) -> "Body":
        """The body with its next piece."""
        size, room = self.size + len(piece), _HEAD - len(self.head)
        if len(piece) <= room:
            return Body(self.head + piece, self.tail, size)
        rest = piece[max(room, len(piece) - _TAIL) :]
        return Body(self.head + piece[:room], (self.tail + rest)[-_TAIL:], size)


def parameters_in(body: Body, media_type: str) -> list[tuple[str, Any]]:
    """The parameters of a form, or the members of a JSON object, in their order.

    Fields are text, parts with a file are a ``File``; a field that is not kept whole ends with ``…``.
    """
    if not body.size:
        return []
    kind, options = parse_options_header(media_type)
    if kind == b"multipart/form-data":
        return _Multipart(body, options.get(b"boundary", b"")).found
    if b"json" in kind or body.head.lstrip()[:1] in (b"{", b"["):
        return _members(body)
    # Clients post forms without saying so.
    return _form(body) if kind in (b"", b"application/x-www-form-urlencoded", b"text/plain") else []


def _form(body: Body) -> list[tuple[str, Any]]:
    found, at = [], 0
    for piece in body.kept.split(b"&"):
        name, equals, value = piece.partition(b"=")
        begin, at = at + len(name) + len(equals), at + len(piece) + 1
        torn = body.skipped and begin - len(equals) > len(body.head) >= begin - len(equals) - len(name)
        if name and not torn:
            found.append((_unquoted(name), _cut(body, begin, value)))
    return [(name, _unquoted(value) + ("…" if cut else "")) for name, (value, cut) in found]


def _cut(body: Body, begin: int, value: bytes) -> tuple[bytes, bool]:
    """A value without what does not belong to it, and whether any of it is missing."""
    end = len(body.head)
    if body.skipped and begin <= end <= begin + len(value):
        return value[: end - begin], True
    return value, False


def _unquoted(text: bytes) -> str:
    return unquote_plus(text.decode("latin-1"), "utf-8", "replace")


def _members(body: Body) -> list[tuple[str, Any]]:
    with suppress(ValueError, RecursionError):
        value = json.loads(body.kept)
        return list(value.items()) if isinstance(value, dict) else [("", value)]
    return []


class _Multipart:
    """The parts of a multipart body."""

    def __init__(self, body: Body, boundary: bytes) -> None:
        self.found: list[tuple[str, Any]] = []
        self._body = body
        self._header, self._value = b"", b""
        callbacks: Any = {
            "on_part_begin": self._begin,
            "on_header_field": self._field,
            "on_header_value": self._said,
            "on_header_end": self._header_end,
            "on_part_data": self._data,
            "on_part_end": self._end,
        }
        with suppress(FormParserError):
            MultipartParser(boundary, callbacks).write(body.kept)

    def _begin(self) -> None:
        self._name, self._type = "", ""
        self._file: str | None = None
        self._content, self._start = b"", -1

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _said(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        header, value, self._header, self._value = self._header.lower(), self._value, b"", b""
        if header == b"content-type":
            self._type = value.decode("latin-1")
        elif header == b"content-disposition":
            _, options = parse_options_header(value)
            self._name = options.get(b"name", b"").decode("utf-8", "replace")
            file = options.get(b"filename")
            self._file = None if file is None else file.decode("utf-8", "replace")

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._start = start if self._start < 0 else self._start
        self._content += data[start:end]

    def _end(self) -> None:
        content, cut = _cut(self._body, self._start, self._content)
        if self._file is not None:
            size = len(self._content) + (self._body.skipped if cut else 0)
            self.found.append((self._name, File(self._file, size, self._type)))
        else:
            self.found.append((self._name, content.decode("utf-8", "replace") + ("…" if cut else "")))
