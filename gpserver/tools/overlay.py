"""Overlay: two layers cut by each other."""

from typing import Literal, get_args

import numpy as np
import shapely
from geopandas import GeoDataFrame

from gpserver.errors import InvalidValue
from gpserver.tools.attributes import attributes_of, beside, framed, rows_of
from gpserver.tools.circles import Geometries
from gpserver.tools.counts import counted
from gpserver.tools.operand import Rows, alike, of_dimension, sound
from gpserver.tools.relations import pair_blocks
from gpserver.tools.union import united

Overlay = Literal["intersection", "union", "subtraction", "symmetric_difference", "identity", "clip"]

# Some pieces: their geometry, and the rows of the left and the right feature they come from, -1 for none.
Pieces = tuple[Geometries, Rows, Rows]

_NOTHING: Pieces = (np.zeros(0, object), np.zeros(0, np.intp), np.zeros(0, np.intp))

_LEFT_REST = ("union", "subtraction", "symmetric_difference", "identity")
_RIGHT_REST = ("union", "symmetric_difference")
_COMMON = ("intersection", "union", "identity")


def overlay(left: GeoDataFrame, right: GeoDataFrame, how: Overlay, dimension: int = 2) -> GeoDataFrame:
    """Cut features of the left by those of the right.

    * ``intersection``: what a left and a right feature have in common, for every pair that has something.
    * ``subtraction``: of each left feature what no right one covers (ArcGIS' Erase, QGIS' difference).
    * ``symmetric_difference``: that, and of each right feature what no left one covers.
    * ``union``: intersection and symmetric difference. ``identity``: intersection and subtraction.
    * ``clip``: of each left feature what lies in any right one, as one feature.

    Features have the attributes of both sides, null where there is none of that side, a name that both have
    with ``_1`` on the right; of subtraction and clip those of the left alone. Spatial index, predicates and
    cuts are those of PostGIS and QGIS (the same GEOS), and so are these rules:

    * Features of one side that overlap each other are not cut by each other.
    * A piece has the lower dimension of the two features (a line in a polygon is a line), or ``dimension``
      where that is lower yet; pieces of fewer dimensions, such as the point where two polygons touch, are
      left out. PostGIS keeps them, in collections; QGIS leaves them out.
    * The sides of union and symmetric difference have the same dimension (in ArcGIS they are polygons).
    * Null and empty geometries are lost; invalid ones are repaired; Z and M are dropped; the right is
      projected to the left's spatial reference; longitudes beyond 180° are brought back into the world.

    Args:
        left: The features that are cut.
        right: The features that cut.
        how: The operation.
        dimension: The most that pieces of an intersection have: 0 gives points, 1 lines.

    Raises:
        InvalidValue: There is no such operation, or the two sides must have the same dimension but have not.
    """
    if how not in get_args(Overlay):
        raise InvalidValue(f'There is no overlay "{how}"; use one of {", ".join(get_args(Overlay))}.')
    one, other = sound(left), sound(alike(right, left))
    if how in _RIGHT_REST:
        _refuse_different(one, other)
    pieces = _pieces(one, other, how, dimension)
    table = _attributes(left, right, pieces, how)
    found = framed(table, pieces[0], left.crs, str(left.active_geometry_name))
    return counted(found, read=len(left), lost=int(shapely.is_missing(one).sum()))


def _attributes(left: GeoDataFrame, right: GeoDataFrame, pieces: Pieces, how: Overlay) -> GeoDataFrame:
    mine = rows_of(attributes_of(left), pieces[1])
    if how in ("clip", "subtraction"):
        return mine
    return beside(mine, rows_of(attributes_of(right), pieces[2]))


def _pieces(one: Geometries, other: Geometries, how: Overlay, dimension: int) -> Pieces:
    chosen: list[Pieces] = [_NOTHING]
    if how == "clip":
        chosen.append(_clipped(one, other))
    if how in _COMMON:
        chosen += (common(one, other, *found, dimension) for found in pair_blocks(one, other))
    if how in _LEFT_REST:
        chosen.append(_rest(one, other))
    if how in _RIGHT_REST:
        rest, rows, others = _rest(other, one)
        chosen.append((rest, others, rows))
    geometry, rows, others = (np.concatenate(column) for column in zip(*chosen, strict=True))
    return geometry, rows, others


def _refuse_different(one: Geometries, other: Geometries) -> None:
    kinds = {*shapely.get_dimensions(one).tolist(), *shapely.get_dimensions(other).tolist()} - {-1}
    if len(kinds) > 1:
        raise InvalidValue("Both layers must be polygons, or both lines, or both points.")


def common(one: Geometries, other: Geometries, rows: Rows, others: Rows, dimension: int = 2) -> Pieces:
    """The intersection of each pair; a feature that lies wholly inside of its partner needs no cut."""
    lowest = np.minimum(shapely.get_dimensions(one)[rows], shapely.get_dimensions(other)[others])
    cut = of_dimension(_cut(one, other, rows, others), np.minimum(lowest, dimension))
    some = ~shapely.is_missing(cut)
    return cut[some], rows[some], others[some]


def _cut(one: Geometries, other: Geometries, rows: Rows, others: Rows) -> Geometries:
    found = one[rows]
    outside = ~_inside(one, other, rows, others)
    found[outside] = shapely.intersection(found[outside], other[others[outside]])
    return found


def _inside(one: Geometries, other: Geometries, rows: Rows, others: Rows) -> np.ndarray:
    """Whether the left one of a pair lies inside of the right one, away from its boundary.

    Asked only of pairs whose boxes lie in each other: a prepared polygon answers a tenth of what a cut costs.
    """
    box, around = shapely.bounds(one[rows]), shapely.bounds(other[others])
    inside = ((box[:, :2] > around[:, :2]) & (box[:, 2:] < around[:, 2:])).all(axis=1)
    inside &= shapely.get_dimensions(other[others]) == 2
    asked = np.flatnonzero(inside)
    asked = asked[np.argsort(others[asked], kind="stable")]
    shapely.prepare(other[np.unique(others[asked])])
    inside[asked] = shapely.contains_properly(other[others[asked]], one[rows[asked]])
    return np.asarray(inside)


def _rest(one: Geometries, other: Geometries) -> Pieces:
    """What of each left feature no right one covers: each is cut by the union of its partners."""
    found = one.copy()
    for rows, others in pair_blocks(one, other):
        met, owner = np.unique(rows, return_inverse=True)
        cut = shapely.difference(one[met], united(other[others], owner, len(met)))
        found[met] = of_dimension(np.asarray(cut), shapely.get_dimensions(one[met]))
    return _of_left(found)


def _clipped(one: Geometries, other: Geometries) -> Pieces:
    found = np.full(len(one), None, dtype=object)
    for rows, others in pair_blocks(one, other):
        whole = np.unique(rows[_inside(one, other, rows, others)])
        found[whole] = one[whole]
        cut = ~np.isin(rows, whole)
        met, owner = np.unique(rows[cut], return_inverse=True)
        pieces = shapely.intersection(one[met], united(other[others[cut]], owner, len(met)))
        found[met] = of_dimension(np.asarray(pieces), shapely.get_dimensions(one[met]))
    return _of_left(found)


def _of_left(found: Geometries) -> Pieces:
    kept = np.flatnonzero(~shapely.is_missing(found))
    return found[kept], kept, np.full(len(kept), -1)
