"""Pairs of features that stand in a spatial relation: predicates of the plane, distances on the ground."""

from collections.abc import Callable
from typing import Literal, cast, get_args

import numpy as np
import shapely
from geopandas import GeoDataFrame
from numpy.typing import NDArray

from gpserver.errors import InvalidValue
from gpserver.tools.circles import Geometries
from gpserver.tools.distance import within_distance
from gpserver.tools.globe import Floats
from gpserver.tools.operand import Rows, alike, sound

_OfTree = Literal["intersects", "contains", "contains_properly", "covers", "touches", "crosses", "overlaps"]
RELATIONS = (*get_args(_OfTree), "within", "within_properly", "covered_by", "equals", "within_distance")
"""Relations of two features: those of ST_Intersects and so on; ``equals`` is that of ST_Equals, the same
points in any order. In ``contains_properly`` the inner one touches no boundary ("completely contains")."""

Pairs = tuple[Rows, Rows]

_TURNED = {"within_properly": "contains_properly", "covered_by": "covers", "within": "contains"}


def related(
    left: GeoDataFrame, right: GeoDataFrame, predicate: str = "intersects", meters: float | None = None
) -> Pairs:
    """Which features of the left stand in a relation to which of the right, sorted by left, then right.

    The right side is projected to the left's spatial reference; null and empty geometries relate to
    nothing, invalid ones are repaired for the question. Relations are those of the plane of the left's
    coordinates, as in PostGIS' geometry and QGIS; ``within_distance`` alone is measured on the ground.

    Raises:
        InvalidValue: There is no such predicate, or no distance where one is needed.
    """
    one, other = sound(left), sound(alike(right, left))
    if predicate == "within_distance":
        if meters is None or not meters >= 0:
            raise InvalidValue("within_distance needs a distance of 0 or more.")
        rows, others, _ = within_distance(one, other, meters, left.crs)
        return rows, others
    return pairs(one, other, predicate)


def pairs(one: Geometries, other: Geometries, predicate: str = "intersects") -> Pairs:
    """The pairs of a relation in the plane, of sound geometry."""
    if predicate in _TURNED:
        others, rows = pairs(other, one, _TURNED[predicate])
        return _sorted(rows, others)
    if predicate == "intersects" and _are_points(one):
        return _points_in(one, other)
    if predicate == "intersects" and _are_points(other):
        others, rows = _points_in(other, one)
        return _sorted(rows, others)
    if predicate == "equals":
        return _equal(one, other)
    if predicate not in get_args(_OfTree):
        raise InvalidValue(f'There is no relation "{predicate}"; use one of {", ".join(RELATIONS)}.')
    if predicate == "intersects" and _corners(other) > 2 * _corners(one):
        others, rows = shapely.STRtree(one).query(other, predicate="intersects")
        return _sorted(rows, others)
    found = shapely.STRtree(other).query(one, predicate=cast(_OfTree, predicate))
    return _sorted(found[0], found[1])


def _points_in(points: Geometries, shapes: Geometries) -> Pairs:
    """Points and what they lie on: boxes first, then prepared shapes, which a tree would not prepare."""
    rows, others = shapely.STRtree(shapes).query(points)
    shapely.prepare(shapes)
    order = np.argsort(others, kind="stable")
    rows, others = rows[order], others[order]
    # Coordinates first: points are visited in their order in memory.
    x, y = shapely.get_x(points), shapely.get_y(points)
    inside = shapely.intersects_xy(shapes[others], x[rows], y[rows])
    return _sorted(rows[inside], others[inside])


def _equal(one: Geometries, other: Geometries) -> Pairs:
    rows, others = shapely.STRtree(other).query(one, predicate="covers")
    same = np.asarray(shapely.equals(one[rows], other[others]))
    return _sorted(rows[same], others[same])


def _corners(geometry: Geometries) -> float:
    """Corners of a geometry on average: a tree prepares what it is asked with, which pays for large ones."""
    return float(shapely.get_num_coordinates(geometry).sum()) / max(len(geometry), 1)


def _are_points(geometry: Geometries) -> bool:
    kinds = shapely.get_type_id(geometry)
    return bool(((kinds == shapely.GeometryType.POINT) | (kinds < 0)).all())


def _sorted(rows: Rows, others: Rows) -> Pairs:
    order = np.lexsort((others, rows))
    return rows[order], others[order]


def share_of(pieces: Geometries, whole: Geometries) -> Floats:
    """How much of each whole its piece is, by area, length or (points) number: 0 to 1."""
    measures: list[Callable[[Geometries], NDArray[np.float64]]] = [_count, shapely.length, shapely.area]
    dimension = shapely.get_dimensions(whole)
    found = np.zeros(len(whole))
    for each, measure in enumerate(measures):
        own = dimension == each
        found[own] = measure(pieces[own]) / measure(whole[own])
    return np.clip(np.nan_to_num(found), 0, 1)


def _count(geometry: Geometries) -> NDArray[np.float64]:
    return np.asarray(shapely.get_num_coordinates(geometry), dtype=float)
