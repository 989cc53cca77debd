"""The face of the sandbox: what other threads may ask of the one thread that owns every slot."""

import logging
import sys
import threading
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from gpserver.sandbox.launcher import Launcher
from gpserver.sandbox.order import Ending, Order, Outcome
from gpserver.sandbox.supervisor import Supervisor

_log = logging.getLogger(__name__)


class Sandbox:
    """Runs orders in warm child processes, each of which it can kill without harm to the others.

    Callbacks come from that thread. They may call ``run`` and ``cancel``; what they raise is logged. When
    ``on_end`` is called its slot is free again: where a child must be replaced, the next order waits for it.

    Args:
        entry: ``package.module:function``, called in a child as ``function(payload, channel)`` with a
            ``gpserver.sandbox.channel.Channel``; it returns a JSON-ready dict. It must let MemoryError pass.
        slots: Orders that run at once.
        on_events: Takes a job id and a list of events, each ``[kind, *fields]`` as the channel sent it, or
            ``["output", line]`` for what Python code printed. At most 100 ms or 200 events late; the last
            ones come with the outcome.
        on_end: Takes the one outcome of an order.
        on_free: Called after ``on_end``.
        on_replace: Takes the reason why a child had to be replaced, which is FINISHED for one that is worn.
        preload: Modules to import before the first order, besides that of ``entry``.
        start_method: ``fork`` from the warm zygote, or ``spawn`` a fresh interpreter; default: ``fork`` on
            Linux, ``spawn`` elsewhere.
        recycle_after: Orders that one child runs at most.
        child_log: Takes what native code writes to its standard output and error; default: our own.
        hidden: Variables of our environment that the children do not have.
    """

    def __init__(
        self,
        entry: str,
        *,
        slots: int,
        on_events: Callable[[str, list[list[Any]]], None],
        on_end: Callable[[Outcome], None],
        on_free: Callable[[], None] = lambda: None,
        on_replace: Callable[[Ending], None] = lambda _: None,
        preload: Sequence[str] = (),
        start_method: str | None = None,
        recycle_after: int = 200,
        child_log: Path | None = None,
        hidden: Collection[str] = (),
    ) -> None:
        method = start_method or ("fork" if sys.platform == "linux" else "spawn")
        modules = [*preload, entry.partition(":")[0]]
        self._supervisor = Supervisor(
            partial(Launcher, entry, modules, method, child_log, hidden),
            slots=slots,
            recycle_after=recycle_after,
            on_events=partial(_guarded, on_events),
            on_end=self._ended,
            on_replace=partial(_guarded, on_replace),
        )
        self._slots, self._on_end, self._on_free = slots, on_end, on_free
        self._lock = threading.Lock()
        self._jobs: set[str] = set()
        self._closed = False
        self._thread = threading.Thread(target=self._supervisor.serve, name="gpserver-sandbox", daemon=True)

    @property
    def ready(self) -> threading.Event:
        """Set once a child is warm."""
        return self._supervisor.ready

    def start(self) -> None:
        """Begin to warm up; returns at once."""
        self._thread.start()

    def run(self, order: Order) -> None:
        """Run an order; RuntimeError when no slot is free, or its job is here already."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the sandbox is closed")
            if order.job_id in self._jobs:
                raise RuntimeError(f"job {order.job_id} is here already")
            if len(self._jobs) >= self._slots:
                raise RuntimeError("no slot is free")
            self._jobs.add(order.job_id)
            self._supervisor.post(partial(self._supervisor.accept, order))

    def cancel(self, job_id: str) -> None:
        """Stop a job, at once or after its grace; a job that is not here is no error."""
        self._supervisor.post(partial(self._supervisor.cancel, job_id, grace=True))

    def kill(self, job_id: str) -> None:
        """Stop a job at once, whatever its grace."""
        self._supervisor.post(partial(self._supervisor.cancel, job_id, grace=False))

    def stop(self, job_id: str, reason: str) -> None:
        """Kill a job; it ends as failed, for this reason."""
        self._supervisor.post(partial(self._supervisor.stop, job_id, reason))

    def free(self) -> int:
        """How many orders ``run`` would take now."""
        return self._slots - len(self._jobs)

    def pid_of(self, job_id: str) -> int | None:
        """Process id of the child that runs a job; None when none does."""
        return dict(self._supervisor.pids()).get(job_id)

    def slot_pids(self) -> list[int]:
        """Process ids of the warm children."""
        return [pid for _, pid in self._supervisor.pids()]

    def close(self) -> None:
        """Kill what runs and wait until every process is gone; the jobs end as ``closed``."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._supervisor.post(self._supervisor.close)
        if self._thread.ident is None:  # never started
            self._thread.start()
        self._thread.join()

    def _ended(self, outcome: Outcome) -> None:
        with self._lock:
            self._jobs.remove(outcome.job_id)
        _guarded(self._on_end, outcome)
        _guarded(self._on_free)


def _guarded(callback: Callable[..., None], *arguments: Any) -> None:
    try:
        callback(*arguments)
    except Exception:
        _log.exception("A callback of the sandbox failed.")
