"""Geodesic buffers of lines and polygons: each is buffered in a plane of its own, large ones in pieces."""

from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray

from gpserver.tools.circles import Geometries
from gpserver.tools.distance import DEGREE
from gpserver.tools.globe import Floats, Globe
from gpserver.tools.meridian import within_world
from gpserver.tools.operand import Rows, of_dimension
from gpserver.tools.outline import Outline
from gpserver.tools.planes import densified, from_planes, to_planes
from gpserver.tools.shore import meets_edge, shores
from gpserver.tools.union import united
from gpserver.tools.vicinity import FARTHEST, reach

# Metres: beyond that a plane is not true enough any more, and a geometry is cut into pieces of half of it.
WIDEST = 500_000.0

# Degrees by which neighbouring pieces overlap, so that no gap opens between their buffers.
OVERLAP = 0.01


def around_shapes(geometry: Geometries, meters: Floats, globe: Globe, outline: Outline) -> Geometries:
    """The area within a distance of lines and polygons of the globe, one polygon for each.

    Edges are straight in the coordinates, as ArcGIS draws them, so that long ones get vertices in between
    before they are seen from the plane. The buffer of a whole is the union of the buffers of its pieces; a
    whole that shrinks loses the buffer of its shore, which the seam of the world is not.

    Args:
        geometry: Valid lines and polygons without null, shape (n,).
        meters: Distances, shape (n,); negative ones for polygons alone.
        globe: The Earth under the coordinates.
        outline: Ends, corners and sides.
    """
    large = np.maximum(*_widths(geometry, globe)) > WIDEST
    apart = (meters < 0) & (large | meets_edge(geometry, globe))
    if not apart.any():
        return _around(geometry, meters, globe, outline)
    found = np.empty(len(geometry), dtype=object)
    found[~apart] = _around(geometry[~apart], meters[~apart], globe, outline)
    found[apart] = _without_shore(geometry[apart], -meters[apart], globe, outline)
    return found


def _around(geometry: Geometries, meters: Floats, globe: Globe, outline: Outline) -> Geometries:
    pieces, owner = _pieces(densified(geometry, globe, _longest(np.abs(meters), globe)), globe)
    centres = _centres(pieces, globe)
    around, near = np.empty(len(pieces), dtype=object), _near(pieces, centres, meters[owner], globe)
    for own, short in ((near, True), (~near, False)):
        flat = to_planes(pieces[own], globe, centres[own], near=short)
        flat = outline.around(flat, meters[owner][own])
        around[own] = from_planes(flat, globe, centres[own], near=short)
    return around if len(around) == len(geometry) else united(around, owner, len(geometry))


def _without_shore(geometry: Geometries, meters: Floats, globe: Globe, outline: Outline) -> Geometries:
    geometry = within_world(geometry, globe)
    shore = shores(geometry, globe)
    found, some = geometry.copy(), ~shapely.is_empty(shore)
    lost = _around(shore[some], meters[some], globe, replace(outline, ends="round"))
    found[some] = of_dimension(np.asarray(shapely.difference(geometry[some], lost)), 2)
    return found


def _near(geometry: Geometries, centres: Floats, meters: Floats, globe: Globe) -> NDArray[np.bool_]:
    """Whether all of a buffer lies in the vicinity of its centre."""
    west, south, _, _ = _degrees(geometry, globe).T
    wide = (centres[:, 0] - west) * np.cos(np.radians(centres[:, 1])) * DEGREE
    high = (centres[:, 1] - south) * DEGREE
    return np.asarray(reach(globe, centres, np.hypot(wide, high) + np.abs(meters)) < FARTHEST)


def _degrees(geometry: Geometries, globe: Globe) -> Floats:
    """West, south, east, north of each, in degrees, shape (n, 4)."""
    bounds = shapely.bounds(geometry)
    longitude = bounds[:, [0, 2]] * (180 / globe.half_width)
    latitude = globe.latitude(bounds[:, [1, 3]].ravel()).reshape(-1, 2)
    return np.column_stack([longitude[:, 0], latitude[:, 0], longitude[:, 1], latitude[:, 1]])


def _centres(geometry: Geometries, globe: Globe) -> Floats:
    west, south, east, north = _degrees(geometry, globe).T
    return np.column_stack([(west + east) / 2, (south + north) / 2])


def _widths(geometry: Geometries, globe: Globe) -> tuple[Floats, Floats]:
    """How many metres each reaches from west to east, and from south to north."""
    west, south, east, north = _degrees(geometry, globe).T
    nearest = np.where(south * north < 0, 0.0, np.minimum(np.abs(south), np.abs(north)))
    return (east - west) * np.cos(np.radians(nearest)) * DEGREE, (north - south) * DEGREE


def _longest(meters: Floats, globe: Globe) -> Floats:
    """Edges so short that one strays from its geodesic by a thousandth of the distance at 45°.

    The arrow of an arc of length L is L² tan(latitude) / 8 R.
    """
    return np.clip(np.sqrt(8 * globe.geod.a * meters / 1000), 1000.0, 100_000.0)


def _pieces(geometry: Geometries, globe: Globe) -> tuple[Geometries, Rows]:
    """Geometries that fit a plane each, and whose they are: wide ones are cut by a grid of their own."""
    wide, high = _widths(geometry, globe)
    everyone = np.arange(len(geometry))
    large = np.flatnonzero(np.maximum(wide, high) > WIDEST)
    if not len(large):
        return geometry, everyone
    columns = np.ceil(wide[large] / WIDEST * 2).astype(int) + 1
    rows = np.ceil(high[large] / WIDEST * 2).astype(int) + 1
    cells, owner = _cells(shapely.bounds(geometry[large]), columns, rows, OVERLAP * globe.half_width / 180)
    cut = shapely.intersection(geometry[large][owner], cells)
    some = ~shapely.is_empty(cut) & (
        shapely.get_dimensions(cut) == shapely.get_dimensions(geometry[large][owner])
    )
    small = np.setdiff1d(everyone, large)
    return np.append(geometry[small], cut[some]), np.append(small, large[owner[some]])


def _cells(bounds: Floats, columns: Rows, rows: Rows, overlap: float) -> tuple[Geometries, Rows]:
    """A grid of boxes over each of the bounds, and whose they are."""
    many = columns * rows
    owner = np.repeat(np.arange(len(bounds)), many)
    number = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
    column, row = number % columns[owner], number // columns[owner]
    wide = ((bounds[:, 2] - bounds[:, 0]) / columns)[owner]
    high = ((bounds[:, 3] - bounds[:, 1]) / rows)[owner]
    x, y = bounds[owner, 0] + column * wide, bounds[owner, 1] + row * high
    boxes = shapely.box(x - overlap, y - overlap, x + wide + overlap, y + high + overlap)
    return np.asarray(boxes), owner
