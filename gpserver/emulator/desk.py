"""Looks at the inputs of stubs, which no other process could have."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from gpserver.catalog import Catalog
from gpserver.errors import InvalidRequest

Answer = TypeVar("Answer")


class NearDesk:
    """As ``gpserver.sandbox.Desk``, in threads of this process.

    Args:
        catalog: Where the tasks are.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="gpserver-examiner")

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
        """Ask from any thread; how long it takes and how much memory is nobody's concern here."""
        return self._threads.submit(self._answer, payload, read, after)

    def close(self) -> None:
        """Stop; questions that are open are answered first."""
        self._threads.shutdown()

    def _answer(
        self, payload: dict[str, Any], read: Callable[[dict[str, Any]], Answer], after: Callable[[], None]
    ) -> Answer:
        from gpserver.worker import Assignment, look

        try:
            answer = look(Assignment(**payload), self._catalog)
        finally:
            after()
        if problem := answer.get("problem"):
            raise InvalidRequest(problem)
        return read(answer)
