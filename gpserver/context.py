"""The handle a running task gets: what it may say (messages, progress) and ask (scratch folder, cancel)."""

import logging
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from gpserver.errors import GPServerError, JobCancelled
from gpserver.job import Message, MessageType, Progress
from gpserver.layers import Layers

Item = TypeVar("Item")

# Five reports a second are plenty for a person and cheap for a task that loops a million times.
REPORT_EVERY = 0.2

_changing = threading.Lock()
_levels: list[int] = []  # of the root logger, as each job that is under way in this process found it


class JobContext:
    """What a task may say and ask while it runs; declare it as the first parameter of the function.

    In a plain unit test ``JobContext()`` is enough: it keeps what was said in ``messages`` and
    ``reports`` and makes a temporary scratch folder when one is asked for.

    Args:
        send: Takes each message and each progress report.
        scratch: A folder of this job alone, made when it is asked for.
        cancelled: Whether somebody asked for the cancel.
        layers: The named layers that it may read and write; ``open_layers(folder)`` in a test.
    """

    def __init__(
        self,
        send: Callable[[Message | Progress], None] | None = None,
        scratch: Path | None = None,
        cancelled: Callable[[], bool] | None = None,
        layers: Layers | None = None,
    ) -> None:
        self.messages: list[Message] = []
        self.reports: list[Progress] = []
        self._send = send or self._keep
        self._scratch = scratch
        self._cancelled = cancelled or (lambda: False)
        self._layers = layers

    def _keep(self, event: Message | Progress) -> None:
        if isinstance(event, Message):
            self.messages.append(event)
        else:
            self.reports.append(event)

    def info(self, text: str) -> None:
        """Add an informative message to the job's log."""
        self._say(MessageType.INFORMATIVE, text)

    def warning(self, text: str) -> None:
        """Add a warning to the job's log."""
        self._say(MessageType.WARNING, text)

    def error(self, text: str) -> None:
        """Add an error to the job's log; the job goes on (raise ``TaskError`` to end it)."""
        self._say(MessageType.ERROR, text)

    def _say(self, kind: MessageType, text: object) -> None:
        self._send(Message(kind, str(text), time.time()))

    def progress(self, percent: float | None, text: str = "", detail: Any = None) -> None:
        """Report how far the task is.

        Args:
            percent: 0 to 100, or None where there is nothing to count.
            text: What is being done.
            detail: What a protocol shows beyond that, JSON-ready; None leaves the last one standing.
        """
        share = None if percent is None else min(max(float(percent), 0.0), 100.0)
        self._send(Progress(text, share, detail))

    def each(self, iterable: Iterable[Item], label: str = "") -> Iterator[Item]:
        """Go through ``iterable``; report progress and stop at a cancel, both at most five times a second.

        Args:
            iterable: Anything; without a length the progress counts items instead of per cent.
            label: What is being done.

        Raises:
            JobCancelled: Somebody asked for the cancel.
        """
        total = len(iterable) if isinstance(iterable, Sized) else None
        due = 0.0
        for done, item in enumerate(iterable):
            if (now := time.monotonic()) >= due:
                due = now + REPORT_EVERY
                self.check_cancelled()
                self.progress(*_share(done, total, label))
            yield item
        self.progress(None if total is None else 100.0, label)

    @property
    def scratch(self) -> Path:
        """A folder for temporary files that exists; it is removed with the job."""
        if self._scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="gpserver-"))
            weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True, exist_ok=True)
        return self._scratch

    @property
    def layers(self) -> Layers:
        """The named layers of the server, as the job's owner sees them.

        Raises:
            GPServerError: The task was called without any, as in a test.
        """
        if self._layers is None:
            raise GPServerError("There are no layers here: call the task with JobContext(layers=…).")
        return self._layers

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked for the cancel."""
        return self._cancelled()

    def check_cancelled(self) -> None:
        """End the task here if somebody asked for the cancel.

        Raises:
            JobCancelled: Somebody did.
        """
        if self.cancelled:
            raise JobCancelled("The job was cancelled.")

    @contextmanager
    def logging(self) -> Iterator[None]:
        """Turn what is logged meanwhile (INFO and graver) into messages of the job."""
        root, handler, own = logging.getLogger(), MessageHandler(self), threading.current_thread()
        if own is not threading.main_thread():  # then this process has other business, and other jobs
            handler.addFilter(lambda record: record.thread == own.ident)
        with _changing:
            _levels.append(root.level)
            root.setLevel(min(root.level, logging.INFO))
        root.addHandler(handler)
        try:
            yield
        finally:
            root.removeHandler(handler)
            with _changing:
                first, _ = _levels[0], _levels.pop()
                if not _levels:
                    root.setLevel(first)


def _share(done: int, total: int | None, label: str) -> tuple[float | None, str]:
    if total is None:
        return None, f"{label} ({done:,})".strip()
    return 100.0 * done / max(total, 1), label


class MessageHandler(logging.Handler):
    """Turns log records into messages of a job: INFO, WARNING, ERROR and graver; DEBUG is left out."""

    def __init__(self, job: JobContext) -> None:
        super().__init__(logging.INFO)
        self._job = job

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record; a traceback is shortened to the error that it ends in."""
        text = record.getMessage()
        if record.exc_info and record.exc_info[1]:
            text = f"{text} ({type(record.exc_info[1]).__name__}: {record.exc_info[1]})"
        if record.levelno >= logging.ERROR:
            self._job.error(text)
        elif record.levelno >= logging.WARNING:
            self._job.warning(text)
        else:
            self._job.info(text)
