"""Steps of a task: what each one read and wrote and when, told while the task runs and at its end."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from gpserver.context import JobContext

Batch = TypeVar("Batch")


class Steps:
    """The steps of one job; each begins where the one before it ended.

    Args:
        job: Hears how far the task is. The detail of its progress is ``live`` and ``stepResults``.
        count: How many steps there will be.
    """

    def __init__(self, job: JobContext, count: int) -> None:
        self._job, self._count = job, count
        self._began = time.time()
        self._done: list[dict[str, Any]] = []

    @property
    def done(self) -> int:
        """How many steps have ended."""
        return len(self._done)

    def at(self, done: int, of: int) -> None:
        """Say how many objects of how many the current step is through with; stops at a cancel."""
        self._job.check_cancelled()
        share = (self.done + done / max(of, 1)) / self._count
        live = {
            "stepCount": self._count,
            "currentStepId": self.done + 1,
            "currentStepAlreadyDone": done,
            "currentStepObjectCount": of,
        }
        text = f"Step {self.done + 1} of {self._count}"
        self._job.progress(100 * share, text, {"live": live, "stepResults": self._done})

    def through(self, batches: Sequence[Batch], of: int) -> Iterator[Batch]:
        """Go through batches of the objects of the current step; says how many of them are done."""
        for number, batch in enumerate(batches):
            self.at(of * number // len(batches), of)
            yield batch

    def end(self, read: int = 0, written: int = 0, **facts: Any) -> None:
        """End the current step; the arguments are those of ``step_result``."""
        now = time.time()
        self._done.append(step_result(self._began, now, read, written, **facts))
        self._began = now
        if self.done < self._count:
            self.at(0, 0)

    def result(self) -> dict[str, Any]:
        """The ``taskResult`` of what was done."""
        return task_result(self._done)


def step_result(
    began: float,
    ended: float,
    read: int = 0,
    written: int = 0,
    *,
    batches: int = 1,
    errors: Sequence[str] = (),
    lost: int = 0,
    details: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """One of ``stepResults``; EverGIS names neither steps nor their sources.

    Args:
        began, ended: Epoch seconds.
        read: Objects that came in.
        written: Objects that were written.
        batches: In how many pieces.
        errors: What went wrong without ending the task.
        lost: Objects of the input that nothing could be made of.
        details: What else there is to tell.
    """
    return {
        "stepName": None,
        "inputSource": None,
        "outSource": None,
        "startedTime": moment(began),
        "endedTime": moment(ended),
        "batchErrors": list(errors) or None,
        "batchCount": batches,
        "inputObjectCount": read,
        "errorCount": lost,
        "outputObjectCount": written,
        "resultDetails": details,
    }


def task_result(steps: list[dict[str, Any]] | None, message: str | None = None) -> dict[str, Any]:
    """The ``taskResult`` of a task: counts are sums over its steps."""
    counts = ("inputObjectCount", "errorCount", "outputObjectCount")
    sums = {name: sum(step[name] for step in steps or ()) for name in counts}
    return {"message": message, "stepResults": steps or None, **sums}


def moment(at: float) -> str:
    """Epoch seconds as .NET writes UTC: ``2023-12-08T12:15:16.701773Z``, without zeros at the end."""
    text = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return f"{text}Z"
