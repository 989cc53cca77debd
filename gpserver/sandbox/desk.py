"""A desk takes requests that wait for a free child of a sandbox of its own; whoever asks gets a future."""

import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from gpserver.errors import GPServerError, InvalidRequest
from gpserver.sandbox.order import Ending, Order, Outcome
from gpserver.sandbox.pool import Sandbox

_log = logging.getLogger(__name__)

Answer = TypeVar("Answer")


class Asks(Protocol):
    """What answers requests: a desk, or whoever stands in for one."""

    def ask(
        self,
        payload: dict[str, Any],
        read: Callable[[dict[str, Any]], Answer],
        *,
        what: str,
        seconds: float,
        memory: int | None,
        after: Callable[[], None] = lambda: None,
    ) -> "Future[Answer]":
        """As ``Desk.ask``."""

    def close(self) -> None:
        """Stop."""


@dataclass(frozen=True, eq=False)
class _Request(Generic[Answer]):
    order: Order
    what: str
    read: Callable[[dict[str, Any]], Answer]
    after: Callable[[], None]
    future: "Future[Answer]"


class Desk:
    """Runs one entry function for whoever asks, first come, first served; no job keeps it waiting.

    Its processes come with the first request, so that a server starts in a moment.

    Args:
        entry: As for :class:`gpserver.sandbox.Sandbox`. It returns a dict, ``{"problem": text}`` for a
            request that is wrong.
        slots: Requests that are worked on at once.
        preload: As for :class:`gpserver.sandbox.Sandbox`.
        start_method: As for :class:`gpserver.sandbox.Sandbox`.
        hidden: As for :class:`gpserver.sandbox.Sandbox`.
    """

    def __init__(
        self,
        entry: str,
        *,
        slots: int,
        preload: Sequence[str] = (),
        start_method: str | None = None,
        hidden: Collection[str] = (),
    ) -> None:
        self._entry = entry
        self._lock = threading.Lock()
        self._queue: deque[_Request[Any]] = deque()
        self._open: dict[str, _Request[Any]] = {}
        self._started = self._closed = False
        self._sandbox = Sandbox(
            entry,
            slots=slots,
            on_events=self._log_output,
            on_end=self._ended,
            on_free=self._next,
            preload=preload,
            start_method=start_method,
            hidden=hidden,
        )

    def close(self) -> None:
        """Stop; requests that are open get an error."""
        with self._lock:
            self._closed = True
            waiting = list(self._queue)
            self._queue.clear()
        for request in waiting:
            _settle(request, partial(_refuse, request))
        self._sandbox.close()

    def ask(
        self,
        payload: dict[str, Any],
        read: Callable[[dict[str, Any]], Answer],
        *,
        what: str,
        seconds: float,
        memory: int | None,
        after: Callable[[], None] = lambda: None,
    ) -> "Future[Answer]":
        """Ask from any thread; whoever does not want to wait any longer cancels the future.

        Args:
            payload: What the entry function is called with; JSON-ready.
            read: Makes the answer out of what that function returned.
            what: How the sentence begins that says why there is no answer: "The map could not be drawn".
            seconds: What the work may take.
            memory: Bytes that it may take; None is no limit.
            after: Called once the request is over, whatever came of it, and before the future is done.

        Returns:
            The answer; or InvalidRequest for a request that is wrong, and GPServerError when the work took
            too long or too much memory, or died, or the desk is closed.
        """
        order = Order(secrets.token_hex(16), payload, seconds, memory)
        request = _Request(order, what, read, after, Future[Answer]())
        with self._lock:
            closed = self._closed
            if not closed:
                self._queue.append(request)
                self._start()
        if closed:
            _settle(request, partial(_refuse, request))
            return request.future
        request.future.add_done_callback(partial(self._dropped, request))
        self._next()
        return request.future

    def _start(self) -> None:
        if not self._started:
            self._sandbox.start()
            self._started = True

    def _next(self) -> None:
        with self._lock:
            while self._queue and self._sandbox.free():
                request = self._queue.popleft()
                self._open[request.order.job_id] = request
                self._sandbox.run(request.order)

    def _dropped(self, request: _Request[Any], future: "Future[Any]") -> None:
        if not future.cancelled():
            return
        with self._lock:
            waiting = request in self._queue
            if waiting:
                self._queue.remove(request)
        if waiting:
            request.after()
        else:
            self._sandbox.cancel(request.order.job_id)

    def _ended(self, outcome: Outcome) -> None:
        with self._lock:
            request = self._open.pop(outcome.job_id)
        _settle(request, partial(_answer, request, outcome))

    def _log_output(self, _: str, events: list[list[Any]]) -> None:
        for event in events:
            _log.info("%s: %s", self._entry, event[1:])


def _settle(request: _Request[Answer], answer: Callable[[], Answer]) -> None:
    try:
        request.after()
    finally:
        if request.future.set_running_or_notify_cancel():
            try:
                request.future.set_result(answer())
            except Exception as error:
                request.future.set_exception(error)


def _answer(request: _Request[Answer], outcome: Outcome) -> Answer:
    if outcome.ending is not Ending.FINISHED:
        _log.error("%s: %s %s", request.what, outcome.reason, outcome.detail)
        raise GPServerError(f"{request.what}: {outcome.reason or outcome.ending}.")
    if problem := outcome.value.get("problem"):
        raise InvalidRequest(problem)
    return request.read(outcome.value)


def _refuse(request: _Request[Answer]) -> Answer:
    raise GPServerError(f"{request.what}: the server is stopping.")
