"""Esri symbols: their JSON, read into plain facts in points."""

import base64
import binascii
import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from gpserver.errors import InvalidRequest
from gpserver.features.shapes import Array

RGBA = tuple[float, float, float, float]
"""Red, green, blue, alpha; 0 to 1, alpha not multiplied in."""

_LARGEST = 1000.0  # points: what a larger symbol would draw is no picture of features any more
_MOST_PIXELS = 2**22  # of a picture
_PIXEL = 72 / 96  # points


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line: ``width`` in points, ``dashes`` (on, off, ...) in widths; () is solid."""

    color: RGBA
    width: float
    dashes: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Fill:
    """An area: filled, or hatched in that colour where ``hatch`` (matplotlib's) is given, then outlined."""

    color: RGBA | None
    outline: Stroke | None = None
    hatch: str = ""


@dataclass(frozen=True, slots=True)
class Marker:
    """A figure at a point; ``size`` and ``offset`` in points, ``angle`` in degrees counter-clockwise."""

    style: str
    size: float
    color: RGBA | None
    outline: Stroke | None = None
    angle: float = 0.0
    offset: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture at a point, or the tile of an area; (height, width, 4) uint8, and sizes in points."""

    pixels: Array
    width: float
    height: float
    angle: float = 0.0
    offset: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class PictureFill:
    """An area filled with tiles of a picture, then outlined."""

    tile: Picture
    outline: Stroke | None = None


@dataclass(frozen=True, slots=True)
class TextSymbol:
    """Text; sizes and offset in points, ``angle`` in degrees counter-clockwise."""

    color: RGBA = (0.0, 0.0, 0.0, 1.0)
    size: float = 9.0
    family: str = "DejaVu Sans"
    bold: bool = False
    italic: bool = False
    halo: Stroke | None = None
    angle: float = 0.0
    offset: tuple[float, float] = (0.0, 0.0)


S = TypeVar("S", bound="Symbol")
Symbol = Stroke | Fill | Marker | Picture | PictureFill | TextSymbol

# The dash lengths of Esri's own clients for lines with flat ends, in line widths.
_DASHES = {
    "esriSLSSolid": (),
    "esriSLSDash": (4.0, 3.0),
    "esriSLSDot": (1.0, 3.0),
    "esriSLSDashDot": (4.0, 3.0, 1.0, 3.0),
    "esriSLSDashDotDot": (8.0, 3.0, 1.0, 3.0, 1.0, 3.0),
    "esriSLSLongDash": (8.0, 3.0),
    "esriSLSLongDashDot": (8.0, 3.0, 1.0, 3.0),
    "esriSLSShortDash": (4.0, 1.0),
    "esriSLSShortDot": (1.0, 1.0),
    "esriSLSShortDashDot": (4.0, 1.0, 1.0, 1.0),
    "esriSLSShortDashDotDot": (4.0, 1.0, 1.0, 1.0, 1.0, 1.0),
}
# So many letters that lines are about 8 pixels apart at 96 dpi, as ArcGIS has them.
_HATCHES = {
    "esriSFSSolid": "",
    "esriSFSHorizontal": "--",
    "esriSFSVertical": "||",
    "esriSFSForwardDiagonal": "\\" * 3,
    "esriSFSBackwardDiagonal": "///",
    "esriSFSCross": "++",
    "esriSFSDiagonalCross": "xxx",
}
_MARKERS = {
    f"esriSMS{style.title()}": style for style in ("circle", "cross", "diamond", "square", "triangle", "x")
}
_FAMILIES = {"mono": "DejaVu Sans Mono", "courier": "DejaVu Sans Mono", "consolas": "DejaVu Sans Mono"}
_FAMILIES |= dict.fromkeys(("times", "georgia", "garamond", "palatino"), "DejaVu Serif")


def read_symbol(json: Mapping[str, Any]) -> Symbol:
    """Read Esri symbol JSON (Symbol Objects of the ArcGIS REST API); nothing is fetched from a ``url``.

    Raises:
        InvalidRequest: The symbol, or something in it, is not understood; the text names it.
    """
    if not isinstance(json, Mapping):
        raise InvalidRequest(f"A symbol is a JSON object, not {json!r}.")
    kind = json.get("type")
    if not isinstance(kind, str) or kind not in _READERS:
        raise InvalidRequest(f"Symbol type {kind!r} is not supported; use one of {', '.join(_READERS)}.")
    return _READERS[kind](json)


def _read_line(json: Mapping[str, Any]) -> Stroke:
    return _stroke(json) or Stroke((0.0, 0.0, 0.0, 0.0), 0.0)


def _stroke(json: Any) -> Stroke | None:
    """The line of a symbol or an outline; None when there is nothing to see."""
    if not isinstance(json, Mapping) or json.get("style") == "esriSLSNull":
        return None
    dashes = _choice(json, "style", _DASHES, "esriSLSSolid")
    color, width = _color(json), _number(json, "width", 1.0)
    return Stroke(color, width, dashes) if color and color[3] > 0 and width > 0 else None


def _read_fill(json: Mapping[str, Any]) -> Fill:
    outline = _stroke(json.get("outline"))
    if json.get("style") == "esriSFSNull":
        return Fill(None, outline)
    return Fill(_color(json), outline, _choice(json, "style", _HATCHES, "esriSFSSolid"))


def _read_marker(json: Mapping[str, Any]) -> Marker:
    style, size = _choice(json, "style", _MARKERS, "esriSMSCircle"), _number(json, "size", 8.0)
    color, outline = _color(json), _stroke(json.get("outline"))
    if style in ("cross", "x"):  # has no area: its lines are the outline
        outline = outline or (Stroke(color, 1.0) if color else None)
        color = None
    return Marker(style, size, color, outline, _angle(json), _offset(json))


def _read_picture(json: Mapping[str, Any]) -> Picture:
    pixels = _pixels(json)
    width = _number(json, "width", 0.0) or pixels.shape[1] * _PIXEL
    height = _number(json, "height", 0.0) or pixels.shape[0] * _PIXEL
    return Picture(pixels, width, height, _angle(json), _offset(json))


def _read_picture_fill(json: Mapping[str, Any]) -> PictureFill:
    tile = _read_picture(json)
    x, y = _number(json, "xscale", 1.0), _number(json, "yscale", 1.0)
    tile = replace(tile, width=tile.width * (x or 1.0), height=tile.height * (y or 1.0))
    return PictureFill(tile, _stroke(json.get("outline")))


def _read_text(json: Mapping[str, Any]) -> TextSymbol:
    font = json.get("font") or {}
    if not isinstance(font, Mapping):
        raise InvalidRequest("The font of a text symbol is no JSON object.")
    name = str(font.get("family", "")).lower()
    family = next((ours for theirs, ours in _FAMILIES.items() if theirs in name), "DejaVu Sans")
    halo = {"color": json.get("haloColor"), "width": json.get("haloSize") or 0}
    return TextSymbol(
        color=_color(json) or (0.0, 0.0, 0.0, 0.0),
        size=_number(font, "size", 9.0),
        family=family,
        bold=font.get("weight") in ("bold", "bolder"),
        italic=font.get("style") in ("italic", "oblique"),
        halo=_stroke(halo),
        angle=_angle(json),
        offset=_offset(json),
    )


def faded(symbol: S, opacity: float) -> S:
    """The same symbol, its colours more transparent."""
    changes: dict[str, Any] = {}
    for name in ("color", "outline", "halo", "tile"):
        part = getattr(symbol, name, None)
        if isinstance(part, tuple):
            changes[name] = (*part[:3], part[3] * opacity)
        elif part is not None:
            changes[name] = faded(part, opacity)
    if isinstance(symbol, Picture):
        changes["pixels"] = np.rint(symbol.pixels * [1, 1, 1, opacity]).astype(np.uint8)
    return replace(symbol, **changes)


_READERS: dict[str, Callable[[Mapping[str, Any]], Symbol]] = {
    "esriSMS": _read_marker,
    "esriSLS": _read_line,
    "esriSFS": _read_fill,
    "esriPMS": _read_picture,
    "esriPFS": _read_picture_fill,
    "esriTS": _read_text,
}


def _choice(json: Mapping[str, Any], key: str, choices: Mapping[str, Any], default: str) -> Any:
    name = json.get(key) or default
    if not isinstance(name, str) or name not in choices:
        raise InvalidRequest(f"Symbol {key} {name!r} is not supported; use one of {', '.join(choices)}.")
    return choices[name]


def _number(json: Mapping[str, Any], key: str, default: float) -> float:
    number = _any_number(json, key, default)
    if not 0 <= number <= _LARGEST:
        raise InvalidRequest(f"{key} {number:g} of a symbol is not between 0 and {_LARGEST:g} points.")
    return number


def _any_number(json: Mapping[str, Any], key: str, default: float) -> float:
    value = json.get(key)
    try:
        number = default if value is None else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InvalidRequest(f"{key} {value!r} of a symbol is no number.")
    return number


def _angle(json: Mapping[str, Any]) -> float:
    return _any_number(json, "angle", 0.0) % 360


def _offset(json: Mapping[str, Any]) -> tuple[float, float]:
    x, y = _any_number(json, "xoffset", 0.0), _any_number(json, "yoffset", 0.0)
    return max(-_LARGEST, min(x, _LARGEST)), max(-_LARGEST, min(y, _LARGEST))


def _color(json: Mapping[str, Any]) -> RGBA | None:
    """``[r, g, b]`` or ``[r, g, b, a]``, 0 to 255; None when there is no colour."""
    value = json.get("color")
    if value is None:
        return None
    fit = isinstance(value, list | tuple) and len(value) in (3, 4)
    if not fit or not all(isinstance(part, int | float) and 0 <= part <= 255 for part in value):
        raise InvalidRequest(f"Color {value!r} of a symbol is not [red, green, blue, alpha] of 0 to 255.")
    red, green, blue, alpha = (part / 255 for part in [*value, 255][:4])
    return red, green, blue, alpha


def _pixels(json: Mapping[str, Any]) -> Array:
    data = json.get("imageData")
    if not isinstance(data, str) or not data:
        raise InvalidRequest("A picture symbol needs imageData (base64); a url is not fetched.")
    try:
        raw = base64.b64decode(data, validate=True)
        picture = Image.open(io.BytesIO(raw), formats=("PNG", "JPEG", "GIF", "BMP"))
        if picture.width * picture.height > _MOST_PIXELS:
            raise InvalidRequest(f"The picture of a symbol has more than {_MOST_PIXELS} pixels.")
        return np.asarray(picture.convert("RGBA"))
    except (binascii.Error, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidRequest("The imageData of a symbol is no base64 text of a PNG, JPEG or GIF.") from error
