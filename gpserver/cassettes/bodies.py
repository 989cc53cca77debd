"""Bodies of requests, whole and within a limit."""

from starlette.requests import Request

from gpserver.errors import TooLarge

MOST = 256 << 20
"""Bytes of one body."""


async def read_whole(request: Request) -> bytes:
    """The body of a request.

    Raises:
        TooLarge: It is over the limit.
    """
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > MOST:
            raise TooLarge(f"The body is over the limit of {MOST} bytes, and does not go into a cassette.")
        pieces.append(piece)
    return b"".join(pieces)
