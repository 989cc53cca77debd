"""What a parameter should be, what it is, and where the two differ."""

import json
from collections.abc import Callable
from typing import Any

from gpserver.cassettes.identities import leaves
from gpserver.emulator.record import Record

ANY: Any = object()
"""What any value is good enough for."""

_LONG = 200  # characters of a value in a text
_DIFFERENCES = 3


def parameter_miss(record: Record, name: str, expected: Any) -> str:
    """What is wrong with a parameter of a request; empty where it is right.

    Args:
        record: The request.
        name: Of the parameter, in any case.
        expected: Text, JSON or a function, as for ``Requests.with_param``.
    """
    values = [_read(value) for key, value in record.pairs if key.lower() == name.lower()]
    if not values:
        cut = f" in what is kept of {record.sent.size} bytes" if record.sent.skipped else ""
        names = ", ".join(dict.fromkeys(key for key, _ in record.pairs))
        return f"no {name}{cut}, but {names}" if names else f"no {name}{cut}"
    if expected is ANY:
        return ""
    misses = [
        _refused(expected, value) if callable(expected) else _unlike(expected, value) for value in values
    ]
    return "" if "" in misses else f"{name}{misses[-1]}"


def shown(value: Any) -> str:
    """A value for people."""
    if value is ANY:
        return "absent"
    if callable(value):
        return f"what {getattr(value, '__name__', 'a function')} takes"
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= _LONG else text[:_LONG] + "…"


def _refused(wanted: Callable[[Any], bool], value: Any) -> str:
    try:
        return "" if wanted(value) else f" is {shown(value)}"
    except Exception as error:  # it was written for the values of other requests
        return f" is {shown(value)}, on which {type(error).__name__}: {error}"


def _unlike(expected: Any, value: Any) -> str:
    ours, theirs = dict(leaves(_read(expected))), dict(leaves(value))
    places = [place for place in ours | theirs if not _equal(ours.get(place, ANY), theirs.get(place, ANY))]
    if not places:
        return ""
    if () in ours or () in theirs:
        return f" is {shown(value)}, not {shown(_read(expected))}"
    told = [
        f"{'.'.join(map(str, place))} is {shown(theirs.get(place, ANY))}, not {shown(ours.get(place, ANY))}"
        for place in places[:_DIFFERENCES]
    ]
    more = [f"{len(places) - _DIFFERENCES} more differ"] if len(places) > _DIFFERENCES else []
    return ": " + ", ".join(told + more)


def _equal(one: Any, other: Any) -> bool:
    """Whether two values of JSON are the same; true is not 1."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _read(value: Any) -> Any:
    """The JSON that a text is, and True and False as Python's clients write them."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return {"true": True, "false": False}.get(value.strip().lower(), value)
