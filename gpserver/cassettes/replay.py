"""Serves a cassette as if the real server were there."""

import logging
import re
from dataclasses import replace

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gpserver.cassettes.asked import Asked, asked_of
from gpserver.cassettes.bodies import read_whole
from gpserver.cassettes.cassette import Cassette, media_type_of
from gpserver.cassettes.identities import renamed, renamed_bytes
from gpserver.cassettes.origins import Rehosting, is_text
from gpserver.cassettes.player import Match, Played, Player
from gpserver.cassettes.redaction import KINDS
from gpserver.clock import Clock
from gpserver.errors import TooLarge
from gpserver.protocols.cors import Origins

_log = logging.getLogger(__name__)

MATCHED = "X-Replay-Match"
"""The header that says how an answer was found: exact, fuzzy or none."""

_CALL = re.compile(rb"\s*[A-Za-z_$][\w.$]*\((.*)\)\s*;?\s*", re.DOTALL)
_CALLBACK = re.compile(r"[A-Za-z_$][\w.$]{0,127}")
_NOT_SENT = ("content-length", "content-encoding", "transfer-encoding", "connection", "set-cookie")


def replay(cassette: Cassette, match: Match = "exact", speed: float = 0.0) -> ASGIApp:
    """A cassette as an ASGI application.

    Args:
        cassette: It.
        match: ``exact``: only what was recorded is answered; ``fuzzy``: the nearest parameters win.
        speed: 0 for answers at once, one after the other; 1 for those of the moment of the recording, as
            slow as they were; N for N times as fast.
    """
    return Origins(_Replay(cassette, match, Clock(speed=speed) if speed else None))


class _Replay:
    def __init__(self, cassette: Cassette, match: Match, clock: Clock | None) -> None:
        self._player, self._clock = Player(cassette, match, clock), clock
        self._origins = cassette.origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            response = await self._respond(Request(scope, receive))
            await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        try:
            body = await read_whole(request)
        except TooLarge as error:
            return _esri_error(413, str(error), [])
        own = f"{request.url.scheme}://{request.url.netloc}"
        # In a thread: bodies may be large, and then reading and comparing them takes a while.
        played, response = await run_in_threadpool(self._found, request, body, own)
        if played and self._clock:
            await self._clock.sleep(played.exchange.seconds)
        return response

    def _found(self, request: Request, body: bytes, own: str) -> tuple[Played | None, Response]:
        asked = self._asked(request, body, own)
        played = self._player.play(asked)
        if played is None and asked.method == "HEAD":
            played = self._player.play(replace(asked, method="GET"))
        if played is None:
            return None, _absent(asked, self._player.nearest(asked))
        if not played.exact:
            _log.warning("%s is answered as %s.", _line(asked), _line(played.recorded))
        callback = asked.parameters.get("callback", "")
        return played, _answer(played, Rehosting(self._origins, own), callback)

    def _asked(self, request: Request, body: bytes, own: str) -> Asked:
        # The recording's requests name the recorded host where a client now names this one.
        there = Rehosting([own], self._origins[0]) if self._origins else Rehosting([], "")
        media_type = request.headers.get("content-type", "")
        url = f"{request.scope['path']}?{there.text(request.scope['query_string'].decode('latin-1'))}"
        sent = there(body) if is_text(media_type) else body
        return asked_of(request.method, url, media_type, sent, request.headers.get("range", ""))


def _answer(played: Played, here: Rehosting, callback: str) -> Response:
    exchange = played.exchange
    body = exchange.body
    if is_text(media_type_of(exchange.answered)):
        body = renamed_bytes(here(body), played.names)
    if _CALLBACK.fullmatch(callback) and (call := _CALL.fullmatch(body)):
        body = callback.encode() + b"(" + call[1] + b");"
    response = Response(body, exchange.status)
    for name, value in exchange.answered:
        if name.lower() not in _NOT_SENT and not name.lower().startswith("access-control-"):
            response.headers.append(name, renamed(here.text(value), played.names))
    response.headers[MATCHED] = "exact" if played.exact else "fuzzy"
    if not played.exact:
        response.headers["X-Replay-Recorded"] = (
            _line(played.recorded)[:1000].encode("ascii", "replace").decode()
        )
    return response


def _absent(asked: Asked, nearest: Asked | None) -> Response:
    text = f"The recording does not answer {_line(asked)}."
    hint = f"The nearest request that it answers: {_line(nearest)}." if nearest else "It is empty."
    _log.warning("%s %s", text, hint)
    if "/rest" in asked.path.lower() or asked.path.lower().startswith("/arcgis"):
        return _esri_error(404, text, [hint])
    problem = {"errorType": "NotFound", "message": f"{text} {hint}", "statusCode": 404}
    return _json(problem, 404)


def _esri_error(code: int, text: str, details: list[str]) -> Response:
    # ArcGIS says so with the HTTP status 200, and clients read no other.
    return _json({"error": {"code": code, "message": text, "details": details}}, 200)


def _json(value: object, status: int) -> Response:
    headers = {MATCHED: "none"}
    return Response(msgspec.json.encode(value), status, headers, media_type="application/json")


def _line(asked: Asked) -> str:
    """A request in one line; what is secret is not in it, and long values are cut."""
    told = [
        f"{name}={value[:60]}{'…' if len(value) > 60 else ''}"
        for name, value in sorted(asked.parameters.items())
        if name not in KINDS and name != "f"
    ]
    return f"{asked.method} {asked.path}" + (f" with {', '.join(told)}" if told else "")
