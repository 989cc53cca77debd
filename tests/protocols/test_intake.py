"""Room for bodies that come in: counted by user and in all, and free again when they have been read."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from gpserver.errors import Crowded, ServerBusy
from gpserver.protocols.intake import Intake, Room

LARGE = 1_000_000


def test_bodies_are_counted_by_user_and_in_all(tmp_path: Path) -> None:
    intake = Intake(tmp_path, Room(bodies=3, bodies_each=2))
    with ExitStack() as coming:
        for owner in ("ann", "ann", ""):
            coming.enter_context(intake.receive(owner)).grow(LARGE)
        with pytest.raises(Crowded, match="2 large requests of yours"), intake.receive("ann") as body:
            body.grow(LARGE)
        with pytest.raises(Crowded, match="3 large requests are"), intake.receive("bob") as body:
            body.grow(LARGE)
        with intake.receive("bob") as body:
            body.grow(60_000)  # a poll, a login
    with intake.receive("ann") as body:
        body.grow(LARGE)


def test_bytes_are_counted_as_they_grow(tmp_path: Path) -> None:
    intake = Intake(tmp_path, Room(size=3 * LARGE, size_each=2 * LARGE))
    with intake.receive("ann") as first, intake.receive("bob") as second:
        first.grow(LARGE)
        first.grow(2 * LARGE)
        first.grow(LARGE)  # what is held stays
        with pytest.raises(Crowded, match="2,000,000 bytes of yours"):
            first.grow(2 * LARGE + 1)
        second.grow(LARGE)
        with pytest.raises(Crowded, match="3,000,000 bytes are"):
            second.grow(LARGE + 1)
    with intake.receive("ann") as body:
        body.grow(2 * LARGE)


def test_a_disk_that_is_nearly_full_takes_no_large_body(tmp_path: Path) -> None:
    intake = Intake(tmp_path, Room(free=1 << 60))
    with intake.receive("") as body:
        body.grow(1000)
        with pytest.raises(ServerBusy, match="disk"):
            body.grow(LARGE)
