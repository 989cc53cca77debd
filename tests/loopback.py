"""Web servers of a test's own, on addresses of the loopback, that answer as the test says."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Web(BaseHTTPRequestHandler):
    """Answers ``/kind/rest?query`` with ``on_kind(rest)``, and writes down what was asked."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        kind, _, rest = self.path.partition("?")[0].lstrip("/").partition("/")
        getattr(self, f"on_{kind}", self.on_text)(rest)

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def on_text(self, rest: str) -> None:
        self.answer(b"hello", content_type="text/plain; charset=utf-8")

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, web: type[Web], address: str, context: ssl.SSLContext | None) -> None:
        super().__init__((address, 0), web)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.released = threading.Event()
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # the client hangs up on what it does not want

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]}:{self.server_port}"


@contextmanager
def serving(
    web: type[Web] = Web, address: str = "127.0.0.1", context: ssl.SSLContext | None = None
) -> Iterator[Server]:
    """A server that runs until the block ends."""
    with Server(web, address, context) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()
