"""Rows of a layer by where they are: every spatial relation of ArcGIS, and a distance."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import shapely
from shapely.errors import GEOSException
from shapely.geometry.base import BaseGeometry

from gpserver.errors import InvalidRequest
from gpserver.features import Layer
from gpserver.features.shapely_geometry import to_geometry
from gpserver.features.shapes import POINT, Array, plane
from gpserver.maps.nearby import Reach, reaches

INTERSECTS, CONTAINS = "esriSpatialRelIntersects", "esriSpatialRelContains"
RELATION = "esriSpatialRelRelation"
_BOXES_ONLY = ("esriSpatialRelEnvelopeIntersects", "esriSpatialRelIndexIntersects")

# The query's geometry stands first: it contains the feature, it is within it (Esri: esriSpatialRelEnum).
_PREDICATES: dict[str, Callable[..., Array]] = {
    INTERSECTS: shapely.intersects,
    CONTAINS: shapely.contains,
    "esriSpatialRelCrosses": shapely.crosses,
    "esriSpatialRelOverlaps": shapely.overlaps,
    "esriSpatialRelTouches": shapely.touches,
    "esriSpatialRelWithin": shapely.within,
    **dict.fromkeys(_BOXES_ONLY, shapely.intersects),
}
_OF_POINTS = {INTERSECTS: shapely.intersects_xy, CONTAINS: shapely.contains_xy}

_PATTERN = re.compile(r"[TF*012]{9}")
_APART = re.compile(r"[F*]{2}.[F*]{2}.{4}")  # a pattern that geometries far from each other can match

_BLOCK_ROWS = 8192
_BLOCK_VERTICES = 1 << 18

_Test = Callable[[Array], Array]
_Predicate = Callable[[BaseGeometry, Array], Array]


def rows_by_geometry(
    layer: Layer,
    geometry: BaseGeometry,
    relation: str = INTERSECTS,
    *,
    relation_param: str = "",
    distance: float = 0.0,
    among: Array | None = None,
) -> Array:
    """Row numbers of the features in a spatial relation to a geometry, ascending, in the file's order.

    ``Contains`` finds the features that the geometry contains, ``Within`` those that it lies within.
    Relations are those of the OGC, in the plane of the layer's CRS; index intersects is envelope intersects.

    With a distance the geometry grows by it first; metres on the ground where the CRS is geographic or Web
    Mercator (see :func:`gpserver.maps.nearby.reaches`), the units of the CRS otherwise.

    Args:
        layer: A layer with geometry.
        geometry: In the layer's CRS; see :func:`gpserver.maps.query_geometry.read_geometry`.
        relation: Esri's name.
        relation_param: For ``esriSpatialRelRelation``: nine of T, F, *, 0, 1, 2 (DE-9IM), the geometry's
            interior, boundary and exterior by rows.
        distance: Metres; 0 or less is none.
        among: Look only at these rows, ascending.

    Raises:
        InvalidRequest: The relation or its pattern is not known.
    """
    predicate = _predicate(relation, relation_param)
    if geometry.is_empty:
        return np.zeros(0, np.int64)
    if distance > 0:
        return _near(layer, geometry, distance, relation, predicate, among)
    everywhere = relation == RELATION and _APART.fullmatch(relation_param.upper())
    rows = np.flatnonzero(~layer.shapes.missing) if everywhere else layer.window(*geometry.bounds)
    rows = _only(rows, among)
    if relation in _BOXES_ONLY:
        return rows
    shapely.prepare(geometry)
    keep = _surely(layer, rows, geometry, relation)
    if layer.geometry_type == POINT and relation in _OF_POINTS:
        x, y = layer.shapes_at(rows[~keep]).coords[:, :2].T
        keep[~keep] = _OF_POINTS[relation](geometry, x, y)
    else:
        keep[~keep] = _passing(layer, rows[~keep], lambda features: _tolerant(predicate, geometry, features))
    return rows[keep]


def _predicate(relation: str, pattern: str) -> _Predicate:
    if relation == RELATION:
        if not _PATTERN.fullmatch(pattern.upper()):
            raise InvalidRequest(
                f"'relationParam' parameter is invalid: {pattern[:40]!r} is not nine of T, F, *, 0, 1 and 2."
            )
        return lambda geometry, features: shapely.relate_pattern(geometry, features, pattern.upper())
    if relation not in _PREDICATES:
        known = ", ".join((*_PREDICATES, RELATION))
        raise InvalidRequest(f"'spatialRel' parameter is invalid: {relation[:40]!r} is not one of {known}.")
    return _PREDICATES[relation]


def _tolerant(predicate: _Predicate, geometry: BaseGeometry, features: Array) -> Array:
    try:
        return predicate(geometry, features)
    except GEOSException:  # rings that cross themselves
        return predicate(geometry, shapely.make_valid(features))


def _only(rows: Array, among: Array | None) -> Array:
    return rows if among is None else np.intersect1d(rows, among, assume_unique=True)


def _surely(layer: Layer, rows: Array, geometry: BaseGeometry, relation: str) -> Array:
    """Which rows a window finds by their boxes alone: those that lie inside of it."""
    if relation not in _OF_POINTS or not _is_box(geometry):
        return np.zeros(len(rows), bool)
    if layer.geometry_type == POINT:
        left, bottom = right, top = layer.shapes_at(rows).coords[:, :2].T
    else:
        left, bottom, right, top = layer.boxes_at(rows).T
    xmin, ymin, xmax, ymax = geometry.bounds
    inside: Array = (left > xmin) & (bottom > ymin) & (right < xmax) & (top < ymax)
    return inside


def _is_box(geometry: BaseGeometry) -> bool:
    return bool(geometry.normalize().equals_exact(shapely.box(*geometry.bounds).normalize()))


def _passing(layer: Layer, rows: Array, test: _Test) -> Array:
    """Which rows have geometries that pass a test; these exist for one block of rows at a time."""
    passing = [np.zeros(0, bool)]
    for block in _blocks(layer, rows):
        passing.append(test(to_geometry(plane(layer.shapes_at(block), False, False))))
    return np.concatenate(passing)


def _blocks(layer: Layer, rows: Array) -> Iterator[Array]:
    if len(rows) == 0:
        return
    weights = layer.vertices_at(rows) / _BLOCK_VERTICES + 1 / _BLOCK_ROWS
    cuts = np.flatnonzero(np.diff(np.cumsum(weights).astype(np.int64))) + 1
    for begin, end in pairwise([0, *cuts.tolist(), len(rows)]):
        yield rows[begin:end]


def _near(
    layer: Layer,
    geometry: BaseGeometry,
    distance: float,
    relation: str,
    predicate: _Predicate,
    among: Array | None,
) -> Array:
    """The rows in a relation to what is within a distance of the geometry."""
    found = [np.zeros(0, np.int64)]
    for reach in reaches(geometry, distance, layer.crs, whole=relation != INTERSECTS):
        rows = _only(layer.window(*reach.window.box), among)
        if relation == INTERSECTS:
            rows = rows[_passing(layer, rows, reach.touches)]
        elif relation not in _BOXES_ONLY:
            rows = rows[_passing(layer, rows, _grown_test(reach, predicate))]
        found.append(rows)
    return np.unique(np.concatenate(found))


def _grown_test(reach: Reach, predicate: _Predicate) -> _Test:
    grown = reach.grown()
    shapely.prepare(grown)
    return lambda features: _tolerant(predicate, grown, reach.onto(features))
