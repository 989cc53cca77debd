"""Lengths and areas on the ground, in metres and square metres."""

import numpy as np
import shapely
from pyproj import CRS

from gpserver.tools.circles import Geometries
from gpserver.tools.distance import unit_of
from gpserver.tools.globe import Floats, Globe, measured
from gpserver.tools.operand import ground_of


def ground_length(geometry: Geometries, crs: CRS | None) -> Floats:
    """Metres of lines and of the outlines of polygons, 0 of points and null.

    Geodesic from vertex to vertex on the globe, else planar in the projection's linear unit.
    """
    globe = ground_of(crs)
    if globe is None:
        return np.nan_to_num(shapely.length(geometry)) * unit_of(crs)
    rings, ring_owner = _lines(geometry)
    flat, owner = shapely.get_coordinates(rings, return_index=True)
    degrees = np.column_stack([flat[:, 0] * (180 / globe.half_width), globe.latitude(flat[:, 1])])
    same = owner[1:] == owner[:-1]
    meters = measured(globe, degrees[:-1][same], degrees[1:][same])[1]
    found = np.bincount(ring_owner[owner[1:][same]], weights=meters, minlength=len(geometry))
    return np.asarray(found, dtype=np.float64)


def ground_area(geometry: Geometries, crs: CRS | None) -> Floats:
    """Square metres of polygons, 0 of anything else and null.

    On the globe in the ellipsoidal cylindrical equal-area projection (Snyder 1987, p. 81), which keeps
    meridians and parallels straight; else planar in the projection's linear unit.
    """
    globe = ground_of(crs)
    if globe is None:
        return np.nan_to_num(shapely.area(geometry)) * unit_of(crs) ** 2
    flat = shapely.get_coordinates(geometry)
    turned = np.radians(flat[:, 0] * (180 / globe.half_width)) * globe.geod.a
    up = _authalic(globe, np.sin(np.radians(globe.latitude(flat[:, 1])))) * globe.geod.a / 2
    flattened = shapely.set_coordinates(shapely.force_2d(geometry), np.column_stack([turned, up]))
    return np.nan_to_num(shapely.area(flattened))


def _authalic(globe: Globe, sine: Floats) -> Floats:
    """q of a latitude, by its sine: the area from the equator, over a² / 2 and a radian (Snyder, 3-12)."""
    squared = globe.geod.es
    if squared == 0:
        return 2 * sine
    e = np.sqrt(squared)
    return np.asarray((1 - squared) * (sine / (1 - squared * sine**2) + np.arctanh(e * sine) / e))


def _lines(geometry: Geometries) -> tuple[Geometries, np.ndarray]:
    """Lines and rings of geometries, and whose they are."""
    parts, owner = shapely.get_parts(geometry, return_index=True)
    polygon = shapely.get_dimensions(parts) == 2
    rings, ring_owner = shapely.get_rings(parts[polygon], return_index=True)
    line = shapely.get_dimensions(parts) == 1
    return np.append(parts[line], rings), np.append(owner[line], owner[polygon][ring_owner])
