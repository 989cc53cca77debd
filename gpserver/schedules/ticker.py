"""The ticker starts what is due by its schedule or its delay."""

import logging
import threading
from collections.abc import Callable

from gpserver.evergis.states import Status
from gpserver.schedules.office import Office, View
from gpserver.schedules.prototype import Prototype

_log = logging.getLogger(__name__)

_EVERY = 1.0  # seconds
_SETTLE_EVERY = 10.0
_SWEEP_EVERY = 3600.0
_REMEMBERED = 30 * 24 * 3600.0  # seconds that runs stay whose prototype is gone
_FAILED = (Status.ERROR, Status.TIMEOUT, Status.INTERRUPTED)


class Ticker:
    """Looks at the clock once a second.

    * What came due while no server ran, or while the clock jumped ahead, is started once, however often it
      was due. A clock that is set back starts nothing twice: when a prototype is due next is written down.
    * As a run begins it is written down, and the prototype is moved on to its next time, in one
      compare-and-set, so that of two servers over one book one starts it. The job has the run's id, so that
      it is there once when another server hands it in for one that died before it could.
    * A schedule passes over a time at which the last run is still under way (``startIfPreviousNotFinished``)
      or failed (``startIfPreviousError``); a single delayed start waits for the last run to end. A run that
      still waits in the queue is never joined by another.

    Args:
        office: Who starts runs.
        view_of: What the owner of a prototype sees; None for a user who is gone, whose prototypes rest.
    """

    def __init__(self, office: Office, view_of: Callable[[str], View | None]) -> None:
        self._office, self._view_of = office, view_of
        self._closed = threading.Event()
        self._settled = self._swept = 0.0
        self._thread = threading.Thread(target=self._run, name="gpserver-schedules", daemon=True)

    def start(self) -> None:
        """Begin; the engine runs already."""
        self._thread.start()

    def close(self) -> None:
        """Stop; runs that have begun go on."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()

    def tick(self) -> None:
        """Start what is due now."""
        now = self._office.clock()
        for prototype in self._office.book.due(now):
            self._consider(prototype)
        self._office.take_over(self._view_of)
        # A clock that was set back must not stop it for as long.
        if abs(now - self._settled) > _SETTLE_EVERY:
            self._settled = now
            self._office.settle_all()
        if abs(now - self._swept) > _SWEEP_EVERY:
            self._swept = now
            self._office.book.sweep(now - _REMEMBERED)

    def _consider(self, prototype: Prototype) -> None:
        timing, last = prototype.timing, self._office.last_status(prototype)
        running = last is Status.PROCESS and not timing.start_if_previous_not_finished
        busy = running or last is Status.IN_QUEUE
        if busy and not timing.schedule:
            return
        wanted = not busy and (timing.start_if_previous_error or last not in _FAILED)
        view = self._view_of(prototype.owner) if wanted else None
        if view:
            self._office.start_due(prototype, view)
        else:
            self._office.pass_over(prototype)

    def _run(self) -> None:
        while not self._closed.wait(_EVERY):
            try:
                self.tick()
            except Exception:
                _log.exception("The schedules were not looked at; that is tried again in a second.")
