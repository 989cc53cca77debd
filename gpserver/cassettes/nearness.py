"""Whether two requests ask for the same, and how near they are where they do not."""

import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from gpserver.cassettes.asked import Asked
from gpserver.cassettes.identities import ID, leaves
from gpserver.cassettes.pseudonyms import PLACEHOLDER

# Of one run of one client, and not of what it asks for.
_VOLATILE = {
    *("token", "callback", "_ts", "_", "dojo.preventcache", "request.preventcache", "nocache"),
    *("cachebust", "cachebuster", "rnd", "referer", "ip", "agstoken"),
}
_SHAPES = {
    *("x", "y", "xmin", "ymin", "xmax", "ymax", "rings", "paths", "points", "coordinates", "curverings"),
    *("curvepaths", "geometry", "bbox", "extent"),
}


@dataclass(frozen=True)
class Masks:
    """What a recording does not tell, so that it cannot be compared.

    Attributes:
        fields: Names of what is personal, in lower case.
        moved: Whether coordinates are not where they were.
    """

    fields: frozenset[str] = frozenset()
    moved: bool = False

    def hides(self, place: Collection[str | int]) -> bool:
        """Whether what stands at a place says nothing."""
        names = {str(name).lower() for name in place}
        return bool(names & self.fields or (self.moved and names & _SHAPES))


def shape_of(path: str) -> str:
    """A path without its ids."""
    return ID.sub("*", path)


def same(recorded: Asked, asked: Asked, masks: Masks) -> bool:
    """Whether the parameters ask for the same; placeholders of a recording stand for anything."""
    ours, theirs = _stable(recorded), _stable(asked)
    if ours == theirs:
        return True
    if ours.keys() != theirs.keys():
        return False
    first, second = dict(leaves(ours)), dict(leaves(theirs))
    if masks.moved or masks.fields:
        first = {place: value for place, value in first.items() if not masks.hides(place)}
        second = {place: value for place, value in second.items() if not masks.hides(place)}
    return first.keys() == second.keys() and all(_fits(first[place], second[place]) for place in first)


def nearness(recorded: Asked, asked: Asked) -> float:
    """How near the parameters are: 1 for the same, 0 for nothing in common."""
    ours, theirs = dict(leaves(_stable(recorded))), dict(leaves(_stable(asked)))
    places = ours.keys() | theirs.keys()
    if not places:
        return 1.0
    return sum(_likeness(ours, theirs, place) for place in places) / len(places)


def _stable(asked: Asked) -> dict[str, Any]:
    return {name: value for name, value in asked.values.items() if name not in _VOLATILE}


def _fits(recorded: Any, value: Any) -> bool:
    if recorded == value:
        return True
    if not isinstance(recorded, str) or not isinstance(value, str) or not PLACEHOLDER.search(recorded):
        return False
    plain = map(re.escape, PLACEHOLDER.split(recorded))
    return re.fullmatch(".+".join(plain), value, re.DOTALL) is not None


def _likeness(ours: dict[Any, Any], theirs: dict[Any, Any], place: Any) -> float:
    if place not in ours or place not in theirs:
        return 0.0
    first, second = ours[place], theirs[place]
    if _fits(first, second):
        return 1.0
    a, b = _number(first), _number(second)
    if a is None or b is None:
        return 0.0
    return 1 - abs(a - b) / (abs(a) + abs(b)) if a or b else 1.0


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
