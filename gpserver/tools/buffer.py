"""Buffer: the area within a distance of each feature, in true metres on the ground."""

import logging
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import shapely
from geopandas import GeoDataFrame
from geopandas.array import from_shapely
from numpy.typing import ArrayLike
from pandas import DataFrame
from pyproj import CRS
from shapely import GeometryType

from gpserver.errors import InvalidValue
from gpserver.tools.circles import Geometries, circles
from gpserver.tools.counts import counted
from gpserver.tools.geodesic import around_shapes
from gpserver.tools.globe import Floats, Globe, globe_of
from gpserver.tools.operand import repaired
from gpserver.tools.outline import ROUND, Outline

log = logging.getLogger(__name__)

BLOCK = 8192
NO_BUFFER = "they have no geometry or distance, lie beyond the edge, or shrink to nothing."
FIELDS = ("BUFF_DIST", "Shape_Length", "Shape_Area")

Blocks = Callable[[Sequence[slice]], Iterable[slice]]


def buffer(
    frame: GeoDataFrame, meters: ArrayLike, blocks: Blocks = iter, outline: Outline = ROUND
) -> GeoDataFrame:
    """Buffer every feature of ``frame``; one polygon for each, with its attributes.

    A negative distance shrinks polygons, as in PostGIS and QGIS: nothing is left of lines, points and
    what is too thin. Where nothing is left the geometry is null; a warning counts such features.

    * Geographic and Web Mercator coordinates: geodesic on the ellipsoid of the spatial reference, as ArcGIS
      does; ST_Buffer and QGIS would take degrees for the distance. Buffers are cut at 180° into
      multipolygons, and a pole inside is taken in (along y = ±90°; Web Mercator ends at the edge of its
      square, about ±85.05°). Circles are exact; around lines and polygons the outline is within 0.1 %.
    * Any other projection: planar buffers of any geometry, the metres turned into its linear unit.
    * No spatial reference: planar, coordinates taken as metres, with a warning in the log.

    A circle has 64 segments (ST_Buffer 32, QGIS 20 unless told). A multipoint gives the union of its circles.
    A null or empty geometry stays null, as does a point beyond the edge of Web Mercator; a warning counts
    these, too. Invalid polygons are repaired first. Z and M are dropped, as in PostGIS.

    Three fields are added, in place of fields of the same name. ``BUFF_DIST`` is the distance in the linear
    unit of the spatial reference (metres if that is geographic), as ArcGIS writes it. ``Shape_Length`` and
    ``Shape_Area`` are planar, in units of the spatial reference, as a geodatabase keeps them: degrees and
    square degrees where it is geographic.

    Args:
        frame: The features, in any spatial reference or none.
        meters: The distance in metres: one number other than 0, or one for each feature, of which those with
            0 or null have no buffer.
        blocks: Goes through the blocks of work; a caller that shows progress wraps them.
        outline: Ends, corners and sides of the buffers of lines and polygons.

    Raises:
        InvalidValue: As ``radii_of``, one side of something that is no line, or a point
            beyond a pole.
    """
    radii = radii_of(meters, len(frame))
    places = frame.geometry.array
    globe, unit = _plane(places.crs)
    geometry = np.asarray(places, dtype=object)
    buffered = np.full(len(frame), None, dtype=object)
    for block in blocks([slice(at, at + BLOCK) for at in range(0, len(frame), BLOCK)]):
        buffered[block] = _buffer_block(geometry[block], radii[block], globe, unit, outline)
    if missing := int(shapely.is_missing(buffered).sum()):
        log.warning("%d of %d features have no buffer: %s", missing, len(frame), NO_BUFFER)
    return counted(with_buffer_fields(frame, buffered, radii / unit), read=len(frame), lost=missing)


def radii_of(meters: ArrayLike, count: int) -> Floats:
    """The distance of each feature, shape (count,): 0 where it has none.

    Raises:
        InvalidValue: One distance for all that is 0 or no number, or one that is infinite.
    """
    radii = np.asarray(meters, dtype=np.float64)
    wrong = np.isinf(radii) if radii.ndim else ~np.isfinite(radii) | (radii == 0)
    if wrong.any():
        raise InvalidValue(
            f"A buffer's distance must be a number other than 0; it is {radii[wrong].flat[0]:g}."
        )
    return np.broadcast_to(np.nan_to_num(radii), count)


def _plane(crs: CRS | None) -> tuple[Globe | None, float]:
    """The globe to measure on, None for the plane itself; and the metres of the linear unit."""
    if crs is None:
        log.warning("The input has no spatial reference: its coordinates are taken as metres.")
        return None, 1.0
    globe = globe_of(crs)
    return globe, 1.0 if globe else float(crs.axis_info[0].unit_conversion_factor)


def _buffer_block(
    geometry: Geometries, radii: Floats, globe: Globe | None, unit: float, outline: Outline
) -> Geometries:
    buffered = np.full(len(geometry), None, dtype=object)
    some = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    outline.refuse_sides(geometry[some])
    # Of one side GEOS would take a negative distance for the other side.
    some &= (radii > 0) | (radii < 0) & (shapely.get_dimensions(geometry) == 2)
    dots = np.isin(shapely.get_type_id(geometry), (GeometryType.POINT, GeometryType.MULTIPOINT)) & some
    shapes = some & ~dots
    if globe is None:
        # The ends of a point are round whatever those of a line are: GEOS would give nothing for flat ones.
        buffered[dots] = ROUND.around(geometry[dots], radii[dots] / unit)
        buffered[shapes] = outline.around(_valid(geometry[shapes]), radii[shapes] / unit)
    else:
        if dots.any():
            buffered[dots] = _around_points(geometry[dots], radii[dots], globe)
        if shapes.any():
            buffered[shapes] = around_shapes(_valid(geometry[shapes]), radii[shapes], globe, outline)
    buffered[shapely.is_empty(buffered)] = None
    return buffered


def _valid(geometry: Geometries) -> Geometries:
    wrong = ~shapely.is_valid(geometry) & np.isfinite(shapely.bounds(geometry)).all(axis=1)
    if wrong.any():
        geometry = geometry.copy()
        geometry[wrong] = repaired(geometry[wrong])
    return geometry


def _around_points(geometry: Geometries, radii: Floats, globe: Globe) -> Geometries:
    centres, owner = shapely.get_coordinates(geometry, return_index=True)
    somewhere = np.isfinite(centres).all(axis=1)
    centres, owner = centres[somewhere], owner[somewhere]
    around = circles(globe, centres, radii[owner])
    if len(around) == len(geometry) == len(np.unique(owner)):
        return around
    together = np.full(len(geometry), None, dtype=object)
    shapely.geometrycollections(around, indices=owner, out=together)
    return np.asarray(shapely.union_all(together[:, None], axis=1))


def with_buffer_fields(frame: GeoDataFrame, buffered: Geometries, distances: Floats) -> GeoDataFrame:
    """The frame with new geometry and fields; names are compared without case, as ArcGIS does."""
    geometry, taken = frame.active_geometry_name, {field.lower() for field in FIELDS}
    # Made anew, column by column: a small frame costs a third of what drop and assign do.
    table = DataFrame(frame)
    columns = {name: table[name].array for name in table.columns if str(name).lower() not in taken}
    columns[geometry] = from_shapely(buffered, crs=table[geometry].array.crs)
    values = (distances, shapely.length(buffered), shapely.area(buffered))
    columns |= dict(zip(FIELDS, values, strict=True))
    return GeoDataFrame(columns, geometry=geometry, index=frame.index)
