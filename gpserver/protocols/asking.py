"""Questions to the engine that an event loop must not wait for."""

from collections.abc import Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from gpserver.engine import Engine

T = TypeVar("T")


async def ask(engine: Engine, question: Callable[..., T], *facts: object) -> T:
    """What a question to the engine gives.

    A file on this machine answers in microseconds, less than it takes to hand the question to a thread; a
    database elsewhere may take milliseconds, or seconds while it is away. Only what changes nothing is asked
    here: whoever writes to a file waits while somebody else does, or locks it.
    """
    if engine.near:
        return question(*facts)
    return await run_in_threadpool(question, *facts)
