"""The clock of an emulated server."""

import asyncio
import time

import pytest

from gpserver.clock import Clock


def test_it_runs_with_the_wall() -> None:
    before = time.time()
    clock = Clock()
    assert before <= clock.now() <= time.time()


def test_it_stands_still_until_it_is_advanced() -> None:
    clock = Clock(start=1000.0, speed=0)
    clock.advance(600)
    assert clock.now() == 1600.0


def test_it_goes_on_from_where_it_stood_when_its_speed_changes() -> None:
    clock = Clock(start=1000.0, speed=0)
    clock.speed = 1_000_000
    time.sleep(0.001)
    assert clock.now() >= 2000.0
    clock.speed = 0
    stopped = clock.now()
    time.sleep(0.001)
    assert clock.now() == stopped >= 2000.0


@pytest.mark.parametrize("speed", [-1, float("inf"), float("nan")])
def test_it_never_runs_back(speed: float) -> None:
    with pytest.raises(ValueError, match="speed of time"):
        Clock(speed=speed)
    with pytest.raises(ValueError, match="advanced"):
        Clock().advance(-1)


def test_a_sleeper_wakes_when_it_is_advanced() -> None:
    clock = Clock(start=0.0, speed=0)

    async def sleepers() -> list[float]:
        short, long = (asyncio.create_task(clock.sleep(seconds)) for seconds in (10, 3600))
        await asyncio.sleep(0)
        clock.advance(9)
        await asyncio.sleep(0)
        assert not short.done()
        clock.advance(1)
        await short
        assert not long.done()
        clock.speed = 1_000_000
        await long
        return [clock.now()]

    assert asyncio.run(sleepers())[0] >= 3600


def test_it_tells_who_watches_until_they_are_tired_of_it() -> None:
    clock, seen = Clock(start=0.0, speed=0), []
    forget = clock.watch(lambda: seen.append(clock.now()))
    clock.advance(5)
    forget()
    clock.advance(5)
    assert seen == [5.0]
