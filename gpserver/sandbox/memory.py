"""The memory of a process: how much is its own, and a bound on how much it may add."""

import contextlib
import os
import re
import resource
from collections.abc import Iterator
from pathlib import Path

import psutil

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
        try:
            if self._statm is None:
                return int(psutil.Process(self._pid).memory_info().rss)
            _, resident, shared, *_ = os.pread(self._statm, 200, 0).split()
            return (int(resident) - int(shared)) * _PAGE
        except (psutil.Error, OSError):
            return 0

    def close(self) -> None:
        """Let go of the process."""
        if self._statm is not None:
            os.close(self._statm)


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
