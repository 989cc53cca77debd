"""Legends: what each symbol of a renderer stands for."""

from collections.abc import Mapping
from typing import Any

from gpserver.features.shapes import Array
from gpserver.maps.grid import stretch
from gpserver.maps.renderer import classify


def entries(renderer: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """A label and an Esri symbol for everything that the renderer draws in its own way.

    Raises:
        InvalidRequest: There is no such renderer.
    """
    if renderer.get("type") != "rasterStretch":
        classes = classify(renderer, None, 0)
        return list(zip(classes.labels, classes.symbols, strict=True))
    low, high, stops = stretch(renderer)
    places = [(f"High: {high:g}", len(stops) - 1), ("", len(stops) // 2), (f"Low: {low:g}", 0)]
    return [(label, _fill(stops[place])) for label, place in places]


def _fill(color: Array) -> dict[str, Any]:
    return {"type": "esriSFS", "style": "esriSFSSolid", "color": color.astype(int).tolist(), "outline": None}
