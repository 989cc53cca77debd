"""An S3 of our own: moto's server as a process, and a proxy before it that counts, and fails on request."""

import http.client
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

_SERVE = """
import logging, time
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").disabled = True
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
time.sleep(1e9)
"""
_HOPS = ("connection", "transfer-encoding", "content-length", "date", "server")


@dataclass(frozen=True)
class Exchange:
    """One request that went through, or failed as it was asked to."""

    method: str
    name: str
    status: int
    sent: int
    """Bytes of the answer's body."""


Fault = Callable[[str, str], str | None]
"""What becomes of a request, by its method and path: None, ``busy`` (503), ``cut`` (half of the answer) or
``lost`` (neither the store nor the sender hears of it)."""


@dataclass
class Proxy:
    """Stands between clients and the store."""

    port: int
    store: int
    exchanges: list[Exchange] = field(default_factory=list)
    fault: Fault = lambda method, path: None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def gets(self, suffix: str = "") -> list[Exchange]:
        """What was read since ``exchanges`` was cleared."""
        return [item for item in self.exchanges if item.method == "GET" and item.name.endswith(suffix)]


@dataclass(frozen=True)
class Bucket:
    """A bucket behind a proxy."""

    name: str
    proxy: Proxy

    @property
    def url(self) -> str:
        """What a setting says; the credentials are in the query, as moto takes any."""
        query = f"endpoint={self.proxy.endpoint}&region=us-east-1&access_key_id=k&secret_access_key=s"
        return f"s3://{self.name}/some/prefix?{query}"

    def names(self) -> list[str]:
        """What is in it, without the prefix."""
        answer = httpx.get(f"http://127.0.0.1:{self.proxy.store}/{self.name}?list-type=2").text
        return [
            part.partition("</Key>")[0].removeprefix("some/prefix/") for part in answer.split("<Key>")[1:]
        ]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        fault = self.proxy.fault(self.command, self.path)
        if fault == "lost":
            self.close_connection = True
            return
        if fault == "busy":
            status, headers, content = 503, [], b"<Error><Code>SlowDown</Code></Error>"
        else:
            status, headers, content = self._asked(body)
        sent = content[: len(content) // 2] if fault == "cut" else content
        self.proxy.exchanges.append(Exchange(self.command, self.path.partition("?")[0], status, len(sent)))
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _HOPS:
                self.send_header(name, value)
        length = dict(headers).get("content-length", "0") if self.command == "HEAD" else str(len(content))
        self.send_header("content-length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(sent)
        self.close_connection = self.close_connection or fault == "cut"

    def _asked(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy.store)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, [(name.lower(), value) for name, value in answer.getheaders()], content

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass


@contextmanager
def _proxied(store: int) -> Iterator[Proxy]:
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    handler.proxy = Proxy(server.server_port, store)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield handler.proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="session")
def s3() -> Iterator[int]:
    """The port of an S3 that takes any credentials."""
    process = subprocess.Popen([sys.executable, "-c", _SERVE], stdout=subprocess.PIPE)
    assert process.stdout
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def bucket(s3: int, request: pytest.FixtureRequest) -> Iterator[Bucket]:
    """An empty bucket of the module's own, behind a proxy of its own."""
    name = request.module.__name__.rpartition(".")[2].replace("_", "-")
    httpx.put(f"http://127.0.0.1:{s3}/{name}").raise_for_status()
    with _proxied(s3) as proxy:
        yield Bucket(name, proxy)
