"""The scheduler's second generation: prototypes, their timing, and how they are started."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from starlette.concurrency import run_in_threadpool

from gpserver.errors import Forbidden, InvalidRequest
from gpserver.evergis.states import Status
from gpserver.protocols.evergis.booked import admit, in_thread, optional_moment, order, window
from gpserver.protocols.evergis.wire import Call, Routes, job_id_of, uuid_of
from gpserver.schedules import Prototype, Timing, read_cron
from gpserver.schedules.book import ORDERS
from gpserver.schedules.office import View

_MOST_SUBTASKS = 1000

Int32 = Annotated[int, Meta(ge=-(2**31), lt=2**31)]


class Setting(Struct, frozen=True, rename="camel"):
    """SubTaskSettingsDto."""

    order: Int32 | None = None
    type: str | None = None
    description: str | None = None
    start_parameters: Any = None


class Schedule(Struct, frozen=True, rename="camel"):
    """UpdateTaskPrototypeDto: when a prototype starts; what is null is as by default."""

    enabled: bool | None = None
    start_if_previous_error: bool | None = None
    start_if_previous_not_finished: bool | None = None
    delay_date: datetime | None = None
    schedule: str | None = None


class New(Schedule, frozen=True, rename="camel"):
    """TaskPrototypeDto, of what a client says."""

    description: str | None = None
    sub_task_settings: Annotated[list[Setting], Meta(min_length=1, max_length=_MOST_SUBTASKS)] | None = None


async def create(call: Call) -> str:
    """``POST /scheduler``: keep a prototype.

    Raises:
        InvalidRequest: It has no subtasks, or something of it is wrong; names the place.
        InvalidValue: The schedule is no cron expression.
    """
    new = await call.json(New)
    if not new.sub_task_settings:
        raise InvalidRequest("'subTaskSettings' holds at least one subtask.")
    settings = msgspec.to_builtins(new.sub_task_settings)
    create_ = call.site.office.create
    made = await run_in_threadpool(create_, call.caller.name, new.description or "", settings, _timing(new))
    return uuid_of(made.id)


def listing(call: Call) -> dict[str, Any]:
    """``GET /scheduler``: the prototypes of a user; an administrator sees those of all."""
    book, owner = call.site.office.book, _whose(call)
    found = book.page(owner, *order(call, ORDERS), *window(call))
    return {"count": book.count(owner), "results": [_prototype(call, item) for item in found]}


def update(call: Call, schedule: Schedule) -> str:
    """``PUT /scheduler/{id}``: give a prototype another timing.

    Raises:
        NotFound: There is no such prototype.
        InvalidValue: The schedule is no cron expression.
    """
    found = found_prototype(call)
    call.site.office.change(found, _timing(schedule))
    return uuid_of(found.id)


def delete(call: Call) -> str:
    """``DELETE /scheduler/{id}``: forget a prototype; a run that is under way goes on."""
    found = found_prototype(call)
    call.site.office.book.remove(found.id)
    return uuid_of(found.id)


def enable(call: Call) -> str:
    """``POST /scheduler/{id}/enable/{enable}``: the flag in any case; clients write True and False."""
    flag = {"true": True, "false": False}.get(call.part("enable").lower())
    if flag is None:
        raise InvalidRequest(f"'enable' is true or false, not {call.part('enable')[:50]}.")
    found = found_prototype(call)
    call.site.office.change(found, replace(found.timing, enabled=flag))
    return uuid_of(found.id)


def start(call: Call) -> dict[str, Any]:
    """``POST /scheduler/{id}/start[/{task}]``: start a run; one of a prototype that is disabled is not.

    It does not ask how the last run ended, or whether: these rules are for the clock.

    Raises:
        NotFound: There is no such prototype, or the second id is none.
        Conflict: There is a task of that id.
    """
    found, run_id = found_prototype(call), job_id_of(call.part("task")) if call.part("task") else ""
    if not found.timing.enabled:
        return {"id": None, "success": False}
    run = call.site.office.start(found, View(call.site.engine, call.site.catalog), run_id)
    return {"id": uuid_of(run.id), "success": True}


def found_prototype(call: Call) -> Prototype:
    found = call.site.office.book.find(job_id_of(call.part("id")))
    admit(call, found.owner, f"There is no task prototype {found.id}.")
    return found


def _whose(call: Call) -> str | None:
    """Whose prototypes are listed; None for all of them."""
    everything = call.site.guard is None or call.caller.is_administrator
    if name := call.parameters.text("Username"):
        if not everything and name != call.caller.name:
            raise Forbidden("The prototypes of other users are theirs.")
        return name
    return call.caller.name or None if call.site.guard is None else None if everything else call.caller.name


def _timing(asked: Schedule) -> Timing:
    return Timing(
        enabled=asked.enabled is not False,
        start_if_previous_error=asked.start_if_previous_error is not False,
        start_if_previous_not_finished=bool(asked.start_if_previous_not_finished),
        delay_date=_epoch(asked.delay_date) if asked.delay_date else None,
        schedule=read_cron(asked.schedule) if asked.schedule and asked.schedule.strip() else "",
    )


def _epoch(moment: datetime) -> float:
    """Epoch seconds of a moment, of UTC where it does not say."""
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).timestamp()
    except OverflowError:
        raise InvalidRequest(f"'delayDate' is beyond the calendar: {moment}.") from None


def _prototype(call: Call, item: Prototype) -> dict[str, Any]:
    office, timing = call.site.office, item.timing
    last = office.book.last_run(item.id)
    state = office.state(last) if last else None
    return {
        "id": uuid_of(item.id),
        "user": item.owner or None,
        "description": item.description or None,
        "createdAt": optional_moment(item.created),
        "subTaskSettings": item.subtasks,
        "enabled": timing.enabled,
        "startIfPreviousError": timing.start_if_previous_error,
        "startIfPreviousNotFinished": timing.start_if_previous_not_finished,
        "delayDate": optional_moment(timing.delay_date),
        "schedule": timing.schedule or None,
        "tasksCount": item.runs,
        "lastTaskStatus": (state.status if state else None) or Status.UNKNOWN,
        "lastTaskFinish": optional_moment(state.ended if state else None),
    }


ROUTES: Routes = (
    (("POST",), "/scheduler", create),
    (("GET",), "/scheduler", in_thread(listing)),
    (("PUT",), "/scheduler/{id}", in_thread(update, Schedule)),
    (("DELETE",), "/scheduler/{id}", in_thread(delete)),
    (("POST",), "/scheduler/{id}/enable/{enable}", in_thread(enable)),
    (("POST",), "/scheduler/{id}/start", in_thread(start)),
    (("POST",), "/scheduler/{id}/start/{task}", in_thread(start)),
)
