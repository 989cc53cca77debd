"""Serve the application on a socket, and say so once it answers."""

import faulthandler
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from gpserver import logs
from gpserver.app import create_app
from gpserver.connection import Protocol, listen
from gpserver.errors import GPServerError
from gpserver.settings import Settings

# Seconds that open requests get once no job runs any more, when the server is told to stop.
_GRACE = 5

# Seconds until a busy thread lets another one have its turn: the threads that start and end jobs wait for
# the event loop at each step, and Python's own 5 ms would leave the workers idle for most of a small job.
_SWITCH = 0.0005


def serve(settings: Settings, on_ready: Callable[[str, Settings], None] | None = None) -> int:
    """Serve until a signal says stop.

    Args:
        settings: Where to listen and what to serve.
        on_ready: Called in a thread of its own with the site's URL once it answers.

    Raises:
        GPServerError: The port is taken or the services folder is not there.
    """
    if not settings.services.is_dir():
        raise GPServerError(f"There is no folder {settings.services}. Name one with --services.")
    logs.set_up(settings.log_format, settings.log_level)
    listener = listen(settings.host, settings.port)
    url = f"http://{settings.host}:{listener.getsockname()[1]}"
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        http=Protocol,
        access_log=False,
        log_config=None,
        lifespan="on",
        ws="none",  # nobody asks for them, and what speaks them takes long to load
        timeout_graceful_shutdown=_GRACE,
    )
    server = _Server(config, app, settings.drain, lambda: _ready(url, settings, on_ready))
    sys.setswitchinterval(_SWITCH)
    if hasattr(signal, "SIGUSR1"):
        faulthandler.register(signal.SIGUSR1)  # shows where every thread is, should a server ever hang
    # uvicorn raises the signal that stopped it once more; by then it has done its work.
    signal.signal(signal.SIGTERM, lambda *_: None)
    server.run(sockets=[listener])
    return 0 if server.started else 1


class _Server(uvicorn.Server):
    """Told to stop, it takes no more jobs, and answers what else is asked until those that run have ended."""

    def __init__(
        self, config: uvicorn.Config, app: Starlette, drain: float, on_ready: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._state, self._drain, self._on_ready = app.state, drain, on_ready
        self._told = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._state.stopping.set()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._told:  # and told again: at once
            self._state.engine.hurry()
            super().handle_exit(sig, frame)
            return
        self._told = True
        threading.Thread(target=self._leave, args=(sig, frame), name="gpserver-drain", daemon=True).start()

    def _leave(self, sig: int, frame: FrameType | None) -> None:
        self._state.engine.drain(self._drain)
        super().handle_exit(sig, frame)


def _ready(url: str, settings: Settings, on_ready: Callable[[str, Settings], None] | None) -> None:
    print(f"gpserver is ready: {url}/arcgis/rest/services", flush=True)
    if on_ready:
        threading.Thread(target=on_ready, args=(url, settings), name="gpserver-demo", daemon=True).start()
