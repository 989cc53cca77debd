"""The scheduler's first generation: create a task, look at it and its progress, cancel it."""

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from gpserver.engine import Engine
from gpserver.errors import InvalidRequest, NotFound
from gpserver.evergis.bodies import TYPES, Task, read_body, write_body
from gpserver.evergis.steps import moment, step_result, task_result
from gpserver.job import Input, Job, JobStatus, MessageType
from gpserver.protocols.asking import ask
from gpserver.protocols.evergis.wire import Call, Routes, job_id_of, uuid_of
from gpserver.protocols.form import IN_MEMORY
from gpserver.workspace import Spooled, Value

SERVICE = "EverGIS/Scheduler"
"""The service whose tasks the scheduler runs; ArcGIS clients see it by this name."""

STATUS = {
    JobStatus.QUEUED: "Planning",
    JobStatus.RUNNING: "Executing",
    JobStatus.CANCELLING: "Canceled",  # the client is told at once
    JobStatus.SUCCEEDED: "Completed",
    JobStatus.FAILED: "Failed",
    JobStatus.TIMED_OUT: "Timeout",
    JobStatus.CANCELLED: "Canceled",
}

_CANCELLED = task_result(None, "Cancelled by external request.")
_ASLEEP = {"stepCount": 0, "currentStepId": 0, "currentStepAlreadyDone": 0, "currentStepObjectCount": 0}
_ROWS = ("GPFeatureRecordSetLayer", "GPRecordSet")
_CHUNK = 1 << 20


class _Rows(msgspec.Struct):
    """A feature set of ArcGIS, of which only the number of features is wanted."""

    features: list[msgspec.Raw] = []


async def create(call: Call) -> dict[str, Any]:
    """``POST /scheduler/tasks?type=``: queue a task.

    Raises:
        InvalidRequest: The type or the body is wrong; names the path of the field.
        NotFound: The tasks are not published.
    """
    value = await call.body()
    body = await run_in_threadpool(_body, value, call.parameters.text("type"))
    kind = str(body.__struct_config__.tag)
    service = call.site.catalog.service(SERVICE)
    task = service.task(kind)
    text = await run_in_threadpool(_stored, write_body(body), call.site.intake.spool)
    job_id = await run_in_threadpool(call.site.engine.submit, service, task, {"parameters": [text]}, {})
    created = {"taskId": uuid_of(job_id), "type": None, "owner": None}
    return created | {"status": "Scheduled", "taskResult": None}


async def info(call: Call) -> Any:
    """``GET /scheduler/{id}``: what was asked for, and when it ran.

    Raises:
        NotFound: There is no such task.
    """
    job = await _job(call)
    facts = {"id": uuid_of(job.id), "owner": job.owner or None, "status": STATUS[job.status]}
    times = {"createdDate": job.created, "startedDate": job.started, "completedDate": job.ended}
    dates = {name: None if at is None else moment(at) for name, at in times.items()}
    items = await ask(call.site.engine, call.site.engine.inputs, job.id)
    if _is_ours(job, items):
        return await run_in_threadpool(_own_info, call, job, items[0], facts, dates)
    return facts | {"parameters": _parameters(job, items)} | dates


async def progress(call: Call) -> dict[str, Any]:
    """``GET /scheduler/{id}/progress``: how far it is, or how it ended.

    Raises:
        NotFound: There is no such task.
    """
    return await run_in_threadpool(_progress, call.site.engine, await _job(call))


async def cancel(call: Call) -> dict[str, Any]:
    """``POST /scheduler/tasks/{id}/cancel``: stop it; one that has ended stays as it is.

    Raises:
        NotFound: There is no such task.
    """
    engine, job = call.site.engine, await _job(call)
    with suppress(InvalidRequest):  # it has ended
        job = await run_in_threadpool(engine.cancel, job.id)
    return await run_in_threadpool(lambda: _progress(engine, engine.job(job.id)))


async def _job(call: Call) -> Job:
    return await ask(call.site.engine, call.site.engine.job, job_id_of(call.part("id")))


def _body(value: Value, kind: str) -> Task:
    return read_body(value.path.read_bytes() if isinstance(value, Spooled) else value.encode(), kind)


def _stored(text: bytes, spool: Path) -> Value:
    """The text as a job keeps it: a large one as a file."""
    if len(text) <= IN_MEMORY:
        return text.decode()
    with tempfile.NamedTemporaryFile(dir=spool, delete=False) as file:
        file.write(text)
    return Spooled(Path(file.name), urlencoded=False)


def _is_ours(job: Job, items: list[Input]) -> bool:
    return job.service == SERVICE and job.task in TYPES and [item.name for item in items] == ["parameters"]


def _own_info(call: Call, job: Job, item: Input, facts: dict[str, Any], dates: dict[str, Any]) -> Any:
    """The answer for a task of the scheduler; the text of a large body is passed on from its file."""
    if not item.file:
        return facts | {"parameters": _echo(job, item.texts[-1] if item.texts else "")} | dates
    try:
        path = call.site.engine.large_input(job, item)
    except NotFound:  # nobody has read it yet
        return facts | {"parameters": {"type": job.task}} | dates

    def text() -> Iterator[bytes]:
        yield msgspec.json.encode(facts)[:-1] + b',"parameters":'
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
        yield b"," + msgspec.json.encode(dates)[1:]

    return StreamingResponse(text(), media_type="application/json")


def _echo(job: Job, text: str) -> Any:
    try:
        return msgspec.Raw(write_body(read_body(text.encode(), job.task)))
    except InvalidRequest:  # an ArcGIS client may have sent anything
        return {"type": job.task, "parameters": text}


def _parameters(job: Job, items: list[Input]) -> dict[str, Any]:
    """The inputs of a task that is none of the scheduler's; large ones by the URL where ArcGIS has them."""
    place = f"/arcgis/rest/services/{job.service}/GPServer/{job.task}/jobs/j{job.id}/inputs"
    found: dict[str, Any] = {"type": f"{job.service}/{job.task}"}
    for item in items:
        values = [_read(text) for text in item.texts]
        sent = values[0] if len(values) == 1 else values or None
        found[item.name] = {"url": f"{place}/{item.name}"} if item.file else sent
    return found


def _read(text: str) -> Any:
    with suppress(msgspec.DecodeError, UnicodeError, RecursionError):
        return msgspec.json.decode(text)
    return text


def _progress(engine: Engine, job: Job) -> dict[str, Any]:
    running = job.status is JobStatus.RUNNING
    return {
        "id": uuid_of(job.id),
        "status": STATUS[job.status],
        "taskResult": _result(engine, job),
        **_ASLEEP,
        **(_live(job) if running else {}),
        "resultDetails": None,
    }


def _live(job: Job) -> dict[str, Any]:
    detail = job.progress.detail if job.progress else None
    live = detail.get("live") if isinstance(detail, dict) else None
    return {name: live[name] for name in _ASLEEP} if isinstance(live, dict) else {}


def _result(engine: Engine, job: Job) -> dict[str, Any] | None:
    if job.status in (JobStatus.QUEUED, JobStatus.RUNNING):
        return None
    if job.status in (JobStatus.CANCELLING, JobStatus.CANCELLED):
        return _CANCELLED
    if job.status is JobStatus.SUCCEEDED:
        return _outcome(engine, job)
    reasons = [message.text for message in engine.messages(job.id) if message.type is MessageType.ERROR]
    detail = job.progress.detail if job.progress else None
    done = detail.get("stepResults") if isinstance(detail, dict) else None
    return task_result(done, "\n".join(reasons))


def _outcome(engine: Engine, job: Job) -> dict[str, Any]:
    """The ``taskResult`` of a success; a task that is none of the scheduler's was one step."""
    results = engine.results(job.id)
    if job.service == SERVICE and job.task in TYPES:
        told: dict[str, Any] = next(item.value for item in results)
        return told
    read = sum(_rows_of(engine, job, item) for item in engine.inputs(job.id))
    written = sum(item.rows or 0 for item in results)
    began, ended = job.started or job.created, job.ended or job.created
    return task_result([step_result(began, ended, read, written)])


def _rows_of(engine: Engine, job: Job, item: Input) -> int:
    """How many features or rows a client sent; what came by a URL is not counted."""
    if item.data_type not in _ROWS or not (item.texts or item.file):
        return 0
    with suppress(NotFound):
        if item.file:
            return _rows_in_file(engine.large_input(job, item))
        return _count(item.texts[-1].encode())
    return 0


@lru_cache(maxsize=256)
def _rows_in_file(path: Path) -> int:
    # Kept: the file of a job that has ended does not change, and clients ask again.
    return _count(path.read_bytes())


def _count(text: bytes) -> int:
    with suppress(msgspec.DecodeError, UnicodeError, RecursionError):
        return len(msgspec.json.decode(text, type=_Rows).features)
    return 0


_ID = "/scheduler/{id}"
_TASK = "/scheduler/tasks/{id}"
ROUTES: Routes = (
    (("POST",), "/scheduler/tasks", create),
    (("GET",), f"{_TASK}/progress", progress),
    (("POST",), f"{_TASK}/cancel", cancel),
    (("GET",), _TASK, info),
    (("GET",), f"{_ID}/progress", progress),
    (("POST",), f"{_ID}/cancel", cancel),
    (("GET",), _ID, info),
)
