"""Barriers: places where nobody passes, cut out of the lines before a network is made of them."""

from collections.abc import Sequence

import numpy as np
import shapely
from geopandas import GeoDataFrame

from gpserver.tools.buffer import buffer
from gpserver.tools.nearest import nearest
from gpserver.tools.operand import alike
from gpserver.tools.overlay import overlay
from gpserver.tools.places import FARTHEST

# Metres on both sides of a barrier: more than the distance at which ends of lines are one.
GAP = 0.05


def without(lines: GeoDataFrame, barriers: Sequence[GeoDataFrame]) -> GeoDataFrame:
    """Lines with gaps where barriers are, with their attributes.

    One can go as far as the barrier from both sides. Polygons close what they cover, lines what they cross,
    and points the place on the nearest line within 5 km, as in ArcGIS.

    Args:
        lines: The lines.
        barriers: Layers of points, lines or polygons, in any spatial reference.
    """
    for barrier in barriers:
        if len(lines) and len(barrier):
            lines = overlay(lines, _closed(alike(barrier, lines), lines), "subtraction")
    return lines


def _closed(barrier: GeoDataFrame, lines: GeoDataFrame) -> GeoDataFrame:
    """The areas that a barrier covers."""
    dimension = shapely.get_dimensions(np.asarray(barrier.geometry.array, dtype=object))
    ways = nearest(barrier[dimension == 0], lines, 1, FARTHEST).lines
    ends = shapely.get_point(np.asarray(ways.geometry.array, dtype=object), -1)
    thin = [GeoDataFrame(geometry=ends, crs=lines.crs), barrier[dimension == 1]]
    parts = [barrier[dimension == 2], *(buffer(each, GAP) for each in thin)]
    areas = [np.asarray(each.geometry.array, dtype=object) for each in parts]
    return GeoDataFrame(geometry=np.concatenate(areas), crs=lines.crs)
