"""One child process as its supervisor sees it, from the launch to the exit."""

import os
import socket
import tempfile
import time
from collections.abc import Iterator
from enum import Enum, auto
from math import inf
from typing import Any

from gpserver.sandbox import frames, memory
from gpserver.sandbox.order import Ending, Order

_READ = 1 << 20
_WATCH = 0.25  # seconds between two looks at the memory of a limited job
_FLUSH_AFTER, _FLUSH_COUNT = 0.1, 200  # seconds, events
_GROWTH = 200 << 20  # bytes that a child may keep beyond twice of what it began with


class State(Enum):
    """STARTING -> IDLE <-> BUSY, and from each of them DYING, until the exit is seen."""

    STARTING = auto()
    IDLE = auto()
    BUSY = auto()
    DYING = auto()


class Slot:
    """State, connection and clocks of one child; it decides nothing."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.state = State.STARTING
        self.pid = 0
        self.runs = 0
        self.order: Order | None = None
        self.verdict: tuple[Ending, str] | None = None
        """Why it must die, once that was decided; the first reason stays."""
        self.events: list[list[Any]] = []
        self.deadline = self.flush_at = self.watch_at = inf
        self.connection, self.theirs = socket.socketpair()
        self.connection.setblocking(False)
        self.dump = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the slot)
        self._decoder = frames.Decoder()
        self._unsent = bytearray()
        self._memory: memory.Gauge | None = None
        self._fresh = self._rested = 0

    def begin(self, pid: int) -> None:
        """The child is warm."""
        self.pid, self.state = pid, State.IDLE
        self._memory = memory.Gauge(pid)
        self._fresh = self._rested = self._memory.read()

    def give(self, order: Order, frame: bytes) -> None:
        """Hand an idle child its order."""
        now = time.monotonic()
        self.order, self.state = order, State.BUSY
        self.deadline = now + (inf if order.time_limit is None else order.time_limit)
        self.watch_at = now + _WATCH
        self.runs += 1
        self.write(frame)

    def rest(self) -> None:
        """The order has ended and the child is fit for the next one."""
        self.order, self.state = None, State.IDLE
        self.deadline = self.watch_at = inf

    def write(self, frame: bytes = b"") -> None:
        """Send a frame, and what earlier ones left unsent, as far as the child reads."""
        self._unsent += frame
        try:
            del self._unsent[: self.connection.send(self._unsent)]
        except BlockingIOError:
            pass
        except OSError:  # it is gone; its exit will be reported
            self._unsent.clear()

    @property
    def writing(self) -> bool:
        """Whether the child has not taken everything yet."""
        return bool(self._unsent)

    def read(self) -> Iterator[Any]:
        """Frames that have come.

        Raises BlockingIOError when nothing has come, EOFError when nothing will come any more, and
        ValueError or TooLarge for what is no frame.
        """
        try:
            data = self.connection.recv(_READ)
        except ConnectionError:
            data = b""
        if not data:
            raise EOFError
        yield from self._decoder.feed(data)

    def condemn(self, ending: Ending | None, reason: str) -> None:
        """It will be killed; an ``ending`` says how its order ends, unless that was decided before."""
        if ending:
            self.verdict = self.verdict or (ending, reason)
        self.deadline = self.watch_at = inf
        if self.state is not State.STARTING:  # a launch that failed is told by its state
            self.state = State.DYING

    def due(self) -> float:
        """When the next of its clocks runs out."""
        return min(self.deadline, self.flush_at, self.watch_at)

    def note(self, event: list[Any]) -> bool:
        """Keep an event of the running order; True when it is time to flush."""
        if not self.events:
            self.flush_at = time.monotonic() + _FLUSH_AFTER
        self.events.append(event)
        return len(self.events) >= _FLUSH_COUNT

    def flush(self) -> list[list[Any]]:
        """The events since the last flush."""
        events, self.events, self.flush_at = self.events, [], inf
        return events

    def over_memory(self) -> bool:
        """Look whether the running order, with what it has started, holds more memory than it may."""
        self.watch_at = time.monotonic() + _WATCH
        limit = self.order.memory_limit if self.order else None
        if limit is None or self._memory is None:
            return False
        return self._memory.read_all() - self._rested > limit

    def worn(self, recycle_after: int) -> bool:
        """Whether the child, at the end of an order, has run or kept too much to go on."""
        self._rested = self._private()
        return self.runs >= recycle_after or self._rested > 2 * self._fresh + _GROWTH

    def _private(self) -> int:
        return self._memory.read() if self._memory else 0

    def stack(self) -> str:
        """Where Python code was when the child crashed; empty when it did not."""
        dump = os.pread(self.dump.fileno(), 1 << 16, 0).decode(errors="replace")
        return dump.partition("\n\nExtension modules:")[0]

    def close(self) -> None:
        """Let go of everything."""
        if self._memory:
            self._memory.close()
        self.connection.close()
        self.theirs.close()
        self.dump.close()
