"""Inside a child process: orders come in, the entry function runs, events and the end go out."""

import contextlib
import ctypes
import faulthandler
import gc
import importlib
import io
import json
import os
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from gpserver.errors import TooLarge
from gpserver.sandbox import frames, memory

_PARENT_DEATH_SIGNAL, _CHILD_SUBREAPER = 1, 36  # linux/prctl.h


class Channel:
    """What an entry function can say to its supervisor, and ask it, while its job runs."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._open = True
        self._cancelled = False

    def send(self, kind: str, *fields: Any) -> None:
        """Send one event; waits while the supervisor is behind. Raises TooLarge, TypeError if not JSON-ready.

        What threads say after the end of their job is dropped.
        """
        frame = frames.encode(["event", [kind, *fields]])
        with self._lock:
            if self._open:
                self._connection.sendall(frame)

    def cancelled(self) -> bool:
        """Whether the job was cancelled; never waits."""
        # While a job runs the supervisor says one thing only, and its death means the same.
        if not self._cancelled:
            self._cancelled = bool(select.select([self._connection], [], [], 0)[0])
        return self._cancelled

    def close(self) -> None:
        """The job has ended: nothing more comes from it."""
        with self._lock:
            self._open = False


class _Lines(io.TextIOBase):
    """Standard output of a job: every complete line becomes an event."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._rest = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._channel.send("output", _last_state(line))
        self._rest = _last_state(self._rest)
        return len(text)

    def finish(self) -> None:
        if self._rest:
            self.write("\n")


def _last_state(line: str) -> str:
    """What a terminal would show: progress bars write their line again and again."""
    return line.rstrip("\r").rpartition("\r")[2]


def command(module: str, path: Sequence[str], *arguments: str) -> list[str]:
    """The command line that runs ``main(*arguments)`` of a module with the import path of this process."""
    code = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    code += f"from {module} import main; main(*sys.argv[2:])"
    return [sys.executable, "-c", code, json.dumps(list(path)), *arguments]


def warm(modules: Sequence[str]) -> list[str]:
    """Import what the jobs will need; returns the reports of those that cannot be imported."""
    reports = []
    for module in modules:
        try:
            importlib.import_module(module)
        except BaseException:  # a plug-in may even call sys.exit
            reports.append(f"cannot import {module}: {traceback.format_exc()}")
    gc.collect()
    gc.freeze()  # what is imported stays shared with the zygote, and collections stay short
    return reports


def main(entry: str, modules: str, *places: str) -> NoReturn:
    """A child that was started as a program of its own (start method ``spawn``)."""
    for report in warm(json.loads(modules)):
        print(report, file=sys.stderr)
    live(entry, *map(int, places))


def live(entry: str, connection: int, dump: int, parent: int) -> NoReturn:
    """The life of a child: settle, run what comes, go when the supervisor hangs up.

    Args:
        entry: ``package.module:function``.
        connection: Descriptor of the stream to the supervisor.
        dump: Descriptor of the file for the Python stack of a crash.
        parent: Process id of the zygote, without which no child lives.
    """
    status = 0
    try:
        _settle(parent, dump)
        os.set_inheritable(connection, False)
        _serve(entry, socket.socket(fileno=connection))
    except ConnectionError:
        pass  # the supervisor is gone
    except BaseException:
        traceback.print_exc()
        status = 1
    finally:
        os._exit(status)


def _settle(parent: int, dump: int) -> None:
    os.setsid()
    die_with_parent(signal.SIGKILL)
    adopt_orphans()
    if os.getppid() != parent:  # it died before we were bound to it
        os._exit(1)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800")  # rather us than the server
    os.set_inheritable(dump, False)
    faulthandler.enable(dump)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()  # the fork copied its state


def die_with_parent(signal_number: int) -> None:
    """Have the kernel send this signal when the parent dies (Linux)."""
    _prctl(_PARENT_DEATH_SIGNAL, signal_number)


def adopt_orphans() -> None:
    """Become the parent of all descendants that lose theirs (Linux)."""
    _prctl(_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value)


def _serve(entry: str, connection: socket.socket) -> None:
    connection.sendall(frames.encode(["ready", os.getpid()]))
    while (order := frames.receive(connection)) is not None:
        payload, limit = order
        channel = Channel(connection)
        end = _run(entry, payload, limit, channel)
        channel.close()
        gc.collect()  # now, so that the supervisor measures what stays
        connection.sendall(_end([*end, _leftovers()]))


def _run(entry: str, payload: dict[str, Any], limit: int | None, channel: Channel) -> tuple[Any, ...]:
    """One job: its ending, value, reason and detail."""
    try:
        with _output(channel), memory.at_most(limit):
            return "finished", _function(entry)(payload, channel), "", ""
    except SystemExit as error:
        return "failed", {}, f"the task called sys.exit({error.code!r})", traceback.format_exc()
    except BaseException as error:
        # GEOS and GDAL pass a failed allocation on as text.
        exhausted = isinstance(error, MemoryError) or "bad_alloc" in str(error)
        reason = f"{type(error).__name__}: {error}"
        return "out_of_memory" if exhausted else "failed", {}, reason, traceback.format_exc()


def _function(entry: str) -> Any:
    module, _, name = entry.partition(":")
    return getattr(importlib.import_module(module), name)


@contextlib.contextmanager
def _output(channel: Channel) -> Iterator[None]:
    """Send what Python code prints as events; what native code writes stays in the log of the children."""
    lines = _Lines(channel)
    with contextlib.redirect_stdout(lines), contextlib.redirect_stderr(lines):
        try:
            yield
        finally:
            lines.finish()


def _end(fields: list[Any]) -> bytes:
    try:
        return frames.encode(["end", *fields])
    except (TooLarge, TypeError) as error:
        return frames.encode(["end", "failed", {}, f"the result cannot be sent: {error}", "", True])


def _leftovers() -> bool:
    """Whether the job left processes or threads behind; orphans of its processes are ours by now."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
        return True
    return threading.active_count() > 1
