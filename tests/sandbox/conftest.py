"""Sandboxes for tests; those with two slots and no wishes are shared, as each takes a second to warm up."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from sandbox.recorder import METHODS, Recorder


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    """Each start method."""
    return str(request.param)


@pytest.fixture(scope="session")
def shared() -> Iterator[Callable[[str], Recorder]]:
    """The sandbox of a start method."""
    recorders: list[Recorder] = []

    @cache
    def get(method: str) -> Recorder:
        recorders.append(Recorder(start_method=method))
        return recorders[-1]

    yield get
    for recorder in recorders:
        recorder.sandbox.close()
        assert all(len(outcomes) == 1 for outcomes in recorder.outcomes.values())


@pytest.fixture
def pool(shared: Callable[[str], Recorder], method: str) -> Iterator[Recorder]:
    """Two slots, with each start method."""
    yield from use(shared(method))


@pytest.fixture
def fast_pool(shared: Callable[[str], Recorder]) -> Iterator[Recorder]:
    """Two slots of the platform's own start method, where the method cannot matter."""
    yield from use(shared(METHODS[0]))


def use(recorder: Recorder) -> Iterator[Recorder]:
    yield recorder
    recorder.then = None
    assert recorder.sandbox.free() == 2


@pytest.fixture
def new_pool() -> Iterator[Callable[..., Recorder]]:
    """Make a sandbox with options of the test's own."""
    recorders: list[Recorder] = []

    def make(**options: Any) -> Recorder:
        recorders.append(Recorder(**options))
        return recorders[-1]

    yield make
    for recorder in recorders:
        recorder.sandbox.close()
