"""Which timeline a new job gets."""

import random
import threading
from collections import Counter

from gpserver.emulator.quirks import Quirks
from gpserver.emulator.timeline import Timeline
from gpserver.job import Job


class Script:
    """The timelines that a test has written; safe to use from any thread.

    Args:
        quirks: Say what becomes of jobs that no timeline is about.
    """

    def __init__(self, quirks: Quirks) -> None:
        self._lock, self._quirks = threading.Lock(), quirks
        self.clear(0)

    def clear(self, seed: int) -> None:
        """Forget all of them; what is left to chance follows from a seed."""
        with self._lock:
            self._timelines: list[Timeline] = []
            self._seen, self._used = Counter[int](), Counter[int]()
            self._chance = random.Random(seed)  # noqa: S311 - a test wants it to be foreseen

    def add(self, timeline: Timeline) -> None:
        """Write one more: of several that fit a job the last one counts."""
        with self._lock:
            self._timelines.append(timeline)

    def choose(self, job: Job) -> Timeline:
        """The timeline of a new job."""
        with self._lock:
            fitting = [n for n, item in enumerate(self._timelines) if _concerns(item, job)]
            self._seen.update(fitting)
            chosen = next((n for n in reversed(fitting) if self._takes(n)), None)
            if chosen is not None:
                self._used[chosen] += 1
                return self._timelines[chosen]
        return self._quirks.timeline(job) or Timeline()

    def _takes(self, n: int) -> bool:
        timeline = self._timelines[n]
        return (
            timeline.nth in (0, self._seen[n])
            and (not timeline.times or self._used[n] < timeline.times)
            and (timeline.probability >= 1 or self._chance.random() < timeline.probability)
        )


def _concerns(timeline: Timeline, job: Job) -> bool:
    pairs = (timeline.service, job.service), (timeline.task, job.task)
    return all(not wanted or wanted.lower() == found.lower() for wanted, found in pairs)
