"""A small web server for a process that has none: what an operator's machines ask of it."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute


@contextmanager
def answering(host: str, port: int, routes: Sequence[BaseRoute]) -> Iterator[None]:
    """Answer on a port of its own meanwhile, in a thread of its own; port 0 is none.

    Raises:
        OSError: The port is taken.
    """
    if not port:
        yield
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    config = uvicorn.Config(
        Starlette(routes=routes), access_log=False, log_level="warning", log_config=None, lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), name="gpserver-telemetry", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
