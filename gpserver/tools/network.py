"""Networks: the graph of a layer of lines, with what it takes to go along each edge either way."""

from dataclasses import dataclass
from typing import Literal

from geopandas import GeoDataFrame

SPEED = 50.0


@dataclass(frozen=True)
class Network:
    """A graph whose edges lie between places where lines end or share a vertex."""


def network_of(
    lines: GeoDataFrame,
    *,
    speed: str | float = SPEED,
    oneway: str | None = None,
    default: float = SPEED,
    by: Literal["time", "length"] = "time",
) -> Network:
    """Make a network of lines; it may be searched many times.

    Args:
        lines: Lines in any spatial reference.
        speed: A field with the speed, or one speed for all, in km/h.
        oneway: A field that says which way is open; None: both (as for walking).
        default: The speed where the field has none, in km/h.
        by: What a search makes least, and what limits are: seconds or metres.
    """
    raise NotImplementedError
