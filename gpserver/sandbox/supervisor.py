"""The loop that owns every slot: it hands out orders, hears the children, kills them and replaces them."""

import contextlib
import logging
import os
import selectors
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any

from gpserver.errors import TooLarge
from gpserver.sandbox import crash, frames, memory
from gpserver.sandbox.launcher import Launcher
from gpserver.sandbox.order import Ending, Order, Outcome
from gpserver.sandbox.slot import Slot, State

_log = logging.getLogger(__name__)

_BACK_OFF, _LONGEST_BACK_OFF = 0.05, 5.0  # seconds; doubled with every launch that fails
_CLOSED = "the sandbox was closed"


class Supervisor:
    """One thread runs ``serve`` and decides all, so a kill never meets a job that it was not meant for.

    There are always ``slots`` children that live or are about to: a child that must die is replaced at once
    and does not count any more.
    """

    def __init__(
        self,
        start_zygote: Callable[[], Launcher],
        *,
        slots: int,
        recycle_after: int,
        on_events: Callable[[str, list[list[Any]]], None],
        on_end: Callable[[Outcome], None],
        on_replace: Callable[[Ending], None],
    ) -> None:
        self._start_zygote, self._count, self._recycle_after = start_zygote, slots, recycle_after
        self._on_events, self._on_end, self._on_replace = on_events, on_end, on_replace
        self.ready = threading.Event()
        self._zygote: Launcher | None = None
        self._slots: dict[int, Slot] = {}
        self._waiting: deque[Order] = deque()
        self._launched = self._failures = 0
        self._launch_at = 0.0
        self._kernel_kills = memory.kernel_kills()
        self._closing = False
        self._heed: dict[str, Callable[..., None]] = {
            "ready": self._begin,
            "event": self._note,
            "end": self._end,
        }
        self._commands: deque[Callable[[], None]] = deque()
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = socket.socketpair()
        self._wake.setblocking(False)
        self._waker.setblocking(False)
        self._selector.register(self._wake, selectors.EVENT_READ, self._obey)

    def post(self, command: Callable[[], None]) -> None:
        """Have the loop call this; from any thread."""
        self._commands.append(command)
        with contextlib.suppress(OSError):  # full: it wakes up anyway; closed: nothing is here any more
            self._waker.send(b"!")

    def pids(self) -> list[tuple[str | None, int]]:
        """Job, if there is one, and process id of the children that are warm and may live on."""
        slots = [slot for slot in list(self._slots.values()) if slot.state in (State.IDLE, State.BUSY)]
        return [(slot.order.job_id if slot.order else None, slot.pid) for slot in slots]

    def serve(self) -> None:
        """Work until ``close``."""
        try:
            self._obey()
            while not self._closing:
                self._fill()
                for key, _ in self._selector.select(self._pause()):
                    key.data()
                self._watch_clocks()
        finally:
            self._shut_down()

    # What is posted.

    def accept(self, order: Order) -> None:
        """Run this as soon as a child is idle."""
        self._waiting.append(order)

    def cancel(self, job_id: str, grace: bool) -> None:
        """Stop a job, if it is here; without grace at once, even one that was told of its cancel before."""
        for order in [order for order in self._waiting if order.job_id == job_id]:
            self._waiting.remove(order)
            self._on_end(Outcome(job_id, Ending.CANCELLED))
        for slot in list(self._slots.values()):
            if slot.order and slot.order.job_id == job_id and not (slot.verdict and grace):
                self._cancel(slot, slot.order.cancel_grace if grace else 0.0)

    def stop(self, job_id: str, reason: str) -> None:
        """Kill a job, if it is here and nothing else was decided."""
        for slot in list(self._slots.values()):
            if slot.order and slot.order.job_id == job_id and not slot.verdict:
                self._kill(slot, Ending.FAILED, reason)

    def close(self) -> None:
        """Leave the loop."""
        self._closing = True

    def _obey(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake.recv(1 << 16)
        while self._commands:
            self._commands.popleft()()

    # Launch and hand over.

    def _missing(self) -> int:
        return self._count - sum(slot.state is not State.DYING for slot in self._slots.values())

    def _fill(self) -> None:
        if time.monotonic() >= self._launch_at:
            try:
                for _ in range(self._missing()):
                    self._launch()
            except OSError:  # no more descriptors, processes or memory
                _log.exception("A child cannot be started.")
                self._back_off()
        for slot in self._slots.values():
            while self._waiting and slot.state is State.IDLE:
                self._hand_over(self._waiting.popleft(), slot)

    def _launch(self) -> None:
        if self._zygote is None:
            self._zygote = self._start_zygote()
            self._selector.register(self._zygote.control, selectors.EVENT_READ, self._hear_zygote)
        self._launched += 1
        slot = self._slots[self._launched] = Slot(self._launched)
        self._zygote.launch(slot.number, slot.theirs.fileno(), slot.dump.fileno())
        slot.theirs.close()
        self._selector.register(slot.connection, selectors.EVENT_READ, partial(self._attend, slot))

    def _hand_over(self, order: Order, slot: Slot) -> None:
        try:
            frame = frames.encode([order.payload, order.memory_limit])
        except (TooLarge, TypeError) as error:
            self._on_end(Outcome(order.job_id, Ending.FAILED, f"the job cannot be handed over: {error}"))
        else:
            slot.give(order, frame)
            self._mind(slot)

    def _mind(self, slot: Slot) -> None:
        """Wait for the child to read only while there is something to write."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if slot.writing else 0)
        key = self._selector.get_key(slot.connection)
        if key.events != events:
            self._selector.modify(slot.connection, events, key.data)

    # Hear the children.

    def _attend(self, slot: Slot) -> None:
        if slot.number not in self._slots:  # removed since the selector saw it
            return
        if slot.writing:
            slot.write()
            self._mind(slot)
        try:
            self._listen(slot)
        except BlockingIOError:
            pass
        except EOFError:
            self._selector.unregister(slot.connection)
            self._kill(slot)  # it is gone, and its exit on the way; or it hung up, and is of no use

    def _listen(self, slot: Slot) -> None:
        """Heed the frames that have come; raises EOFError at the end of the stream."""
        try:
            for kind, *fields in slot.read():
                self._heed[kind](slot, *fields)
        except (TooLarge, ValueError, TypeError, KeyError) as error:  # somebody wrote into the socket
            _log.warning("A child sent what is no frame.", exc_info=True)
            self._kill(slot, Ending.FAILED, f"the process sent what cannot be read: {error}")

    def _begin(self, slot: Slot, pid: int) -> None:
        slot.begin(pid)
        self._failures = 0
        self.ready.set()

    def _note(self, slot: Slot, event: list[Any]) -> None:
        if slot.note(event):
            self._flush(slot)

    def _flush(self, slot: Slot) -> None:
        if slot.order and (events := slot.flush()):
            self._on_events(slot.order.job_id, events)

    def _end(
        self, slot: Slot, ending: str, value: dict[str, Any], reason: str, detail: str, leftovers: bool
    ) -> None:
        if slot.verdict:  # too late; the verdict is pronounced when the child is gone
            self._kill(slot)
        elif slot.order:
            order = slot.order
            if ending == Ending.OUT_OF_MEMORY:
                reason = _exhausted(order)
            events = slot.flush()
            slot.rest()
            if ending == Ending.OUT_OF_MEMORY:
                self._kill(slot, Ending.OUT_OF_MEMORY)
            elif leftovers or slot.worn(self._recycle_after):
                self._kill(slot, Ending.FINISHED)
            self._on_end(Outcome(order.job_id, Ending(ending), reason, value, events, detail))

    # Kill.

    def _cancel(self, slot: Slot, grace: float) -> None:
        if grace <= 0 or slot.state is not State.BUSY:
            self._kill(slot, Ending.CANCELLED)
            return
        slot.verdict = Ending.CANCELLED, ""
        slot.deadline = time.monotonic() + grace
        slot.write(frames.encode("cancel"))
        self._mind(slot)

    def _kill(self, slot: Slot, ending: Ending | None = None, reason: str = "") -> None:
        slot.condemn(ending, reason)
        if self._zygote:
            self._zygote.kill(slot.number)

    def _watch_clocks(self) -> None:
        now = time.monotonic()
        for slot in list(self._slots.values()):
            if now >= slot.flush_at:
                self._flush(slot)
            if slot.order and now >= slot.deadline:
                self._kill(slot, Ending.TIMED_OUT, f"over the time limit of {slot.order.time_limit or 0:g} s")
            if slot.order and now >= slot.watch_at:
                self._kernel_kills = memory.kernel_kills()
                if slot.over_memory():
                    self._kill(slot, Ending.OUT_OF_MEMORY, _exhausted(slot.order))

    def _pause(self) -> float | None:
        """Seconds until the next clock runs out."""
        due = min((slot.due() for slot in self._slots.values()), default=inf)
        if self._missing():
            due = min(due, self._launch_at)
        return None if due == inf else max(0.0, due - time.monotonic())

    # Hear the zygote.

    def _hear_zygote(self) -> None:
        assert self._zygote
        try:
            for _, number, code in self._zygote.receive():
                self._exited(number, code)
        except EOFError:
            _log.error("The zygote died, and its children with it.")
            self._end_zygote(self._zygote, Ending.LOST, "its parent process, the zygote, died")
            self._back_off()

    def _exited(self, number: int, code: int) -> None:
        slot = self._slots[number]
        reason = crash.describe(code, slot.stack())
        if slot.state is State.STARTING:
            _log.error("A child was never warm: %s.", reason)
            self._back_off()
        if code == -signal.SIGKILL and memory.kernel_kills() > self._kernel_kills:
            self._remove(slot, Ending.OUT_OF_MEMORY, "the machine has no memory left")
        else:
            self._remove(slot, Ending.CRASHED, reason)

    def _remove(self, slot: Slot, ending: Ending, reason: str) -> None:
        """The child is gone: hear its last words, then end what it was doing."""
        with contextlib.suppress(BlockingIOError, EOFError):
            while True:
                self._listen(slot)
        if slot.connection in self._selector.get_map():
            self._selector.unregister(slot.connection)
        del self._slots[slot.number]
        detail = slot.stack()
        slot.close()
        ending, reason = slot.verdict or (ending, reason)
        if ending is not Ending.CLOSED:
            self._on_replace(ending)
        if slot.order:
            self._on_end(Outcome(slot.order.job_id, ending, reason, events=slot.flush(), detail=detail))

    def _end_zygote(self, zygote: Launcher, ending: Ending, reason: str) -> None:
        self._selector.unregister(zygote.control)
        zygote.close()
        self._zygote = None
        for slot in list(self._slots.values()):
            if slot.pid:  # without its zygote nobody else kills what it has started
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(slot.pid, signal.SIGKILL)
            self._remove(slot, ending, reason)

    def _back_off(self) -> None:
        self._launch_at = time.monotonic() + min(_BACK_OFF * 2**self._failures, _LONGEST_BACK_OFF)
        self._failures += 1

    def _shut_down(self) -> None:
        if self._zygote:
            self._end_zygote(self._zygote, Ending.CLOSED, _CLOSED)
        for order in self._waiting:
            self._on_end(Outcome(order.job_id, Ending.CLOSED, _CLOSED))
        self._selector.close()
        self._wake.close()
        self._waker.close()


def _exhausted(order: Order) -> str:
    if order.memory_limit is None:
        return "the machine has no memory left"
    return f"over the memory limit of {order.memory_limit >> 20} MB"
