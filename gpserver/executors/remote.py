"""Runs no jobs: hands them to the machines that share the database."""

from gpserver.executors import OnChange
from gpserver.executors.bus import Bus
from gpserver.executors.tickets import Tickets
from gpserver.shared import SharedDatabase
from gpserver.stores import JobStore


class RemoteExecutor:
    """The side of a web node.

    Args:
        store: Where jobs are kept.
        database: What carries tickets and words.
        lease: Seconds of silence after which a runner counts as gone.
    """

    def __init__(self, store: JobStore, database: SharedDatabase, lease: float) -> None:
        self._store, self._url, self._lease = store, database.url, lease
        self._tickets = Tickets(database)

    def start(self, on_end: OnChange) -> None:
        """Begin to hear of jobs that end."""
        self._bus = Bus(self._url, {"ended": on_end})
        self._bus.start()

    def enqueue(self, job_id: str) -> None:
        """A job was added to the store."""
        self._tickets.hand_in(job_id)

    def cancel(self, job_id: str) -> None:
        """A running job was moved to CANCELLING: whoever runs it stops it now."""
        self._bus.say("cancel", job_id)

    def slots(self) -> tuple[int, int]:
        """None here."""
        return 0, 0

    def ready(self) -> bool:
        """Whether some runner is alive."""
        return self._store.alive(self._lease) > 0

    def drain(self, seconds: float) -> None:
        """Nothing runs here."""

    def hurry(self) -> None:
        """Nobody waits here."""

    def close(self) -> None:
        """Stop; jobs go on where they run."""
        self._bus.close()
        self._tickets.close()
