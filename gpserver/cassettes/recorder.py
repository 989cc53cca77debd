"""A proxy before a real server: clients work through it as ever, and what was said ends up in a cassette."""

import logging
import re
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpcore
import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gpserver.cassettes.bodies import MOST, read_whole
from gpserver.cassettes.cassette import Exchange, Headers, media_type_of
from gpserver.cassettes.origins import Rehosting, Stream, is_text
from gpserver.cassettes.tape import Tape
from gpserver.cassettes.upstream import NOT_PASSED_ON, OF_CONNECTION, TIMEOUT, explained
from gpserver.errors import GPServerError
from gpserver.protocols.cors import Origins

_log = logging.getLogger(__name__)

_NOT_ANSWERED = OF_CONNECTION | {"strict-transport-security", "content-security-policy"}
_COOKIE_BOUND = re.compile(r";\s*(?:secure|domain=[^;]*|samesite=none)\b", re.IGNORECASE)
_PACKED = {"gzip", "x-gzip", "deflate"}
_EITHER = 32 + zlib.MAX_WBITS  # gzip or zlib


def recorder(origin: str, pool: httpcore.AsyncConnectionPool, tape: Tape) -> ASGIApp:
    """The proxy as an ASGI application.

    Args:
        origin: The server that it asks: scheme, host and port.
        pool: Its connections.
        tape: What hears of each exchange.
    """
    return Origins(_Proxy(origin, pool, tape))


@dataclass
class _Answer:
    """What has come of an answer so far."""

    status: int
    headers: Headers
    unpacks: bool
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0

    def keep(self, piece: bytes) -> None:
        """Hear of the next piece; an answer over the limit goes to the client, and into no cassette."""
        self.size += len(piece)
        if self.size <= MOST:
            self.pieces.append(piece)
        else:
            self.pieces.clear()


class _Proxy:
    def __init__(self, origin: str, pool: httpcore.AsyncConnectionPool, tape: Tape) -> None:
        self._origin, self._pool, self._tape = origin, pool, tape

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        sending = _Sending(send)
        try:
            await self._pass(request, await read_whole(request), sending)
        except GPServerError as error:
            _log.warning("%s %s: %s", request.method, request.url.path, error)
            if not sending.begun:  # otherwise the client sees what the proxy saw: an answer that breaks off
                await _refusal(str(error))(scope, receive, send)

    async def _pass(self, request: Request, body: bytes, send: Send) -> None:
        own = f"{request.url.scheme}://{request.url.netloc}"
        there, here = Rehosting([own], self._origin), Rehosting([self._origin], own)
        url, asked, sent = self._outgoing(request, body, there)
        began, since = time.time(), time.monotonic()
        async with _answered(self._pool, request.method, url, asked, sent) as response:
            answer = await _relay(request, response, here, send)
        if answer.size > MOST:
            _log.error("%s answers with %d bytes, which is too much for a cassette.", url, answer.size)
            return
        took, answered = time.monotonic() - since, b"".join(answer.pieces)
        self._tape.add(
            Exchange(request.method, url, asked, sent, began, took, answer.status, answer.headers, answered)
        )

    def _outgoing(self, request: Request, body: bytes, there: Rehosting) -> tuple[str, Headers, bytes]:
        query = request.scope["query_string"].decode("latin-1")
        path = request.scope.get("raw_path", request.scope["path"].encode()).decode("latin-1")
        headers = tuple(
            (name, there.text(value))
            for name, value in request.headers.items()
            if name.lower() not in NOT_PASSED_ON
        )
        sent = there(body) if is_text(media_type_of(headers)) else body
        return self._origin + path + (f"?{there.text(query)}" if query else ""), headers, sent


@asynccontextmanager
async def _answered(
    pool: httpcore.AsyncConnectionPool, method: str, url: str, headers: Headers, body: bytes
) -> AsyncIterator[httpcore.Response]:
    """The begin of the server's answer; the rest of it comes while it is read."""
    sent = [*headers, ("Accept-Encoding", "identity")]
    options = {"timeout": TIMEOUT}
    with explained(url):
        async with pool.stream(method, url, headers=sent, content=body or None, extensions=options) as got:
            yield got


async def _relay(request: Request, response: httpcore.Response, here: Rehosting, send: Send) -> _Answer:
    """Send an answer on while it arrives; gives what it was."""
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers)
    encoding = {name.lower(): value for name, value in headers}.get("content-encoding", "")
    answer = _Answer(response.status, headers, encoding.lower() in _PACKED)
    text = is_text(media_type_of(headers))
    shown = [
        (name.lower().encode(), _COOKIE_BOUND.sub("", here.text(value)).encode("latin-1"))
        for name, value in headers
        if _is_shown(name.lower(), changes=text or answer.unpacks, packed=answer.unpacks)
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": shown})
    stream = Stream(here) if text else None
    async for piece in _pieces(response, answer):
        if out := stream.feed(piece) if stream else piece:
            await send({"type": "http.response.body", "body": out, "more_body": True})
        if await request.is_disconnected():  # an answer without an end would go on for ever
            return answer
    await send({"type": "http.response.body", "body": stream.end() if stream else b"", "more_body": False})
    return answer


def _is_shown(name: str, *, changes: bool, packed: bool) -> bool:
    if name.startswith("access-control-"):  # that is between the page and the proxy
        return False
    if name == "content-length":
        return not changes
    if name == "content-encoding":
        return not packed
    return name not in _NOT_ANSWERED or name == "content-encoding"


class _Sending:
    """The ``send`` of a request, which knows whether an answer has begun."""

    def __init__(self, send: Send) -> None:
        self._send, self.begun = send, False

    async def __call__(self, message: Message) -> None:
        self.begun = True
        await self._send(message)


async def _pieces(response: httpcore.Response, answer: _Answer) -> AsyncIterator[bytes]:
    unpacking = zlib.decompressobj(_EITHER) if answer.unpacks else None
    async for piece in response.aiter_stream():
        plain = unpacking.decompress(piece) if unpacking else piece
        answer.keep(plain)
        yield plain


def _refusal(text: str) -> Response:
    error = {"error": {"code": 502, "message": text, "details": []}}
    return Response(msgspec.json.encode(error), 502, media_type="application/json")
