"""Keep-alive connections that ask over and over: a load for one server that costs next to nothing itself."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import uvloop


@dataclass
class Line:
    """One connection to a server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def to(cls, url: str) -> "Line":
        """Connect to the host of a URL."""
        parts = urlsplit(url)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port or 80))

    async def ask(self, request: bytes) -> bytes:
        """The body of the answer, which must be one of 200."""
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise AssertionError(head)
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        return await self.reader.readexactly(length)


def request(method: str, url: str) -> bytes:
    """The bytes of a request without a body."""
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}"
    head = f"{method} {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: */*\r\n"
    return f"{head}Content-Length: 0\r\n\r\n".encode() if method == "POST" else f"{head}\r\n".encode()


async def _answers(url: str, until: float) -> int:
    line, question, count = await Line.to(url), request("GET", url), 0
    while time.monotonic() < until:
        await line.ask(question)
        count += 1
    line.writer.close()
    return count


async def _ask_all(url: str, connections: int, seconds: float) -> int:
    until = time.monotonic() + seconds
    return sum(await asyncio.gather(*[_answers(url, until) for _ in range(connections)]))


def answers(url: str, connections: int, seconds: float) -> int:
    """How many answers a server gives in so many seconds."""
    return uvloop.run(_ask_all(url, connections, seconds))


class Jobs:
    """Jobs of one task, submitted and polled over HTTP.

    Args:
        task: The URL of the task.
    """

    def __init__(self, task: str) -> None:
        self._task = task
        self._submit = request("POST", f"{task}/submitJob?f=json")

    async def run(self, line: Line, pause: float) -> tuple[float, dict[str, Any]]:
        """Submit one and poll until it has succeeded: the seconds to its id, and the job."""
        began = time.perf_counter()
        job_id = await self.submit(line)
        accepted = time.perf_counter() - began
        return accepted, await self.end(line, job_id, pause)

    async def submit(self, line: Line) -> str:
        """The id of a new job."""
        return str(json.loads(await line.ask(self._submit))["jobId"])

    async def end(self, line: Line, job_id: str, pause: float) -> dict[str, Any]:
        """The job once it has succeeded."""
        question = request("GET", f"{self._task}/jobs/{job_id}?f=json")
        while (job := json.loads(await line.ask(question)))["jobStatus"] != "esriJobSucceeded":
            if job["jobStatus"] not in ("esriJobSubmitted", "esriJobExecuting"):
                raise AssertionError(job)
            await asyncio.sleep(pause)
        return dict(job)

    async def value(self, line: Line, job_id: str, name: str) -> Any:
        """The value of a result."""
        url = f"{self._task}/jobs/{job_id}/results/{name}?f=json"
        return json.loads(await line.ask(request("GET", url)))["value"]
