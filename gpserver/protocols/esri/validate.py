"""Validate: what is wrong with the inputs of a task, before anybody submits a job."""

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool

from gpserver.examiner import SECONDS
from gpserver.finding import Finding
from gpserver.formats import JSONText, Resource
from gpserver.parameter import Parameter
from gpserver.protocols.esri.controls import sent
from gpserver.protocols.esri.gpserver import environment_of, form, service_and_task
from gpserver.protocols.esri.wire import Call, TimedOut
from gpserver.workspace import Value

_TAGS = ("isAltered", "hasBeenValidated", "isEnabled")


async def validate(call: Call) -> Resource:
    """``<task>/validate``: every input with what is wrong with it; a page without parameters is the form.

    Raises:
        TimedOut: There were too many questions before this one, or the values take too long to read.
    """
    found, wanted = await service_and_task(call)
    if not call.parameters:
        return form(call, found, wanted, "Validate")
    values = {
        item.name: [_untagged(value) for value in sent(call, found, item.name)] for item in wanted.inputs
    }
    examine, environment = call.site.examiner.examine, environment_of(call, wanted)
    # What an input names may be far away.
    future = await run_in_threadpool(examine, found, wanted, values, environment, call.caller.name)
    wait = min(SECONDS, call.site.execute_wait)
    try:
        findings = await asyncio.wait_for(asyncio.wrap_future(future), wait)
    except TimeoutError:
        raise TimedOut(f"The values could not be validated in {wait:g} seconds.") from None
    value = {
        "validationResults": [_result(item, values[item.name], findings) for item in wanted.inputs],
        "additionalMessages": [_message(findings)] if findings else [],
    }
    return Resource(value, f"Validate: {wanted.display_name}", page="validated", path=call.path)


def _untagged(value: Value) -> Value:
    """A value without the tags that a client may put around it: ``{"value": ..., "isAltered": true}``."""
    if not isinstance(value, str) or not any(tag in value for tag in _TAGS):
        return value
    try:
        tagged = orjson.loads(value)
        inner = tagged.get("value") if isinstance(tagged, dict) and tagged.keys() & set(_TAGS) else value
        return inner if isinstance(inner, str) else orjson.dumps(inner).decode()
    except (orjson.JSONDecodeError, TypeError):  # no JSON; or too deep to be written
        return value


def _result(parameter: Parameter, values: Sequence[Value], findings: Sequence[Finding]) -> dict[str, Any]:
    own = [item for item in findings if item.parameter == parameter.name]
    altered = any(value not in ("", "null") for value in values)
    result: dict[str, Any] = {
        "isAltered": altered,
        "hasBeenValidated": True,
        "isEnabled": True,
        "name": parameter.name,
    }
    if own:
        result["message"] = _message(own)
    if altered:
        return result | _echo(parameter, values)
    return result if own else result | {"value": _default(parameter)}


def _message(findings: Sequence[Finding]) -> dict[str, Any]:
    """Several findings as one message: as grave as the gravest, with the code of the first of that kind."""
    gravest = max(findings, key=lambda item: (item.is_error, item.code > 0))
    return {
        "code": gravest.code,
        "description": "\n".join(item.text for item in findings),
        "type": "error" if gravest.is_error else "warning",
    }


def _echo(parameter: Parameter, values: Sequence[Value]) -> dict[str, Any]:
    """The value as it was sent; a large one is not sent back."""
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) < len(values):
        return {}
    if parameter.data_type.name.startswith("GPString"):
        return {"value": "" if parameter.data_type.name == "GPStringHidden" else texts[-1]}
    return {"value": texts if len(texts) > 1 else _raw(texts[0])}


def _raw(text: str) -> Any:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    # As text: a document may be deeper than what can be written again.
    return JSONText(iter([text.encode()]))


def _default(parameter: Parameter) -> Any:
    return None if parameter.default is None else parameter.default_value
