"""What the routes of the scheduler's book have in common: whose things are, order and window of lists."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool

from gpserver.errors import InvalidRequest, NotFound
from gpserver.evergis.steps import moment
from gpserver.protocols.evergis.wire import Call, Handler

MOST = 1000
"""Items of one answer."""


def admit(call: Call, owner: str, refusal: str) -> None:
    """Refuse what is another user's, as if it were not there.

    Raises:
        NotFound: It is; with this text.
    """
    if call.site.guard and owner != call.caller.name and not call.caller.is_administrator:
        raise NotFound(refusal)


def order(call: Call, names: Mapping[str, str]) -> tuple[str, bool]:
    """What a list is sorted by, of ``names`` by what clients call them, and whether backwards.

    Raises:
        InvalidRequest: There is no such name.
    """
    asked = call.parameters.text("OrderBy").lower()
    if asked not in names:
        raise InvalidRequest(f"'OrderBy' is one of {', '.join(filter(None, names))}.")
    return names[asked], call.parameters.flag("Desc")


def window(call: Call) -> tuple[int, int]:
    """How many items are left out, and how many are told at most."""
    return call.number("Skip", 0), min(call.number("Take", MOST), MOST)


def optional_moment(at: float | None) -> str | None:
    """A time as clients read it."""
    return None if at is None else moment(at)


def in_thread(handler: Callable[..., Any], body: type[Any] | None = None) -> Handler:
    """The handler as one that leaves the event loop alone: it reads files; a body comes beside it."""

    async def answer(call: Call) -> Any:
        bodies = [await call.json(body)] if body else []
        return await run_in_threadpool(handler, call, *bodies)

    return answer
