"""What can be ordered of the studio: a map as a picture, a symbol of its legend, an input as a layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gpserver.maps.images import MEDIA_TYPES
from gpserver.maps.query import Period
from gpserver.maps.view import Box

VECTORS = {"svg": "image/svg+xml", "pdf": "application/pdf"}
FORMATS = MEDIA_TYPES | VECTORS
"""What can be drawn, and its media type."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One layer of a picture."""

    path: str
    """The stored layer; empty for one without features."""
    drawing: Mapping[str, Any]
    """Esri drawingInfo."""
    where: tuple[str, ...] = ()
    """Conditions that all must hold."""
    period: Period | None = None
    time_field: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A map; travels as JSON.

    Attributes:
        sheets: The fields of each ``Sheet``, topmost first.
        box: The extent in the picture's spatial reference.
        width: Pixels.
        height: Pixels.
        spatial_reference: Esri's object of the picture's spatial reference.
        format: One of ``FORMATS``.
        dpi: Pixels per inch.
        rotation: Degrees, counter-clockwise.
        transparent: Whether there is no paper.
        target: The file to write; the studio's business.
    """

    sheets: list[dict[str, Any]]
    box: Box
    width: int
    height: int
    spatial_reference: dict[str, Any]
    format: str
    dpi: float = 96.0
    rotation: float = 0.0
    transparent: bool = True
    target: str = ""


@dataclass(frozen=True, slots=True)
class Swatch:
    """A symbol of a legend; travels as JSON.

    Attributes:
        symbol: Esri symbol JSON.
        width: Pixels.
        height: Pixels.
        format: Its format is always this one.
        target: The file to write; the studio's business.
    """

    symbol: dict[str, Any]
    width: int
    height: int
    format: str = "png32"
    target: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """Features or rows as a client sent them, to be stored like a result; travels as JSON.

    Attributes:
        data_type: The name of their data type.
        text: What was sent.
        file: Where it rests, if it is too long for a text.
        format: Its format is always this one.
        target: The file to write; the studio's business.
    """

    data_type: str
    text: str = ""
    file: str = ""
    format: str = "arrow"
    target: str = ""


Work = Picture | Swatch | Reading
"""An order."""
