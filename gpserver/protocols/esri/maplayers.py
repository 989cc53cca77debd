"""Which layers of a map a request means, and how: ``layers``, ``layerDefs``, ``dynamicLayers``, ``time``."""

from typing import Any

from gpserver.errors import InvalidRequest
from gpserver.features.parse import read_json
from gpserver.maps.document import Map, MapLayer
from gpserver.maps.picture import Sheet
from gpserver.maps.query import Period
from gpserver.protocols.form import Parameters

_MODES = ("show", "hide", "include", "exclude")

_DYNAMIC = '\'dynamicLayers\' is [{"id": 0, "source": {"type": "mapLayer", "mapLayerId": 0}, …}].'


def sheets(asked: Parameters, found: Map) -> list[Sheet]:
    """What is drawn, topmost first: the map's own layers, or those that ``dynamicLayers`` makes of them.

    ``layers`` (``show:0,1``, ``hide:``, ``include:``, ``exclude:``) chooses among either.

    Raises:
        InvalidRequest: One of these parameters is written in another way.
    """
    where, time, listed = definitions(asked), period(asked), asked.text("layers")
    dynamic = asked.document("dynamicLayers") or [
        {"id": item.id, "source": {"type": "mapLayer", "mapLayerId": item.id}} for item in found.layers
    ]
    if not isinstance(dynamic, list):
        raise InvalidRequest(_DYNAMIC)
    drawn = [_sheet(found, definition, where, time) for definition in dynamic]
    return [sheet for number, sheet in drawn if sheet.path and _shown(listed, number)]


def _sheet(found: Map, definition: Any, where: dict[int, str], time: Period | None) -> tuple[int, Sheet]:
    """The number and the sheet of a dynamic layer."""
    try:
        number, source = int(definition["id"]), definition["source"]
        kind, item = source["type"], found.layer(int(source["mapLayerId"]))
    except (KeyError, OverflowError, TypeError, ValueError):
        raise InvalidRequest(_DYNAMIC) from None
    if kind != "mapLayer":
        raise InvalidRequest(f"'dynamicLayers': a source of type {kind} is not supported, only mapLayer.")
    clauses = str(definition.get("definitionExpression") or ""), where.get(number, "")
    drawing = _drawing(item, definition.get("drawingInfo") or {})
    # A table has nothing to draw.
    path = "" if item.is_table or item.path is None else str(item.path)
    return number, Sheet(path, drawing, clauses, time, item.time_field)


def _drawing(item: MapLayer, given: Any) -> dict[str, Any]:
    """The look of a layer, with what a client puts in its place."""
    try:
        look = item.drawing | {name: value for name, value in given.items() if value is not None}
        fits = isinstance(look.get("renderer", {}), dict)
        fits &= isinstance(look.get("transparency", 0), int | float)
        fits &= all(isinstance(each["symbol"], dict) for each in look.get("labelingInfo") or [])
    except (AttributeError, KeyError, TypeError):
        fits = False
    if not fits:
        raise InvalidRequest(
            "'dynamicLayers': a drawingInfo has Esri's renderer object, transparency in percent, and"
            " labelingInfo whose label classes each have a symbol."
        )
    return look


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
