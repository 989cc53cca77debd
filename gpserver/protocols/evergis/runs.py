"""Runs of prototypes: what there were, where one stands, and how to stop it."""

import uuid
from typing import Any

from gpserver.errors import InvalidRequest
from gpserver.evergis.states import STATUS_OF, Status, Subtask
from gpserver.job import Job
from gpserver.protocols.evergis.booked import admit, in_thread, optional_moment, order, window
from gpserver.protocols.evergis.prototypes import found_prototype
from gpserver.protocols.evergis.wire import Call, Routes, job_id_of, uuid_of
from gpserver.schedules import Run

_IDS = uuid.UUID("c1dc1a4e-7d3b-5e0f-9d0c-6f2f4d3a8b11")
"""Of what the ids of subtasks are made, so that they stay the same."""


def runs(call: Call) -> dict[str, Any]:
    """``GET /scheduler/{id}/tasks``: the runs of a prototype, the oldest first unless told otherwise."""
    office, found, wanted = call.site.office, found_prototype(call), _wanted_status(call)
    told = [_run(office.state(run)) for run in office.book.runs(found.id)]
    told = [item for item in told if wanted in ("", str(item["status"]).lower())]
    name, backwards = order(call, {"": "", **{key.lower(): key for key in _RUN_KEYS}})
    if name:
        told.sort(key=lambda item: (item[name] is not None, item[name]))
    if backwards:
        told.reverse()
    skip, take = window(call)
    return {"count": len(told), "results": told[skip : skip + take]}


def subtasks(call: Call) -> list[dict[str, Any]]:
    """``GET /scheduler/task/{id}/subtasks``: where a run stands; any other job is told as one subtask.

    Raises:
        NotFound: There is no such task.
    """
    run_id = job_id_of(call.part("id"))
    run = call.site.office.book.run(run_id)
    if run is None:
        return [_subtask(run_id, 0, _as_subtask(call, call.site.engine.job(run_id)))]
    admit(call, run.owner, f"There is no task {uuid_of(run_id)}.")
    return [_subtask(run_id, n, item) for n, item in enumerate(call.site.office.state(run).subtasks)]


def stop(call: Call) -> str:
    """``POST /scheduler/task/{id}/stop``: stop a run; one that has ended stays as it is.

    Raises:
        NotFound: There is no such task.
    """
    run_id = job_id_of(call.part("id"))
    if run := call.site.office.book.run(run_id):
        admit(call, run.owner, f"There is no task {uuid_of(run_id)}.")
    call.site.office.stop(run_id, call.site.engine)
    return uuid_of(run_id)


def _wanted_status(call: Call) -> str:
    # Some clients write RemoteTaskStatus.COMPLETED.
    asked = call.parameters.text("Status").rpartition(".")[2].lower()
    if asked and asked not in {status.lower() for status in Status}:
        raise InvalidRequest(f"'Status' is one of {', '.join(Status)}.")
    return asked


_RUN_KEYS = ("id", "status", "started", "ended", "forceExecution")


def _run(run: Run) -> dict[str, Any]:
    values = (
        uuid_of(run.id),
        run.status,
        optional_moment(run.started or run.created),
        optional_moment(run.ended),
        run.forced,
    )
    return dict(zip(_RUN_KEYS, values, strict=True))


def _subtask(run_id: str, place: int, item: Subtask) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid5(_IDS, f"{run_id}/{place}")),
        "order": item.order,
        "type": item.type,
        "started": optional_moment(item.started),
        "ended": optional_moment(item.ended),
        "status": item.status,
        "process": item.process,
        "max": item.max,
        "errorMessage": item.error,
        "results": item.results,
    }


def _as_subtask(call: Call, job: Job) -> Subtask:
    percent = job.progress.percent if job.progress else None
    done = None if percent is None else round(percent)
    error = call.site.office.problem(job) or None
    facts = {"process": done, "max": None if done is None else 100, "error": error}
    return Subtask(0, f"{job.service}/{job.task}", STATUS_OF[job.status], job.started, job.ended, **facts)  # type: ignore[arg-type]


ROUTES: Routes = (
    (("GET",), "/scheduler/task/{id}/subtasks", in_thread(subtasks)),
    (("POST",), "/scheduler/task/{id}/stop", in_thread(stop)),
    (("GET",), "/scheduler/{id}/tasks", in_thread(runs)),
)
