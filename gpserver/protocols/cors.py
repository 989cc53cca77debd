"""Pages of other origins: all may ask, and only those that are trusted may send cookies along."""

from collections.abc import Collection
from typing import Any

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

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
        self._trusted = trusted
        # Tokens travel in the query or in a header, so a page needs no credentials to use its own.
        self._plain = CORSMiddleware(app, allow_origins=["*"], **_ALLOWED)
        self._with_credentials = CORSMiddleware(
            app, allow_origin_regex=".*", allow_credentials=True, **_ALLOWED
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        trusts = self._trusted is None or (
            scope["type"] == "http" and Headers(scope=scope).get("origin") in self._trusted
        )
        await (self._with_credentials if trusts else self._plain)(scope, receive, send)
