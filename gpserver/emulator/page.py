"""The page of an emulated server: what clients do, and where their jobs stand, as it happens."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from gpserver.emulator.watching import Watching
from gpserver.formats.assets import asset
from gpserver.formats.html import HEADERS

_FOLDER = Path(__file__).parent / "page"
_OWN = {
    "": "text/html;charset=UTF-8",
    "page.css": "text/css;charset=UTF-8",
    "page.js": "text/javascript;charset=UTF-8",
    "drawing.js": "text/javascript;charset=UTF-8",
}
_SHARED = ("main.css", "icon.svg")


def page_routes(prefix: str, watching: Watching) -> list[Route]:
    """The routes of the page, below a prefix.

    No fault breaks what they give and no journal notes it, so the style sheet of the services directory is
    here once more.
    """

    async def own(request: Request) -> Response:
        name = request.url.path.rpartition("/")[2]
        return FileResponse(_FOLDER / (name or "page.html"), media_type=_OWN[name], headers=HEADERS)

    async def shared(request: Request) -> Response:
        body = asset(request.url.path.rpartition("/")[2])
        return Response(body.content, media_type=body.media_type, headers=HEADERS)

    async def events(_: Request) -> Response:
        return StreamingResponse(
            _events(watching), media_type="text/event-stream", headers={"cache-control": "no-store"}
        )

    return [
        *(Route(f"{prefix}/{name}", own) for name in _OWN),
        *(Route(f"{prefix}/{name}", shared) for name in _SHARED),
        Route(f"{prefix}/events", events),
    ]


async def _events(watching: Watching) -> AsyncIterator[bytes]:
    async for news in watching.news():
        yield b"data: " + msgspec.json.encode(news) + b"\n\n"
