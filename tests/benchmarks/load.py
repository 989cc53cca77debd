"""Many keep-alive connections that ask the same question over and over: a load for one server."""

import asyncio
import time
from urllib.parse import urlsplit

import uvloop


async def _ask(host: str, port: int, request: bytes, until: float) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    answers = 0
    while time.monotonic() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise AssertionError(head)
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        answers += 1
    writer.close()
    return answers


async def _ask_all(url: str, connections: int, seconds: float) -> int:
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}"
    request = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: */*\r\n\r\n".encode()
    until = time.monotonic() + seconds
    asks = [_ask(str(parts.hostname), int(parts.port or 80), request, until) for _ in range(connections)]
    return sum(await asyncio.gather(*asks))


def answers(url: str, connections: int, seconds: float) -> int:
    """How many answers a server gives in so many seconds."""
    return uvloop.run(_ask_all(url, connections, seconds))
