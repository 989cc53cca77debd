"""Where a question to the clerk is answered: inside one of his processes."""

import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from gpserver import errors
from gpserver.layers import Place


def answer(payload: dict[str, Any], channel: object) -> dict[str, Any]:
    """Answer one question.

    Args:
        payload: ``question`` (``module:function`` of this package), ``place`` of the layers, ``owner``,
            ``arguments`` and ``target``, the file for a long answer.
        channel: The line to the sandbox; a clerk has nothing to say meanwhile.

    Returns:
        ``{"value": …}``, ``{"file": target}``, ``{"error": class, "text": …}`` where the question is wrong,
        or ``{"fault": traceback}`` where we are.
    """
    question: Callable[..., Any] = resolve_name(f"gpserver.evergis.{payload['question']}")
    place = payload["place"]
    layers = Place(**place | {"administrators": tuple(place["administrators"])}).open(payload["owner"])
    try:
        value = question(layers, **payload["arguments"])
        if isinstance(value, Iterator):
            _write(value, Path(payload["target"]))
            return {"file": payload["target"]}
        return {"value": value}
    except errors.GPServerError as error:
        return {"error": _public(type(error)), "text": str(error)}
    except MemoryError:
        raise
    except Exception:
        return {"fault": traceback.format_exc()}


def _write(pieces: Iterator[bytes], target: Path) -> None:
    try:
        with target.open("wb") as file:
            file.writelines(pieces)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _public(kind: type[Exception]) -> str:
    """The name of the error, or of the nearest one above it, in ``gpserver.errors``."""
    return next(base.__name__ for base in kind.__mro__ if hasattr(errors, base.__name__))
