"""Tells webhooks of jobs that ended: signed, again after a pause where it failed, each webhook on its own."""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from gpserver.addresses import Allowed
from gpserver.errors import InvalidValue, Unavailable
from gpserver.stores.webhooks import WebhookTables
from gpserver.webhook import Delivery

_log = logging.getLogger(__name__)

_LOOK = 1.0  # seconds between two looks for what is due
_PATIENCE = 10.0  # seconds that a receiver may take, less than the lease of a delivery
_GRACE = 2.0  # seconds that what is under way has at the end
_AT_ONCE = 8  # webhooks that are told at the same time; one that hangs delays no other

Letter = Callable[[Delivery], tuple[bytes, Mapping[str, str]]]
"""Writes the body of a delivery, and the headers that it is sent with."""


class Courier:
    """Takes the deliveries of a store to their webhooks; several nodes with one store share the work.

    A delivery is tried until its receiver answers with a status of success, so it may arrive twice where a
    node dies just then; never at the same time.

    Args:
        webhooks: What is to be delivered.
        letter: Puts a delivery into words.
        allowed: The places besides the public internet that are told.
    """

    def __init__(self, webhooks: WebhookTables, letter: Letter, allowed: Allowed) -> None:
        self._webhooks, self._letter, self._allowed = webhooks, letter, allowed
        self._closed = threading.Event()
        self._room = threading.Semaphore(_AT_ONCE)
        self._thread = threading.Thread(target=self._look_always, name="gpserver-courier", daemon=True)

    def start(self) -> None:
        """Begin to deliver, what a dead server left behind too."""
        self._thread.start()

    def close(self) -> None:
        """Stop; what does not arrive in a moment is sent again by the next start."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()
        until = time.monotonic() + _GRACE
        for _ in range(_AT_ONCE):
            self._room.acquire(timeout=max(until - time.monotonic(), 0.0))

    def _look_always(self) -> None:
        while not self._closed.wait(_LOOK):
            try:
                self._send_all()
            except Unavailable as error:
                _log.warning("The webhooks could not be looked at; that is tried again: %s", error)
            except Exception:
                _log.exception("The webhooks could not be looked at; that is tried again.")

    def _send_all(self) -> None:
        while not self._closed.is_set() and self._room.acquire(blocking=False):
            delivery = None
            try:
                delivery = self._webhooks.claim()
            finally:
                if delivery is None:
                    self._room.release()
            if delivery is None:
                return
            # No pool: the end of the process would wait for its threads, however long a receiver hangs.
            threading.Thread(
                target=self._send, args=(delivery,), name="gpserver-webhook", daemon=True
            ).start()

    def _send(self, delivery: Delivery) -> None:
        try:
            if reason := self._refusal(delivery):
                self._webhooks.failed(delivery, reason)
                _log.warning(
                    "webhook %s was not told of job %s: %s", delivery.webhook.name, delivery.job_id, reason
                )
            else:
                self._webhooks.arrived(delivery)
        except Exception:  # it is claimed for a while, and tried again then
            _log.exception("What became of a delivery could not be written down.")
        finally:
            self._room.release()

    def _refusal(self, delivery: Delivery) -> str:
        """Send it; gives why it was not taken, or nothing."""
        from gpserver.fetch import post  # a server without webhooks need not load a client

        content, headers = self._letter(delivery)
        try:
            status = post(delivery.webhook.url, content, headers, self._allowed, _PATIENCE)
        except InvalidValue as error:
            return str(error)
        return "" if 200 <= status < 300 else f"The receiver answered with the HTTP status {status}."
