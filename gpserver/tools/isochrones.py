"""Isochrones: what can be reached from places of a network within a time or a distance."""

from typing import Literal

from geopandas import GeoDataFrame
from numpy.typing import ArrayLike

from gpserver.tools.network import Network


def isochrones(
    network: Network,
    points: GeoDataFrame,
    breaks: ArrayLike,
    *,
    towards: bool = False,
    overlap: Literal["overlap", "dissolve", "split"] = "overlap",
    rings: bool = False,
    holes: bool = False,
) -> GeoDataFrame:
    """Find the area that is reached from each point; a polygon for each point and break.

    The result has the attributes and the index of its point (the index says whose it is; the first of them
    where areas are dissolved) and FromBreak, ToBreak, in the spatial reference of the points.

    Args:
        network: The network.
        points: Where to start, in any spatial reference.
        breaks: Seconds (metres in a network by length): shape (k,), or (n, k) with those of each point.
        towards: Go to the points instead of away from them.
        overlap: Areas of several points may overlap, be one for each break, or be split where another is nearer.
        rings: Cut the next smaller area out of each.
        holes: Leave out what is inside but far from what was reached.
    """
    raise NotImplementedError
