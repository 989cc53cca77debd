"""The folder that one process has to itself in a data folder that it may share with others."""

import fcntl
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from gpserver.errors import GPServerError

_LOCK = "engine.lock"
_BEAT = 3600.0  # seconds between two signs of life
# Seconds without one after which nobody comes back to a home: no machine freezes for so long.
_SILENCE = 7 * 86_400.0


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
    """Have a home for as long as the context lasts.

    Among homes, those that dead processes of this machine left go, and those of other machines, such as
    containers whose names change, that were silent for a week.

    Raises:
        DataFolderBusy: Another process has it.
    """
    home.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(_locked(home / _LOCK))
        except BlockingIOError:
            raise DataFolderBusy(
                f"Another gpserver works on {home}. Stop it, or start this one with another --data folder."
            ) from None
        if home.parent.name == "nodes":
            stack.enter_context(_beating(home))
            _bury(home)
        yield


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Have a file that nobody else has meanwhile; the lock goes with the process, however that ends.

    Raises:
        BlockingIOError: Somebody has it.
    """
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


@contextmanager
def _beating(home: Path) -> Iterator[None]:
    """Say from time to time that somebody lives here, by the time of the lock's file."""
    left = threading.Event()

    def beat() -> None:
        while not left.wait(_BEAT):
            with suppress(OSError):  # the shared folder is away
                os.utime(home / _LOCK)

    os.utime(home / _LOCK)
    thread = threading.Thread(target=beat, name="gpserver-home", daemon=True)
    thread.start()
    try:
        yield
    finally:
        left.set()
        thread.join()


def _bury(home: Path) -> None:
    now = (home / _LOCK).stat().st_mtime  # by the clock that stamps those of the others
    for other in home.parent.iterdir():
        with suppress(FileNotFoundError):  # it is being made, or buried by somebody else
            if other != home and (_is_dead(other) or now - (other / _LOCK).stat().st_mtime > _SILENCE):
                with suppress(BlockingIOError), _locked(other / _LOCK):
                    shutil.rmtree(other, ignore_errors=True)


def _is_dead(home: Path) -> bool:
    # A home that is named by its port is its successor's; one of a process nobody comes back to.
    host, _, process = home.name.rpartition("-pid")
    return host == socket.gethostname() and not Path(f"/proc/{process}").exists()
