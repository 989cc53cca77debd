"""What a running job says to its supervisor: events, the end of its lines, and the question of its cancel."""

import io
import select
import socket
import threading
from typing import TextIO

from gpserver.sandbox import frames


class Channel:
    """The line of one job to its supervisor."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._open = True
        self._cancelled = False

    def send(self, kind: str, *fields: object) -> None:
        """Send one event; waits while the supervisor is behind.

        What threads say after the end of their job is dropped. Raises TooLarge, and TypeError for fields
        that are not JSON-ready.
        """
        frame = frames.encode(["event", [kind, *fields]])
        with self._lock:
            if self._open:
                self._connection.sendall(frame)

    def cancelled(self) -> bool:
        """Whether the job was cancelled; never waits."""
        # While a job runs the supervisor says one thing only, and hanging up means the same.
        if not self._cancelled:
            self._cancelled = bool(select.select([self._connection], [], [], 0)[0])
        return self._cancelled

    def close(self) -> None:
        """The job has ended: nothing more comes from it."""
        with self._lock:
            self._open = False


class Output(io.TextIOBase):
    """Standard output or error of a child: while a job runs, every complete line becomes an event of it.

    Only what Python code writes comes here; what native code writes goes to the log.
    """

    encoding = "utf-8"

    def __init__(self, log: TextIO) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._channel: Channel | None = None
        self._rest = ""

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._log.fileno()

    def write(self, text: str) -> int:
        with self._lock:
            if self._channel is None:
                return self._log.write(text)
            # A file name may hold bytes that are no text.
            clean = text.encode(errors="replace").decode()
            *lines, rest = (self._rest + clean).split("\n")
            for line in lines:
                self._channel.send("output", _last_state(line))
            self._rest = _last_state(rest)
            return len(text)

    def turn_to(self, channel: Channel | None) -> None:
        """A job begins, or has ended: what it left without an end of line goes out as well."""
        if self._rest:
            self.write("\n")
        self._channel = channel


def _last_state(line: str) -> str:
    """What a terminal would show: progress bars write their line again and again."""
    return line.rstrip("\r").rpartition("\r")[2]
