"""Coordinates that tell no place: moved all alike, so that shapes stay valid and keep their relations."""

import math
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

_KEPT = 0.9  # of degrees: what is drawn together towards 0 may be moved and stays on the globe
_STEP = 1000.0  # metres, or feet: by a multiple of them projected coordinates move
_PARTS = ("rings", "paths", "points", "coordinates", "curveRings", "curvePaths")
_ACROSS = ("x", "xmin", "xmax")
_ALONG = ("y", "ymin", "ymax")
_NUMBER = r"\s*-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?\s*"
_LISTED = re.compile(rf"{_NUMBER},{_NUMBER}(?:,{_NUMBER},{_NUMBER})?")

Move = Callable[[float], float]


class Displacement:
    """One move for all coordinates of a cassette; who reads it does not learn by how much.

    Args:
        chance: Where the distance comes from.
    """

    def __init__(self, chance: random.Random | None = None) -> None:
        chance = chance or random.SystemRandom()
        degrees = [chance.uniform(0.3, 1) * chance.choice((-1, 1)) * (1 - _KEPT) * full for full in (180, 90)]
        lengths = [chance.randint(20, 200) * chance.choice((-1, 1)) * _STEP for _ in "xy"]
        self._degrees: list[Move] = [lambda value, by=by: value * _KEPT + by for by in degrees]  # type: ignore[misc]
        self._lengths: list[Move] = [lambda value, by=by: value + by for by in lengths]  # type: ignore[misc]

    def __call__(self, value: Any) -> Any:
        """The geometry moved: Esri's or GeoJSON's geometry, or an extent; None where it is none of them."""
        if not isinstance(value, dict) or not (value.keys() & {*_ACROSS, *_PARTS}):
            return None
        pairs = list(_pairs(value))
        return _moved(value, *self._moves(pairs)) if pairs else None

    def listed(self, text: str) -> str:
        """``x,y`` or ``xmin,ymin,xmax,ymax`` moved; any other text as it is."""
        if not _LISTED.fullmatch(text):
            return text
        numbers = [float(item) for item in text.split(",")]
        moves = self._moves(list(zip(numbers[::2], numbers[1::2], strict=True)))
        return ",".join(repr(moves[place % 2](number)) for place, number in enumerate(numbers))

    def _moves(self, pairs: list[tuple[float, float]]) -> list[Move]:
        # By the whole geometry: one that were moved in two ways would be torn.
        on_globe = all(abs(x) <= 180 and abs(y) <= 90 for x, y in pairs)
        return self._degrees if on_globe else self._lengths


def _pairs(value: dict[str, Any]) -> Iterator[tuple[float, float]]:
    for across, along in zip(_ACROSS, _ALONG, strict=True):
        if _finite(value.get(across)) and _finite(value.get(along)):
            yield value[across], value[along]
    for name in _PARTS:
        yield from _vertices(value.get(name))


def _vertices(value: Any) -> Iterator[tuple[float, float]]:
    if isinstance(value, dict):  # the arc of a curve
        value = list(value.values())
    if not isinstance(value, list):
        return
    if len(value) >= 2 and _finite(value[0]) and _finite(value[1]):
        yield value[0], value[1]
        value = value[2:]  # an arc has points among its numbers
    for item in value:
        yield from _vertices(item)


def _moved(value: dict[str, Any], across: Move, along: Move) -> dict[str, Any]:
    def move(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: move(item) for name, item in part.items()}
        if not isinstance(part, list):
            return part
        if len(part) >= 2 and _finite(part[0]) and _finite(part[1]):
            return [across(part[0]), along(part[1]), *map(move, part[2:])]
        return [move(item) for item in part]

    moved = dict(value)
    for names, by in ((_ACROSS, across), (_ALONG, along)):
        moved |= {name: by(value[name]) for name in names if _finite(value.get(name))}
    return moved | {name: move(value[name]) for name in _PARTS if name in value}


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
