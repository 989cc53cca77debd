"""What tests in any language ask of an emulated server: routes under ``/emulator``."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gpserver.cassettes.har import dump_har
from gpserver.emulator.account import ClockTime, Noted, PlayedJob, jobs_of, note_of, time_of
from gpserver.emulator.advice import explained
from gpserver.emulator.export import har_of
from gpserver.emulator.faults import Fault
from gpserver.emulator.guard import objection
from gpserver.emulator.masking import masked
from gpserver.emulator.quirks import Quirk
from gpserver.emulator.record import Record
from gpserver.emulator.rules import same
from gpserver.emulator.scenario import Scenario
from gpserver.emulator.subject import same_job
from gpserver.emulator.timeline import Timeline
from gpserver.errors import GPServerError, InvalidRequest, NotFound

if TYPE_CHECKING:
    from gpserver.emulator.emulator import Emulator

PREFIX = "/emulator"

_JSON = "application/json"
_MOST = 10 << 20  # bytes of a body


class ClockChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to become of the clock."""

    advance: float = 0.0
    """Seconds."""
    speed: float | None = None
    """Seconds that pass in one second of the wall; 0 stands still; null as it is."""


class Noticed(msgspec.Struct, frozen=True):
    """The requests that fit."""

    count: int
    requests: list[Noted]


class Problem(msgspec.Struct, frozen=True):
    """Why something cannot be done."""

    error: str


Act = Callable[["Emulator", Request, Any], Awaitable[Any]]


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked.

    Attributes:
        method: Of HTTP.
        path: Below ``/emulator``.
        summary: For people.
        act: Does it.
        body: What it takes; None for nothing.
        answer: What it gives; None for nothing.
        query: The names of what its URL may say, with what they mean.
    """

    method: str
    path: str
    summary: str
    act: Act
    body: Any = None
    answer: Any = None
    query: tuple[tuple[str, str], ...] = ()


async def _reset(emulator: "Emulator", _: Request, __: None) -> None:
    await emulator.reset()


async def _scenario(emulator: "Emulator", _: Request, __: None) -> Scenario:
    return emulator.scenario


async def _set_scenario(emulator: "Emulator", _: Request, scenario: Scenario) -> None:
    await emulator.reset(scenario)


async def _add_timelines(emulator: "Emulator", _: Request, added: list[Timeline]) -> None:
    emulator.add(timelines=added)


async def _add_faults(emulator: "Emulator", _: Request, added: list[Fault]) -> None:
    emulator.add(faults=added)


async def _add_quirks(emulator: "Emulator", _: Request, added: list[Quirk]) -> None:
    emulator.add(quirks=added)


async def _clock(emulator: "Emulator", _: Request, __: None) -> ClockTime:
    return time_of(emulator.clock)


async def _set_clock(emulator: "Emulator", request: Request, change: ClockChange) -> ClockTime:
    try:
        if change.speed is not None:
            emulator.clock.speed = change.speed
        if change.advance:
            await emulator.advance(change.advance)
    except ValueError as error:
        raise InvalidRequest(str(error)) from None
    return await _clock(emulator, request, None)


async def _jobs(emulator: "Emulator", _: Request, __: None) -> list[PlayedJob]:
    return await run_in_threadpool(jobs_of, emulator.world.stage)


async def _release(emulator: "Emulator", request: Request, _: None) -> None:
    job = str(request.path_params["job"])
    if not await run_in_threadpool(emulator.world.stage.release, job.removeprefix("j").replace("-", "")):
        raise NotFound(f"Job {job} is not held.")


async def _requests(emulator: "Emulator", request: Request, _: None) -> Noticed:
    return await run_in_threadpool(_noticed, emulator, request)


def _noticed(emulator: "Emulator", request: Request) -> Noticed:
    # All of them: a secret may be in one that tells less of it than another.
    found = _fitting(masked(emulator.journal.records()), request)
    return Noticed(len(found), [note_of(record) for record in found])


async def _forget(emulator: "Emulator", _: Request, __: None) -> None:
    emulator.journal.clear()


async def _har(emulator: "Emulator", request: Request, _: None) -> Response:
    text = await run_in_threadpool(lambda: dump_har(har_of(emulator.journal.records())))
    headers = {"content-disposition": 'attachment; filename="requests.har"'}
    return Response(text, media_type=_JSON, headers=headers)


_FILTERS = (
    ("method", "Of HTTP"),
    ("path", "A pattern for the path, such as */submitJob"),
    ("operation", "submit, execute, poll, cancel, result …"),
    ("service", "Service or Folder/Service"),
    ("task", "The name of a task"),
    ("job", "The id of a job, as ArcGIS or as EverGIS writes it"),
    ("param", "name, or name=value; may come several times"),
    ("unmatched", "true for requests that led nowhere"),
)

OPERATIONS = (
    Operation("POST", "/reset", "Put everything back to how the scenario has it", _reset),
    Operation("GET", "/scenario", "What the server is like after a reset", _scenario, answer=Scenario),
    Operation("PUT", "/scenario", "Reset to another scenario", _set_scenario, body=Scenario),
    Operation(
        "POST",
        "/timelines",
        "Have jobs go certain steps, until a reset",
        _add_timelines,
        list[Timeline],
    ),
    Operation("POST", "/faults", "Break requests, until a reset", _add_faults, list[Fault]),
    Operation("POST", "/quirks", "Do as ArcGIS does, until a reset", _add_quirks, list[Quirk]),
    Operation("GET", "/clock", "What time it is", _clock, answer=ClockTime),
    Operation("POST", "/clock", "Set the clock forward, or its speed", _set_clock, ClockChange, ClockTime),
    Operation("GET", "/jobs", "The newest thousand jobs and their steps", _jobs, answer=list[PlayedJob]),
    Operation("POST", "/jobs/{job}/release", "Let a job go that a step holds", _release),
    Operation(
        "GET",
        "/requests",
        "The newest of what clients sent",
        _requests,
        answer=Noticed,
        query=_FILTERS,
    ),
    Operation("DELETE", "/requests", "Forget what clients sent", _forget),
    Operation("GET", "/requests.har", "What clients sent, as a HAR file", _har, answer=dict[str, Any]),
)
"""All that can be asked."""


def admin(emulator: "Emulator", more: Iterable[Route] = ()) -> Starlette:
    """The application under ``/emulator``.

    Args:
        emulator: Whom it asks.
        more: Other routes there.
    """
    routes = [
        Route(PREFIX + item.path, _endpoint(emulator, item), methods=[item.method]) for item in OPERATIONS
    ]
    return Starlette(
        routes=[*more, *routes],
        exception_handlers={404: _nowhere, 405: _nowhere},
        middleware=[Middleware(_Guarded)],
    )


class _Guarded:
    """ASGI middleware that answers nobody whom the guard objects to."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reason = objection(scope)
        await (_json(Problem(reason), 403) if reason else self._app)(scope, receive, send)


async def _nowhere(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    text = f"There is no {request.method} {request.url.path}; {PREFIX}/openapi.json says what there is."
    return _json(Problem(text), status)


def _endpoint(emulator: "Emulator", operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            given = await operation.act(emulator, request, await _body(request, operation.body))
        except NotFound as error:
            return _json(Problem(str(error)), 404)
        except msgspec.DecodeError as error:
            return _json(Problem(explained(error, operation.body)), 400)
        except GPServerError as error:
            return _json(Problem(str(error)), 400)
        if isinstance(given, Response):
            return given
        return Response(status_code=204) if given is None else _json(given, 200)

    return answer


async def _body(request: Request, kind: Any) -> Any:
    # A page of somebody else's can send a form or plain text to a server on loopback, but no JSON.
    typed = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if request.method != "GET" and (typed or kind is not None) and typed != _JSON:
        raise InvalidRequest(f"Send JSON: the content type is {typed or 'missing'}, not {_JSON}.")
    if kind is None:
        return None
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > _MOST:
            raise InvalidRequest(f"The body is over the limit of {_MOST} bytes.")
    return msgspec.json.decode(content, type=kind)


def _json(value: Any, status: int) -> Response:
    return Response(msgspec.json.encode(value), status, media_type=_JSON)


def _fitting(records: Iterable[Record], request: Request) -> list[Record]:
    asked = request.query_params
    if unknown := asked.keys() - {name for name, _ in _FILTERS}:
        known = ", ".join(name for name, _ in _FILTERS)
        raise InvalidRequest(f"There is no filter {', '.join(sorted(unknown))}; there are {known}.")
    wanted = [item.partition("=") for item in asked.getlist("param")]
    return [
        record
        for record in records
        if all(
            same(asked.get(name, ""), found)
            for name, found in (
                ("method", record.method),
                ("operation", record.subject.operation),
                ("service", record.subject.service),
                ("task", record.task),
            )
        )
        and fnmatchcase(record.path, asked.get("path", "*"))
        and (not asked.get("job") or same_job(record.job, asked["job"]))
        and (asked.get("unmatched", "false").lower() != "true" or not record.matched)
        and all(_has(record, name, value if sign else None) for name, sign, value in wanted)
    ]


def _has(record: Record, name: str, value: str | None) -> bool:
    found = {key.lower(): item for key, item in record.parameters.items()}
    if name.lower() not in found:
        return False
    return value is None or str(found[name.lower()]) == value
