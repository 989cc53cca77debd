"""Nothing is old before its time, whatever is done to the clock."""

from gpserver.age import AgeClock

DAY, LIFETIME = 86_400.0, 600.0


def test_a_jump_forward_counts_only_once_what_was_young_is_old() -> None:
    wall, steady = 1_000_000.0, 50.0
    clock = AgeClock(LIFETIME, lambda: wall, lambda: steady)
    assert clock.now() == wall
    born = wall
    wall, steady = wall + DAY + 10, steady + 10
    assert clock.now() - born == 10
    wall, steady = wall + LIFETIME - 1, steady + LIFETIME - 1
    assert clock.now() - born == LIFETIME + 9
    wall, steady = wall + 1, steady + 1
    assert clock.now() == wall


def test_a_jump_that_is_taken_back_was_none() -> None:
    wall, steady = 1_000_000.0, 50.0
    clock = AgeClock(LIFETIME, lambda: wall, lambda: steady)
    for jump in (DAY, -DAY):
        wall += jump
        assert clock.now() == 1_000_000.0
    wall -= DAY
    assert clock.now() == wall
    wall += 5  # as time servers do
    assert clock.now() == wall
