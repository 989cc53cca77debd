"""Pages of other origins: all may ask, and only those that are trusted may send cookies along."""

from collections.abc import Collection
from typing import Any

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALLOWED: dict[str, Any] = {
    "allow_methods": ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"],
    "allow_headers": ["*"],
    "expose_headers": ["ETag", "Content-Length", "Content-Range", "Accept-Ranges"],
}


class Origins:
    """ASGI middleware for cross-origin requests.

    Args:
        app: Answers them.
        trusted: The origins that may send credentials along; None for any, as ArcGIS does it.
    """

    def __init__(self, app: ASGIApp, trusted: Collection[str] | None = None) -> None:
        self._app, self._trusted = app, trusted
        # Tokens travel in the query or in a header, so a page needs no credentials to use its own.
        self._plain = CORSMiddleware(app, allow_origins=["*"], **_ALLOWED)
        self._with_credentials = CORSMiddleware(
            app, allow_origin_regex=".*", allow_credentials=True, **_ALLOWED
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        origin = Headers(scope=scope).get("origin") if scope["type"] == "http" else None
        if origin is None:
            await self._app(scope, receive, _varying(send))
            return
        trusts = self._trusted is None or origin in self._trusted
        await (self._with_credentials if trusts else self._plain)(scope, receive, send)


def _varying(send: Send) -> Send:
    """What caches are told of an answer that was asked for by no page of another origin."""

    async def varying(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), (b"vary", b"Origin")]
        await send(message)

    return varying
