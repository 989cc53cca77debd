"""How often one may guess."""

from gpserver.security.throttle import Throttle


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_so_many_attempts_are_admitted_in_that_time() -> None:
    clock = Clock()
    throttle = Throttle(3, seconds=60, clock=clock)
    assert [throttle.admit("a") for _ in range(5)] == [True, True, True, False, False]
    assert throttle.admit("b")
    clock.now = 59.9
    assert not throttle.admit("a")
    clock.now = 60
    assert throttle.admit("a")


def test_an_attempt_that_succeeded_does_not_count() -> None:
    throttle = Throttle(2)
    for _ in range(10):
        assert throttle.admit("a")
        throttle.refund("a")
    throttle.refund("never seen")


def test_it_forgets_the_oldest_and_not_who_keeps_trying() -> None:
    throttle = Throttle(2)
    for n in range(25_000):
        throttle.admit(n)
        throttle.admit("busy")
    assert not throttle.admit("busy")
    assert throttle.admit(0)
    assert len(throttle._seen) == 10_000  # its memory is what it promises
