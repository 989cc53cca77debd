"""Distances and buffers on the ellipsoid of WGS 84, by whole arrays; DuckDB has points alone.

A plane in which azimuths and distances from its middle are true (azimuthal equidistant, computed through
Karney's geodesics as pyproj has them) shows what is near the middle as it is.
"""

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod

_GLOBE = Geod(ellps="WGS84")
_ROUNDS = 4  # each brings the middle of the plane nearer to the shortest line
_AT_VERTEX = 1e-6  # metres

Floats = NDArray[np.float64]


def distances(left: Any, right: Any) -> Floats:
    """Metres between geometries in longitude and latitude, pair by pair; NaN where one is null or empty.

    Points are as exact as Karney's algorithm. Edges are geodesics, as in PostGIS.
    """
    found = np.full(len(left), np.nan)
    there = ~(
        shapely.is_missing(left)
        | shapely.is_missing(right)
        | shapely.is_empty(left)
        | shapely.is_empty(right)
    )
    a, b = left[there], right[there]
    ends = np.stack([_first_points(a), _first_points(b)], axis=1)
    dots = (shapely.get_type_id(a) == 0) & (shapely.get_type_id(b) == 0)
    ends[~dots] = _nearest(a[~dots], b[~dots])
    (x0, y0), (x1, y1) = ends[:, 0].T, ends[:, 1].T
    found[there] = _GLOBE.inv(x0, y0, x1, y1)[2]
    return found


def buffers(geometries: Any, radii: Floats, segments: int) -> Any:
    """Geometries widened by metres, each in a plane of its own; longitudes run on beyond 180 where it does.

    PostGIS projects to UTM or the like instead: its outlines differ by up to 4e-4 of the radius.
    """
    middle = _middles(geometries)
    plane = shapely.buffer(_to_plane(geometries, middle), radii, quad_segs=segments)
    return _from_plane(plane, middle)


def _first_points(geometries: Any) -> Floats:
    corners: Floats = shapely.bounds(geometries)[:, :2]
    return corners


def _middles(geometries: Any) -> Floats:
    box = shapely.bounds(geometries)
    return np.stack([(box[:, 0] + box[:, 2]) / 2, (box[:, 1] + box[:, 3]) / 2], axis=1)


def _nearest(left: Any, right: Any) -> Floats:
    """Longitude and latitude of the two nearest places of each pair, shape (n, 2, 2).

    One of two nearest places is a vertex. An edge through the middle of a plane is a geodesic there, and the
    azimuth of the vertex, seen from the middle, is true: so the middle goes to the place on the edge.
    """
    middle = (_middles(left) + _middles(right)) / 2
    for _ in range(_ROUNDS):
        a, b = _to_plane(left, middle), _to_plane(right, middle)
        lines = shapely.shortest_line(a, b)
        off = shapely.distance(shapely.extract_unique_points(a), shapely.get_point(lines, 0)) > _AT_VERTEX
        ends = shapely.get_coordinates(_from_plane(lines, middle)).reshape(-1, 2, 2)
        middle = np.where(off[:, None], ends[:, 0], ends[:, 1])
    return ends


def _to_plane(geometries: Any, middle: Floats) -> Any:
    points, index = shapely.get_coordinates(geometries, return_index=True)
    azimuth, _, distance = _GLOBE.inv(*middle[index].T, *points.T)
    angle = np.radians(azimuth)
    plane = np.stack([distance * np.sin(angle), distance * np.cos(angle)], axis=1)
    return shapely.set_coordinates(shapely.force_2d(geometries), plane)


def _from_plane(geometries: Any, middle: Floats) -> Any:
    points, index = shapely.get_coordinates(geometries, return_index=True)
    azimuth = np.degrees(np.arctan2(points[:, 0], points[:, 1]))
    centre, latitude = middle[index].T
    x, y, _ = _GLOBE.fwd(centre, latitude, azimuth, np.hypot(points[:, 0], points[:, 1]))
    unrolled = centre + (np.asarray(x) - centre + 180) % 360 - 180
    return shapely.set_coordinates(geometries, np.stack([unrolled, y], axis=1))
