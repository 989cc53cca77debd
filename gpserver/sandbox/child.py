"""Inside a child process: orders come in, the entry function runs, events and the end go out."""

import contextlib
import faulthandler
import gc
import importlib
import json
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from gpserver.errors import TooLarge
from gpserver.sandbox import frames, kinship, memory
from gpserver.sandbox.channel import Channel, Output


def command(module: str, *arguments: str) -> list[str]:
    """The command line that runs ``main(*arguments)`` of a module with the import path of this process."""
    code = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    code += f"from {module} import main; main(*sys.argv[2:])"
    return [sys.executable, "-P", "-c", code, json.dumps([*map(str, sys.path)]), *arguments]


def warm(modules: Sequence[str]) -> None:
    """Import what the jobs will need; what cannot be imported is told to the log."""
    for module in modules:
        try:
            importlib.import_module(module)
        except BaseException:  # a plug-in may even call sys.exit
            print(f"gpserver: {module} cannot be imported before it is needed.", file=sys.stderr)
            traceback.print_exc()
    gc.collect()
    gc.freeze()  # what is imported stays shared with the zygote, and collections stay short


def main(entry: str, modules: str, *places: str) -> NoReturn:
    """The program of a child that was not forked warm (start method ``spawn``)."""
    live(entry, json.loads(modules), *map(int, places))


def live(entry: str, modules: Sequence[str], connection: int, dump: int, parent: int) -> NoReturn:
    """The life of a child: settle, run what comes, go when the supervisor hangs up.

    Args:
        entry: ``package.module:function``.
        modules: What is not imported yet.
        connection: Descriptor of the stream to the supervisor.
        dump: Descriptor of the file for the Python stack of a crash.
        parent: Process id of the zygote, without which no child lives.
    """
    status = 0
    try:
        _settle(parent, dump)
        warm(modules)
        os.set_inheritable(connection, False)
        _serve(entry, socket.socket(fileno=connection))
    except (EOFError, ConnectionError):
        pass  # the supervisor is gone
    except BaseException:
        traceback.print_exc()
        status = 1
    finally:
        os._exit(status)


def _settle(parent: int, dump: int) -> None:
    os.setsid()
    kinship.die_with_parent(signal.SIGKILL)
    kinship.adopt_orphans()
    if os.getppid() != parent:  # it died before we were bound to it
        os._exit(1)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800")  # rather us than the server
    os.set_inheritable(dump, False)
    faulthandler.enable(dump)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()  # the fork copied its state


def _serve(entry: str, connection: socket.socket) -> NoReturn:
    outputs = Output(sys.stderr), Output(sys.stderr)
    sys.stdout, sys.stderr = outputs
    connection.sendall(frames.encode(["ready", os.getpid()]))
    while True:  # and keep nothing of one order until the next
        connection.sendall(_answer(entry, frames.receive(connection), Channel(connection), outputs))


def _answer(entry: str, order: Any, channel: Channel, outputs: Sequence[Output]) -> bytes:
    if order == "cancel":  # too late for the job that has just ended
        return b""
    for output in outputs:
        output.turn_to(channel)
    payload, limit = order
    end = _run(entry, payload, limit, channel)
    for output in outputs:
        output.turn_to(None)
    channel.close()
    gc.collect()  # now, so that the supervisor measures what stays
    return _end([*end, _leftovers()])


def _run(entry: str, payload: dict[str, Any], limit: int | None, channel: Channel) -> tuple[object, ...]:
    """One job: its ending, value, reason and detail."""
    try:
        with memory.at_most(limit):
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


def _end(fields: list[object]) -> bytes:
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
