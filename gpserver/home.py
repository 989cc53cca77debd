"""The folder that one process has to itself in a data folder that it may share with others."""

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from gpserver.errors import GPServerError

_LOCK = "engine.lock"


class DataFolderBusy(GPServerError):
    """Another server already works on this data folder."""


def home_of(data: Path, *, shared: bool, port: int = 0) -> Path:
    """The folder of this process.

    Args:
        data: The data folder.
        shared: Whether other processes use it as well.
        port: Where the process listens, by which it is found again after a restart; 0 where that changes.
    """
    return data / "nodes" / f"{socket.gethostname()}-{port or f'pid{os.getpid()}'}" if shared else data


@contextmanager
def occupied(home: Path) -> Iterator[None]:
    """Have a home for as long as the context lasts; what dead processes of this machine left of theirs goes.

    Raises:
        DataFolderBusy: Another process has it.
    """
    home.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise DataFolderBusy(
            f"Another gpserver works on {home}. Stop it, or start this one with another --data folder."
        ) from None
    if home.parent.name == "nodes":
        _bury(home)
    try:
        yield
    finally:
        lock.release()


def _bury(home: Path) -> None:
    # A home that is named by its port is its successor's; one of a process nobody comes back to.
    for other in home.parent.glob(f"{socket.gethostname()}-pid*"):
        if other != home and not Path(f"/proc/{other.name.rpartition('pid')[2]}").exists():
            with suppress(Timeout), FileLock(other / _LOCK).acquire(timeout=0):
                shutil.rmtree(other, ignore_errors=True)
