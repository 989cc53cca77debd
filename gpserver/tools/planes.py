"""Planes of their own for features of the globe: metres about a centre, each feature about its own.

The plane is the azimuthal equidistant projection by the geodesics of the ellipsoid (Snyder, "Map
Projections: A Working Manual", 1987, p. 191): distances and directions from the centre are true, and others
nearly so within some hundred kilometres of it.
"""

import numpy as np
import shapely

from gpserver.tools.circles import Geometries
from gpserver.tools.globe import Floats, Globe, measured, travelled
from gpserver.tools.meridian import within_world
from gpserver.tools.vicinity import away, from_centre, series

# How near to a pole, in metres, the edge of a shape is led that goes round it.
NOTCH = 1e-3


def densified(geometry: Geometries, globe: Globe, meters: Floats | float) -> Geometries:
    """With vertices in between, where edges are longer: straight in degrees is not straight in a plane."""
    unit = np.degrees(np.broadcast_to(meters, geometry.shape) / globe.geod.a) * (globe.half_width / 180)
    bounds = shapely.bounds(geometry)
    large = np.maximum(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1]) > unit
    found = geometry.copy()
    found[large] = shapely.segmentize(geometry[large], unit[large])
    return found


def to_planes(geometry: Geometries, globe: Globe, centres: Floats, *, near: bool = False) -> Geometries:
    """Geometry of the globe in the plane about each centre, in metres.

    Args:
        geometry: Shape (n,), without null.
        globe: The Earth under the coordinates.
        centres: Degrees of longitude and latitude, shape (n, 2).
        near: Whether all of it lies in the vicinity of its centre.
    """
    flat, owner = shapely.get_coordinates(geometry, return_index=True)
    degrees = np.column_stack([flat[:, 0] * (180 / globe.half_width), globe.latitude(flat[:, 1])])
    if near:
        plane = from_centre(series(globe, centres), owner, degrees - centres[owner])
    else:
        plane = _in_plane(globe, centres[owner], degrees)
    return np.asarray(shapely.set_coordinates(geometry.copy(), plane))


def _in_plane(globe: Globe, centres: Floats, degrees: Floats) -> Floats:
    azimuth, meters = measured(globe, centres, degrees)
    turned = np.radians(azimuth)
    return np.column_stack([meters * np.sin(turned), meters * np.cos(turned)])


def from_planes(geometry: Geometries, globe: Globe, centres: Floats, *, near: bool = False) -> Geometries:
    """Geometry of the planes back on the globe: cut at 180°, a pole inside taken in."""
    if near:
        return within_world(_placed_near(geometry, globe, centres), globe)
    north = _to_pole(globe, centres, 90)
    south = _to_pole(globe, centres, -90)
    bounds = shapely.bounds(geometry)
    polar = (bounds[:, 3] >= north) | (bounds[:, 1] <= -south)
    placed = _placed(geometry, globe, centres, 0)
    if polar.any():
        halves = [
            _placed(_half(geometry[polar], north[polar], south[polar], side), globe, centres[polar], side)
            for side in (-1, 1)
        ]
        placed[polar] = shapely.union_all(shapely.make_valid(np.asarray(halves)), axis=0)
    return within_world(placed, globe)


def _to_pole(globe: Globe, centres: Floats, latitude: float) -> Floats:
    pole = np.column_stack([centres[:, 0], np.full(len(centres), latitude)])
    return measured(globe, centres, pole)[1]


def _half(geometry: Geometries, north: Floats, south: Floats, side: int) -> Geometries:
    """The half east or west of the meridian through the centre, with corners on both sides of each pole.

    In this plane the meridian through the centre, and beyond the pole the opposite one, is the line x = 0.
    """
    far, flat = 3e7, np.zeros(len(north))
    line = [flat - far, -south - NOTCH, -south + NOTCH, north - NOTCH, north + NOTCH, flat + far]
    corners = [*((flat, y) for y in line), (flat + side * far, flat + far), (flat + side * far, flat - far)]
    rings = np.stack([np.column_stack(corner) for corner in corners], axis=1)
    return np.asarray(shapely.intersection(geometry, shapely.polygons(rings)))


def _placed(geometry: Geometries, globe: Globe, centres: Floats, side: int) -> Geometries:
    """On the globe, longitudes running on from the centre's: to the east or west alone if ``side`` says."""
    flat, owner = shapely.get_coordinates(geometry, return_index=True)
    x, y = flat.T
    middle = centres[owner]
    azimuth, meters = np.degrees(np.arctan2(x, y)), np.hypot(x, y)
    degrees = travelled(globe, middle, azimuth, meters)
    east = (degrees[:, 0] - middle[:, 0] + 180) % 360 - 180
    latitude = np.clip(degrees[:, 1], -90, 90)
    if side:
        east = np.where(east * side < -1e-9, east + side * 360, east)
        latitude = np.where(np.abs(latitude) > 90 - 1e-7, np.copysign(90.0, latitude), latitude)
    there = np.column_stack([(middle[:, 0] + east) * (globe.half_width / 180), globe.y(latitude)])
    return np.asarray(shapely.set_coordinates(geometry.copy(), there))


def _placed_near(geometry: Geometries, globe: Globe, centres: Floats) -> Geometries:
    flat, owner = shapely.get_coordinates(geometry, return_index=True)
    there = away(series(globe, centres), owner, flat)
    there += centres[owner]
    there[:, 0] *= globe.half_width / 180
    there[:, 1] = globe.y(there[:, 1])
    return np.asarray(shapely.set_coordinates(geometry.copy(), there))
