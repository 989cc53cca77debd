"""Workers: what the scheduler's second generation can do, and methods of theirs that answer at once."""

import asyncio
import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.json import schema_components
from starlette.concurrency import run_in_threadpool

from gpserver.errors import NotFound
from gpserver.evergis.methods import METHODS, Method
from gpserver.evergis.parameters import KINDS, convert
from gpserver.evergis.steps import moment
from gpserver.protocols.evergis.wire import Call, Routes

_IDS = uuid.UUID("0b8f3f0e-2f57-5c39-8a8e-0d8d6f6b5a10")
_OF_STRUCT = {"Source": "SourceEql", "Target": "Layer"}
_OF_ARRAY = {"string": "StringArray", "integer": "IntergerArray", "number": "DoubleArray"}  # so spelled
_OF_SCALAR = {"string": "String", "integer": "Int32", "number": "Double", "boolean": "Boolean"}


class Start(Struct, frozen=True, rename="camel"):
    """WorkerStartMethodDto."""

    worker_type: str
    method_type: str
    data: Any = None


async def workers(call: Call) -> list[dict[str, Any]]:
    """``GET /scheduler/worker``: all workers; they are part of this server, and so always active."""
    return [_worker(call, name) for name in _names()]


async def worker(call: Call) -> list[dict[str, Any]]:
    """``GET /scheduler/worker/{type}``: the worker of a type; an empty list where there is none."""
    return [_worker(call, name) for name in _names() if name.lower() == call.part("type").lower()]


async def start(call: Call) -> Any:
    """``POST /scheduler/worker``: what a method answers; the clerk has it worked out in another process.

    Raises:
        NotFound: There is no such worker or method.
        InvalidRequest: A parameter is missing or wrong; names its path.
    """
    asked = await call.json(Start)
    method = _method(asked)
    given = asked.data if isinstance(asked.data, dict) else {}
    parameters = await run_in_threadpool(_checked, given, method)
    answer = call.site.clerk.ask(method.question, call.caller.name, asked=parameters)
    return await asyncio.wrap_future(answer)


def _checked(given: Mapping[str, Any], method: Method) -> Any:
    return msgspec.to_builtins(convert(given, method.parameters, "data"))


def _method(asked: Start) -> Method:
    methods = _without_case(METHODS, asked.worker_type)
    if methods is None:
        raise NotFound(f"There is no worker {asked.worker_type[:80]!r}; there are {', '.join(METHODS)}.")
    method: Method | None = _without_case(methods, asked.method_type)
    if method is None:
        raise NotFound(f"It has no method {asked.method_type[:80]!r}; it has {', '.join(methods)}.")
    return method


def _without_case(table: Mapping[str, Any], name: str) -> Any:
    return next((value for key, value in table.items() if key.lower() == name.lower()), None)


def _names() -> list[str]:
    return list(dict.fromkeys((*KINDS, *METHODS)))


def _worker(call: Call, name: str) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid5(_IDS, name)),
        "type": name,
        "activeWorkerTasks": _tasks(name),
        "lastUpdateStatusDate": moment(call.site.office.clock()),
        "isInError": False,
        "isInTimeout": False,
    }


@cache
def _tasks(name: str) -> list[dict[str, Any]]:
    kinds = {kind: ("Task", struct) for kind, struct in KINDS.get(name, {}).items()}
    methods = {kind: ("Rest", method.parameters) for kind, method in METHODS.get(name, {}).items()}
    return [_task(kind, *facts) for kind, facts in (kinds | methods).items()]


def _task(kind: str, called: str, struct: type[Struct]) -> dict[str, Any]:
    [schema], definitions = schema_components([struct], ref_template="#/$defs/{name}")
    return {
        "type": kind,
        "methodCallType": called,
        "settingsFields": _fields(struct.__name__, definitions),
        "jsonSchema": {**schema, "$defs": definitions},
    }


def _fields(name: str, definitions: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The fields of an object of a JSON schema, as forms are made of them."""
    schema = definitions[name]
    required = schema.get("required", ())
    return [
        _field(each, facts, each not in required, definitions) for each, facts in schema["properties"].items()
    ]


def _field(
    name: str, facts: Mapping[str, Any], nullable: bool, definitions: Mapping[str, Any]
) -> dict[str, Any]:
    choices = [item for item in facts.get("anyOf", [facts]) if item.get("type") != "null"]
    kind = choices[-1]  # a number or a text that says one
    struct = kind.get("$ref", "").rpartition("/")[2]
    children = {name: _fields(struct, definitions)} if struct else {}
    return {
        "name": name,
        "alias": name,
        "group": None,
        "nullable": nullable,
        "type": _type(kind, struct),
        "lookupValues": {str(value): str(value) for value in kind.get("enum", ())},
        "childrenFields": children,
    }


def _type(kind: Mapping[str, Any], struct: str) -> str:
    if said := kind.get("x-field"):
        return str(said)
    if struct:
        return _OF_STRUCT.get(struct, "Json")
    if kind.get("type") == "array":
        return _OF_ARRAY.get(kind.get("items", {}).get("type", ""), "Json")
    return "String" if "enum" in kind else _OF_SCALAR.get(kind.get("type", ""), "Json")


ROUTES: Routes = (
    (("GET",), "/scheduler/worker", workers),
    (("POST",), "/scheduler/worker", start),
    (("GET",), "/scheduler/worker/{type}", worker),
)
