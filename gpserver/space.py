"""How many bytes the files that clients send may take."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from gpserver.errors import ServerBusy


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes that all files may take, and those of one user who signed in."""

    total: float = inf
    each: float = inf

    def check(self, used: Mapping[str, int], owner: str, more: int = 0) -> None:
        """Refuse a file for which there is no space.

        Args:
            used: The bytes of each user's files.
            owner: Whose it is; empty where nobody signs in.
            more: Its bytes, if they are not among those that are used.

        Raises:
            ServerBusy: There is no space for it.
        """
        if sum(used.values()) + more > self.total:
            raise ServerBusy(
                f"Uploaded files take {self.total:,} bytes, and no more are kept. Ask again later."
            )
        if owner and used.get(owner, 0) + more > self.each:
            raise ServerBusy(f"Your uploaded files may take {self.each:,} bytes together: delete some.")
