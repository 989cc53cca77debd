"""Runs an emulator beside the tests: in a thread of this process, with or without a port."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvicorn

from gpserver.connection import listen
from gpserver.emulator.emulator import Emulator
from gpserver.emulator.transport import Protocol

Value = TypeVar("Value")

_GRACE = 1  # seconds that open requests get at the end


class Resident:
    """An emulator that lives in a thread, where ``run`` asks it from any other.

    Args:
        emulator: It.
    """

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gpserver-emulator", daemon=True)

    def start(self) -> None:
        """Begin; once this returns requests are answered."""
        self._thread.start()
        self.run(self.emulator.start())

    def run(self, work: Coroutine[Any, Any, Value]) -> Value:
        """Do something in the emulator's own thread and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """Stop."""
        self.run(self.emulator.close())
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Served(Resident):
    """An emulator that listens on a port as well.

    Args:
        emulator: It.
        host: Where.
        port: 0 takes a free one.

    Raises:
        GPServerError: The port cannot be used.
    """

    def __init__(self, emulator: Emulator, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__(emulator)
        self._listener = listen(host, port)
        self.url = f"http://{host}:{self._listener.getsockname()[1]}"
        config = uvicorn.Config(
            emulator,
            http=Protocol,
            access_log=False,
            log_config=None,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=_GRACE,
        )
        self._server = uvicorn.Server(config)

    def start(self) -> None:
        """Begin; once this returns requests are answered."""
        super().start()
        self._serving = asyncio.run_coroutine_threadsafe(
            self._server.serve(sockets=[self._listener]), self._loop
        )

    def close(self) -> None:
        """Stop."""
        self.emulator.watching.close()  # or the server would wait for who looks on
        self._server.should_exit = True
        self._serving.result()
        super().close()
