"""A sandbox whose answers can be waited for."""

import itertools
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import psutil

from gpserver.sandbox import Order, Outcome, Sandbox

PATIENCE = 20  # seconds; what does not come by then never comes
METHODS = ["fork", "spawn"] if sys.platform == "linux" else ["spawn"]


class Recorder:
    """A sandbox of test jobs that notes everything its callbacks are told."""

    def __init__(self, **options: Any) -> None:
        self.batches: dict[str, list[list[list[Any]]]] = defaultdict(list)
        self.outcomes: dict[str, list[Outcome]] = defaultdict(list)
        self._changed = threading.Condition()
        self._names = map("job-{}".format, itertools.count())
        defaults = {
            "entry": "sandbox.entries:run",
            "slots": 2,
            "on_events": self.on_events,
            "on_end": self.on_end,
        }
        self.method = options.get("start_method")
        self.sandbox = Sandbox(**(defaults | options))
        self.sandbox.start()

    def on_events(self, job_id: str, events: list[list[Any]]) -> None:
        with self._changed:
            assert not self.outcomes[job_id], "an event after the end"
            self.batches[job_id].append(events)
            self._changed.notify_all()

    def on_end(self, outcome: Outcome) -> None:
        with self._changed:
            self.outcomes[outcome.job_id].append(outcome)
            self._changed.notify_all()

    def events(self, job_id: str) -> list[list[Any]]:
        return list(itertools.chain(*self.batches[job_id]))

    def submit(self, do: str, job_id: str = "", **order: Any) -> str:
        """Run one of ``entries``; arguments of an Order stay here, all others go to the function."""
        job_id = job_id or next(self._names)
        limits = {name: order.pop(name) for name in Order.__slots__ if name in order}
        self.sandbox.run(Order(job_id, {"do": do, "with": order}, **limits))
        return job_id

    def wait(self, true: Callable[[], object]) -> None:
        with self._changed:
            assert self._changed.wait_for(true, PATIENCE), "what was waited for did not come"

    def wait_until(self, true: Callable[[], object]) -> None:
        """Wait for what no callback tells."""
        with self._changed:
            deadline = time.monotonic() + PATIENCE
            while not true():
                self._changed.wait(0.01)
                assert time.monotonic() < deadline, "what was waited for did not come"

    def outcome(self, job_id: str) -> Outcome:
        self.wait(lambda: self.outcomes[job_id])
        return self.outcomes[job_id][0]

    def result(self, do: str, **order: Any) -> Outcome:
        return self.outcome(self.submit(do, **order))

    def pid(self, job_id: str) -> psutil.Process:
        """The process of which the job tells by an event ``pid``."""
        self.wait(lambda: any(kind == "pid" for kind, *_ in self.events(job_id)))
        return psutil.Process(next(event[1] for event in self.events(job_id) if event[0] == "pid"))


def gone(*processes: psutil.Process) -> bool:
    """Whether these processes end."""
    return not psutil.wait_procs(processes, timeout=PATIENCE)[1]
