"""A file as an answer, from the disk or from an object store, whole or the range that was asked for."""

import re
from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from gpserver.results import Distant

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*")


def sent(file: Path | Distant, request: Request, media_type: str, headers: Mapping[str, str]) -> Response:
    """The answer with a file; of several ranges (RFC 9110, 14.2) one in an object store is sent whole."""
    if isinstance(file, Path):
        return FileResponse(file, media_type=media_type, headers=headers)
    known = {"accept-ranges": "bytes", **headers}
    asked = _RANGE.fullmatch(request.headers.get("range", "")) if request.method == "GET" else None
    if asked is None or not any(asked.groups()) or "if-range" in request.headers:
        return _streamed(file, 0, file.size, 200, media_type, known)
    first, last = asked.groups()
    # Without a first byte it is so many of the last ones.
    start = int(first) if first else max(0, file.size - int(last))
    end = min(int(last) + 1, file.size) if first and last else file.size
    if start >= end:
        return Response(status_code=416, headers={"content-range": f"bytes */{file.size}"})
    known["content-range"] = f"bytes {start}-{end - 1}/{file.size}"
    return _streamed(file, start, end, 206, media_type, known)


def _streamed(
    file: Distant, start: int, end: int, status: int, media_type: str, headers: Mapping[str, str]
) -> Response:
    length = {"content-length": str(end - start)}
    chunks = file.chunks(start, end)  # each in a thread: they wait for the network
    return StreamingResponse(chunks, status, {**headers, **length}, media_type)
