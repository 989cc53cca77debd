"""Slows down whoever guesses passwords."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

_KEYS = 10_000  # of them are remembered; the one that was seen longest ago is forgotten first


class Throttle:
    """Admits some attempts per key and time.

    Args:
        attempts: How many.
        seconds: In what time, counted from the first of them.
        clock: Seconds that go by.
    """

    def __init__(
        self, attempts: int, seconds: float = 60, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._attempts, self._seconds, self._clock = attempts, seconds, clock
        self._seen: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def admit(self, key: Hashable) -> bool:
        """Count an attempt, before it is made; False where it is one too many."""
        now = self._clock()
        with self._lock:
            count, end = self._seen.pop(key, (0, 0.0))
            if now >= end:
                count, end = 0, now + self._seconds
            self._seen[key] = (min(count + 1, self._attempts + 1), end)
            if len(self._seen) > _KEYS:
                self._seen.popitem(last=False)
        return count < self._attempts

    def refund(self, key: Hashable) -> None:
        """Take an attempt back: it succeeded."""
        with self._lock:
            if key in self._seen:
                count, end = self._seen[key]
                self._seen[key] = (count - 1, end)
