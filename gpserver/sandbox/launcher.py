"""The supervisor's hold on its zygote: start it, ask it for children, hear what became of them."""

import contextlib
import json
import os
import socket
import subprocess
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from gpserver.sandbox import child, frames

# One BLAS thread per child is right anyway, and the process that forks must have one thread only.
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
_PATIENCE = 5.0  # seconds until a zygote that does not leave is killed


class Launcher:
    """One zygote process; it lives until ``close``, or until ``receive`` raises EOFError."""

    def __init__(
        self,
        entry: str,
        modules: Sequence[str],
        start_method: str,
        log: Path | None,
        hidden: Collection[str] = (),
    ) -> None:
        self.control, theirs = socket.socketpair()
        arguments = str(theirs.fileno()), entry, json.dumps(list(modules)), start_method
        with theirs, contextlib.ExitStack() as stack:
            self.process = subprocess.Popen(
                child.command("gpserver.sandbox.zygote", *arguments),
                stdin=subprocess.DEVNULL,
                stdout=stack.enter_context(log.open("ab")) if log else 2,
                stderr=subprocess.STDOUT,
                env={name: os.environ[name] for name in os.environ if name not in hidden} | _ENVIRONMENT,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for the server
            )
        self.control.setblocking(False)
        self._decoder = frames.Decoder()

    def launch(self, number: int, *descriptors: int) -> None:
        """Ask for a child with these descriptors: its connection and its dump file."""
        self._send(["launch", number], descriptors)

    def kill(self, number: int) -> None:
        """Ask for the death of a child and its process group."""
        self._send(["kill", number])

    def _send(self, request: list[Any], descriptors: Sequence[int] = ()) -> None:
        try:
            socket.send_fds(self.control, [frames.encode(request)], descriptors)
        except BlockingIOError:  # it is stuck
            self.process.kill()
        except OSError:
            pass  # it is gone; the next read notices

    def receive(self) -> Iterator[Any]:
        """The reports that have come; raises EOFError when the zygote is gone."""
        try:
            data = self.control.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            raise EOFError
        yield from self._decoder.feed(data)

    def close(self) -> None:
        """Let the zygote take its children along; returns when it is gone."""
        self.control.close()
        self.process.terminate()
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
