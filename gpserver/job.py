"""A job: its facts, its messages and progress, and the one table of moves between its states."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

JOB_NAME = re.compile(r"[0-9a-f]{32}")
"""What the id of a job looks like, and the name of its folder."""


class JobStatus(StrEnum):
    """Where a job stands; each protocol has its own names for these."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Whether no move leads out of this state."""
        return not MOVES[self]


MOVES: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.CANCELLED, JobStatus.FAILED}),
    # Back to the queue only by recovery: its server died and the task may be run again.
    JobStatus.RUNNING: frozenset(
        {
            JobStatus.SUCCEEDED,
            JobStatus.FAILED,
            JobStatus.TIMED_OUT,
            JobStatus.CANCELLING,
            JobStatus.QUEUED,
        }
    ),
    # The only exit, so a success that comes too late is discarded: the ArcGIS JS API rejects
    # a cancelled job that it sees in any other state.
    JobStatus.CANCELLING: frozenset({JobStatus.CANCELLED}),
    JobStatus.SUCCEEDED: frozenset(),
    JobStatus.FAILED: frozenset(),
    JobStatus.TIMED_OUT: frozenset(),
    JobStatus.CANCELLED: frozenset(),
}


class MessageType(StrEnum):
    """How grave a message is."""

    INFORMATIVE = "informative"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Message:
    """One line of a job's log; ``at`` is in epoch seconds."""

    type: MessageType
    text: str
    at: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running task says it is; ``percent`` (0 to 100) is None for a task that does not count.

    ``detail`` is what a protocol shows beyond that, JSON-ready. A report without one leaves the last one
    standing, and that outlives the job's end.
    """

    text: str
    percent: float | None = None
    detail: Any = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What its service promised a job at submit; later edits of the service do not touch it."""

    message_level: str = "Info"
    maximum_records: int = 1000
    time_limit: float | None = None
    """Seconds of run time."""
    memory_limit: int | None = None
    """Bytes of private memory."""
    wait_limit: float | None = None
    """Seconds in the queue before it begins for the first time."""
    result_limit: int | None = None
    """Bytes of all files of its results."""
    scratch_limit: int | None = None
    """Bytes of all other files of an attempt, while it runs."""
    message_limit: int = 10_000
    """Messages that are kept."""
    instances: int | None = None
    """Jobs of the service that may run at once on this machine; None: as many as there are slots."""
    priority: int = 0
    """Jobs of a higher one begin first."""
    retry_on_loss: bool = True
    """Whether the job may be run again when the server died under it."""
    cancel_grace: float = 0.0
    """Seconds that a task which watches for its cancel gets before it is killed."""
    synchronous: bool = False
    result_map_service: bool = False


@dataclass(frozen=True, slots=True)
class Input:
    """One declared input as the client sent it: text in ``texts``, or a large value in ``file``.

    Repeated keys of one form give several texts; a value that was not sent gives none.
    ``file`` is relative to the job's folder; its suffix says how it rests: ``.urlencoded``
    is percent-encoded as on the wire, ``.text`` is plain, ``.json`` was read and is sound.
    """

    name: str
    data_type: str
    texts: tuple[str, ...] = ()
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One output of a succeeded job: an inline JSON ``value``, or a ``layer`` or ``file`` of its folder.

    A list of layers or files has ``{"layer": name}`` or ``{"file": name}`` as the elements of its value; an
    element of a list of composite values has its ``dataType`` too, beside these or a ``value``. The value of
    a value table is ``{"columns": [{"name", "dataType"}], "rows": [[cell]]}``.
    """

    name: str
    data_type: str
    value: Any = None
    layer: str | None = None
    file: str | None = None
    rows: int | None = None
    drawing: dict[str, Any] | None = None
    """How a layer is drawn on the result map: Esri drawingInfo."""

    @property
    def parts(self) -> list["Result"]:
        """The elements of a list of layers, files or composite values, the cells of a value table row by row.

        Empty for any other result.
        """
        if self.data_type == "GPValueTable" and self.value:
            kinds = [column["dataType"] for column in self.value["columns"]]
            return [
                self._part(kind, cell)
                for row in self.value["rows"]
                for kind, cell in zip(kinds, row, strict=True)
            ]
        kind = self.data_type.removeprefix("GPMultiValue:")
        if kind == self.data_type or kind not in (*_RESTING, "GPComposite"):
            return []
        return [self._part(kind, part) for part in self.value]

    def _part(self, kind: str, entry: Any) -> "Result":
        if kind == "GPComposite":
            return Result(
                self.name, entry["dataType"], entry.get("value"), entry.get("layer"), entry.get("file")
            )
        resting = entry if kind in _RESTING and entry else {"value": entry}
        return Result(self.name, kind, **resting)


# Data types whose values rest in the job's folder.
_RESTING = ("GPFeatureRecordSetLayer", "GPRecordSet", "GPDataFile", "GPRasterDataLayer", "GPRasterData")


@dataclass(frozen=True, slots=True)
class NewJob:
    """What a submit hands to the store."""

    id: str
    service: str
    task: str
    inputs: tuple[Input, ...]
    environment: dict[str, Any] = field(default_factory=dict)
    terms: Terms = field(default_factory=Terms)
    created: float = 0.0
    owner: str = ""
    """The user who submitted it; empty for nobody in particular."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands now; times are epoch seconds, ``version`` grows with every change."""

    id: str
    service: str
    task: str
    status: JobStatus
    version: int
    attempt: int
    created: float
    started: float | None
    ended: float | None
    progress: Progress | None
    message_count: int
    environment: dict[str, Any]
    terms: Terms
    owner: str = ""
    """The user who submitted it; empty for nobody in particular."""
    runner: str = ""
    """Who ran it last, ``host:…``; empty while nobody did."""
    spared: int = 0
    """How many attempts do not count: a machine was told to stop, and gave the job back."""
    trace: str = ""
    """The W3C ``traceparent`` that it belongs to; empty where nobody traces."""
    size: int | None = None
    """Bytes of its files; None until somebody has looked, soon after its end."""
    pinned: bool = False
    """Whether it is kept for good."""
    condemned: bool = False
    """Whether it is being removed: for clients it is gone."""


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are meant; what is left out says nothing."""

    service: str = ""
    """Its full name."""
    owner: str | None = None
    """A user; empty for nobody in particular."""
    statuses: frozenset[JobStatus] = frozenset()
    since: float = 0.0
    """Submitted then or later, in epoch seconds."""
    until: float | None = None
    """Submitted before then."""
    ended_before: float | None = None
    """Ended before then."""
    machine: str = ""
    """The host that ran it last."""
    pinned: bool | None = None
    """Whether it is kept for good."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The jobs of one task in one state: how many there are, and seconds that they waited and ran."""

    service: str
    task: str
    status: JobStatus
    count: int
    waited: float | None
    """On average; None where none has begun."""
    longest_wait: float | None
    ran: float | None
    """On average; None where none has begun and ended."""
    longest_run: float | None
