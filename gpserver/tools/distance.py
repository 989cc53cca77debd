"""Distances on the ground between features, and the pairs of features that are near."""

import numpy as np
import shapely
from pyproj import CRS

from gpserver.tools.circles import Geometries
from gpserver.tools.globe import Floats, Globe, measured, travelled
from gpserver.tools.operand import Rows, ground_of
from gpserver.tools.planes import densified, to_planes

# Pairs that are measured at once: their copies are what takes memory.
BLOCK = 200_000

# Metres: an edge of this length strays 16 m from its geodesic at 45°.
LONGEST = 20_000.0

# The shortest degree of latitude or of the equator, in metres: a box in degrees by it is never too small.
DEGREE = 110_500.0


def within_distance(
    one: Geometries, other: Geometries, meters: float | Floats, crs: CRS | None
) -> tuple[Rows, Rows, Floats]:
    """Pairs of sound geometries at most so far apart, sorted by both, and the metres between them.

    On the globe distances are geodesic, also across 180° and the poles: exact between points, for lines and
    polygons within some metres and 0.1 %. In a projection they are planar, as ST_DWithin of a
    geometry is, with the metres turned into its linear unit.

    Args:
        one: Shape (n,).
        other: Shape (m,).
        meters: One distance, or one for each of the first, shape (n,).
        crs: The spatial reference of both.
    """
    globe, unit = ground_of(crs), unit_of(crs)
    reach = np.broadcast_to(np.asarray(meters, dtype=float), len(one))
    if globe is None:
        rows, others = shapely.STRtree(other).query(one, predicate="dwithin", distance=reach / unit)
        apart = np.asarray(shapely.distance(one[rows], other[others])) * unit
    else:
        one, other = densified(one, globe, LONGEST), densified(other, globe, LONGEST)
        rows, others = _candidates(one, other, reach, globe)
        apart = ground_distance(one[rows], other[others], globe)
        near = apart <= reach[rows]
        rows, others, apart = rows[near], others[near], apart[near]
    order = np.lexsort((others, rows))
    return rows[order], others[order], apart[order]


def unit_of(crs: CRS | None) -> float:
    """Metres per unit of a projection; 1 on the globe and where nothing is known."""
    if crs is None or ground_of(crs) is not None:
        return 1.0
    return float(crs.axis_info[0].unit_conversion_factor)


def ground_distance(one: Geometries, other: Geometries, globe: Globe) -> Floats:
    """Metres between the members of each pair, 0 where they intersect; shape (n,)."""
    blocks = [slice(at, at + BLOCK) for at in range(0, len(one), BLOCK)]
    found = [_ends(one[block], other[block], globe) for block in blocks]
    return np.concatenate([np.zeros(0), *(_apart(ends, globe) for ends in found)])


def connecting_lines(one: Geometries, other: Geometries, crs: CRS | None) -> Geometries:
    """The straight line from each member of the first to the nearest place of its partner, shape (n,)."""
    globe = ground_of(crs)
    if globe is None:
        return np.asarray(shapely.shortest_line(one, other))
    one, other = densified(one, globe, LONGEST), densified(other, globe, LONGEST)
    return np.asarray(shapely.linestrings(_ends(one, other, globe)))


def _ends(one: Geometries, other: Geometries, globe: Globe) -> Floats:
    """The two nearest places of each pair, in coordinates, shape (n, 2, 2).

    They are found in a plane about the first, then once more in one about the place found on it.
    """
    if _points(one) and _points(other):
        return np.stack([shapely.get_coordinates(one), shapely.get_coordinates(other)], axis=1)
    centres = _middle(one, globe)
    for _ in range(2):
        lines = shapely.shortest_line(to_planes(one, globe, centres), to_planes(other, globe, centres))
        flat = shapely.get_coordinates(lines)
        azimuth, meters = np.degrees(np.arctan2(flat[:, 0], flat[:, 1])), np.hypot(flat[:, 0], flat[:, 1])
        ends = travelled(globe, np.repeat(centres, 2, axis=0), azimuth, meters).reshape(-1, 2, 2)
        centres = ends[:, 0]
    return np.stack([ends[..., 0] * (globe.half_width / 180), globe.y(ends[..., 1])], axis=-1)


def _apart(ends: Floats, globe: Globe) -> Floats:
    degrees = np.stack([ends[..., 0] * (180 / globe.half_width), globe.latitude(ends[..., 1])], axis=-1)
    return measured(globe, degrees[:, 0], degrees[:, 1])[1]


def _points(geometry: Geometries) -> bool:
    return bool((shapely.get_type_id(geometry) == shapely.GeometryType.POINT).all())


def _middle(geometry: Geometries, globe: Globe) -> Floats:
    """Degrees of the middle of each geometry's box."""
    bounds = shapely.bounds(geometry)
    x, y = (bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2
    return np.column_stack([x * (180 / globe.half_width), globe.latitude(y)])


def _candidates(one: Geometries, other: Geometries, reach: Floats, globe: Globe) -> tuple[Rows, Rows]:
    """Pairs whose boxes are near, found by boxes in degrees, turned once round the Earth each way."""
    bounds = shapely.bounds(one)
    west, east = bounds[:, 0] * (180 / globe.half_width), bounds[:, 2] * (180 / globe.half_width)
    angle = reach / DEGREE
    south, north = globe.latitude(bounds[:, 1]) - angle, globe.latitude(bounds[:, 3]) + angle
    steep = np.maximum(np.abs(south), np.abs(north))
    spread = np.where(steep < 89, np.degrees(_safe_arcsin(angle, steep)), 180.0)
    low, high = (globe.y(np.clip(edge, -90, 90)) for edge in (south, north))
    tree, found = shapely.STRtree(other), []
    for turn in (-360, 0, 360):
        edges = [(edge + turn) * (globe.half_width / 180) for edge in (west - spread, east + spread)]
        boxes = shapely.box(edges[0], low, edges[1], high)
        boxes[shapely.is_missing(one)] = None
        found.append(tree.query(boxes))
    both = np.unique(np.concatenate(found, axis=1), axis=1)
    return both[0], both[1]


def _safe_arcsin(angle: Floats, steep: Floats) -> Floats:
    """The half width, in radians of longitude, of a circle of this radius at this latitude."""
    ratio = np.sin(np.radians(np.minimum(angle, 90))) / np.maximum(
        np.cos(np.radians(np.minimum(steep, 89))), 1e-9
    )
    return np.where(ratio < 1, np.arcsin(np.minimum(ratio, 1)), np.pi)
