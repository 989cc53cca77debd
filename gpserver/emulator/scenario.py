"""A scenario: all that a test decides of a server, in one TOML or JSON file."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from gpserver.emulator.advice import explained
from gpserver.emulator.faults import Fault
from gpserver.emulator.quirks import Quirk
from gpserver.emulator.timeline import Timeline
from gpserver.errors import GPServerError


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a server is like after a reset."""

    seed: int = 1
    """What the ids of jobs and all that is left to chance follow from."""
    start: float | datetime | None = None
    """When its clock begins: epoch seconds, or a moment as ISO 8601 writes it; None for now."""
    speed: float = 1.0
    """Seconds that pass in one second of the wall: 0 stands still, 1000 makes 600 s last 0.6 s."""
    version: float = 0.0
    """The release of ArcGIS that it is taken for: 10.91, 11.1, 12.0; 0 for none in particular."""
    timelines: tuple[Timeline, ...] = ()
    faults: tuple[Fault, ...] = ()
    quirks: tuple[Quirk, ...] = ()

    @property
    def epoch(self) -> float | None:
        """When its clock begins, in epoch seconds; a moment without a zone is in UTC."""
        if not isinstance(self.start, datetime):
            return self.start
        return (self.start if self.start.tzinfo else self.start.replace(tzinfo=UTC)).timestamp()


def read_scenario(path: Path) -> Scenario:
    """The scenario of a file: TOML, or JSON where its name ends in ``.json``.

    Raises:
        GPServerError: It cannot be read; names the file and the place in it.
    """
    decode = msgspec.json.decode if path.suffix.lower() == ".json" else msgspec.toml.decode
    try:
        return decode(path.read_bytes(), type=Scenario)
    except OSError as error:
        raise GPServerError(f"The scenario {path} cannot be read: {error.strerror}.") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise GPServerError(f"The scenario {path} is not right: {explained(error, Scenario)}.") from None
