"""Jobs: status, messages, progress, cancel, results, inputs and output files."""

import mimetypes
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from gpserver.engine import Engine
from gpserver.errors import GPServerError, NotFound
from gpserver.features import Layer, Selection
from gpserver.formats import FILES, Resource
from gpserver.job import Input, Job, JobStatus, Message, Result
from gpserver.protocols.asking import ask
from gpserver.protocols.esri import scenes
from gpserver.protocols.esri.directory import SERVICES
from gpserver.protocols.esri.gpserver import service_and_task
from gpserver.protocols.esri.log import JOB_ID, STATUS, elapsed, esri_id, message_log, progress
from gpserver.protocols.esri.mapimage import drawn, map_image
from gpserver.protocols.esri.outcomes import extent_of, outcomes, picture_of
from gpserver.protocols.esri.parameters import (
    chosen,
    files_of,
    input_reading,
    input_value,
    result_features,
    result_value,
)
from gpserver.protocols.esri.wire import Call
from gpserver.protocols.sending import sent

# A browser would run these; an output file is data, whatever its task wrote into it.
_PLAIN = ("json", "pjson", "amf")  # formats of the value as it was sent
_ACTIVE = re.compile(r"html|xml|svg|script|css|pdf")


Named = TypeVar("Named", Input, Result)
Listed = TypeVar("Listed", Input, Result, Message)


async def job(call: Call) -> Resource:
    """``…/jobs/<jobId>``: where the job stands.

    Raises:
        NotFound: There is no such job of this task.
    """
    found = await job_of(call)
    with_messages = call.parameters.flag("returnMessages", default=True)
    engine = call.site.engine
    ahead = await ask(engine, engine.ahead, found) if found.status is JobStatus.QUEUED else None
    status = call.site.status(found)
    # Most polls see what the poll before them saw.
    value = _kept(engine, found.id, found.version, with_messages, status, ahead)
    if not value:
        value.update(await ask(engine, job_value, engine, found, with_messages, status, ahead))
    return Resource(
        value,
        f"Job Details: {esri_id(found.id)} ({found.service}/{found.task})",
        page="job",
        path=call.path,
        facts=await run_in_threadpool(_facts, call, found) if call.wants_page else {},
        etag=f"{found.version}{'' if with_messages else 's'}-{status}-{ahead}",
        scene=scenes.of_job(call, found),
        name=found.task,
    )


def _facts(call: Call, found: Job) -> dict[str, Any]:
    """What the page of a job has beyond its JSON."""
    succeeded = found.status is JobStatus.SUCCEEDED
    operation = "execute" if found.terms.synchronous else "submitJob"
    return {
        "running": not found.status.is_terminal,
        "elapsed": elapsed(found, call.site.clock()),
        "results": outcomes(call, found, call.path) if succeeded else [],
        "map": _map_place(found),
        "again": f"{call.path.rpartition('/jobs/')[0]}/{operation}",
    }


def _map_place(found: Job) -> str:
    """Where the job's map is; empty while there is none."""
    mapped = found.terms.result_map_service and found.status is JobStatus.SUCCEEDED
    return f"{SERVICES}/{found.service}/MapServer/jobs/{esri_id(found.id)}" if mapped else ""


async def cancel(call: Call) -> Resource:
    """``…/jobs/<jobId>/cancel`` and ``<task>/cancel?jobId=``: stop the job.

    Raises:
        InvalidRequest: The job has already ended.
        NotFound: There is no such job of this task.
    """
    found = await job_of(call)
    # The cancel waits for the store and for the executor's lock, never for the worker's death.
    stopped = await run_in_threadpool(call.site.engine.cancel, found.id)
    messages = message_log(stopped, await _asked(call, call.site.engine.messages, stopped))
    value = {"jobId": esri_id(stopped.id), "jobStatus": call.site.status(stopped), "messages": messages}
    path = call.path.removesuffix("/cancel")
    place = path if "/jobs/" in path else f"{path}/jobs/{esri_id(found.id)}"
    return Resource(value, "Cancel Job", path=call.path, location=place)


async def results(call: Call) -> Resource:
    """``…/jobs/<jobId>/results``: every result, as a list.

    Raises:
        NotFound: There is no such job, or it has not succeeded.
    """
    found = await _succeeded(call)
    values = [result_value(call, found, item) for item in await _asked(call, call.site.engine.results, found)]
    place = call.path.removesuffix("/results")
    facts = {"results": await run_in_threadpool(outcomes, call, found, place)} if call.wants_page else {}
    return Resource(values, "Results", page="results", path=call.path, facts=facts)


async def result(call: Call) -> Resource | Response:
    """``…/results/<parameter>``: one result; features of a service with maps as a picture, unless asked for.

    Raises:
        NotFound: There is no such job or output parameter, or the job has not succeeded.
    """
    found = await _succeeded(call)
    item = _named(
        call, await _asked(call, call.site.engine.results, found), f"output parameter of {found.task}"
    )
    if item.drawing and _wants_picture(call, found):
        return await map_image(call, found, item)
    value = await run_in_threadpool(result_value, call, found, item)
    features = result_features(call, found, item, whole=call.format in FILES)
    facts = {
        "picture": picture_of(item, quote(call.path), "960,540"),
        "extent": extent_of(features),
        "page_number": int(call.parameters.number("page", 1)),
    }
    return Resource(
        value,
        item.name,
        page="parameter",
        path=call.path,
        facts=facts,
        features=features,
        scene=scenes.of_results(call, found, [item], item.name),
        name=item.name,
    )


def _wants_picture(call: Call, found: Job) -> bool:
    asked = call.parameters
    if asked.text("returnType").lower() == "data" or asked.flag("returnFeatureCollection"):
        return False
    # Our pages show pictures of every result; clients get one unasked only where each job is a map.
    return call.format == "image" or (found.terms.result_map_service and call.format in ("json", "pjson"))


def _named(call: Call, items: Sequence[Named], what: str) -> Named:
    name = call.part("name")
    for item in items:
        if item.name.lower() == name.lower():
            return item
    raise NotFound(f"'{name}' is not an {what}.")


async def inputs(call: Call) -> Resource:
    """``…/jobs/<jobId>/inputs``: every input, as a list.

    Raises:
        NotFound: There is no such job.
    """
    found = await job_of(call)
    items = await _asked(call, call.site.engine.inputs, found)
    values = await run_in_threadpool(lambda: [input_value(call, found, item) for item in items])
    return Resource(values, "Inputs", page="inputs", path=call.path)


async def input_(call: Call) -> Resource:
    """``…/inputs/<parameter>``: one input.

    Raises:
        NotFound: There is no such job or input parameter.
    """
    found = await job_of(call)
    item = _named(
        call, await _asked(call, call.site.engine.inputs, found), f"input parameter of {found.task}"
    )
    value = await run_in_threadpool(input_value, call, found, item)
    features = None if call.format in _PLAIN else await _input_features(call, found, item)
    return Resource(
        value,
        item.name,
        page="parameter",
        path=call.path,
        facts={"picture": "", "extent": "", "page_number": int(call.parameters.number("page", 1))},
        features=features,
        scene=None if features is None else scenes.of_features(call, item.name, features),
        name=item.name,
    )


async def _input_features(call: Call, found: Job, item: Input) -> Selection | None:
    """What an input looks like in other formats; a page does without where it cannot be read."""
    try:
        reading = await run_in_threadpool(input_reading, call, found, item)
        layer = await run_in_threadpool(Layer.open, await drawn(call, reading)) if reading else None
        return chosen(call, layer) if layer else None
    except GPServerError:
        if call.wants_page:
            return None
        raise


async def file(call: Call) -> Response:
    """``/directories/arcgisjobs/<service>_gpserver/<jobId>/scratch/<file>``: an output file.

    Raises:
        NotFound: There is no such file of such a job.
    """
    engine = call.site.engine
    found = await ask(engine, engine.job, _job_id(call.part("job_id")))
    if call.part("place").lower() != files_of(found.service):
        raise NotFound
    content = await ask(engine, engine.file, found, call.part("file"))
    kind = mimetypes.guess_type(content.name)[0] or "application/octet-stream"
    if _ACTIVE.search(kind):
        kind = "text/plain" if kind.startswith("text/") else "application/octet-stream"
    return sent(content, call.request, kind, {"x-content-type-options": "nosniff"})


def _job_id(text: str) -> str:
    match = JOB_ID.fullmatch(text.lower())
    if match is None:
        raise NotFound(f"'{text}' is not the id of a job.")
    return match[1]


async def job_of(call: Call) -> Job:
    """The job that the path, or else ``jobId``, names.

    Raises:
        NotFound: There is no such job of this task.
    """
    engine, asked = call.site.engine, call.part("job_id") or call.parameters.text("jobId")
    found = await call.site.looks.job(engine, _job_id(asked))
    service, task = call.part("service"), call.part("task")
    if (service, task) not in ((found.service, found.task), ("", ""), ("", found.task)):
        # Another spelling, a display name, or another task: the catalog knows.
        named = await service_and_task(call)
        if (named[0].full_name, named[1].name) != (found.service, found.task):
            raise NotFound(f"Job {esri_id(found.id)} not found.")
    return found


async def _asked(call: Call, question: Callable[[str], list[Listed]], found: Job) -> list[Listed]:
    return await ask(call.site.engine, question, found.id)


async def _succeeded(call: Call) -> Job:
    found = await job_of(call)
    if found.status is not JobStatus.SUCCEEDED:
        raise NotFound(f"Job {esri_id(found.id)} has no results: it is {STATUS[found.status]}.")
    return found


@lru_cache(maxsize=256)
def _kept(
    engine: Engine, job_id: str, version: int, with_messages: bool, status: str, ahead: int | None
) -> dict[str, Any]:
    """Where the value of a job of this version is kept; empty until somebody has put it there."""
    return {}


def job_value(
    engine: Engine, found: Job, with_messages: bool, status: str, ahead: int | None
) -> dict[str, Any]:
    """A job as JSON, of the status and the place in the queue that were just seen."""
    job_id = found.id
    value: dict[str, Any] = {"jobId": esri_id(job_id), "jobStatus": status}
    if step := progress(found):
        value["progress"] = step
    if found.status is JobStatus.SUCCEEDED:
        # Relative to the job's own URL: clients join the two.
        value["results"] = {
            item.name: {"paramUrl": f"results/{item.name}"} for item in engine.results(job_id)
        }
        value["inputs"] = {item.name: {"paramUrl": f"inputs/{item.name}"} for item in engine.inputs(job_id)}
    messages = engine.messages(job_id) if with_messages and found.message_count else []
    value["messages"] = message_log(found, messages, ahead) if with_messages else []
    return value
