"""Faults between client and server: what networks, proxies and overloaded hosts do, on demand."""

from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gpserver.clock import Clock
from gpserver.emulator import transport
from gpserver.emulator.journal import FAULT
from gpserver.emulator.rules import Rule, Rules, Seconds, same
from gpserver.emulator.subject import Operation, subject_of

Kind = Literal[
    "latency",  # a slow network: the answer comes later
    "gateway",  # a proxy that finds no server: status 502, 503 or 504 with a page of its own
    "error",  # ArcGIS' way to fail: status 200, or any other, and an error in the body
    "reset",  # the connection breaks before the server hears of the request
    "close",  # the connection ends without an answer
    "lost_answer",  # the server does what it was asked, and the connection breaks before it says so
    "half_body",  # the connection ends in the middle of the answer
    "slow_body",  # the answer comes in pieces
    "content_type",  # a proxy that takes everything for a page
    "truncated_json",  # an answer that was cut, and still counts as whole
    "invalid_json",  # a line of somebody else's in front of the JSON
    "duplicate",  # a proxy that sent the request again: the server was asked twice
]

_PAGE = """<html>
<head><title>{status} {reason}</title></head>
<body><center><h1>{status} {reason}</h1></center><hr><center>nginx</center></body>
</html>
"""
_REASONS = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}
_MESSAGES = {498: "Invalid Token", 499: "Token Required", 504: "Your request has timed out."}
_WARNING = b"Warning: session_start(): open failed: No space left on device\n"
_SLICES = 10  # pieces of a slow body
_OWN = ("/emulator", "/healthz", "/readyz")


class Fault(Rule, frozen=True, forbid_unknown_fields=True):
    """One fault, and the requests that it hits."""

    kind: Kind
    path: str = "*"
    """A pattern for the path of the URL, such as ``*/jobs/*``."""
    method: str = ""
    """Of HTTP; empty for any."""
    operation: Operation = ""
    """What the request does: submit, execute, poll, cancel, result …; empty for anything."""
    delay: Seconds = 0.0
    """Seconds of latency, or that a slow body takes, by the emulator's clock."""
    jitter: Seconds = 0.0
    """Seconds that are added to the latency at most, by the emulator's seed."""
    status: int = 0
    """Of HTTP; 0 for 504 from a gateway, and for 200 with an error."""
    code: int = 498
    """Of an error."""
    message: str = ""
    """Of an error; empty for ArcGIS' own."""
    details: tuple[str, ...] = ()
    content_type: str = "text/html"

    def concerns(self, scope: Scope) -> bool:
        """Whether a request is one of those that it may hit."""
        subject = subject_of(scope["method"], scope["path"])
        return (
            fnmatchcase(scope["path"], self.path)
            and same(self.method, scope["method"])
            and same(self.operation, subject.operation)
            and self.is_about(subject.service, subject.task)
        )


class Faults:
    """ASGI middleware that breaks what it is told to break; safe to use from any thread.

    Args:
        app: Answers the requests.
        clock: The time of the server.
    """

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app, self._clock = app, clock
        self.rules = Rules[Fault](clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or break it."""
        ours = scope["type"] != "http" or _is_ours(scope["path"])
        fault = None if ours else self.rules.choose(lambda rule: rule.concerns(scope))
        if fault is None:
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})[FAULT] = fault.kind
        await _KINDS[fault.kind](self, fault, scope, receive, send)

    async def _latency(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        share = self.rules.chance() if fault.jitter else 0.0
        await self._clock.sleep(fault.delay + share * fault.jitter)
        await self._app(scope, receive, send)

    async def _gateway(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        status = fault.status or 504
        page = _PAGE.format(status=status, reason=_REASONS.get(status, "Error"))
        await Response(page, status, media_type="text/html")(scope, receive, send)

    async def _error(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        message = fault.message or _MESSAGES.get(fault.code, "Unable to complete operation.")
        error = {"code": fault.code, "message": message, "details": fault.details}
        body = orjson.dumps({"error": error})
        status = fault.status or 200
        await Response(body, status, media_type="application/json;charset=utf-8")(scope, receive, send)

    async def _reset(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        await _read(receive)  # a client that still sends might see the break as something else
        await transport.reset(scope, receive)

    async def _close(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        await _read(receive)
        await transport.close(scope, receive)

    async def _lost_answer(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope, receive)
        await transport.reset(scope, receive)

    async def _half_body(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        start, body = await self._answer(scope, receive)
        await send(_sized(start, len(body)))
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        await transport.close(scope, receive)

    async def _slow_body(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        start, body = await self._answer(scope, receive)
        await send(_sized(start, len(body)))
        size = max(-(-len(body) // _SLICES), 1)
        for begin in range(0, len(body), size):
            await self._clock.sleep(fault.delay / _SLICES)
            more = begin + size < len(body)
            piece = body[begin : begin + size]
            await send({"type": "http.response.body", "body": piece, "more_body": more})

    async def _content_type(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        start, body = await self._answer(scope, receive)
        kept = [pair for pair in start["headers"] if pair[0].lower() != b"content-type"]
        headers = [*kept, (b"content-type", fault.content_type.encode("latin-1"))]
        await _send({**start, "headers": headers}, body, send)

    async def _truncated_json(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        start, body = await self._answer(scope, receive)
        await _send(start, body[: len(body) // 2], send)

    async def _invalid_json(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        start, body = await self._answer(scope, receive)
        await _send(start, _WARNING + body, send)

    async def _duplicate(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        sent = await _read(receive)
        await self._answer(dict(scope), _replay(sent, receive))
        await self._app(scope, _replay(sent, receive), send)

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
        """The whole answer, which is not sent; never compressed, so that it can be spoilt in the middle."""
        scope["headers"] = [pair for pair in scope["headers"] if pair[0].lower() != b"accept-encoding"]
        start: Message = {}
        body = bytearray()

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                body.extend(message.get("body", b""))

        await self._app(scope, receive, keep)
        return start, bytes(body)


_KINDS: dict[str, Callable[[Faults, Fault, Scope, Receive, Send], Awaitable[Any]]] = {
    kind: getattr(Faults, f"_{kind}") for kind in get_args(Kind)
}


def _is_ours(path: str) -> bool:
    return any(path == own or path.startswith(f"{own}/") for own in _OWN)


async def _read(receive: Receive) -> bytes:
    """The whole body of a request."""
    sent, more = bytearray(), True
    while more:
        message = await receive()
        sent += message.get("body", b"")
        more = message["type"] == "http.request" and bool(message.get("more_body"))
    return bytes(sent)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A request's body that comes once more."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def _sized(start: Message, size: int) -> Message:
    length = (b"content-length", b"transfer-encoding")
    kept = [pair for pair in start["headers"] if pair[0].lower() not in length]
    return {**start, "headers": [*kept, (b"content-length", str(size).encode())]}


async def _send(start: Message, body: bytes, send: Send) -> None:
    await send(_sized(start, len(body)))
    await send({"type": "http.response.body", "body": body})
