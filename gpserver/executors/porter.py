"""A sandbox whose jobs' files are elsewhere: they come before a job runs and go before it has ended."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gpserver.results import Freight
from gpserver.sandbox import Ending, Order, Outcome, Sandbox

_log = logging.getLogger(__name__)


class Porter(Sandbox):
    """Moves files in threads of their own; neither the dispatcher nor the sandbox's thread waits for them.

    An order ends once its results are stored. Where they cannot be, it has failed, and none of them is a
    result. An order that is stopped while its files move has ended at once; whatever was moved goes.

    Args:
        freight: Moves the files.
        entry: As for :class:`gpserver.sandbox.Sandbox`, and so is all that follows.
    """

    def __init__(
        self,
        freight: Freight,
        entry: str,
        *,
        slots: int,
        on_end: Callable[[Outcome], None],
        on_free: Callable[[], None],
        **options: Any,
    ) -> None:
        super().__init__(entry, slots=slots, on_end=on_end, on_free=on_free, **options)
        self._freight, self._told = freight, (on_end, on_free)
        self._moving = threading.Lock()
        self._coming: dict[str, Order] = {}
        self._here: dict[str, Order] = {}
        self._going: dict[str, Order] = {}
        # Attempts of one job share a folder, and one may begin here while the last one is being removed.
        self._folders = threading.Lock()
        self._present: dict[str, str] = {}

    def run(self, order: Order) -> None:
        """Run an order as soon as its files are here."""
        with self._moving:
            self._coming[order.job_id] = order
        self._begin(self._bring, order)

    def free(self) -> int:
        """How many orders ``run`` would take now; where a store is slow, not many more than it takes."""
        return super().free() - len(self._coming) - max(0, len(self._going) - self._slots)

    def cancel(self, job_id: str) -> None:
        """Stop a job, wherever its files are."""
        if not self._stopped(job_id):
            super().cancel(job_id)

    def kill(self, job_id: str) -> None:
        """Stop a job at once, wherever its files are."""
        if not self._stopped(job_id):
            super().kill(job_id)

    def _begin(self, move: Callable[..., None], *arguments: Any) -> None:
        threading.Thread(target=move, args=arguments, name="gpserver-freight", daemon=True).start()

    def _stopped(self, key: str) -> bool:
        with self._moving:
            order = self._coming.pop(key, None) or self._going.pop(key, None)
        if order:
            self._tell(Outcome(key, Ending.CANCELLED))
        return order is not None

    def _bring(self, order: Order) -> None:
        with self._folders:
            self._present[order.job_id] = order.payload["job_id"]
        try:
            here = replace(order, payload=self._freight.bring(order.payload))
            self._run_here(here)
        except Exception as error:
            _log.warning("job %s: its inputs did not come: %s", order.payload["job_id"], error)
            if self._stays(self._coming, order):
                reason = f"The inputs could not be fetched: {error}"
                self._tell(Outcome(order.job_id, Ending.FAILED, reason))
            self._let_go(order)

    def _run_here(self, order: Order) -> None:
        with self._moving:  # a cancel finds it among those that come, or in the sandbox
            wanted = order.job_id in self._coming
            if wanted:
                super().run(order)
                self._here[order.job_id] = self._coming.pop(order.job_id)
        if not wanted:
            self._let_go(order)

    def _ended(self, outcome: Outcome) -> None:
        with self._lock:
            self._jobs.remove(outcome.job_id)
        with self._moving:
            order = self._here.pop(outcome.job_id)
            if outcome.ending is not Ending.CLOSED:
                self._going[outcome.job_id] = order
        if outcome.ending is Ending.CLOSED:
            self._tell(outcome)
        else:
            self._begin(self._keep, order, outcome)
            self._told[1]()

    def _keep(self, order: Order, outcome: Outcome) -> None:
        stored = True
        try:
            if outcome.ending is Ending.FINISHED:
                self._freight.keep(order.payload, results=outcome.value.get("status") == "succeeded")
        except Exception as error:
            _log.warning("job %s: its results were not stored: %s", order.payload["job_id"], error)
            reason, stored = f"The results could not be stored: {error}", False
            outcome = Outcome(order.job_id, Ending.FAILED, reason, events=outcome.events)
        if self._stays(self._going, order):
            self._tell(outcome)
        else:
            stored = False
        if not stored:
            self._drop(order)
        self._let_go(order)

    def _stays(self, place: dict[str, Order], order: Order) -> bool:
        """Whether nobody has stopped it; it leaves its place."""
        with self._moving:
            return place.pop(order.job_id, None) is not None

    def _drop(self, order: Order) -> None:
        try:
            self._freight.drop(order.payload)
        except Exception:  # whoever tidies up after the job does it
            _log.warning("job %s: what it left in the store is there still", order.payload["job_id"])

    def _let_go(self, order: Order) -> None:
        with self._folders:
            job_id = self._present.pop(order.job_id)
            self._freight.let_go(order.payload, alone=job_id not in self._present.values())

    def _tell(self, outcome: Outcome) -> None:
        on_end, on_free = self._told
        on_end(outcome)
        on_free()
