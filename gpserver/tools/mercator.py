"""Mercator's plane for longitudes and latitudes: true in the small, so that nearness can be seen in it."""

import numpy as np
from pyproj import CRS

from gpserver.tools.globe import Floats
from gpserver.tools.operand import ground_of

# Radians: Mercator sends the poles to infinity; this is 5 km from them.
NORTHERNMOST = 1.57


def plane_of(coordinates: Floats, crs: CRS | None) -> Floats:
    """Coordinates where nearness can be seen, shape (n, 2): degrees in Mercator's plane, in metres."""
    globe = ground_of(crs)
    if globe is None or not (crs and crs.is_geographic):
        return coordinates
    latitude = np.clip(np.radians(globe.latitude(coordinates[:, 1])), -NORTHERNMOST, NORTHERNMOST)
    x = coordinates[:, 0] * (np.pi / globe.half_width)
    return np.column_stack([x, np.arcsinh(np.tan(latitude))]) * globe.geod.a


def from_plane(plane: Floats, crs: CRS | None) -> Floats:
    """The coordinates of places of that plane, shape (n, 2)."""
    globe = ground_of(crs)
    if globe is None or not (crs and crs.is_geographic):
        return plane
    x, y = (plane / globe.geod.a).T
    return np.column_stack([x * (globe.half_width / np.pi), globe.y(np.degrees(np.arctan(np.sinh(y))))])


def width_of(crs: CRS | None) -> float:
    """How wide the world is in that plane; infinite where it does not come round."""
    globe = ground_of(crs)
    if globe is None:
        return np.inf
    return float(2 * (np.pi * globe.geod.a if crs and crs.is_geographic else globe.half_width))
