"""A sandbox whose answers can be waited for."""

import itertools
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from gpserver.sandbox import Order, Outcome, Sandbox

PATIENCE = 60  # seconds; what does not come by then never comes
METHODS = ["fork", "spawn"] if sys.platform == "linux" else ["spawn"]


class Recorder:
    """A sandbox of test jobs that notes everything its callbacks are told."""

    def __init__(self, **options: Any) -> None:
        self.batches: dict[str, list[list[list[Any]]]] = defaultdict(list)
        self.outcomes: dict[str, list[Outcome]] = {}
        self.free_again: list[int] = []
        self.then: Callable[[object], None] | None = None
        """What the test does, in the thread of the sandbox, with each batch of events and each outcome."""
        self._changed = threading.Condition()
        self._names = map("job-{}".format, itertools.count())
        self.method = options.get("start_method")
        defaults = {"entry": "sandbox.entries:run", "slots": 2, "child_log": Path(os.devnull)}
        callbacks = {"on_events": self._on_events, "on_end": self._on_end, "on_free": self._on_free}
        self.sandbox = Sandbox(**(defaults | callbacks | options))
        self.sandbox.start()

    def _on_events(self, job_id: str, events: list[list[Any]]) -> None:
        self._note(events, lambda: self.batches[job_id].append(events))

    def _on_end(self, outcome: Outcome) -> None:
        if outcome.events:
            self.batches[outcome.job_id].append(outcome.events)
        self._note(outcome, lambda: self.outcomes.setdefault(outcome.job_id, []).append(outcome))

    def _on_free(self) -> None:
        self.free_again.append(self.sandbox.free())

    def _note(self, news: object, note: Callable[[], None]) -> None:
        with self._changed:
            note()
            self._changed.notify_all()
        if self.then:
            self.then(news)

    def events(self, job_id: str) -> list[list[Any]]:
        return list(itertools.chain(*self.batches[job_id]))

    def submit(self, do: str, job_id: str = "", **order: Any) -> str:
        """Run one of ``entries``; arguments of an Order stay here, all others go to the function."""
        job_id = job_id or next(self._names)
        limits = {name: order.pop(name) for name in Order.__slots__ if name in order}
        self.sandbox.run(Order(job_id, {"do": do, "with": order}, **limits))
        return job_id

    def wait(self, true: Callable[[], object]) -> None:
        """Wait for what may be told by a callback, or by none."""
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while not true():
                self._changed.wait(0.01)
                assert time.monotonic() < deadline, "what was waited for did not come"

    def outcome(self, job_id: str) -> Outcome:
        self.wait(lambda: job_id in self.outcomes)
        return self.outcomes[job_id][0]

    def result(self, do: str, **order: Any) -> Outcome:
        return self.outcome(self.submit(do, **order))

    def pid(self, job_id: str) -> int:
        """The process id that the job tells by its event ``pid``."""
        self.wait(lambda: any(kind == "pid" for kind, *_ in self.events(job_id)))
        return int(next(event[1] for event in self.events(job_id) if event[0] == "pid"))


def alive(pid: int) -> bool:
    """Whether this process lives; one that nobody has waited for yet does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def gone(*pids: int) -> bool:
    """Whether these processes end."""
    deadline = time.monotonic() + PATIENCE
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.005)
    return not any(map(alive, pids))
