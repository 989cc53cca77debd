"""Sandboxes for tests, once for each start method."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sandbox.recorder import METHODS, Recorder


@pytest.fixture(scope="module", params=METHODS)
def shared(request: pytest.FixtureRequest) -> Iterator[Recorder]:
    recorder = Recorder(start_method=request.param)
    yield recorder
    recorder.sandbox.close()
    assert all(len(outcomes) == 1 for outcomes in recorder.outcomes.values() if outcomes)


@pytest.fixture
def pool(shared: Recorder) -> Iterator[Recorder]:
    """Two slots for the tests of a module, once for each start method."""
    yield shared
    assert shared.sandbox.free() == 2


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    """Each start method."""
    return str(request.param)


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
