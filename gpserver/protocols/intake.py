"""Room for the bodies of requests that are on their way in: of each user, in all, and on the disk."""

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gpserver.errors import Crowded, ServerBusy

_SMALL = 64 << 10  # bytes of a body that is not counted: polls and logins come through whatever else comes


@dataclass(frozen=True)
class Room:
    """What is received at the same time, at most; small bodies are not counted."""

    bodies: int = 100
    bodies_each: int = 20
    """Of one user who signed in."""
    size: int = 10_000_000_000
    """Bytes of all of them."""
    size_each: int = 4_000_000_000
    """Bytes of those of one user."""
    free: int = 0
    """Bytes that the disk must have left."""


class Intake:
    """What comes in at this moment; only for the thread of the event loop.

    Args:
        spool: The folder where large values are put as they arrive.
        room: What is taken at most.
    """

    def __init__(self, spool: Path, room: Room = Room()) -> None:
        self.spool, self._room = spool, room
        self._bodies, self._bytes = Counter[str](), Counter[str]()

    @contextmanager
    def receive(self, owner: str) -> Iterator["Coming"]:
        """Hold room for one body, of a user or (empty) of nobody in particular, until it has been read."""
        coming = Coming(self, owner)
        try:
            yield coming
        finally:
            self._move(owner, -coming.size, -bool(coming.size))

    def hold(self, owner: str, more: int, bodies: int) -> None:
        """Take room; see ``Coming.grow``."""
        room = self._room
        if room.free and shutil.disk_usage(self.spool).free - more < room.free:
            raise ServerBusy("The disk of the server is nearly full. Ask again later, or tell its operator.")
        if owner:
            self._check(owner, more, bodies, room.bodies_each, room.size_each)
        self._check("", more, bodies, room.bodies, room.size)
        self._move(owner, more, bodies)

    def _check(self, owner: str, more: int, bodies: int, most: int, size: int) -> None:
        whose = "of yours " if owner else ""
        if self._bodies[owner] + bodies > most:
            raise Crowded(f"{most} large requests {whose}are being received, and no more. Ask again later.")
        if self._bytes[owner] + more > size:
            raise Crowded(f"{size:,} bytes {whose}are being received, and no more. Ask again later.")

    def _move(self, owner: str, size: int, bodies: int) -> None:
        for key in {"", owner}:
            self._bodies[key] += bodies
            self._bytes[key] += size
            if not self._bodies[key]:
                del self._bodies[key], self._bytes[key]


class Coming:
    """One body that comes in."""

    def __init__(self, intake: Intake, owner: str) -> None:
        self._intake, self._owner = intake, owner
        self.size = 0
        """Bytes that are held for it."""

    def grow(self, size: int) -> None:
        """Say that it has, or will have, so many bytes in all.

        Raises:
            Crowded: As much as may come at once is coming already.
            ServerBusy: The disk is nearly full.
        """
        if size > max(self.size, _SMALL):
            self._intake.hold(self._owner, size - self.size, bodies=int(not self.size))
            self.size = size
