"""What time it is for whoever deletes by age: a clock that is set forward makes nothing old."""

import time
from collections.abc import Callable

_JUMP = 30.0  # seconds; less is how clocks are kept right


class AgeClock:
    """The wall clock without its jumps forward, each of them until what was young then is old in earnest.

    Once the clock was set forward nobody can tell any more how old things from before are, so that it counts
    as not set for one lifetime: nothing goes before its time, and what comes after it stays a little longer.
    A clock that is set back only lets things stay longer.

    Args:
        lifetime: Seconds after which things are old.
        wall: Epoch seconds.
        steady: Seconds that no one sets.
    """

    def __init__(
        self,
        lifetime: float,
        wall: Callable[[], float] = lambda: time.time(),
        steady: Callable[[], float] = lambda: time.monotonic(),
    ) -> None:
        self._lifetime, self._wall, self._steady = lifetime, wall, steady
        self._last = wall() - steady()
        self._ahead, self._until = 0.0, 0.0

    def now(self) -> float:
        """Epoch seconds; to be asked often, since a jump counts from the first call after it."""
        wall, steady = self._wall(), self._steady()
        jump, self._last = wall - steady - self._last, wall - steady
        if jump > _JUMP:
            self._ahead, self._until = self._ahead + jump, steady + self._lifetime
        elif jump < -_JUMP:
            self._ahead = max(self._ahead + jump, 0.0)
        if steady >= self._until:
            self._ahead = 0.0
        return wall - self._ahead
