"""A job as a stream of events, for a page that shows it while it runs."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from gpserver.job import Job
from gpserver.protocols.esri.jobs import job_of, job_value
from gpserver.protocols.esri.log import elapsed
from gpserver.protocols.esri.wire import Call

_LOOK = 0.25  # seconds between two looks at the job
_SILENCE = 60  # looks without a change after which a sign of life is sent, so that proxies keep the line


async def events(call: Call) -> Response:
    """``…/jobs/<jobId>/events``: every change of the job as a server-sent event, until it has ended.

    An event is JSON: ``jobStatus``, ``progress``, ``elapsed`` seconds, the ``messages`` that are new, and
    whether it has ``ended``; its id is the number of messages so far. ``after``, or the header
    ``Last-Event-ID`` of a browser that comes back, is how many of them the page has.

    Raises:
        NotFound: There is no such job of this task.
        InvalidRequest: ``after`` is not a number.
    """
    looked, found = call.site.clock(), await job_of(call)
    after = call.request.headers.get("last-event-id", "")
    seen = int(after) if after.isdecimal() and len(after) < 10 else int(call.parameters.number("after"))
    headers = {"cache-control": "no-store", "x-accel-buffering": "no", "x-content-type-options": "nosniff"}
    return StreamingResponse(_stream(call, looked, found, max(0, seen)), 200, headers, "text/event-stream")


async def _stream(call: Call, looked: float, job: Job, seen: int) -> AsyncIterator[bytes]:
    # Whoever finds no room gets the job as it stands, and its browser comes back for more.
    room = call.site.streams.acquire(blocking=False)
    try:
        yield b"retry: 2000\n\n"
        version, silence = -1, 0
        while True:
            if job.version != version:
                seen, data = await run_in_threadpool(_event, call, looked, job, seen)
                version, silence = job.version, 0
                yield b"id: %d\ndata: %s\n\n" % (seen, data)
            elif silence == _SILENCE:
                silence = 0
                yield b":\n\n"
            if job.status.is_terminal or not room or call.site.stopping.is_set():
                return
            await asyncio.sleep(_LOOK)
            silence += 1
            looked, job = call.site.clock(), await job_of(call)
    finally:
        if room:
            call.site.streams.release()


def _event(call: Call, looked: float, job: Job, seen: int) -> tuple[int, bytes]:
    # By now the job may have ended: until the time before the look it had certainly run.
    # Without the place in the queue: lines of the log are counted here, and that one comes and goes.
    status = call.site.status(job)
    value: dict[str, Any] = job_value(call.site.engine, job, True, status, None)
    messages = value["messages"]
    told = {
        "jobStatus": value["jobStatus"],
        "progress": value.get("progress"),
        "messages": messages[seen:],
        "elapsed": elapsed(job, looked),
        "ended": job.status.is_terminal,
    }
    return len(messages), orjson.dumps(told)
