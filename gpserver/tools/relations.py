"""Pairs of features that stand in a spatial relation: predicates of the plane, distances on the ground."""

from collections.abc import Callable, Iterable, Iterator
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

# Features of the left that are asked at once: all their pairs are in memory together.
BLOCK = 16_384

_TURNED = {"within_properly": "contains_properly", "covered_by": "covers", "within": "contains"}


def related(
    left: GeoDataFrame, right: GeoDataFrame, predicate: str = "intersects", meters: float | None = None
) -> Pairs:
    """Which features of the left stand in a relation to which of the right, sorted by left, then right.

    The right side is projected to the left's spatial reference; null and empty geometries relate to
    nothing, invalid ones are repaired for the question, Z and M do not matter, longitudes beyond 180° are
    brought back into the world. Relations are those of the plane of the left's coordinates, as in PostGIS'
    geometry and QGIS; ``within_distance`` alone is measured on the ground.

    Raises:
        InvalidValue: There is no such predicate, or no distance where one is needed.
    """
    return joined(related_blocks(left, right, predicate, meters))


def related_blocks(
    left: GeoDataFrame, right: GeoDataFrame, predicate: str = "intersects", meters: float | None = None
) -> Iterator[Pairs]:
    """The pairs of ``related``, those of some thousand features of the left at a time."""
    one, other = sound(left), sound(alike(right, left))
    if predicate != "within_distance":
        yield from pair_blocks(one, other, predicate)
        return
    if meters is None or not meters >= 0:
        raise InvalidValue("within_distance needs a distance of 0 or more.")
    for at in range(0, len(one), BLOCK):
        rows, others, _ = within_distance(one[at : at + BLOCK], other, meters, left.crs)
        yield at + rows, others


def pair_blocks(one: Geometries, other: Geometries, predicate: str = "intersects") -> Iterator[Pairs]:
    """The pairs of a relation in the plane, of sound geometry, some thousand of the left at a time.

    They are sorted by left, then right.
    """
    if predicate not in RELATIONS or predicate == "within_distance":
        raise InvalidValue(f'There is no relation "{predicate}"; use one of {", ".join(RELATIONS)}.')
    find = _way_to_find(one, other, predicate)
    for at in range(0, len(one), BLOCK):
        rows, others = find(one[at : at + BLOCK])
        order = np.lexsort((others, rows))
        yield at + rows[order], others[order]


def pairs(one: Geometries, other: Geometries, predicate: str = "intersects") -> Pairs:
    """All pairs of a relation in the plane, of sound geometry, sorted by left, then right."""
    return joined(pair_blocks(one, other, predicate))


def _way_to_find(one: Geometries, other: Geometries, predicate: str) -> Callable[[Geometries], Pairs]:
    """What finds the pairs of a block of the left, in any order; chosen by what the two sides are."""
    turned = _TURNED.get(predicate)
    if turned or (predicate == "intersects" and not _are_points(one) and _corners(other) > 2 * _corners(one)):
        return lambda block: _turned(
            shapely.STRtree(block).query(other, predicate=cast(_OfTree, turned or predicate))
        )
    if predicate == "intersects" and _are_points(other):
        return lambda block: _turned(_points_in(other, shapely.STRtree(block)))
    tree = shapely.STRtree(other)
    if predicate == "intersects" and _are_points(one):
        return lambda block: _points_in(block, tree)
    if predicate == "equals":
        return lambda block: _equal(block, tree)
    return lambda block: _both(tree.query(block, predicate=cast(_OfTree, predicate)))


def joined(blocks: Iterable[Pairs]) -> Pairs:
    """The pairs of all blocks."""
    empty = np.zeros(0, dtype=np.intp)
    rows, others = zip((empty, empty), *blocks, strict=True)
    return np.concatenate(rows), np.concatenate(others)


def _both(found: Rows) -> Pairs:
    return found[0], found[1]


def _turned(found: Rows | Pairs) -> Pairs:
    return found[1], found[0]


def _points_in(points: Geometries, tree: shapely.STRtree) -> Pairs:
    """Points and what they lie on: boxes first, then prepared shapes, which a tree would not prepare."""
    rows, others = tree.query(points)
    shapes = tree.geometries
    shapely.prepare(shapes)
    order = np.argsort(others, kind="stable")
    rows, others = rows[order], others[order]
    # Coordinates first: points are visited in their order in memory.
    x, y = shapely.get_x(points), shapely.get_y(points)
    inside = shapely.intersects_xy(shapes[others], x[rows], y[rows])
    return rows[inside], others[inside]


def _equal(one: Geometries, tree: shapely.STRtree) -> Pairs:
    rows, others = tree.query(one, predicate="covers")
    same = np.asarray(shapely.equals(one[rows], tree.geometries[others]))
    return rows[same], others[same]


def _corners(geometry: Geometries) -> float:
    """Corners of a geometry on average: a tree prepares what it is asked with, which pays for large ones."""
    return float(shapely.get_num_coordinates(geometry).sum()) / max(len(geometry), 1)


def _are_points(geometry: Geometries) -> bool:
    kinds = shapely.get_type_id(geometry)
    return bool(((kinds == shapely.GeometryType.POINT) | (kinds < 0)).all())


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
