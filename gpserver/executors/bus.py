"""What the machines that share a database tell each other: a job to stop, a job that ended."""

import logging
import threading
import time
from collections.abc import Callable, Mapping

import psycopg
from psycopg import sql

from gpserver.shared import connect

_log = logging.getLogger(__name__)

_CHANNEL = "gpserver"
_PAUSE = 1.0  # seconds until a lost connection is tried again
_PATIENCE = (
    3.0  # seconds for a listener that shall stop, and may wait for a network that swallows all answers
)
_TURN = 1.0  # seconds after which a listener looks whether it should stop

Listener = Callable[[str], None]


class Bus:
    """Words with a job's id, over PostgreSQL's NOTIFY; whoever is not there does not hear them.

    So nothing may depend on a word: a lease that is renewed finds cancels too, and clients poll.

    Args:
        url: The database.
        listeners: Who hears which word, in a thread of the bus.
    """

    def __init__(self, url: str, listeners: Mapping[str, Listener]) -> None:
        self._url, self._listeners = url, listeners
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._speaker: psycopg.Connection | None = None
        self._thread = threading.Thread(target=self._listen_always, name="gpserver-bus", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def say(self, word: str, job_id: str) -> None:
        """Tell everybody; what cannot be told now is logged."""
        statement = sql.SQL("SELECT pg_notify({}, {})").format(_CHANNEL, f"{word} {job_id}")
        with self._lock:
            try:
                if self._speaker is None or self._speaker.closed:
                    self._speaker = connect(self._url)
                self._speaker.execute(statement)
            except psycopg.Error:
                _log.warning("Nobody was told: %s %s", word, job_id, exc_info=True)
                self._hang_up()

    def close(self) -> None:
        """Stop listening."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)
        with self._lock:
            self._hang_up()

    def _hang_up(self) -> None:
        if self._speaker:
            self._speaker.close()
        self._speaker = None

    def _listen_always(self) -> None:
        while not self._closed.is_set():
            try:
                with connect(self._url) as connection:
                    self._listen(connection)
            except psycopg.Error:
                _log.warning("The database is not there; listening again in a moment.", exc_info=True)
                time.sleep(_PAUSE)

    def _listen(self, connection: psycopg.Connection) -> None:
        connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(_CHANNEL)))
        while not self._closed.is_set():
            for heard in connection.notifies(timeout=_TURN):
                self._hear(heard.payload)

    def _hear(self, payload: str) -> None:
        word, _, job_id = payload.partition(" ")
        listener = self._listeners.get(word)
        if listener:
            listener(job_id)
