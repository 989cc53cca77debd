"""Resources as JSON, compact or indented; large leaves are streamed, never parsed."""

import secrets
from collections.abc import Iterator
from typing import Any

import orjson

from gpserver.formats.resource import Body, JSONText, Resource

_MEDIA_TYPE = "application/json;charset=UTF-8"

# A name that no client can guess marks the place of a streamed leaf in the text around it.
_MARK = f"streamed-{secrets.token_hex(8)}"


def write(resource: Resource) -> Body:
    """Compact JSON."""
    return Body(text_of(resource.value, 0), _MEDIA_TYPE)


def write_pretty(resource: Resource) -> Body:
    """Indented JSON; a streamed leaf stays compact."""
    return Body(text_of(resource.value, orjson.OPT_INDENT_2), _MEDIA_TYPE)


def text_of(value: Any, option: int) -> bytes | Iterator[bytes]:
    """JSON text, in one piece unless there are streamed leaves in it; ``option`` is orjson's."""
    leaves: list[JSONText] = []

    def mark(leaf: Any) -> str:
        if not isinstance(leaf, JSONText):
            raise TypeError(f"{type(leaf).__name__} is not JSON")
        leaves.append(leaf)
        return _MARK

    text = orjson.dumps(value, default=mark, option=option | orjson.OPT_PASSTHROUGH_DATACLASS)
    return _interleave(text, leaves) if leaves else text


def _interleave(text: bytes, leaves: list[JSONText]) -> Iterator[bytes]:
    first, *others = text.split(f'"{_MARK}"'.encode())
    yield first
    for leaf, piece in zip(leaves, others, strict=True):
        yield from leaf.chunks
        yield piece
