"""How long the event loop keeps others waiting."""

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic

_EVERY = 0.5  # seconds between two looks
_LOOKS = 30  # what is told is the worst of them


class Lag:
    """Watches the event loop from within; ``worst`` may be asked from any thread."""

    def __init__(self) -> None:
        self._delays = deque[float](maxlen=_LOOKS)
        self._stop: Callable[[], object] = lambda: None

    def start(self) -> None:
        """Begin to watch the loop that runs this."""
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._watch())
        self._stop = lambda: loop.call_soon_threadsafe(task.cancel)

    def close(self) -> None:
        """Stop watching; from any thread, while the loop runs."""
        self._stop()

    def worst(self) -> float:
        """Seconds that a timer was late at most in the last 15 s."""
        return max(tuple(self._delays), default=0.0)

    async def _watch(self) -> None:
        while True:
            begin = monotonic()
            await asyncio.sleep(_EVERY)
            self._delays.append(max(0.0, monotonic() - begin - _EVERY))
