"""The memory of a process: how much is its own, and a bound on how much it may add."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_PAGE = resource.getpagesize()


def private_bytes(pid: int) -> int:
    """Resident memory of a process without mapped files; 0 for a process that is gone."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_bytes().split()
        return (int(resident) - int(shared)) * _PAGE
    except FileNotFoundError:
        return _resident_bytes(pid)


def _resident_bytes(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


@contextmanager
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
    resource.setrlimit(
        resource.RLIMIT_DATA, (bound if hard == resource.RLIM_INFINITY else min(bound, hard), hard)
    )
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def kernel_kills() -> int:
    """How many processes the kernel has killed for want of memory since it was started."""
    try:
        for line in Path("/proc/vmstat").read_bytes().splitlines():
            if line.startswith(b"oom_kill "):
                return int(line.split()[1])
    except FileNotFoundError:
        pass
    return 0
