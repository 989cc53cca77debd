"""Finds the recorded answer to a request."""

import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from gpserver.cassettes.asked import Asked
from gpserver.cassettes.cassette import Cassette, Exchange, asked_in
from gpserver.cassettes.identities import births, ids_in, renamed
from gpserver.cassettes.nearness import Masks, nearness, same, shape_of
from gpserver.cassettes.pseudonyms import PLACEHOLDER
from gpserver.cassettes.takes import Take, Takes
from gpserver.clock import Clock

Match = Literal["exact", "fuzzy"]


@dataclass(frozen=True)
class Played:
    """An answer of the recording.

    Attributes:
        exchange: Where it is from.
        names: What clients call the ids in it.
        recorded: What was asked for then.
        exact: Whether the same was asked for now.
    """

    exchange: Exchange
    names: dict[str, str]
    recorded: Asked
    exact: bool = True


@dataclass
class _Scene:
    """All exchanges that asked for the same, in their order."""

    number: int
    asked: Asked
    places: list[int] = field(default_factory=list)


class Player:
    """Plays a cassette; safe to use from any thread.

    Args:
        cassette: It.
        match: Whether the nearest request is as good where nothing fits exactly.
        clock: By which answers follow the time of the recording; None for one after the other.
    """

    def __init__(self, cassette: Cassette, match: Match = "exact", clock: Clock | None = None) -> None:
        self._exchanges, self._match, self._clock = cassette.exchanges, match, clock
        self._masks = Masks(frozenset(name.lower() for name in cassette.fields), cassette.moved)
        self._births = births(self._exchanges)
        self._takes, self._lock = Takes(), threading.Lock()
        self._scenes: dict[tuple[str, str], list[_Scene]] = defaultdict(list)
        self._patterns: list[tuple[str, re.Pattern[str], str]] = []
        self._shapes: dict[tuple[str, str], list[_Scene]] = defaultdict(list)
        for place, exchange in enumerate(self._exchanges):
            self._scene(asked_in(exchange)).places.append(place)

    def play(self, asked: Asked) -> Played | None:
        """The answer to a request; None where nothing fits."""
        with self._lock:
            take, names = self._takes.of(_ids(asked))
            asked = _translated(asked, names)
            for scene in self._of_path(asked):
                if same(scene.asked, asked, self._masks):
                    return self._next(scene, take, exact=True)
            near = self._nearest(asked, self._alike(asked)) if self._match == "fuzzy" else None
            return self._next(near, take, exact=False) if near else None

    def nearest(self, asked: Asked) -> Asked | None:
        """What was recorded that is nearest to a request, whatever its method and path."""
        scenes = list(self._alike(asked)) or [scene for some in self._scenes.values() for scene in some]
        found = self._nearest(asked, iter(scenes))
        return found.asked if found else None

    def _scene(self, asked: Asked) -> _Scene:
        if (asked.method, asked.path) not in self._scenes and PLACEHOLDER.search(asked.path):
            pattern = "[^/]+".join(map(re.escape, PLACEHOLDER.split(asked.path)))
            self._patterns.append((asked.method, re.compile(pattern), asked.path))
        scenes = self._scenes[asked.method, asked.path]
        for scene in scenes:
            if same(scene.asked, asked, self._masks):
                return scene
        number = sum(map(len, self._scenes.values()))
        scenes.append(_Scene(number, asked))
        self._shapes[asked.method, shape_of(asked.path)].append(scenes[-1])
        return scenes[-1]

    def _of_path(self, asked: Asked) -> Iterator[_Scene]:
        yield from self._scenes.get((asked.method, asked.path), ())
        for method, pattern, path in self._patterns:
            if method == asked.method and pattern.fullmatch(asked.path):
                yield from self._scenes[method, path]

    def _alike(self, asked: Asked) -> Iterator[_Scene]:
        yield from self._shapes.get((asked.method, shape_of(asked.path)), ())

    def _nearest(self, asked: Asked, scenes: Iterator[_Scene]) -> _Scene | None:
        def merit(scene: _Scene) -> tuple[float, float]:
            return _common(scene.asked.path, asked.path), nearness(scene.asked, asked)

        return max(scenes, key=merit, default=None)

    def _next(self, scene: _Scene, take: Take, *, exact: bool) -> Played:
        place = scene.places[self._due(scene, take)]
        exchange = self._exchanges[place]
        born = self._births.get(place)
        if born and exchange.submits:
            now = self._clock.now() if self._clock else 0.0
            take = self._takes.begin(take, born, now, exchange.started)
        return Played(exchange, take.names, scene.asked, exact)

    def _due(self, scene: _Scene, take: Take) -> int:
        if not self._clock or take.offset is None:
            return take.next(scene.number, len(scene.places))
        elapsed = take.offset + self._clock.now() - take.begun
        passed = [n for n, place in enumerate(scene.places) if self._exchanges[place].started <= elapsed]
        return passed[-1] if passed else 0


def _ids(asked: Asked) -> list[str]:
    return ids_in(asked.path, *asked.parameters.values())


def _translated(asked: Asked, names: dict[str, str]) -> Asked:
    if all(name == recorded for name, recorded in names.items()):
        return asked
    parameters = {name: renamed(value, names) for name, value in asked.parameters.items()}
    return Asked(asked.method, renamed(asked.path, names), parameters)


def _common(first: str, second: str) -> float:
    """How much of two paths is the same, from their beginning."""
    ours, theirs = first.lower().split("/"), second.lower().split("/")
    matching = sum(a == b for a, b in zip(ours, theirs, strict=False))
    return matching / max(len(ours), len(theirs))
