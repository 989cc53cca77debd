"""A runner's word that it is alive, and what becomes of the jobs of one that is not heard of any more."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from math import inf

from gpserver.job import Job, JobStatus, Message, MessageType, Progress
from gpserver.stores import JobStore

_log = logging.getLogger(__name__)

_MAX_ATTEMPTS = 2
_LOOK = 1.0  # seconds; somebody beside the server may cancel, such as `gpserver jobs`
_SAFE = 0.9  # of a lease; then what runs here is stopped, so that nothing of it is left when others begin
_AGAIN = "The server stopped while the job ran; it starts again."
_SPARED = "The server was told to stop while the job ran; it starts again, and this attempt does not count."


class Lease:
    """What one runner holds of a store that it shares with others.

    Args:
        store: Whose jobs they are.
        runner: The runner's name, which no other and no later one has.
        seconds: How long it may be silent before others take its jobs over; 0 where there are no others.
        give_up: Stops all that runs here, at once, from a thread that never waits for the store.
        on_end: Called with the id of a job that was lost for good.
    """

    def __init__(
        self,
        store: JobStore,
        runner: str,
        seconds: float,
        give_up: Callable[[], None],
        on_end: Callable[[str], None],
    ) -> None:
        self._store, self._runner, self._seconds = store, runner, seconds
        self._give_up, self._on_end = give_up, on_end
        self._due = 0.0
        self._until = 0.0 if seconds else inf
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._guard, name="gpserver-lease", daemon=True)

    @property
    def held(self) -> bool:
        """Whether nobody else can have taken over what runs here."""
        return time.monotonic() < self._until

    @property
    def pause(self) -> float:
        """Seconds after which it wants to be renewed; infinite where it need not."""
        return self._seconds / 3 if self._seconds else inf

    def start(self) -> None:
        """Resolve what lost runners left behind, and watch that nothing runs here without a lease."""
        self.take_over()
        if self._seconds:
            self._thread.start()

    def close(self) -> None:
        """Stop to watch."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()

    def leave(self) -> None:
        """Let others have at once what is still held here: nothing of it runs any more."""
        if self._seconds:
            self._store.leave(self._runner)

    def take_over(self) -> None:
        """Resolve the jobs of runners that are lost: all others, where nobody shares the store."""
        for job in self._store.lost(self._seconds):
            _log.warning("job %s was lost by %s", job.id, job.runner)
            if resolve(self._store, job):
                self._on_end(job.id)

    def renew(self) -> list[Job] | None:
        """Say three times in each lease that the runner is alive, and take over from those that are not.

        Returns:
            The jobs that are the runner's, running or being cancelled; None where it is too early to ask.
        """
        now = time.monotonic()
        if now < self._due:
            return None
        if not self._seconds:
            self._due = now + _LOOK
            return self._store.held(self._runner)
        held = self._store.beat(self._runner)
        self._until = now + _SAFE * self._seconds
        self.take_over()
        self._due = now + self.pause
        return held

    def _guard(self) -> None:
        """Give up what runs here once others may have it, which the database cannot tell where it is away."""
        while not self._closed.wait(max(self._until - time.monotonic(), 0.0) or self._seconds / 20):
            if not self.held:
                self._give_up()


def resolve(
    store: JobStore,
    job: Job,
    said: Iterable[Message] = (),
    progress: Progress | None = None,
    said_before: int | None = None,
    spare: bool = False,
) -> bool:
    """Bring a job whose attempt was lost to its end, or back to the queue where it may run once more.

    A job that no machine was lost for, since it was told to stop, may do so any number of times.

    Args:
        store: Where it is.
        job: As it was when the attempt was lost.
        said: The last messages of that attempt.
        progress: Its last report.
        said_before: Messages that the store had before; None for as many as it has.
        spare: Whether the machine was told to stop.

    Returns:
        Whether the job has ended.
    """
    now = time.time()
    move = partial(
        store.move, job.id, now=now, attempt=job.attempt, progress=progress, said_before=said_before
    )
    if move(JobStatus.CANCELLING, JobStatus.CANCELLED, messages=said):
        return True
    if job.terms.retry_on_loss and (spare or job.attempt - job.spared < _MAX_ATTEMPTS):
        again = Message(MessageType.WARNING, _SPARED if spare else _AGAIN, now)
        move(JobStatus.RUNNING, JobStatus.QUEUED, messages=[*said, again], spare=spare)
        return False
    lost = Message(MessageType.ERROR, "The server stopped while the job ran.", now)
    return move(JobStatus.RUNNING, JobStatus.FAILED, messages=[*said, lost])
