"""Which layers of a map a request means, and with which conditions: ``layers``, ``layerDefs``, ``time``."""

from typing import Any

from gpserver.errors import InvalidRequest
from gpserver.features.parse import read_json
from gpserver.maps.document import Map, MapLayer
from gpserver.maps.query import Period
from gpserver.protocols.form import Parameters

_MODES = ("show", "hide", "include", "exclude")


def visible(asked: Parameters, found: Map) -> list[MapLayer]:
    """The layers that ``layers`` (``show:0,1``, ``hide:``, ``include:``, ``exclude:``) leaves to draw.

    Raises:
        InvalidRequest: It is written in another way.
    """
    return [item for item in found.layers if not item.is_table and _shown(asked.text("layers"), item.id)]


def _shown(text: str, number: int) -> bool:
    mode, colon, listed = text.partition(":")
    if not colon:
        mode, listed = "show", text
    mode, numbers = mode.strip().lower(), listed_numbers(listed)
    if mode not in _MODES:
        raise InvalidRequest(f"'layers' begins with {mode}; it may begin with {', '.join(_MODES)}.")
    if not listed.strip():
        return True
    return (number in numbers) == (mode in ("show", "include")) or mode == "include"


def listed_numbers(text: str) -> set[int]:
    """Numbers separated by commas.

    Raises:
        InvalidRequest: One is not a whole number.
    """
    try:
        return {int(part) for part in text.split(",") if part.strip()}
    except ValueError:
        raise InvalidRequest(f"'layers' lists whole numbers, not {text}.") from None


def definitions(asked: Parameters) -> dict[int, str]:
    """``layerDefs``: the where clause of each layer, from a JSON object or from ``0:clause;1:clause``.

    Raises:
        InvalidRequest: It is neither.
    """
    text = asked.long_text("layerDefs").strip()
    if not text:
        return {}
    try:
        if text.startswith("{"):
            return {int(number): _clause(value) for number, value in read_json(text).items()}
        pairs = (part.partition(":") for part in text.split(";") if part.strip())
        return {int(number): clause for number, _, clause in pairs}
    except (ValueError, TypeError):
        raise InvalidRequest('\'layerDefs\' is {"0":"clause"} or 0:clause;1:clause.') from None


def _clause(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def period(asked: Parameters) -> Period | None:
    """``time``: one moment, or a start and an end of which either may be ``null``; epoch milliseconds.

    Raises:
        InvalidRequest: It is something else.
    """
    text = asked.text("time")
    if not text:
        return None
    try:
        first, *rest = [None if part.strip().lower() == "null" else int(part) for part in text.split(",")]
    except ValueError:
        raise InvalidRequest("'time' is a moment, or two, in milliseconds since 1970.") from None
    return (first, rest[0] if rest else first)
