"""Rules of what a test wants: which jobs or requests they are about, which of those, and how often."""

import random
import threading
from collections.abc import Callable, Iterator
from typing import Annotated, Generic, TypeVar

from msgspec import Meta, Struct

from gpserver.clock import Clock

Count = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]


class Rule(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all rules have."""

    service: str = ""
    """``Service`` or ``Folder/Service``; empty for any."""
    task: str = ""
    """Empty for any."""
    nth: Count = 0
    """Only the nth that it is about, counted from 1; 0 for each."""
    times: Count = 0
    """Only so many; 0 for any number."""
    probability: Share = 1.0
    """By the emulator's seed."""
    lasting: Seconds = 0.0
    """Seconds for which it holds since it was added, by the emulator's clock; 0 for ever."""

    def is_about(self, service: str, task: str) -> bool:
        """Whether it is about a task; names in any case."""
        return same(self.service, service) and same(self.task, task)


def same(wanted: str, found: str) -> bool:
    """Whether a name is the one that is wanted; empty wants any."""
    return not wanted or wanted.lower() == found.lower()


Kind = TypeVar("Kind", bound=Rule)


class _Added(Generic[Kind]):
    """A rule since it was added: how many came that it is about, and how many it took."""

    def __init__(self, rule: Kind, now: float) -> None:
        self.rule, self.since, self.seen, self.taken = rule, now, 0, 0


class Rules(Generic[Kind]):
    """Rules of one kind; safe to use from any thread.

    Args:
        clock: The time of the server.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self.clear(0)

    def __iter__(self) -> Iterator[Kind]:
        with self._lock:
            return iter([added.rule for added in self._added])

    def add(self, rule: Kind) -> None:
        """Have one more: of several that could take something the last one does."""
        with self._lock:
            self._added.append(_Added(rule, self._clock.now()))

    def clear(self, seed: int) -> None:
        """Forget all of them; what is left to chance follows from a seed."""
        with self._lock:
            self._added: list[_Added[Kind]] = []
            self._random = random.Random(seed)  # noqa: S311 - a test wants it to be foreseen

    def choose(self, concerns: Callable[[Kind], bool]) -> Kind | None:
        """The rule that takes something.

        Args:
            concerns: Whether a rule is about it.
        """
        if not self._added:
            return None
        with self._lock:
            concerned = [added for added in self._added if concerns(added.rule)]
            for added in concerned:
                added.seen += 1
            for added in reversed(concerned):
                if self._takes(added):
                    added.taken += 1
                    return added.rule
        return None

    def chance(self) -> float:
        """A number between 0 and 1, by the seed."""
        with self._lock:
            return self._random.random()

    def _takes(self, added: _Added[Kind]) -> bool:
        rule = added.rule
        return (
            rule.nth in (0, added.seen)
            and (not rule.times or added.taken < rule.times)
            and (not rule.lasting or self._clock.now() < added.since + rule.lasting)
            and (rule.probability >= 1 or self._random.random() < rule.probability)
        )
