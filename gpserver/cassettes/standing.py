"""How far a job is, from what ArcGIS and EverGIS call it."""

import json
from collections.abc import Iterator
from typing import Any

WAITING, RUNNING, ENDED = 0, 1, 2

_WORDS = {
    **dict.fromkeys(("new", "submitted", "waiting"), WAITING),
    **dict.fromkeys(("executing", "cancelling", "deleting"), RUNNING),
    **dict.fromkeys(("succeeded", "failed", "timedout", "cancelled", "deleted"), ENDED),
    **dict.fromkeys(("scheduled", "planning", "init", "inqueue"), WAITING),
    "process": RUNNING,
    **dict.fromkeys(("completed", "canceled", "timeout", "interrupted", "error"), ENDED),
}


def standing_of(status: str) -> int | None:
    """Whether a job of this status waits, runs or has ended; None where it is no such word."""
    return _WORDS.get(status.removeprefix("esriJob").lower())


def standing_in(body: bytes) -> int | None:
    """How far the jobs of an answer are: as the one that is furthest behind; None where it has none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found = [standing_of(word) for word in _statuses(value)]
    known = [standing for standing in found if standing is not None]
    return min(known, default=None)


def _statuses(value: Any) -> Iterator[str]:
    items = value if isinstance(value, list) else [value]
    for item in items:
        if isinstance(item, dict):
            yield from (item[name] for name in ("jobStatus", "status") if isinstance(item.get(name), str))
            if isinstance(item.get("results"), list):  # EverGIS' runs of a prototype
                yield from _statuses(item["results"])
