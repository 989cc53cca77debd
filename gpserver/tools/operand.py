"""What tools work on: geometry that is valid, flat, within the world and in one spatial reference."""

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
from geopandas import GeoDataFrame
from numpy.typing import NDArray
from pyproj import CRS
from shapely import GeometryType

from gpserver.tools.circles import Geometries
from gpserver.tools.globe import Globe, globe_of
from gpserver.tools.meridian import within_world
from gpserver.tools.reproject import reproject

log = logging.getLogger(__name__)

Rows = NDArray[np.intp]

_MULTI: tuple[Callable[..., Any], ...] = (
    shapely.multipoints,
    shapely.multilinestrings,
    shapely.multipolygons,
)


def sound(frame: GeoDataFrame) -> Geometries:
    """The geometry of a frame as overlays need it, shape (n,).

    * Null where it is null, empty, or has a coordinate that is no number.
    * Without Z and M: they belong to whole features, and a tool that cuts features cannot say what they are
      on the cut. (PostGIS interpolates Z there, QGIS too.)
    * Of a collection the parts of its highest dimension: nothing is cut by a mixture.
    * Cut at 180° where a geographic spatial reference has longitudes beyond it.
    * Invalid polygons are repaired as ``repair`` does; a warning counts them. PostGIS would raise
      TopologyException or answer nonsense, QGIS stops by default.
    """
    geometry = np.asarray(frame.geometry.array, dtype=object)
    geometry = np.asarray(shapely.force_2d(geometry)) if shapely.has_z(geometry).any() else geometry.copy()
    geometry[~np.isfinite(shapely.bounds(geometry)).all(axis=1)] = None
    mixed = shapely.get_type_id(geometry) == GeometryType.GEOMETRYCOLLECTION
    geometry[mixed] = of_dimension(geometry[mixed], shapely.get_dimensions(geometry[mixed]))
    geometry = within_world(geometry, ground_of(frame.crs))
    return mended(geometry)


def ground_of(crs: CRS | None) -> Globe | None:
    """The globe under a spatial reference; None for a plane, or where there is none."""
    return None if crs is None else globe_of(crs)


def alike(other: GeoDataFrame, frame: GeoDataFrame) -> GeoDataFrame:
    """The other frame in the spatial reference of this one; taken as it is where one of them has none."""
    if frame.crs is None or other.crs is None:
        if frame.crs != other.crs:
            log.warning("One input has no spatial reference: it is taken to be in that of the other.")
        return other
    return other if frame.crs == other.crs else reproject(other, frame.crs)


def mended(geometry: Geometries) -> Geometries:
    """The geometry with its invalid members repaired."""
    shapes = np.flatnonzero(shapely.get_type_id(geometry) > GeometryType.POINT)
    wrong = shapes[~shapely.is_valid(geometry[shapes])]
    if not len(wrong):
        return geometry
    log.warning("%d of %d geometries are invalid and were repaired.", len(wrong), len(geometry))
    found = geometry.copy()
    found[wrong] = repaired(geometry[wrong])
    return found


def repaired(geometry: Geometries) -> Geometries:
    """Valid geometry of the same dimension; null where nothing of it is left."""
    valid = shapely.make_valid(geometry, method="structure", keep_collapsed=False)
    return of_dimension(np.asarray(valid), shapely.get_dimensions(geometry))


def of_dimension(geometry: Geometries, dimension: NDArray[np.integer] | int) -> Geometries:
    """What of each geometry has the dimension (0 points, 1 lines, 2 polygons); null where nothing has.

    A collection gives its parts of that dimension as one multi-geometry.
    """
    wanted = np.broadcast_to(dimension, geometry.shape)
    found = geometry.copy()
    found[shapely.get_dimensions(geometry) != wanted] = None
    mixed = np.flatnonzero(shapely.get_type_id(geometry) == GeometryType.GEOMETRYCOLLECTION)
    found[mixed] = None
    parts, owner = flat_parts(geometry[mixed])
    for each, collect in enumerate(_MULTI):
        own = (shapely.get_dimensions(parts) == each) & (wanted[mixed][owner] == each)
        if own.any():
            made = np.full(len(mixed), None, dtype=object)
            collect(parts[own], indices=owner[own], out=made)
            found[mixed] = np.where(shapely.is_missing(made), found[mixed], made)
    found[shapely.is_empty(found)] = None
    return found


def flat_parts(geometry: Geometries) -> tuple[Geometries, Rows]:
    """The single parts of geometries, collections inside of collections too, and whose they are."""
    parts, owner = shapely.get_parts(geometry, return_index=True)
    while (shapely.get_type_id(parts) > GeometryType.POLYGON).any():
        parts, inner = shapely.get_parts(parts, return_index=True)
        owner = owner[inner]
    return parts, owner
