"""Every request on its way through the server: counted, traced and, where it is asked for, logged."""

import logging
import re
from collections.abc import Callable
from time import perf_counter
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gpserver.logs import CALLER, concern
from gpserver.telemetry.observers import Telemetry

_log = logging.getLogger("gpserver.access")

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_NO_ROUTE = "none"
# Who fetches what a job made belongs to its trace; polls would only drown it.
_JOB = re.compile(r"/(?:jobs/j?|directories/arcgisjobs/[^/]+/j?)([0-9a-f]{32})(/results/|/scratch/)?")


class Requests:
    """ASGI middleware, the outermost one.

    Args:
        app: Answers the requests.
        telemetry: Is told of each.
        trace_of: The ``traceparent`` of a job, by its id; may wait for a database.
        access: Whether each is a line of the log. Its query is none of it: that may hold secrets.
    """

    def __init__(
        self, app: ASGIApp, telemetry: Telemetry, trace_of: Callable[[str], str], *, access: bool
    ) -> None:
        self._app, self._telemetry, self._trace_of, self._access = app, telemetry, trace_of, access
        self._count = telemetry.metrics.traffic.answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin, exchange = perf_counter(), _Exchange(receive, send)
        job = _JOB.search(scope["path"])
        if job:
            concern(job[1])
        method = scope["method"] if scope["method"] in _METHODS else "other"
        if scope["method"] != "GET":  # bodies of those are nothing that anybody counts
            receive = exchange.receive
        try:
            if self._telemetry.traces:
                await self._traced(scope, method, receive, exchange, job[1] if job and job[2] else "")
            else:
                await self._app(scope, receive, exchange.send)
        finally:
            seconds, route = perf_counter() - begin, _route(scope)
            self._count(route, method, exchange.code, seconds, exchange.received, exchange.sent)
            if self._access:
                self._write(scope, exchange, route, seconds)

    async def _traced(
        self, scope: Scope, method: str, receive: Receive, exchange: "_Exchange", fetched: str
    ) -> None:
        traces = self._telemetry.traces
        assert traces
        headers, of_job = Headers(scope=scope), ""
        if fetched and "traceparent" not in headers:
            of_job = await run_in_threadpool(self._trace_of, fetched)
        with traces.request(method, headers, of_job) as span:
            try:
                await self._app(scope, receive, exchange.send)
            finally:
                traces.answered(span, method, _route(scope), _path(scope), exchange.code)

    def _write(self, scope: Scope, exchange: "_Exchange", route: str, seconds: float) -> None:
        facts: dict[str, Any] = {
            "method": scope["method"][:20],
            "path": _path(scope),
            "route": route,
            "status": exchange.code,
            "ms": round(seconds * 1000, 2),
            "bytes": exchange.sent,
            "caller": scope.get(CALLER, ""),
            "client": scope["client"][0] if scope.get("client") else "",
        }
        told = (facts["method"], facts["path"], exchange.code, facts["ms"], exchange.sent, facts["caller"])
        _log.info("%s %s %s %s ms %s bytes %s", *told, extra=facts)


class _Exchange:
    """What comes in and goes out for one request."""

    __slots__ = ("_receive", "_send", "code", "received", "sent")

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self.code, self.received, self.sent = 500, 0, 0  # who sends nothing has failed

    async def receive(self) -> Message:
        message = await self._receive()
        self.received += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.code = message["status"]
        else:
            self.sent += len(message.get("body", b""))
        await self._send(message)


def _route(scope: Scope) -> str:
    """The template of the path; never what a client wrote."""
    return str(getattr(scope.get("route"), "path", _NO_ROUTE))


def _path(scope: Scope) -> str:
    # As it came over the wire: no line breaks, and nothing of the query.
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.decode("ascii", "backslashreplace")[:1000]
