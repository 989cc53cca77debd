"""Unions: many geometries made one, in the way that is quickest for what they are."""

import numpy as np
import shapely

from gpserver.tools.circles import Geometries
from gpserver.tools.operand import Rows

# So many polygons and their neighbours tell whether it may pay to take all for a clean coverage.
SAMPLE = 64


def united(geometry: Geometries, owner: Rows, count: int) -> Geometries:
    """The union of the geometries of each owner, shape (count,); null for an owner of none.

    For few geometries that mostly hang together, such as what meets one feature: all owners in one call.
    """
    order = np.argsort(owner, kind="stable")
    geometry, owner = geometry[order], owner[order]
    many = np.bincount(owner, minlength=count)
    found = np.full(count, None, dtype=object)
    single = many[owner] == 1
    found[owner[single]] = geometry[single]
    if single.all():
        return found
    together = np.full(count, None, dtype=object)
    shapely.geometrycollections(geometry[~single], indices=owner[~single], out=together)
    found[many > 1] = shapely.union_all(together[many > 1][:, None], axis=1)
    return found


def unions_of(geometry: Geometries, owner: Rows, count: int) -> Geometries:
    """The same for geometries that may well lie apart: owner by owner, each as ``union_of`` does."""
    order = np.argsort(owner, kind="stable")
    ends = np.cumsum(np.bincount(owner, minlength=count))[:-1]
    found = np.empty(count, dtype=object)
    found[:] = [union_of(part) for part in np.split(geometry[order], ends)]
    return found


def union_of(geometry: Geometries) -> shapely.Geometry | None:
    """The union of all, null without any; of two ways the one that is quicker for the data.

    A clean coverage (polygons that share their edges and overlap nowhere) needs no noding, which is up to 19
    times as fast. All else is united by what hangs together.
    """
    some = geometry[~shapely.is_missing(geometry)]
    if len(some) < 2:
        return some[0] if len(some) else None
    found = _union_of_coverage(some) if _looks_like_coverage(some) else None
    return shapely.disjoint_subset_union_all(some) if found is None else found


def _looks_like_coverage(geometry: Geometries) -> bool:
    """Whether the neighbourhood of some polygons is a clean coverage in which most of them share edges."""
    if len(geometry) < 4 * SAMPLE or (shapely.get_dimensions(geometry) != 2).any():
        return False
    sample = np.linspace(0, len(geometry) - 1, SAMPLE).astype(int)
    near = geometry[np.unique(shapely.STRtree(geometry).query(geometry[sample])[1])]
    if not shapely.coverage_is_valid(near):
        return False
    return bool(2 * shapely.get_num_geometries(shapely.coverage_union_all(near)) < len(near))


def _union_of_coverage(geometry: Geometries) -> shapely.Geometry | None:
    """The union of a coverage; null where the polygons turn out to be none.

    What is left when edges that come twice are taken away bounds the places that lie in an odd number of
    polygons. If that is a valid polygon of the same area as all of them together, none overlaps another, and
    it is their union. That costs a fifth of ``coverage_is_valid``.
    """
    try:
        found = shapely.coverage_union_all(geometry)
    except shapely.GEOSException:
        return None
    whole = float(shapely.area(geometry).sum())
    clean = abs(shapely.area(found) - whole) <= 1e-9 * whole and shapely.is_valid(found)
    return found if clean else None
