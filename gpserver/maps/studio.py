"""Draws pictures, and reads values, in processes of its own and keeps the latest of them: nothing here blocks
or grows.
"""

import hashlib
import logging
import re
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import orjson

from gpserver.errors import GPServerError, InvalidRequest
from gpserver.maps.picture import Work
from gpserver.sandbox import Ending, Order, Outcome, Sandbox

_log = logging.getLogger(__name__)

_SECONDS = 60.0  # that one picture may take
_MEMORY = 1 << 30  # bytes that drawing one may take
_KEPT = 600.0  # seconds that a picture is kept, as ArcGIS keeps its output directory
_MOST = 1000  # pictures that are kept
_SWEEP_EVERY = 64  # pictures

_NAME = re.compile(r"[0-9a-f]{32}\.[a-z]+")


class Studio:
    """Pictures on order, each drawn once while it is kept.

    Args:
        folder: Where pictures are kept; it belongs to the studio alone.
        slots: Pictures that are drawn at once.
        start_method: As for :class:`gpserver.sandbox.Sandbox`.
    """

    def __init__(self, folder: Path, *, slots: int, start_method: str | None = None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._queue: deque[tuple[str, Work]] = deque()
        self._open: dict[str, Future[Path]] = {}
        self._drawn, self._started, self._closed = 0, False, False
        self._sandbox = Sandbox(
            "gpserver.maps.artist:run",
            slots=slots,
            on_events=_log_output,
            on_end=self._ended,
            on_free=self._next,
            start_method=start_method,
        )

    def start(self) -> None:
        """Open the studio; what a former one drew is gone. Its processes come with the first order."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for picture in self._folder.iterdir():
            picture.unlink()

    def close(self) -> None:
        """Stop; pictures that are not ready never will be."""
        with self._lock:
            self._closed = True
            waiting = [self._open.pop(name) for name, _ in self._queue]
            self._queue.clear()
        for future in waiting:
            future.set_exception(_closed())
        self._sandbox.close()

    def draw(self, order: Work) -> "Future[Path]":
        """The file of a picture, its name without suffix the picture's key; from any thread.

        The future raises InvalidRequest for an order that cannot be drawn, and GPServerError when drawing it
        took too long or too much memory, or the studio is closed.
        """
        name = f"{_key(order)}.{_suffix(order.format)}"
        path = self._folder / name
        with self._lock:
            if name in self._open:
                return self._open[name]
            future: Future[Path] = Future()
            if path.is_file():
                future.set_result(path)
                return future
            if self._closed:
                future.set_exception(_closed())
                return future
            if not self._started:
                self._sandbox.start()
                self._started = True
            self._open[name] = future
            self._queue.append((name, replace(order, target=str(path))))
        self._next()
        return future

    def picture(self, name: str) -> Path | None:
        """The picture of a file name that was given out, while it is kept."""
        path = self._folder / name
        return path if _NAME.fullmatch(name) and path.is_file() else None

    def _next(self) -> None:
        with self._lock:
            while self._queue and self._sandbox.free():
                name, order = self._queue.popleft()
                self._sandbox.run(Order(name, asdict(order), _SECONDS, _MEMORY))

    def _ended(self, outcome: Outcome) -> None:
        with self._lock:
            future = self._open.pop(outcome.job_id)
            self._drawn += 1
        if outcome.ending is not Ending.FINISHED:
            _log.error("A picture was not drawn: %s %s", outcome.reason, outcome.detail)
            future.set_exception(GPServerError(f"The map could not be drawn: {outcome.reason}."))
        elif problem := outcome.value.get("problem"):
            future.set_exception(InvalidRequest(problem))
        else:
            future.set_result(self._folder / outcome.job_id)
        if self._drawn % _SWEEP_EVERY == 0:
            self._sweep()

    def _sweep(self) -> None:
        pictures = sorted(((_modified(path), path) for path in self._folder.iterdir()), reverse=True)
        before = time.time() - _KEPT
        for number, (drawn, path) in enumerate(pictures):
            if number >= _MOST or drawn < before:
                path.unlink(missing_ok=True)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # a draft that has just got its name
        return 0.0


def _closed() -> GPServerError:
    return GPServerError("The map cannot be drawn: the server is stopping.")


def _suffix(name: str) -> str:
    """That of a format's files: png8 and png32 are png."""
    return name.rstrip("0123456789")


def _key(order: Work) -> str:
    return hashlib.sha256(orjson.dumps(asdict(order))).hexdigest()[:32]


def _log_output(_: str, events: list[list[Any]]) -> None:
    for event in events:
        _log.info("drawing: %s", event[1:])
