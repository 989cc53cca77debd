"""The shore of polygons: their boundary on the globe, where the seam of the world is none."""

import numpy as np
import shapely

from gpserver.tools.circles import Geometries
from gpserver.tools.globe import Globe
from gpserver.tools.operand import of_dimension


def meets_edge(geometry: Geometries, globe: Globe) -> np.ndarray:
    """Whether geometries reach the edge of the world: 180°, a pole, or the end of Web Mercator."""
    edges = [globe.half_width, globe.half_height] * 2
    return np.asarray((np.abs(shapely.bounds(geometry)) >= edges).any(axis=1))


def shores(geometry: Geometries, globe: Globe) -> Geometries:
    """The boundary of each polygon as lines; empty where it has none.

    Poles and the ends of Web Mercator bound nothing, and the seam at 180° does so only where the polygon does
    not go on behind it, that is, has no edge on the other side.
    """
    wide, high = globe.half_width, globe.half_height
    boundary = shapely.boundary(geometry)
    inner = shapely.difference(boundary, shapely.box(-wide, -high, wide, high).exterior)
    west, east = (shapely.linestrings([[x, -high], [x, high]]) for x in (-wide, wide))
    behind = shapely.transform(shapely.intersection(boundary, east), lambda flat: flat - [2 * wide, 0])
    seam = shapely.symmetric_difference(_lines(shapely.intersection(boundary, west)), _lines(behind))
    return _lines(np.asarray(shapely.union_all([inner, _lines(seam)], axis=0)))


def _lines(geometry: Geometries) -> Geometries:
    """Lines alone; empty where there are none, which operations can take."""
    found = of_dimension(np.asarray(geometry), 1)
    found[shapely.is_missing(found)] = shapely.LineString()
    return found
