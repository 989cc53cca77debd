"""The memory of a process: how much is its own, and a bound on how much it may add."""

import contextlib
import os
import re
import resource
from collections.abc import Iterator
from pathlib import Path

_PAGE = resource.getpagesize()


class Gauge:
    """Reads again and again how much memory a process has for itself."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._statm: int | None = None
        with contextlib.suppress(OSError):
            self._statm = os.open(f"/proc/{pid}/statm", os.O_RDONLY | os.O_CLOEXEC)

    def read(self) -> int:
        """Resident bytes without mapped files; 0 for a process that is gone or does not tell."""
        if self._statm is None:
            return _resident(self._pid)
        try:
            return _unshared(os.pread(self._statm, 200, 0))
        except OSError:
            return 0

    def read_all(self) -> int:
        """The same with all processes below it."""
        return self.read() + sum(map(_private, _below(self._pid)))

    def close(self) -> None:
        """Let go of the process."""
        if self._statm is not None:
            os.close(self._statm)


def _unshared(statm: bytes) -> int:
    _, resident, shared, *_ = statm.split()
    return (int(resident) - int(shared)) * _PAGE


def _resident(pid: int) -> int:
    """What a system without /proc tells."""
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def _private(pid: int) -> int:
    try:
        return _unshared(Path(f"/proc/{pid}/statm").read_bytes())
    except (OSError, ValueError):  # it is gone, or this is no Linux
        return 0


def _below(pid: int) -> list[int]:
    """Process ids of the children of a process, and of theirs, as far as Linux tells them by thread."""
    found = [pid]
    for each in found:  # grows while it is read
        for thread in Path(f"/proc/{each}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, thread.read_bytes().split())
    return found[1:]


@contextlib.contextmanager
def at_most(more: int | None) -> Iterator[None]:
    """Bound this process to ``more`` bytes of data on top of what it has; beyond it, MemoryError.

    Where the system has no such bound (macOS) nothing happens here, and the supervisor's watch remains.
    """
    statm = Path("/proc/self/statm")
    if more is None or not statm.exists():
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    bound = int(statm.read_bytes().split()[5]) * _PAGE + more
    if hard != resource.RLIM_INFINITY:
        bound = min(bound, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (bound, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def kernel_kills() -> int:
    """How many processes the kernel has killed for want of memory since it was started."""
    try:
        count = re.search(rb"^oom_kill (\d+)", Path("/proc/vmstat").read_bytes(), re.MULTILINE)
    except OSError:
        return 0
    return int(count[1]) if count else 0
