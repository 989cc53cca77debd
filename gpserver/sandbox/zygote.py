"""The warm parent of the children: it imports, forks, reaps and kills, in one thread, and opens no data."""

import contextlib
import json
import os
import select
import signal
import socket
import sys

from gpserver.sandbox import child, frames, kinship


class Zygote:
    """Obeys the frames of its supervisor and reports what becomes of the children.

    In: ``["launch", number]`` with two descriptors, the child's connection and its dump file;
    ``["kill", number]``. Out: ``["exited", number, exit code]``, negative for a signal.
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
            child.warm(self._modules)
        self._heed_signals()
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        with contextlib.suppress(ConnectionError):
            while not self._leaving:
                ready = {descriptor for descriptor, _ in poll.poll()}
                if self._wake.fileno() in ready:
                    self._wake.recv(4096)
                    self._reap()
                if self._control.fileno() in ready:
                    self._obey()
        self._end_all()

    def _heed_signals(self) -> None:
        self._waker.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._leave)

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
        try:
            pid = os.fork()
        except OSError:  # no more processes, or no memory for one
            self._report("exited", number, os.EX_OSERR)
        else:
            if not pid:
                try:
                    self._become_child(connection, dump, parent)
                finally:
                    os._exit(os.EX_OSERR)  # whatever happens, it must not go on as a second zygote
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
        for descriptor in self._descriptors:
            os.close(descriptor)
        if self._fork:
            child.live(self._entry, [], connection, dump, parent)
        places = str(connection), str(dump), str(parent)
        program = child.command("gpserver.sandbox.child", self._entry, json.dumps(self._modules), *places)
        os.execv(sys.executable, program)  # noqa: S606  (without a shell on purpose)

    def _kill(self, number: int) -> None:
        for pid, known in self._children.items():
            if known == number:
                _kill(pid)

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                self._bury(*ended)

    def _bury(self, pid: int, status: int) -> None:
        """Kill what a child leaves behind, then report its exit; ``pid`` may be an adopted one, too."""
        number = self._children.pop(pid, None)
        if number is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        for orphan in kinship.children():  # left the group of a child that is dead now
            if orphan not in self._children:
                os.kill(orphan, signal.SIGKILL)
        if number is not None:
            self._report("exited", number, os.waitstatus_to_exitcode(status))

    def _end_all(self) -> None:
        for pid in self._children:
            _kill(pid)
        with contextlib.suppress(ChildProcessError):
            while True:
                self._bury(*os.waitpid(-1, 0))

    def _report(self, *fields: object) -> None:
        with contextlib.suppress(ConnectionError):  # nobody is left to tell; the next read notices
            self._control.sendall(frames.encode(fields))


def _kill(pid: int) -> None:
    """Kill a child that was not reaped, so that nobody else can have its id, and its group."""
    # Each by itself: a child that was forked just now does not lead its group yet.
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def main(control: str, entry: str, modules: str, start_method: str) -> None:
    """The program of the zygote; SIGTERM when its supervisor dies ends it even while it still imports."""
    kinship.die_with_parent(signal.SIGTERM)
    kinship.adopt_orphans()
    connection = socket.socket(fileno=int(control))
    Zygote(connection, entry, json.loads(modules), start_method == "fork").serve()
