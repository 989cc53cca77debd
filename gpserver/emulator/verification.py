"""What a test says of the requests that a client sent: ``requests.submitted("Buffer").once()``."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any

from gpserver.emulator.expectation import ANY, parameter_miss, shown
from gpserver.emulator.journal import Journal
from gpserver.emulator.record import Record
from gpserver.emulator.subject import Operation, same_job

_NEAREST = 5  # requests that the text of a failure tells
_BEGIN: tuple[Operation, ...] = ("submit", "execute", "start")


@dataclass(frozen=True)
class _Criterion:
    """What is asked of a request.

    Attributes:
        text: For people: ``with Distance = 5``.
        miss: What is wrong with a request; empty where it fits.
    """

    text: str
    miss: Callable[[Record], str]


@dataclass(frozen=True)
class Requests:
    """The requests that fit some criteria; asked anew each time, so that it is never out of date.

    Attributes:
        journal: Where they are noted.
    """

    journal: Journal = field(repr=False)
    _criteria: tuple[_Criterion, ...] = ()

    @property
    def all(self) -> list[Record]:
        """They, in the order in which they began."""
        return [record for record in self.journal.records() if not self._misses(record)]

    def __iter__(self) -> Iterator[Record]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.all)

    @property
    def intervals(self) -> list[float]:
        """Real seconds from the begin of each to that of the next, however fast the emulator's clock is."""
        return [later.moment - earlier.moment for earlier, later in pairwise(self.all)]

    @property
    def unmatched(self) -> "Requests":
        """Those that led nowhere: no such path, service or task."""
        return self._and("to nothing that is there", lambda record: _said(record.matched, "it is there"))

    def submitted(self, task: str = "") -> "Requests":
        """Those that begin a job of a task, or of any: submitJob, execute, EverGIS' tasks and prototypes."""
        return self._about(_BEGIN, f"submitting {task or 'a job'}", task)

    def polled(self, job: str = "") -> "Requests":
        """Those that ask how far a job is; written as ArcGIS or as EverGIS does."""
        return self._about(("poll",), f"polling {job or 'a job'}", job=job)

    def cancelled(self, job: str = "") -> "Requests":
        """Those that cancel a job."""
        return self._about(("cancel",), f"cancelling {job or 'a job'}", job=job)

    def fetched(self, parameter: str = "", job: str = "") -> "Requests":
        """Those that fetch a result."""
        fetched = self._about(("result",), f"fetching {parameter or 'a result'}", job=job)
        if not parameter:
            return fetched
        return fetched._and("", lambda record: _other("fetches", record.subject.name, parameter))

    def to(self, path: str) -> "Requests":
        """Those whose path, without the query, fits a pattern such as ``*/submitJob``."""
        return self._and(f"to {path}", lambda record: _said(not fnmatchcase(record.path, path), "other path"))

    def with_param(self, name: str, value: Any = ANY) -> "Requests":
        """Those with a parameter, in the query, a form or a JSON body; its name in any case.

        Args:
            name: Of the parameter.
            value: What it is, as text or as JSON, in which neither blanks nor the order of keys count; or a
                function that says whether a value, read from its JSON where it is any, is right.
        """
        told = "" if value is ANY else f" = {shown(value)}"
        return self._and(f"with {name}{told}", lambda record: parameter_miss(record, name, value))

    def once(self) -> "Requests":
        """There is exactly one.

        Raises:
            AssertionError: There is not; tells which came nearest.
        """
        return self.times(1)

    def none(self) -> "Requests":
        """There is none.

        Raises:
            AssertionError: There is; tells which.
        """
        return self.times(0)

    def times(self, number: int) -> "Requests":
        """There are exactly so many.

        Raises:
            AssertionError: There are not; tells which came nearest.
        """
        if self.count != number:
            raise AssertionError(self._told(f"{number} request{'s' * (number != 1)}"))
        return self

    def wait(self, number: int = 1, timeout: float = 5.0) -> "Requests":
        """Wait until there are so many, under way or answered.

        Args:
            number: How many at least.
            timeout: Real seconds.

        Raises:
            AssertionError: There were not; tells which came nearest.
        """
        if not self.journal.wait_until(lambda: self.count >= number, timeout):
            raise AssertionError(self._told(f"{number} or more requests within {timeout:g} s"))
        return self

    def _and(self, text: str, miss: Callable[[Record], str]) -> "Requests":
        return Requests(self.journal, (*self._criteria, _Criterion(text, miss)))

    def _about(
        self, operations: tuple[Operation, ...], text: str, task: str = "", job: str = ""
    ) -> "Requests":
        def miss(record: Record) -> str:
            if record.subject.operation not in operations:
                return f"it does not {' or '.join(operations)}"
            if job and not same_job(record.job, job):
                return f"its job is {record.job or 'unknown'}"
            return _tasks_miss(self.journal, record, task) if task else ""

        return self._and(text, miss)

    def _misses(self, record: Record) -> list[str]:
        return [said for criterion in self._criteria if (said := criterion.miss(record))]

    def _told(self, expected: str) -> str:
        """Why a verification failed."""
        records = self.journal.records()
        asked = " ".join(criterion.text for criterion in self._criteria if criterion.text)
        missed = [(self._misses(record), record) for record in records]
        fitting = [record for misses, record in missed if not misses]
        lines = [f"Expected {expected} {asked}, there {'is' if len(fitting) == 1 else 'are'} {len(fitting)}"]
        lines[0] = " ".join(lines[0].split()) + f" among {len(records)}."
        lines += [f"  {record}" for record in fitting[:_NEAREST]]
        nearest = sorted(
            (item for item in missed if item[0]), key=lambda item: (len(item[0]), item[1].number)
        )
        if nearest:
            lines += ["Nearest:", *(f"  {record}: {'; '.join(said)}" for said, record in nearest[:_NEAREST])]
        return "\n".join(lines)


def _tasks_miss(journal: Journal, record: Record, task: str) -> str:
    """What else a request begins than a task; what a prototype starts was said when it was made."""
    tasks = [record.task] if not record.subject.prototype else _tasks_of(journal, record.subject.prototype)
    if any(task.lower() == item.lower() for item in tasks):
        return ""
    return f"its task is {', '.join(filter(None, tasks)) or 'unknown'}"


def _tasks_of(journal: Journal, prototype: str) -> list[str]:
    for record in journal.records():
        if record.subject.operation == "keep" and same_job(record.text.strip('" \n'), prototype):
            settings = record.parameters.get("subTaskSettings") or []
            return [str(item.get("type")) for item in settings if isinstance(item, dict)]
    return []


def _other(verb: str, found: str, wanted: str) -> str:
    return "" if found.lower() == wanted.lower() else f"it {verb} {found}"


def _said(wrong: bool, text: str) -> str:
    return text if wrong else ""
