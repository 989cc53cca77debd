"""Geoprocessing services and their tasks: describe, submitJob, execute."""

import asyncio
from typing import Any

from starlette.concurrency import run_in_threadpool

from gpserver.errors import InvalidRequest, NotFound
from gpserver.features.parse import read_json
from gpserver.formats import FILES, Resource
from gpserver.job import JobStatus
from gpserver.parameter import Parameter
from gpserver.protocols.asking import ask
from gpserver.protocols.esri import scenes
from gpserver.protocols.esri.admin import place_of
from gpserver.protocols.esri.controls import control, sent
from gpserver.protocols.esri.directory import refresh
from gpserver.protocols.esri.log import error_lines, esri_id, message_log
from gpserver.protocols.esri.outcomes import outcomes
from gpserver.protocols.esri.parameters import result_features, result_value
from gpserver.protocols.esri.version import capabilities
from gpserver.protocols.esri.wire import Call, NotSupported, TaskFailed, TimedOut
from gpserver.publishing import Service, Task

_EXECUTION = {True: "esriExecutionTypeSynchronous", False: "esriExecutionTypeAsynchronous"}


async def service(call: Call) -> Resource:
    """``…/GPServer``: what the service is and which tasks it has.

    Raises:
        NotFound: There is no such service.
    """
    found = await service_of(call)
    value = {
        "currentVersion": call.site.current_version,
        "serviceDescription": found.description,
        "tasks": [item.name for item in found.tasks],
        "executionType": _EXECUTION[found.synchronous],
        # Clients take any text for the promise of a map of every job.
        "resultMapServerName": found.full_name if found.result_map_service else "",
        "maximumRecords": found.maximum_records,
        "capabilities": capabilities(found),
    }
    administers = call.site.guard is None or call.caller.is_administrator
    facts = {
        "error": call.site.catalog.error_of(found.full_name),
        "jobs": place_of(found.full_name) if administers else "",
    }
    return Resource(value, f"{found.full_name} (GPServer)", page="service", path=call.path, facts=facts)


async def task(call: Call) -> Resource:
    """``…/GPServer/<task>``: the task and its parameters.

    Raises:
        NotFound: There is no such task.
    """
    found, wanted = await service_and_task(call)
    operation = "execute" if found.synchronous else "submitJob"
    value = _task_value(call, found, wanted)
    return Resource(
        value, f"Task: {wanted.display_name}", page="task", path=call.path, facts={"operation": operation}
    )


async def service_or_task(call: Call) -> Resource:
    """``/<name>`` at the site root: the service of that name, or the only task of that name.

    Raises:
        NotFound: Neither is there.
    """
    try:
        return await service(call)
    except NotFound:
        call.request.path_params["task"] = call.request.path_params.pop("service")
        return await task(call)


async def submit_job(call: Call) -> Resource:
    """``<task>/submitJob``: queue a job; as a page without parameters, the form to fill.

    Raises:
        NotSupported: The service is synchronous.
    """
    found, wanted = await service_and_task(call)
    if found.synchronous:
        raise NotSupported("Error performing submitJob operation: this service is synchronous, use execute.")
    if not call.parameters:
        return form(call, found, wanted, "Submit Job")
    job_id = await run_in_threadpool(_submit, call, found, wanted)
    value = {"jobId": esri_id(job_id), "jobStatus": "esriJobSubmitted"}
    # Relative: the policy of the form's page forbids to leave the host, by whatever name it is known.
    place = _place_of(call, job_id)
    scene = scenes.of_submitted(call, wanted.name, place)
    return Resource(value, "Job", path=call.path, location=place, scene=scene, name=wanted.name)


async def execute(call: Call) -> Resource:
    """``<task>/execute``: run and answer with the results; as a page without parameters, the form to fill.

    Raises:
        NotSupported: The service is asynchronous.
        TaskFailed: The task failed.
        TimedOut: The service's time limit, or the server's own, is over.
    """
    found, wanted = await service_and_task(call)
    if not found.synchronous:
        raise NotSupported("Error performing execute operation: this service is asynchronous, use submitJob.")
    if not call.parameters:
        return form(call, found, wanted, "Execute Task")
    engine = call.site.engine
    job_id = await run_in_threadpool(_submit, call, found, wanted)
    await _end_of(call, job_id)
    job, messages = await ask(engine, lambda: (engine.job(job_id), engine.messages(job_id)))
    if job.status is JobStatus.TIMED_OUT:
        raise TimedOut("\n".join(error_lines(messages)))
    if job.status is not JobStatus.SUCCEEDED:
        raise TaskFailed([*error_lines(messages), f"Failed to execute ({wanted.name})."])
    results, whole = await ask(engine, engine.results, job_id), call.format in FILES
    value = {
        "results": [result_value(call, job, result) for result in results],
        "messages": message_log(job, messages),
    }
    facts = {"results": outcomes(call, job, _place_of(call, job_id))} if call.wants_page else {}
    # A format that is one layer has the first one.
    layers = (result_features(call, job, result, whole=whole) for result in results)
    return Resource(
        value,
        f"Results of {wanted.display_name}",
        page="executed",
        path=call.path,
        facts=facts,
        features=next((layer for layer in layers if layer is not None), None),
        scene=scenes.of_results(call, job, results, wanted.name),
        name=wanted.name,
    )


async def service_and_task(call: Call) -> tuple[Service, Task]:
    """The service and the task that the path names.

    Raises:
        NotFound: One of them is not there.
    """
    if not call.part("service"):
        await refresh(call)
        return call.site.catalog.unique_task(call.part("task"))
    found = await service_of(call)
    return found, call.site.catalog.task(found.full_name, call.part("task"))


async def service_of(call: Call) -> Service:
    """The service that the path names.

    Raises:
        NotFound: It is not there.
    """
    await refresh(call)
    return call.site.catalog.service(call.part("service"))


def _place_of(call: Call, job_id: str) -> str:
    """The URL path of a job that was submitted here."""
    return f"{call.path.rpartition('/')[0]}/jobs/{esri_id(job_id)}"


def _submit(call: Call, found: Service, wanted: Task) -> str:
    values = {item.name: sent(call, found, item.name) for item in wanted.inputs}
    return call.site.engine.submit(found, wanted, values, environment_of(call, wanted))


def environment_of(call: Call, wanted: Task) -> dict[str, Any]:
    """The settings of ``context``, unless that is a parameter of the task, and else of ``env:*``."""
    declared = {item.name.lower() for item in wanted.inputs}
    context = {} if "context" in declared else _context(call.parameters.text("context"))
    settings = {
        "out_sr": context.get("outsr") or call.parameters.text("env:outSR"),
        "process_sr": context.get("processsr") or call.parameters.text("env:processSR"),
        "extent": context.get("extent"),
    }
    return {name: value for name, value in settings.items() if value}


def _context(text: str) -> dict[str, Any]:
    # Esri's own examples leave the keys unquoted.
    context = read_json(text) if text else {}
    if not isinstance(context, dict):
        raise InvalidRequest("'context' is not a JSON object.")
    return {str(name).lower(): value for name, value in context.items()}


async def _end_of(call: Call, job_id: str) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def wake(_: str) -> None:
        loop.call_soon_threadsafe(ended.set)

    engine = call.site.engine
    await ask(engine, engine.watch, job_id, wake)
    try:
        await asyncio.wait_for(ended.wait(), call.site.execute_wait)
    except TimeoutError:
        await run_in_threadpool(engine.cancel, job_id)
        raise TimedOut(f"It took longer than {call.site.execute_wait:g} seconds.") from None


def form(call: Call, found: Service, wanted: Task, button: str) -> Resource:
    """The page where a person fills in the inputs of a task."""
    value = _task_value(call, found, wanted)
    takes_files = call.site.engine.uploads.most_bytes > 0
    facts = {"button": button, "controls": [control(item) for item in wanted.inputs], "uploads": takes_files}
    return Resource(value, f"{button}: {wanted.display_name}", page="form", path=call.path, facts=facts)


def _task_value(call: Call, found: Service, wanted: Task) -> dict[str, Any]:
    return {
        "name": wanted.name,
        "displayName": wanted.display_name,
        "description": wanted.description,
        "category": wanted.category,
        "helpUrl": f"{call.rest}/services/{found.full_name}/GPServer/{wanted.name}",
        "executionType": _EXECUTION[found.synchronous],
        "parameters": [_parameter_value(item) for item in wanted.parameters],
    }


def _parameter_value(parameter: Parameter) -> dict[str, Any]:
    output = parameter.direction == "output"
    value = {
        "name": parameter.name,
        "dataType": parameter.data_type.name,
        "displayName": parameter.display_name,
        "description": parameter.description,
        "direction": f"esriGPParameterDirection{'Output' if output else 'Input'}",
        "defaultValue": parameter.default_value,
        "parameterType": f"esriGPParameterType{parameter.obligation}",
        "category": parameter.category,
    }
    return value | parameter.limits()
