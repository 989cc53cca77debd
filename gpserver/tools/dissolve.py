"""Dissolve: features united into one, or into one for each value or each cluster that hangs together."""

import logging
from collections.abc import Sequence

import numpy as np
import shapely
from geopandas import GeoDataFrame

from gpserver.tools.attributes import attributes_of, beside, codes_of, field_of, framed, rows_of
from gpserver.tools.circles import Geometries
from gpserver.tools.counts import counted
from gpserver.tools.operand import Rows, of_dimension, sound
from gpserver.tools.statistics import Groups, Statistic, statistics
from gpserver.tools.union import unions_of

log = logging.getLogger(__name__)


def dissolve(
    frame: GeoDataFrame,
    by: Sequence[str] = (),
    wanted: Sequence[Statistic] = (),
    *,
    touching: bool = False,
    multipart: bool = True,
) -> GeoDataFrame:
    """Unite features; one for each group, with the values it has in common, its statistics and ``Count``.

    * Groups are those of equal values of the fields ``by``, in order of appearance; nulls are equal, as in
      GROUP BY and QGIS. Without fields everything is one group.
    * With ``touching`` a group is split into clusters that hang together: features that share a point, over
      however many others, as ST_ClusterIntersecting sees them. QGIS' "keep disjoint features separate" gives
      parts instead, so that two polygons that touch in a corner are one feature here and two there.
    * Lines are noded and then sewn together where only two ends meet, as QGIS does; ST_Union leaves pieces.
    * Mixed geometry gives what has the highest dimension in its group; a warning counts the rest, which
      ST_Union would keep as a collection.
    * Null and empty geometries count in the statistics but unite nothing; a group of them alone has null.
    * Invalid polygons are repaired, Z and M dropped, longitudes beyond 180° brought back into the world: what
      meets there is one feature in two parts, and for ``touching`` does not touch.

    Args:
        frame: The features.
        by: Fields whose values make a group.
        wanted: Statistics of each group.
        touching: Split groups into clusters.
        multipart: Leave what is in several parts as one feature; otherwise each part is a feature of its own
            with the same attributes.

    Raises:
        InvalidValue: There is no such field; else as ``statistics``.
    """
    geometry, table = sound(frame), attributes_of(frame)
    codes, values = codes_of(table, [field_of(frame, name) for name in by])
    if touching:
        kind = codes
        codes, first = clusters(geometry, kind)
        values = rows_of(values, kind[first])
    count = len(values)
    summary = statistics(Groups(table, codes, count, geometry=geometry), _with_count(wanted))
    found = _united(geometry, codes, count)
    result = framed(beside(values, summary), found, frame.crs, str(frame.active_geometry_name))
    result = result if multipart else result.explode(ignore_index=True)
    return counted(result, read=len(frame), lost=int(shapely.is_missing(geometry).sum()))


def _with_count(wanted: Sequence[Statistic]) -> list[Statistic]:
    return [Statistic("", "total_count", "Count"), *wanted]


def _united(geometry: Geometries, codes: Rows, count: int) -> Geometries:
    if not count:
        return np.zeros(0, dtype=object)
    dimension = np.full(count, -1)
    np.maximum.at(dimension, codes, shapely.get_dimensions(geometry))
    flat = of_dimension(geometry, np.maximum(dimension[codes], 0))
    if dropped := int((shapely.is_missing(flat) & ~shapely.is_missing(geometry)).sum()):
        log.warning("%d features are of a lower dimension than others of their group: left out.", dropped)
    some = ~shapely.is_missing(flat)
    found = unions_of(flat[some], codes[some], count)
    lines = dimension == 1
    found[lines] = shapely.line_merge(found[lines])
    return found


def clusters(geometry: Geometries, codes: Rows | None = None) -> tuple[Rows, Rows]:
    """Number features by the cluster that they hang together in; only those of equal codes may.

    Returns:
        The cluster of each feature, in order of appearance, and the first feature of each cluster. A null
        geometry is a cluster of its own.
    """
    one, other = shapely.STRtree(geometry).query(geometry, predicate="intersects")
    joined = one < other if codes is None else (one < other) & (codes[one] == codes[other])
    label = _components(one[joined], other[joined], len(geometry))
    first, found = np.unique(label, return_inverse=True)
    return found.astype(np.intp), first.astype(np.intp)


def _components(one: Rows, other: Rows, count: int) -> Rows:
    """The smallest member of each one's component: labels sink along edges, then along labels."""
    label = np.arange(count)
    while True:
        low = np.minimum(label[one], label[other])
        sunk = label.copy()
        for ends in (one, other):
            np.minimum.at(sunk, label[ends], low)
            np.minimum.at(sunk, ends, low)
        sunk = np.minimum(sunk, sunk[sunk])
        if (sunk == label).all():
            return label
        label = sunk
