"""The warm parent of the children: it imports, forks, reaps and kills, in one thread, and opens no data."""

import contextlib
import json
import os
import select
import signal
import socket
import sys
from pathlib import Path

from gpserver.sandbox import child, frames


class Zygote:
    """Obeys the frames of its supervisor and reports what becomes of the children.

    In: ``["launch", number]`` with two descriptors, the child's connection and its dump file;
    ``["kill", number]``. Out: ``["exited", number, exit code]`` (negative: signal), ``["broken", text]``.
    """

    def __init__(self, control: socket.socket, entry: str, modules: list[str], fork: bool) -> None:
        self._control, self._entry, self._modules, self._fork = control, entry, modules, fork
        self._requests = frames.Decoder()
        self._descriptors: list[int] = []
        self._children: dict[int, int] = {}  # pid -> number
        self._leaving = False
        self._wake, self._waker = socket.socketpair()

    def serve(self) -> None:
        """Work until the supervisor hangs up or dies, then take all children along."""
        if self._fork:
            for report in child.warm(self._modules):
                self._report("broken", report)
        self._heed_signals()
        with contextlib.suppress(ConnectionError):
            while not self._leaving:
                ready, _, _ = select.select([self._control, self._wake], [], [])
                if self._wake in ready:
                    self._wake.recv(4096)
                    self._reap()
                if self._control in ready:
                    self._obey()
        self._end_all()

    def _heed_signals(self) -> None:
        self._wake.setblocking(False)
        self._waker.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._leave)
        self._reap()

    def _leave(self, *_: object) -> None:
        self._leaving = True

    def _obey(self) -> None:
        # Passed descriptors are inheritable, as the exec of a spawned child needs them.
        data, descriptors, _, _ = socket.recv_fds(self._control, 65536, 64)
        self._descriptors += descriptors
        self._leaving = self._leaving or not data
        for request, number in self._requests.feed(data):
            if request == "launch":
                self._launch(number)
            else:
                self._kill(number)

    def _launch(self, number: int) -> None:
        connection, dump, *self._descriptors = self._descriptors
        parent = os.getpid()
        pid = os.fork()
        if not pid:
            self._become_child(connection, dump, parent)
        self._children[pid] = number
        os.close(connection)
        os.close(dump)

    def _become_child(self, connection: int, dump: int, parent: int) -> None:
        """Keep nothing of the zygote but what it has imported; does not return."""
        signal.set_wakeup_fd(-1)
        for signal_number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(signal_number, signal.SIG_DFL)
        for end in (self._control, self._wake, self._waker):
            end.close()
        for place in self._descriptors:
            os.close(place)
        if self._fork:
            child.live(self._entry, connection, dump, parent)
        places = (str(connection), str(dump), str(parent))
        arguments = child.command(
            "gpserver.sandbox.child", sys.path, self._entry, json.dumps(self._modules), *places
        )
        os.execv(sys.executable, arguments)  # noqa: S606  (no shell is what we want)

    def _kill(self, number: int) -> None:
        for pid, known in self._children.items():
            if known == number:
                _kill_group(pid)

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                self._bury(*ended)

    def _bury(self, pid: int, status: int) -> None:
        number = self._children.pop(pid, None)
        if number is not None:
            _kill_group(pid)
        self._kill_orphans()
        if number is not None:
            self._report("exited", number, os.waitstatus_to_exitcode(status))

    def _kill_orphans(self) -> None:
        """Processes that left the group of a child come to us when it dies; nobody waits for them."""
        with contextlib.suppress(FileNotFoundError):
            for pid in map(int, Path("/proc/thread-self/children").read_bytes().split()):
                if pid not in self._children:
                    os.kill(pid, signal.SIGKILL)

    def _end_all(self) -> None:
        for pid in self._children:
            _kill_group(pid)
        with contextlib.suppress(ChildProcessError):
            while True:
                self._bury(*os.waitpid(-1, 0))

    def _report(self, *fields: object) -> None:
        with contextlib.suppress(ConnectionError):  # nobody is left to tell; the next read notices
            self._control.sendall(frames.encode(fields))


def _kill_group(pid: int) -> None:
    # The pid as well: a child that was forked just now does not lead its group yet.
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def main(control: str, entry: str, modules: str, start_method: str) -> None:
    """The program of the zygote; it ends by SIGTERM when its supervisor dies while it still imports."""
    child.die_with_parent(signal.SIGTERM)
    child.adopt_orphans()
    connection = socket.socket(fileno=int(control))
    Zygote(connection, entry, json.loads(modules), start_method == "fork").serve()
