"""Symbols for publishers: markers, lines, fills and pictures, and their Esri JSON."""

import base64
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

from gpserver.errors import PublishingError
from gpserver.symbology.colors import BLUE, WHITE, Color, Rgba, is_light, rgba, shade

POINTS = ("esriGeometryPoint", "esriGeometryMultipoint")
POLYLINE, POLYGON = "esriGeometryPolyline", "esriGeometryPolygon"

_MARKERS = {
    "circle": "esriSMSCircle",
    "square": "esriSMSSquare",
    "cross": "esriSMSCross",
    "x": "esriSMSX",
    "diamond": "esriSMSDiamond",
    "triangle": "esriSMSTriangle",
}
_LINES = {
    "solid": "esriSLSSolid",
    "dash": "esriSLSDash",
    "dot": "esriSLSDot",
    "dash-dot": "esriSLSDashDot",
    "dash-dot-dot": "esriSLSDashDotDot",
    "none": "esriSLSNull",
}
_FILLS = {
    "solid": "esriSFSSolid",
    "none": "esriSFSNull",
    "horizontal": "esriSFSHorizontal",
    "vertical": "esriSFSVertical",
    "cross": "esriSFSCross",
    "forward-diagonal": "esriSFSForwardDiagonal",
    "backward-diagonal": "esriSFSBackwardDiagonal",
    "diagonal-cross": "esriSFSDiagonalCross",
}
_CONTENT_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "BMP": "image/bmp"}
_POINTS_PER_PIXEL = 72 / 96

# A fill lets the base map through; its outline, darker and solid, holds it together on any ground.
_FILL_OPACITY = 0.65
_DARKER = -0.45


def _one_of(what: str, value: str, known: dict[str, str]) -> None:
    if value not in known:
        raise PublishingError(f"{value!r} is not a {what}.", f"Use {', '.join(known)}.")


def _positive(what: str, value: float) -> None:
    if not (isinstance(value, int | float) and 0 < value < 1000):
        raise PublishingError(f"The {what} {value!r} is not a size.", "Write points, more than 0.")


@dataclass(frozen=True)
class Line:
    """A line, also the outline of a marker or a fill.

    Args:
        color: Its colour.
        width: Points.
        style: solid, dash, dot, dash-dot, dash-dot-dot or none.
    """

    color: Color = BLUE
    width: float = 1.75
    style: str = "solid"

    def __post_init__(self) -> None:
        _one_of("line style", self.style, _LINES)
        _positive("width", self.width)
        rgba(self.color)

    def json(self) -> dict[str, Any]:
        """The Esri symbol."""
        return _line(_LINES[self.style], rgba(self.color), self.width)


@dataclass(frozen=True)
class Marker:
    """A shape at a point.

    Args:
        style: circle, square, cross, x, diamond or triangle.
        color: The colour inside; the outline's draws a cross and an x.
        size: Points.
        outline: Its outline, None for none.
        angle: Degrees, counter-clockwise.
    """

    style: str = "circle"
    color: Color = BLUE
    size: float = 7
    outline: Line | None = field(default_factory=lambda: Line(WHITE, 0.75))
    angle: float = 0

    def __post_init__(self) -> None:
        _one_of("marker style", self.style, _MARKERS)
        _positive("size", self.size)
        rgba(self.color)

    def json(self) -> dict[str, Any]:
        """The Esri symbol."""
        outline = self.outline.json() if self.outline else None
        return _marker(_MARKERS[self.style], rgba(self.color), self.size, outline, self.angle)


@dataclass(frozen=True)
class Fill:
    """The inside of a polygon.

    Args:
        color: Its colour; a name or "#rrggbb" is drawn as it is, "#rrggbbaa" says how much shows through.
        outline: Its outline, None for none.
        style: solid, none, or a hatch: horizontal, vertical, cross, forward-diagonal, backward-diagonal,
            diagonal-cross.
    """

    color: Color = BLUE
    outline: Line | None = field(default_factory=lambda: Line(color=(110, 110, 110), width=0.75))
    style: str = "solid"

    def __post_init__(self) -> None:
        _one_of("fill style", self.style, _FILLS)
        rgba(self.color)

    def json(self) -> dict[str, Any]:
        """The Esri symbol."""
        outline = self.outline.json() if self.outline else None
        return _fill(_FILLS[self.style], rgba(self.color), outline)


@dataclass(frozen=True)
class Picture:
    """A picture at a point, or tiled over a polygon.

    Args:
        image: A PNG, JPEG, GIF or BMP: its bytes, or its file.
        width: Points; as many as the picture has at 96 dpi when None.
        height: Points; as the width, in proportion, when None.
        angle: Degrees, counter-clockwise.
    """

    image: bytes | Path
    width: float | None = None
    height: float | None = None
    angle: float = 0

    def __post_init__(self) -> None:
        for name, value in (("width", self.width), ("height", self.height)):
            if value is not None:
                _positive(name, value)
        self._opened  # noqa: B018 - a picture that cannot be read is told where it is written

    @cached_property
    def _content(self) -> bytes:
        return self.image if isinstance(self.image, bytes) else Path(self.image).read_bytes()

    @cached_property
    def _opened(self) -> tuple[str, float, float]:
        """The content type, and the size in points at 96 dpi."""
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(BytesIO(self._content)) as image:
                kind, (width, height) = _CONTENT_TYPES[image.format or ""], image.size
        except (OSError, UnidentifiedImageError, KeyError) as error:
            name = "The picture" if isinstance(self.image, bytes) else f'"{self.image}"'
            raise PublishingError(
                f"{name} is not a picture that can be read.", "Give the file or the bytes of a PNG."
            ) from error
        return kind, width * _POINTS_PER_PIXEL, height * _POINTS_PER_PIXEL

    def json(self, kind: str = "esriPMS") -> dict[str, Any]:
        """The Esri symbol, a marker (esriPMS) or a fill (esriPFS)."""
        content_type, width, height = self._opened
        scale = self.width / width if self.width else self.height / height if self.height else 1.0
        head = {"type": kind, "url": "", "imageData": base64.b64encode(self._content).decode()}
        size = {"width": self.width or width * scale, "height": self.height or height * scale}
        place = {"angle": self.angle, "xoffset": 0, "yoffset": 0}
        fill = {"outline": None, "xscale": 1, "yscale": 1} if kind == "esriPFS" else {}
        return head | {"contentType": content_type} | size | place | fill


Symbol = Marker | Line | Fill | Picture


def symbol_json(symbol: Symbol | Color | None, geometry_type: str, opacity: float = _FILL_OPACITY) -> Any:
    """The Esri symbol for features of a geometry type.

    Args:
        symbol: A symbol, a colour for the usual symbol of the type, or None for its usual colour too.
        geometry_type: The Esri geometry type.
        opacity: That of a fill whose colour says nothing of it.

    Raises:
        PublishingError: The symbol is not for this geometry type.
    """
    if symbol is None or isinstance(symbol, str | tuple):
        return colored(rgba(symbol or BLUE, opacity if geometry_type == POLYGON else 1), geometry_type)
    if isinstance(symbol, Picture) and geometry_type != POLYLINE:
        return symbol.json("esriPFS" if geometry_type == POLYGON else "esriPMS")
    fitting = {POLYLINE: Line, POLYGON: Fill}.get(geometry_type, Marker)
    if not isinstance(symbol, fitting):
        raise PublishingError(
            f"A {type(symbol).__name__} cannot draw {geometry_type}.",
            f"Use a {fitting.__name__}, or a colour.",
        )
    return symbol.json()


def colored(color: Rgba, geometry_type: str) -> dict[str, Any]:
    """The usual symbol of a geometry type in a colour."""
    if geometry_type == POLYLINE:
        return _line("esriSLSSolid", color, 1.75)
    outline = [*shade(color, _DARKER)[:3], 255]
    if geometry_type == POLYGON:
        return _fill("esriSFSSolid", color, _line("esriSLSSolid", outline, 0.75))
    rim = outline if is_light(color) else rgba(WHITE)
    return _marker("esriSMSCircle", color, 7, _line("esriSLSSolid", rim, 0.75), 0)


def _line(style: str, color: Rgba, width: float) -> dict[str, Any]:
    return {"type": "esriSLS", "style": style, "color": color, "width": width}


def _fill(style: str, color: Rgba, outline: dict[str, Any] | None) -> dict[str, Any]:
    return {"type": "esriSFS", "style": style, "color": color, "outline": outline}


def _marker(
    style: str, color: Rgba, size: float, outline: dict[str, Any] | None, angle: float
) -> dict[str, Any]:
    head = {"type": "esriSMS", "style": style, "color": color, "size": size}
    return head | {"angle": angle, "xoffset": 0, "yoffset": 0, "outline": outline}
