"""Questions to the clerk, awaited; his long answers are files that are streamed and gone."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from gpserver.protocols.evergis.wire import Call
from gpserver.workspace import Spooled, Value

_SENT_WHOLE = 256 << 10  # bytes: one answer is cheaper than many pieces
_PIECE = 256 << 10
_JSON = "application/json"


async def ask(call: Call, question: str, **arguments: Any) -> Any:
    """The answer to a question (see :meth:`gpserver.clerk.Clerk.ask`); a Response where it is long."""
    answer = await asyncio.wrap_future(call.site.clerk.ask(question, call.caller.name, **arguments))
    return await run_in_threadpool(_sent, answer, _JSON) if isinstance(answer, Path) else answer


async def ask_bytes(call: Call, question: str, media_type: str, **arguments: Any) -> Response:
    """The answer to a question that is not told in JSON."""
    answer = await asyncio.wrap_future(call.site.clerk.ask(question, call.caller.name, **arguments))
    return await run_in_threadpool(_sent, answer, media_type)


def in_payload(body: Value) -> dict[str, str]:
    """A body as arguments of a question: its text, or the file that it is in."""
    return {"file": str(body.path)} if isinstance(body, Spooled) else {"text": body}


def _sent(path: Path, media_type: str) -> Response:
    file = path.open("rb")  # closed by the last piece
    size = path.stat().st_size
    path.unlink()  # its bytes stay while the file is open, and nobody must remember to remove them
    if size > _SENT_WHOLE:
        headers = {"content-length": str(size)}
        return StreamingResponse(_pieces(file), headers=headers, media_type=media_type)
    with file:
        return Response(file.read(), media_type=media_type)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece
