"""What Linux can do about processes whose parent dies; elsewhere these do nothing."""

import ctypes
import sys
from pathlib import Path

_PARENT_DEATH_SIGNAL, _CHILD_SUBREAPER = 1, 36  # linux/prctl.h


def die_with_parent(signal_number: int) -> None:
    """Have the kernel send us this signal when the parent dies."""
    _prctl(_PARENT_DEATH_SIGNAL, signal_number)


def adopt_orphans() -> None:
    """Become the parent of all descendants that lose theirs."""
    _prctl(_CHILD_SUBREAPER, 1)


def children() -> list[int]:
    """Process ids of our own children, the adopted ones included."""
    try:
        return [int(pid) for pid in Path("/proc/thread-self/children").read_bytes().split()]
    except FileNotFoundError:
        return []


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value)
