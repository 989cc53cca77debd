"""Ids of jobs, tasks, uploads: where a recording first hears of them, and their like in another run."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gpserver.cassettes.cassette import Exchange

ID = re.compile(
    r"(?:(?<![0-9A-Za-z])|(?<=%[0-9A-Fa-f]{2}))"
    r"[a-z]?(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9A-Za-z])"
)
"""ArcGIS' ``j`` or ``i`` and 32 digits, or a UUID."""

_DIGITS = re.compile(r"[0-9a-f]{32}|[0-9a-f-]{36}")


def births(exchanges: Sequence[Exchange]) -> dict[int, list[str]]:
    """The ids that each answer is the first to name, of those that later requests use; by its place."""
    asked = [set(ids_in(exchange.url, exchange.sent)) for exchange in exchanges]
    last_use = {name: place for place, names in enumerate(asked) for name in names}
    known: set[str] = set()
    born: dict[int, list[str]] = {}
    for place, exchange in enumerate(exchanges):
        known |= asked[place]
        named = dict.fromkeys(ids_in(exchange.body))
        if new := [name for name in named if name not in known and last_use.get(name, 0) > place]:
            born[place] = new
            known |= set(new)
    return born


def ids_in(*texts: str | bytes) -> list[str]:
    """All ids in texts, in their order."""
    return [item for text in texts for item in ID.findall(text if isinstance(text, str) else _text(text))]


def renamed(text: str, names: Mapping[str, str]) -> str:
    """The text with other names for ids."""
    return ID.sub(lambda found: names.get(found[0], found[0]), text) if names else text


def renamed_bytes(body: bytes, names: Mapping[str, str]) -> bytes:
    """The same for a body."""
    return renamed(_text(body), names).encode("latin-1") if names else body


def another(name: str, number: int) -> str:
    """An id of the same form; of the same number the same one."""
    digits = hashlib.md5(f"{name}/{number}".encode(), usedforsecurity=False).hexdigest()

    def fill(found: re.Match[str]) -> str:
        left = iter(digits)
        return "".join(char if char == "-" else next(left) for char in found[0])

    return _DIGITS.sub(fill, name, count=1)


def likenesses(recorded: bytes, answered: bytes, wanted: Sequence[str]) -> dict[str, str]:
    """What the wanted ids of a recorded answer are called in another one: what stands at their place."""
    found: dict[str, str] = {}
    others = dict(leaves(_json(answered)))
    for place, value in leaves(_json(recorded)):
        other = others.get(place)
        if not isinstance(value, str) or not isinstance(other, str):
            continue
        for name, like in zip(ids_in(value), ids_in(other) or [other], strict=False):
            if name in wanted:
                found.setdefault(name, like)
    return found


def leaves(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """The values of JSON that are neither objects nor arrays, and empty ones, each with its place."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from leaves(item, (*place, name))
    elif isinstance(value, list) and value:
        for number, item in enumerate(value):
            yield from leaves(item, (*place, number))
    else:
        yield place, value


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _text(body: bytes) -> str:
    return body.decode("latin-1")
