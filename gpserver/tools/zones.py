"""Zones: buffers of several distances around each feature, as disks or rings, apart or dissolved."""

from collections.abc import Sequence

import numpy as np
import shapely
from geopandas import GeoDataFrame
from numpy.typing import ArrayLike
from pandas import DataFrame

from gpserver.errors import InvalidValue
from gpserver.tools.attributes import framed
from gpserver.tools.buffer import Blocks, buffer, radii_of, with_buffer_fields
from gpserver.tools.circles import Geometries
from gpserver.tools.counts import counted
from gpserver.tools.operand import sound
from gpserver.tools.outline import ROUND, Outline
from gpserver.tools.union import union_of


def zones(
    frame: GeoDataFrame,
    distances: Sequence[ArrayLike],
    *,
    rings: bool = False,
    outside: bool = False,
    dissolve: bool = False,
    outline: Outline = ROUND,
    blocks: Blocks = iter,
) -> GeoDataFrame:
    """Buffer every feature by several distances; one polygon for each feature and distance.

    Zones of a feature come from the inner to the outer one, with its attributes and its index (so that the
    index says whose they are) and the fields of ``buffer``. A zone of which nothing is left, as of a polygon
    that shrinks to nothing, is left out.

    Args:
        frame: The features.
        distances: Metres, negative where polygons shrink; each one number, or one for each feature.
        rings: Cut the next smaller zone out of each (ArcGIS' Rings; QGIS' multi-ring buffer does so).
        outside: Cut the feature itself out; only polygons lose something (ArcGIS' Outside).
        dissolve: Unite the zones of a distance over all features into one, without attributes. All features
            must have the same distances.
        outline: Ends, corners and sides.
        blocks: Goes through the blocks of work of each distance.

    Raises:
        InvalidValue: There is no distance; else as ``buffer``.
    """
    if not len(distances):
        raise InvalidValue("A buffer needs a distance.")
    radii = np.sort([radii_of(each, len(frame)) for each in distances], axis=0)
    made = [buffer(frame, each, blocks, outline) for each in radii]
    disks = np.array([each.geometry.to_numpy() for each in made], dtype=object).reshape(len(radii), -1)
    widths = np.array([each["BUFF_DIST"].to_numpy(float) for each in made]).reshape(len(radii), -1)
    core = sound(frame) if outside else None
    if dissolve:
        return _dissolved(frame, disks, widths, rings, core)
    geometry = _hollow(disks, rings, core)
    rows = np.repeat(np.arange(len(frame)), len(radii))
    found = with_buffer_fields(frame.iloc[rows], geometry.T.ravel(), widths.T.ravel())
    nowhere = shapely.is_missing(disks) & (radii > 0)
    kept = found[found.geometry.notna() | nowhere.T.ravel()]
    return counted(kept, read=len(frame), lost=int(shapely.is_missing(disks).all(axis=0).sum()))


def _dissolved(
    frame: GeoDataFrame, geometry: Geometries, widths: np.ndarray, rings: bool, core: Geometries | None
) -> GeoDataFrame:
    if len(frame) and (widths != widths[:, :1]).any():
        raise InvalidValue("Buffers of different distances are not dissolved; give one distance for all.")
    united = np.array([[union_of(each)] for each in geometry], dtype=object)
    heart = None if core is None else np.array([union_of(core)], dtype=object)
    found = _hollow(united, rings, heart)[:, 0]
    table = framed(DataFrame(index=range(len(found))), found, frame.crs, str(frame.active_geometry_name))
    distances = widths[:, 0] if len(frame) else np.zeros(len(found))
    result = with_buffer_fields(table, found, distances)
    lost = int(shapely.is_missing(geometry).all(axis=0).sum())
    return counted(result[result.geometry.notna()], read=len(frame), lost=lost)


def _hollow(geometry: Geometries, rings: bool, core: Geometries | None) -> Geometries:
    """Zones, shape (distances, features), less the next smaller ones and less the features."""
    found = geometry.copy()
    if rings:
        inner = geometry[:-1].copy()
        inner[shapely.is_missing(inner)] = shapely.Polygon()
        found[1:] = shapely.difference(geometry[1:], inner)
    if core is not None:
        areas = core.copy()
        areas[shapely.get_dimensions(core) < 2] = shapely.Polygon()
        found = np.asarray(shapely.difference(found, areas[None, :]))
    found[shapely.is_empty(found)] = None
    return found
