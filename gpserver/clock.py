"""The time of an emulated server: real, frozen, or many times as fast, and set forward at will."""

import asyncio
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress


class Clock:
    """A clock that a test owns; safe to use from any thread.

    Args:
        start: Epoch seconds at which it begins; None for the wall's.
        speed: Seconds that pass in one second of the wall: 1 is real time, 0 stands still, 1000 makes 600 s
            last 0.6 s.

    Raises:
        ValueError: The speed is negative or not finite.
    """

    def __init__(self, start: float | None = None, speed: float = 1.0) -> None:
        self._lock = threading.RLock()
        self._changed: list[Callable[[], object]] = []
        self._base, self._since = time.time() if start is None else start, time.monotonic()
        self._speed = _checked(speed)

    def now(self) -> float:
        """Epoch seconds."""
        with self._lock:
            return self._base + (time.monotonic() - self._since) * self._speed

    @property
    def speed(self) -> float:
        """Seconds that pass in one second of the wall; 0 while it stands still."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        with self._lock:
            self._base, self._since = self.now(), time.monotonic()
            self._speed = _checked(speed)
        self._tell()

    def set(self, start: float | None, speed: float) -> None:
        """Begin again, as when it was made."""
        with self._lock:
            self._base, self._since = time.time() if start is None else start, time.monotonic()
            self._speed = _checked(speed)
        self._tell()

    def advance(self, seconds: float) -> None:
        """Set it forward; whatever falls due meanwhile happens before this returns.

        Raises:
            ValueError: The seconds are negative: time never runs back.
        """
        if not 0 <= seconds < math.inf:
            raise ValueError(f"A clock cannot be advanced by {seconds:g} seconds.")
        with self._lock:
            self._base += seconds
        self._tell()

    def real(self, seconds: float) -> float:
        """How many seconds of the wall so many of its own take; infinite while it stands still."""
        if seconds <= 0:
            return 0.0
        return seconds / self._speed if self._speed else math.inf

    def watch(self, changed: Callable[[], object]) -> Callable[[], None]:
        """Have ``changed`` called whenever it was advanced or its speed set; returns what ends that."""
        with self._lock:
            self._changed.append(changed)
        return lambda: self._changed.remove(changed)

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds of its own; at a clock that stands still, until somebody advances it."""
        until, loop, changed = self.now() + seconds, asyncio.get_running_loop(), asyncio.Event()
        forget = self.watch(lambda: loop.call_soon_threadsafe(changed.set))
        try:
            while (left := until - self.now()) > 0:
                wait = self.real(left)
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), None if math.isinf(wait) else wait)
                changed.clear()  # before the next look at the time, so that no change is missed
        finally:
            forget()

    def _tell(self) -> None:
        with self._lock:
            changed = list(self._changed)
        for call in changed:
            call()


def _checked(speed: float) -> float:
    if not 0 <= speed < math.inf:
        raise ValueError(f"A clock cannot run at {speed:g} times the speed of time.")
    return speed
