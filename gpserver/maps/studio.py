"""Draws pictures, and reads values, in processes of its own and keeps the latest of them: nothing here blocks
or grows.
"""

import hashlib
import re
import threading
import time
from concurrent.futures import Future
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import orjson

from gpserver.maps.picture import Reading, Work
from gpserver.sandbox import Desk

_SECONDS = 60.0  # that one picture may take
_MEMORY = 1 << 30  # bytes that drawing one may take
_KEPT = 600.0  # seconds that a picture is kept, as ArcGIS keeps its output directory
_MOST = 1000  # pictures that are kept
_SWEEP_EVERY = 64  # pictures

# What inputs and orders of rows need; conditions are the artist's anyway.
_PRELOAD = ("gpserver.features.columns", "geopandas", "gpserver.maps.order")
_NAME = re.compile(r"[0-9a-f]{32}\.[a-z]+")


class Studio:
    """Pictures on order, each drawn once while it is kept.

    Args:
        folder: Where pictures are kept; several studios may share it.
        slots: Pictures that are drawn at once.
        start_method: As for :class:`gpserver.sandbox.Sandbox`.
    """

    def __init__(self, folder: Path, *, slots: int, start_method: str | None = None) -> None:
        self._folder = folder
        self._lock = threading.RLock()  # a closed desk is done with a request at once
        self._open: dict[str, Future[Path]] = {}
        self._drawn = 0
        self._desk = Desk(
            "gpserver.maps.artist:run", slots=slots, preload=_PRELOAD, start_method=start_method
        )

    def start(self) -> None:
        """Open the studio; what is old goes. Its processes come with the first order."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._sweep()

    def close(self) -> None:
        """Stop; pictures that are not ready never will be."""
        self._desk.close()

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
            if path.is_file():
                kept: Future[Path] = Future()
                kept.set_result(path)
                return kept
            reading = isinstance(order, Reading)
            future = self._desk.ask(
                asdict(replace(order, target=str(path))),
                lambda _: path,
                what="The features could not be read" if reading else "The map could not be drawn",
                seconds=_SECONDS,
                memory=_MEMORY,
                after=partial(self._over, name),
            )
            if not future.done():
                self._open[name] = future
        return future

    def picture(self, name: str) -> Path | None:
        """The picture of a file name that was given out, while it is kept."""
        path = self._folder / name
        return path if _NAME.fullmatch(name) and path.is_file() else None

    def _over(self, name: str) -> None:
        with self._lock:
            self._open.pop(name, None)
            self._drawn += 1
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


def _suffix(name: str) -> str:
    """That of a format's files: png8 and png32 are png."""
    return name.rstrip("0123456789")


def _key(order: Work) -> str:
    return hashlib.sha256(orjson.dumps(asdict(order))).hexdigest()[:32]
