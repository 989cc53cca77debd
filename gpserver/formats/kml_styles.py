"""Esri symbols as styles of KML: what a globe can draw of them."""

from collections.abc import Mapping
from math import cos, radians, sin
from typing import Any
from xml.etree.ElementTree import Element, fromstring

from simplekml import Icon, IconStyle, LabelStyle, LineStyle, PolyStyle, Style

from gpserver.maps.picture import Swatch
from gpserver.maps.symbols import (
    RGBA,
    Fill,
    Marker,
    Picture,
    PictureFill,
    Stroke,
    Symbol,
    TextSymbol,
    read_symbol,
)

_ICON = 64  # pixels of the sides of an icon: twice what globes show at scale 1, for sharp edges
_ROOM = 46.0  # points of it that a symbol fills; the rest is its margin
_PIXELS = 4 / 3  # of a point, at 96 dpi
_LETTERS = 12.0  # points of a label at scale 1
_HATCH = 0.35  # how much a hatched area is covered by its lines


def icon(symbol: Mapping[str, Any]) -> Swatch | None:
    """The order of the icon of a point symbol, as large as there is room; None for other symbols.

    Raises:
        InvalidRequest: The symbol is not understood.
    """
    drawn = read_symbol(symbol)
    factor, larger = _ROOM / _size(drawn), dict[str, Any]()
    if isinstance(drawn, Picture):
        larger = {"width": drawn.width * factor, "height": drawn.height * factor}
    elif isinstance(drawn, Marker):
        larger = {"size": drawn.size * factor}
        if drawn.outline:
            color = [round(part * 255) for part in drawn.outline.color]
            outline = {"style": "esriSLSSolid", "color": color, "width": drawn.outline.width * factor}
            larger["outline"] = outline
    else:
        return None
    return Swatch({**symbol, **larger}, _ICON, _ICON)


def _size(symbol: Symbol) -> float:
    """The side of the square that a point symbol needs, turned as it is, in points."""
    if not isinstance(symbol, Picture | Marker):
        return 1.0
    if isinstance(symbol, Picture):
        side = max(symbol.width, symbol.height)
    else:
        side = symbol.size + (symbol.outline.width if symbol.outline else 0.0)
    angle = radians(symbol.angle)
    return max(side, 1.0) * (abs(sin(angle)) + abs(cos(angle)))


def style_of(
    name: str, symbol: Symbol, icon: str | None, opacity: float, label: TextSymbol | None
) -> Element:
    """A shared Style.

    Args:
        name: Its id.
        symbol: A hatch becomes a thinner colour, and tiles their mean colour: globes have neither.
        icon: Where the picture of a point symbol is.
        opacity: That of the layer, 0 to 1.
        label: How names are written; None for not at all.
    """
    style = Style(labelstyle=LabelStyle(scale=0))
    if icon:
        scale, color = f"{_size(symbol) / _ROOM * 2:.3g}", _color((1.0, 1.0, 1.0, opacity))
        style.iconstyle = IconStyle(color=color, scale=scale, icon=Icon(href=icon))
    if label:
        color, scale = _color(_faded(label.color, opacity)), f"{label.size / _LETTERS:.3g}"
        style.labelstyle = LabelStyle(color=color, scale=scale)
    outline = symbol if isinstance(symbol, Stroke) else getattr(symbol, "outline", None)
    if outline and not icon:
        width = f"{outline.width * _PIXELS:.3g}"
        style.linestyle = LineStyle(color=_color(_faded(outline.color, opacity)), width=width)
    if isinstance(symbol, Fill | PictureFill):
        inside = _inside(symbol)
        style.polystyle = PolyStyle(fill=int(bool(inside)), outline=int(bool(outline)))
        style.polystyle.color = _color(_faded(inside, opacity)) if inside else None
    element = element_of(style)
    element.set("id", name)
    return element


def element_of(item: object) -> Element:
    """What simplekml made, without the ids that it counts: those of XML do not begin with a digit."""
    element = fromstring(str(item))  # noqa: S314 - no client wrote it
    for each in element.iter():
        each.attrib.pop("id", None)
    return element


def _inside(symbol: Fill | PictureFill) -> RGBA | None:
    """The one colour that stands for what an area is filled with."""
    if isinstance(symbol, PictureFill):
        red, green, blue, alpha = (symbol.tile.pixels.reshape(-1, 4).mean(axis=0) / 255).tolist()
        return red, green, blue, alpha
    return _faded(symbol.color, _HATCH) if symbol.color and symbol.hatch else symbol.color


def _faded(color: RGBA, opacity: float) -> RGBA:
    return *color[:3], color[3] * opacity


def _color(color: RGBA) -> str:
    """A colour as KML writes it: alpha, blue, green, red."""
    return "".join(f"{round(part * 255):02x}" for part in reversed(color))
