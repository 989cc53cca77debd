"""Gzip for text answers, at a cost that the event loop can bear, chunk by chunk as they stream."""

from typing import Any

from anyio.to_thread import run_sync
from isal import isal_zlib
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SMALLEST = 1024
_IN_THREAD = 256 << 10
_GZIP = 16 + isal_zlib.MAX_WBITS

# Level 1 of ISA-L takes a thirtieth of zlib's level 9 for an eighth more bytes.
_LEVEL = 1


class Compression:
    """ASGI middleware; leaves small, ranged, encoded and binary answers alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and "gzip" in Headers(scope=scope).get("accept-encoding", ""):
            send = _Sender(send)
        await self._app(scope, receive, send)


class _Sender:
    """The ``send`` of one answer: holds the head back until the first piece of the body is known."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._head: Message | None = None
        self._gzip: Any = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if _compressible(Headers(raw=message["headers"])):
                self._head = message
            else:
                await self._send(message)
        elif self._head is not None:
            await self._begin(self._head, message)
        else:
            await self._piece(message)

    async def _begin(self, head: Message, message: Message) -> None:
        self._head = None
        headers = MutableHeaders(raw=head["headers"])
        headers.add_vary_header("Accept-Encoding")
        if message.get("more_body") or len(message.get("body", b"")) >= _SMALLEST:
            self._gzip = isal_zlib.compressobj(level=_LEVEL, wbits=_GZIP)
            headers["content-encoding"] = "gzip"
            del headers["content-length"]
        await self._send(head)
        await self._piece(message)

    async def _piece(self, message: Message) -> None:
        if self._gzip is None or message["type"] != "http.response.body":
            await self._send(message)
            return
        body = message.get("body", b"")
        packed = (
            await run_sync(self._gzip.compress, body) if len(body) > _IN_THREAD else self._gzip.compress(body)
        )
        more = message.get("more_body", False)
        if not more:
            packed += self._gzip.flush()
        if packed or not more:
            await self._send({"type": "http.response.body", "body": packed, "more_body": more})


def _compressible(headers: Headers) -> bool:
    kind = headers.get("content-type", "")
    # Events are read as they come; a compressor would keep them back.
    text = kind.startswith("text/") and "event-stream" not in kind
    text |= any(name in kind for name in ("json", "javascript", "+xml"))
    return text and "content-encoding" not in headers and "accept-ranges" not in headers
