"""Cells of a raster to colours, by Esri's renderers for rasters."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from gpserver.errors import InvalidRequest
from gpserver.features.shapes import Array
from gpserver.maps.renderer import classify
from gpserver.rasters import Pixels


def colored(pixels: Pixels, renderer: Mapping[str, Any]) -> Array:
    """The picture of a raster, (height, width, 4) uint8; cells without a value are transparent.

    Three or four bands of bytes are red, green and blue, whatever the renderer.

    Raises:
        InvalidRequest: The renderer is not rasterStretch, classBreaks or uniqueValue.
    """
    if len(pixels) >= 3 and pixels.dtype == np.uint8:
        return _photograph(pixels)
    band = pixels[0]
    if renderer.get("type") == "rasterStretch":
        return _over(band, _stretched(band, renderer))
    return _over(band, _classified(band, renderer))


def _photograph(pixels: Pixels) -> Array:
    alpha = np.where(np.ma.getmaskarray(pixels[:3]).any(axis=0), 0, 255).astype(np.uint8)
    return np.dstack([*np.ma.getdata(pixels)[:3], alpha])


def _over(band: Any, colors: Array) -> Array:
    colors[np.ma.getmaskarray(band)] = 0
    return colors


def stretch(renderer: Mapping[str, Any]) -> tuple[float, float, Array]:
    """The values of the first and the last colour, and the colours, (n, 4)."""
    try:
        low, high, *_ = renderer["statistics"][0]
        ramps = renderer["colorRamp"].get("colorRamps") or [renderer["colorRamp"]]
        colors = [ramps[0]["fromColor"], *(ramp["toColor"] for ramp in ramps)]
        return float(low), float(high), np.array([[*color, 255][:4] for color in colors], np.float64)
    except (KeyError, IndexError, TypeError, ValueError):
        raise InvalidRequest("A rasterStretch renderer needs 'statistics' and a 'colorRamp'.") from None


def _stretched(band: Any, renderer: Mapping[str, Any]) -> Array:
    low, high, stops = stretch(renderer)
    share = (np.ma.getdata(band).astype(np.float64) - low) / ((high - low) or 1)
    place = np.nan_to_num(np.clip(share, 0, 1)) * (len(stops) - 1)
    channels = [np.interp(place, np.arange(len(stops)), channel) for channel in stops.T]
    return np.dstack(channels).round().astype(np.uint8)


def _classified(band: Any, renderer: Mapping[str, Any]) -> Array:
    cells = pa.array(np.ma.getdata(band).ravel().astype(np.float64))
    classes = classify(renderer, lambda name: cells, len(cells))
    table = np.array(
        [*(symbol.get("color") or (0, 0, 0, 0) for symbol in classes.symbols), (0, 0, 0, 0)], np.uint8
    )
    return table[classes.which].reshape(*band.shape, 4)  # -1 is the last one, which is not seen
