"""Circles on the ellipsoid: every point of the outline lies at the same geodesic distance from the centre."""

import numpy as np
import shapely
from numpy.typing import NDArray

from gpserver.errors import InvalidValue
from gpserver.tools.globe import Floats, Globe

Geometries = NDArray[np.object_]

SEGMENTS = 64


def circles(globe: Globe, centres: Floats, radii: Floats) -> Geometries:
    """One polygon of 64 segments (a multipolygon where the world's edge cuts it) around every centre.

    A circle over a pole takes the pole in: it runs along the edge of the world and along y = ±half_height.
    A circle over 180° is cut there in two. A radius that reaches all round the Earth gives the whole world.

    Args:
        globe: The Earth under the coordinates.
        centres: x, y of each centre, shape (n, 2); x outside the world is brought back into it.
        radii: Metres, shape (n,), greater than 0.

    Raises:
        InvalidValue: A centre lies beyond a pole.
    """
    x, y = _inside(globe, centres)
    # Every geodesic shorter than pi polar radii is a shortest path; longer ones would make outlines cross.
    all_round = radii >= np.pi * globe.geod.b
    east, north = _half_outlines(globe, y, np.where(all_round, 1.0, radii))
    rings = _rings(x, east, north)
    polygons = np.asarray(
        shapely.from_ragged_array(
            shapely.GeometryType.POLYGON,
            rings.reshape(-1, 2),
            (np.arange(len(x) + 1) * rings.shape[1], np.arange(len(x) + 1)),
        )
    )
    over = _leaves_the_world(globe, rings, east)
    polygons[over] = _cut(globe, x[over], east[over], north[over])
    polygons[all_round] = _world(globe)
    return polygons


def _inside(globe: Globe, centres: Floats) -> tuple[Floats, Floats]:
    x, y = centres[:, 0], centres[:, 1]
    beyond = np.abs(globe.latitude(y)) > 90
    if beyond.any():
        raise InvalidValue(
            f"{int(beyond.sum())} of {len(y)} points lie beyond a pole: the first one has the latitude "
            f"{float(globe.latitude(y)[beyond][0]):g}. Are its coordinates in the order x, y?"
        )
    wide = 2 * globe.half_width
    return np.where(np.abs(x) > globe.half_width, (x + globe.half_width) % wide - globe.half_width, x), y


def _half_outlines(globe: Globe, y: Floats, radii: Floats) -> tuple[Floats, Floats]:
    """x relative to the centre, and y, of the eastern half of each outline from north to south, (n, 33).

    The ellipsoid is symmetric about a meridian, so the western half is the mirror of the eastern one. The
    first x is half_width instead of 0 when the circle goes over the north pole, the last one for the south.
    """
    azimuths = np.linspace(0, 180, SEGMENTS // 2 + 1)
    shape = (len(y), len(azimuths))
    longitude, latitude = np.zeros(shape), np.repeat(globe.latitude(y), shape[1]).reshape(shape)
    longitude, latitude, _ = globe.geod.fwd(
        longitude.ravel(),
        latitude.ravel(),
        np.tile(azimuths, len(y)),
        np.repeat(radii, shape[1]),
        return_back_azimuth=False,
    )
    east = np.abs(longitude) * (globe.half_width / 180)
    return east.reshape(shape), globe.y(np.asarray(latitude)).reshape(shape)


def _rings(x: Floats, east: Floats, north: Floats) -> Floats:
    """Closed clockwise rings, (n, vertices, 2), of the eastern halves and their mirrors."""
    half = east.shape[1]
    rings = np.empty((len(x), 2 * half - 1, 2))
    rings[:, :half, 0] = x[:, None] + east
    rings[:, half:, 0] = x[:, None] - east[:, -2::-1]
    rings[:, :half, 1] = north
    rings[:, half:, 1] = north[:, -2::-1]
    return rings


def _leaves_the_world(globe: Globe, rings: Floats, east: Floats) -> NDArray[np.bool_]:
    """Whether an outline crosses an edge of the world or goes round a pole."""
    width, height = np.abs(rings[..., 0]).max(axis=1), np.abs(rings[..., 1]).max(axis=1)
    over_a_pole = (east[:, 0] > 0) | (east[:, -1] > 0)
    return np.asarray((width > globe.half_width) | (height > globe.half_height) | over_a_pole)


def _cut(globe: Globe, x: Floats, east: Floats, north: Floats) -> Geometries:
    """What outlines enclose, poles included, cut at the edges of the world.

    A half outline over a pole starts (or ends) on the meridian opposite to the centre; led along it to the
    pole and along the pole back to the centre's own meridian, it encloses a simple area of the plane.
    """
    pole = float(globe.y(np.array([90.0]))[0])
    centre = np.zeros((len(x), 1))
    first, last = east[:, :1], east[:, -1:]
    top = np.where(first > 0, pole, north[:, :1])
    bottom = np.where(last > 0, -pole, north[:, -1:])
    rings = _rings(
        x,
        np.concatenate([centre, first, east, last, centre], axis=1),
        np.concatenate([top, top, north, bottom, bottom], axis=1),
    )
    turns = np.array([-1, 0, 1])[:, None, None, None] * [2 * globe.half_width, 0]
    pieces = shapely.intersection(shapely.polygons(rings + turns), _world(globe))
    return np.asarray(shapely.union_all(pieces, axis=0))


def _world(globe: Globe) -> shapely.Polygon:
    return shapely.box(-globe.half_width, -globe.half_height, globe.half_width, globe.half_height, ccw=False)
