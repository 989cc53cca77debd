"""A run of the second scheduler: its subtasks one after the other, and word of each while they work."""

import time
from dataclasses import replace
from typing import Annotated, Any

import msgspec
from msgspec import Struct

from gpserver.context import REPORT_EVERY, JobContext
from gpserver.errors import GPServerError, InvalidRequest, JobCancelled, TaskError
from gpserver.evergis import geoprocessing, interchange, netengine
from gpserver.evergis.parameters import read_parameters
from gpserver.evergis.queries import Tally
from gpserver.evergis.states import UNORDERED, Status, Subtask, in_order, told
from gpserver.parameter import Param
from gpserver.publishing import task

_WORK = {**geoprocessing.WORK, **interchange.WORK, **netengine.WORK}


Body = Annotated[str, Param(name="parameters")]
Told = Annotated[str, Param(name="taskResult")]


class Setting(Struct, frozen=True, kw_only=True, rename="camel"):
    """One subtask of a prototype."""

    order: int | None = None
    type: str | None = None
    description: str | None = None
    start_parameters: Any = None


class Run(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a run is told."""

    sub_task_settings: tuple[Setting, ...]
    start_if_previous_error: bool = True


class Ledger:
    """The subtasks of a run; tells every change of state at once, and counts five times a second.

    Args:
        job: Hears of it.
        subtasks: Before they begin, in the order in which they run.
    """

    def __init__(self, job: JobContext, subtasks: list[Subtask]) -> None:
        self._job, self.subtasks = job, subtasks
        self._place, self._due = 0, 0.0

    def begin(self, place: int) -> None:
        """The subtask at this place begins."""
        self._place = place
        self._change(status=Status.PROCESS, started=time.time())

    def at(self, done: int, of: int) -> None:
        """The current subtask is through with so many features; stops at a cancel."""
        self._job.check_cancelled()
        counts: dict[str, Any] = {"process": done, "max": of, "results": {"Processed": done, "Count": of}}
        if (now := time.monotonic()) >= self._due:
            self._due = now + REPORT_EVERY
            self._change(**counts)

    def complete(self, tally: Tally) -> None:
        """The current subtask is done."""
        self._job.info(f"{self.subtasks[self._place].type}: {tally.processed} of {tally.total}.")
        results = {"Processed": tally.processed, "Count": tally.total, **tally.facts}
        self._change(
            status=Status.COMPLETED,
            ended=time.time(),
            process=tally.processed,
            max=tally.total,
            results=results,
        )

    def fail(self, text: str) -> None:
        """The current subtask could not be done."""
        self._change(status=Status.ERROR, ended=time.time(), error=text)

    def interrupt(self, place: int) -> None:
        """The subtask at this place will not begin, since one before it failed."""
        self._place = place
        self._change(status=Status.INTERRUPTED, ended=time.time())

    def _change(self, **facts: Any) -> None:
        self.subtasks[self._place] = replace(self.subtasks[self._place], **facts)
        ended = sum(item.status.is_terminal for item in self.subtasks)
        current = self.subtasks[self._place]
        text = f"{current.type}: {current.status}"
        self._job.progress(100.0 * ended / len(self.subtasks), text, told(self.subtasks))


# What it wrote before its server died is there, so that it is not run again.
@task(name="subtasks", retry_on_loss=False)
def run_subtasks(job: JobContext, parameters: Body) -> Told:
    """Run the subtasks of a prototype.

    Those without an order come first, as they stand: they do not wait for each other in EverGIS, and here do
    not mind each other's failures. Those with one follow in ascending order; where one fails, the others are
    interrupted, unless ``startIfPreviousError`` says that they go on.

    Args:
        job: The job.
        parameters: JSON: ``subTaskSettings`` and ``startIfPreviousError``.

    Returns:
        JSON: how each of them ended.

    Raises:
        TaskError: Some failed, with the reasons in lines; the others may have been done.
    """
    run = read_run(parameters)
    places = in_order([item.order for item in run.sub_task_settings])
    settings = [run.sub_task_settings[place] for place in places]
    ledger = Ledger(job, [Subtask(item.order or UNORDERED, item.type or "") for item in settings])
    broken = False
    for place, setting in enumerate(settings):
        if broken and setting.order is not None:
            ledger.interrupt(place)
            continue
        ledger.begin(place)
        done = _run_one(job, setting, ledger)
        broken |= not done and setting.order is not None and not run.start_if_previous_error
    if errors := [item.error for item in ledger.subtasks if item.error]:
        raise TaskError("\n".join(errors))
    return msgspec.json.encode(told(ledger.subtasks)).decode()


def read_run(text: str) -> Run:
    """What a run is told.

    Raises:
        InvalidRequest: It is not JSON, or not of this shape.
    """
    try:
        run = msgspec.json.decode(text, type=Run)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(f"The subtasks cannot be read: {error}.") from None
    if not run.sub_task_settings:
        raise InvalidRequest("There are no subtasks.")
    return run


def _run_one(job: JobContext, setting: Setting, ledger: Ledger) -> bool:
    try:
        asked = read_parameters(setting.type or "", setting.start_parameters)
        ledger.complete(_WORK[type(asked)](job, asked, ledger.at))
    except (JobCancelled, MemoryError):
        raise  # the end of the whole run
    except GPServerError as error:
        ledger.fail(str(error))
        return False
    except Exception as error:
        ledger.fail(f"{type(error).__name__}: {error}")
        return False
    return True
