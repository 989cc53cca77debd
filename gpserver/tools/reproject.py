"""Reproject: features in another spatial reference."""

import logging
from functools import lru_cache

import numpy as np
import shapely
from geopandas import GeoDataFrame
from geopandas.array import from_shapely
from pyproj import CRS, Transformer

from gpserver.errors import InvalidValue
from gpserver.tools.circles import Geometries
from gpserver.tools.counts import counted
from gpserver.tools.globe import globe_of
from gpserver.tools.meridian import within_world

log = logging.getLogger(__name__)


def reproject(frame: GeoDataFrame, crs: CRS) -> GeoDataFrame:
    """Move features into another spatial reference.

    Every vertex is transformed, as ST_Transform and QGIS do; edges stay straight, so densify long ones first.
    Z stays as it is and is not taken for a height above the ellipsoid; M is dropped.

    * A feature with a vertex that cannot be there (beyond the edge of a projection) becomes null; a warning
      counts such features. GeoPandas leaves infinite coordinates, PostGIS fails.
    * From a projection to longitude and latitude (or Web Mercator), what crosses 180° is cut there into two
      parts. PostGIS, QGIS and GeoPandas draw it round the whole Earth the other way.

    Raises:
        InvalidValue: The features have no spatial reference.
    """
    if frame.crs is None:
        raise InvalidValue("The features have no spatial reference, so they cannot be projected.")
    geometry = np.asarray(frame.geometry.array, dtype=object)
    placed = geometry if frame.crs == crs else _transformed(geometry, frame.crs, crs)
    column = from_shapely(placed, crs=crs)
    lost = int((shapely.is_missing(placed) & ~shapely.is_missing(geometry)).sum())
    if lost:
        log.warning("%d of %d features lie beyond the edge of %s.", lost, len(frame), crs.name)
    return counted(frame.set_geometry(column, crs=crs), read=len(frame), lost=lost)


def _transformed(geometry: Geometries, source: CRS, target: CRS) -> Geometries:
    before, after = globe_of(source), globe_of(target)
    if after is not None:
        geometry = within_world(geometry, before)
    x, y = transformer(source.srs, target.srs).transform(*shapely.get_coordinates(geometry).T)
    flat = np.column_stack([x, y])
    if before is None and after is not None:
        flat = _unrolled(geometry, flat, 2 * after.half_width)
    ends = np.cumsum(shapely.get_num_coordinates(geometry))
    bad = np.add.reduceat(np.append(~np.isfinite(flat).all(axis=1), False), np.append(0, ends))[:-1] > 0
    bad &= shapely.get_num_coordinates(geometry) > 0
    flat[~np.isfinite(flat)] = 0
    placed = _with_coordinates(geometry, flat)
    placed[bad] = None
    return within_world(placed, after)


def _with_coordinates(geometry: Geometries, flat: np.ndarray) -> Geometries:
    """New x and y; Z stays where there is one."""
    base = shapely.force_2d(geometry) if shapely.has_m(geometry).any() else geometry.copy()
    if shapely.has_z(geometry).any():
        flat = np.column_stack([flat, shapely.get_coordinates(geometry, include_z=True)[:, 2]])
        base = shapely.force_3d(geometry)
        base[~shapely.has_z(geometry)] = shapely.force_2d(geometry[~shapely.has_z(geometry)])
    return np.asarray(shapely.set_coordinates(base, flat))


def _unrolled(geometry: Geometries, flat: np.ndarray, wide: float) -> np.ndarray:
    """Longitudes that run on across 180° instead of jumping, line by line and ring by ring.

    A ring round a pole does not close that way and is left as it is.
    """
    jump = np.abs(np.diff(flat[:, 0], prepend=flat[:1, 0])) > wide / 2
    if not jump.any():
        return flat
    start = _starts(geometry, len(flat))
    turns = np.where(jump & ~start, -np.sign(np.diff(flat[:, 0], prepend=flat[:1, 0])), 0.0)
    total = np.cumsum(turns)
    line = np.cumsum(start) - 1
    total -= (total - turns)[np.flatnonzero(start)][line]
    last = np.append(np.flatnonzero(start)[1:], len(flat)) - 1
    open_ring = (total[last] != 0) & (flat[last] == flat[np.flatnonzero(start)]).all(axis=1)
    total[open_ring[line]] = 0
    return np.column_stack([flat[:, 0] + total * wide, flat[:, 1]])


def _starts(geometry: Geometries, count: int) -> np.ndarray:
    """Where a new point, line or ring begins among the coordinates."""
    parts = shapely.get_parts(shapely.get_parts(geometry))
    polygon = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    lines = np.repeat(parts, np.where(polygon, shapely.get_num_interior_rings(parts) + 1, 1))
    lines[shapely.get_type_id(lines) == shapely.GeometryType.POLYGON] = shapely.get_rings(parts[polygon])
    sizes = shapely.get_num_coordinates(lines)
    sizes = sizes[sizes > 0]
    start = np.zeros(count, dtype=bool)
    start[np.cumsum(sizes)[:-1]] = True
    start[:1] = True
    return start


@lru_cache(maxsize=64)
def transformer(source: str, target: str) -> Transformer:
    """From x and y in one spatial reference to those in another; made once, since that takes milliseconds."""
    return Transformer.from_crs(source, target, always_xy=True)
