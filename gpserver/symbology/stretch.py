"""How a raster looks: its values stretched over a palette, or classes of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from gpserver.errors import PublishingError
from gpserver.symbology.colors import Palette, gradient, read_palette
from gpserver.symbology.drawing_info import drawing_info
from gpserver.symbology.looks import Look

_POLYGON = "esriGeometryPolygon"  # the cells of a class are filled like one
_STOPS = 9


@dataclass(frozen=True)
class Stretch(Look):
    """The values of a raster from one end of a palette to the other.

    Args:
        palette: The palette: a name, or colours.
        minimum: The value of the first colour; None is the least value there is.
        maximum: The value of the last colour; None is the greatest value there is.
    """

    palette: Palette = "viridis"
    minimum: float | None = None
    maximum: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        read_palette(self.palette)


def raster_drawing_info(symbology: Look | Mapping[str, Any] | None, values: Any) -> dict[str, Any]:
    """The Esri drawingInfo of a raster.

    Args:
        symbology: ``Stretch``, ``UniqueValue`` or ``ClassBreaks`` (of the field ``Value``), an Esri
            drawingInfo, or None for a stretch.
        values: Values of its first band, a sample of them where it is large; flat, none missing.

    Raises:
        PublishingError: It is none of these.
    """
    look = Stretch() if symbology is None else symbology
    if isinstance(look, Stretch):
        return {"renderer": _stretched(look, values), "transparency": look.transparency, "labelingInfo": None}
    return drawing_info(look, _POLYGON, lambda name: _value(name, values))


def _value(name: str, values: Any) -> Any:
    if name != "Value":
        raise PublishingError(f"A raster has no field {name}.", 'Its one field is "Value".')
    return pa.array(values)


def _stretched(look: Stretch, values: Any) -> dict[str, Any]:
    least, greatest = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    low = least if look.minimum is None else look.minimum
    high = greatest if look.maximum is None else look.maximum
    mean, deviation = (float(np.mean(values)), float(np.std(values))) if len(values) else (0.0, 0.0)
    ramps = [
        {"type": "algorithmic", "algorithm": "esriLabLChAlgorithm", "fromColor": start, "toColor": end}
        for start, end in pairwise(gradient(look.palette, _STOPS))
    ]
    return {
        "type": "rasterStretch",
        "stretchType": "minMax",
        "statistics": [[low, high, mean, deviation]],
        "colorRamp": {"type": "multipart", "colorRamps": ramps},
    }
