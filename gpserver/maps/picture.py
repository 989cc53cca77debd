"""What can be ordered of the studio: a map as a picture, a symbol of its legend, an input as a layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gpserver.maps.query import Period
from gpserver.maps.view import Box

MEDIA_TYPES = {
    "png": "image/png",
    "png8": "image/png",
    "png24": "image/png",
    "png32": "image/png",
    "jpg": "image/jpeg",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "webp": "image/webp",
}
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


@dataclass(frozen=True, slots=True)
class Tile:
    """A square of the map of a catalogue of rasters, in Web Mercator; travels as JSON.

    Attributes:
        place: The fields of the ``gpserver.layers.Place``.
        owner: As whom the catalogue is read.
        layer: Its name.
        version: Its version, so that a tile is drawn anew when it has changed.
        z: The world is 2^z tiles wide.
        x: Counted from 180° W.
        y: Counted from the north.
        size: Pixels of a side.
        format: One of ``png``, ``jpg``, ``webp``.
        ids: The rows to show; all if there are none.
        target: The file to write; the studio's business.
    """

    place: dict[str, Any]
    owner: str
    layer: str
    version: int
    z: int
    x: int
    y: int
    size: int
    format: str
    ids: tuple[int, ...] = ()
    target: str = ""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What there is to say of one raster of a catalogue; travels as JSON.

    Attributes:
        place, owner, layer, version: As those of a ``Tile``.
        row: The id of its row.
        low, high: Where its histograms begin and end; None for its least and its greatest value.
        format: Its format is always this one.
        target: The file to write; the studio's business.
    """

    place: dict[str, Any]
    owner: str
    layer: str
    version: int
    row: int
    low: float | None = None
    high: float | None = None
    format: str = "json"
    target: str = ""


Work = Picture | Swatch | Reading | Tile | Inspection
"""An order."""
