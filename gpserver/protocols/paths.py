"""URL paths as clients write them: a trailing slash, and any case of the ``/arcgis/rest`` context."""

from starlette.types import ASGIApp, Receive, Scope, Send

_CONTEXT = "/arcgis/rest"


class Paths:
    """ASGI middleware that brings a request's path into the form the routes are written in."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            scope["path"] = _plain(scope["path"])
        await self._app(scope, receive, send)


def _plain(path: str) -> str:
    if len(path) > 1 and path.endswith("/"):
        path = path[:-1]
    end = len(_CONTEXT)
    return _CONTEXT + path[end:] if path[:end].lower() == _CONTEXT else path
