"""The clerk answers questions about layers in processes of its own: no large layer delays the server."""

import shutil
from concurrent.futures import Future
from dataclasses import asdict
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any

from gpserver import errors
from gpserver.layers import Place
from gpserver.sandbox import Desk

_SLOTS = 2  # a large question must not hold up a small one
_SECONDS = 300.0
_MEMORY = 4 << 30  # bytes


class Clerk:
    """Answers on order; a question is a function of ``gpserver.evergis`` that is given the layers.

    Args:
        place: Where the layers are.
        folder: Where large answers lie until they are sent; it belongs to the clerk alone.
        start_method: As for :class:`gpserver.sandbox.Sandbox`.
    """

    def __init__(self, place: Place, folder: Path, *, start_method: str | None = None) -> None:
        self.place, self._folder = place, folder
        self._desk = Desk("gpserver.evergis.questions:answer", slots=_SLOTS, start_method=start_method)

    def start(self) -> None:
        """Forget what a former one left behind."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)

    def close(self) -> None:
        """Stop; questions that are open get an error."""
        self._desk.close()

    def ask(self, question: str, owner: str = "", **arguments: Any) -> "Future[Any]":
        """Ask from any thread; whoever does not want to wait any longer cancels the future.

        Args:
            question: ``module:function`` in ``gpserver.evergis``; it is called with the layers as ``owner``
                sees them and with the arguments.
            owner: Who asks.
            arguments: JSON-ready.

        Returns:
            What the function returned; or a Path, where it gave pieces of a text: a file for whoever asked,
            who removes it. Errors of ``gpserver.errors`` that it raised are raised again; any other is a
            RuntimeError with its traceback, for our log.
        """
        target = self._folder / token_hex(16)
        payload = {
            "question": question,
            "place": asdict(self.place),
            "owner": owner,
            "arguments": arguments,
            "target": str(target),
        }
        what = "The layers could not be asked"
        future = self._desk.ask(payload, _read, what=what, seconds=_SECONDS, memory=_MEMORY)
        future.add_done_callback(partial(_tidy, target))
        return future


def _tidy(target: Path, future: "Future[Any]") -> None:
    """Remove what a process had written of an answer when it was killed."""
    if future.cancelled() or future.exception():
        target.unlink(missing_ok=True)


def _read(answer: dict[str, Any]) -> Any:
    if "error" in answer:
        raise getattr(errors, answer["error"])(answer["text"])
    if "fault" in answer:
        raise RuntimeError(answer["fault"])
    return Path(answer["file"]) if "file" in answer else answer["value"]
