"""Selection: the features that stand in a spatial relation to any feature of another layer."""

import numpy as np
import shapely
from geopandas import GeoDataFrame

from gpserver.tools.counts import counted
from gpserver.tools.relations import related_blocks


def select(
    frame: GeoDataFrame,
    other: GeoDataFrame,
    predicate: str = "intersects",
    *,
    meters: float | None = None,
    reverse: bool = False,
) -> GeoDataFrame:
    """Keep the features that relate to at least one other, or with ``reverse`` to none.

    Features stay whole and in their order, geometry untouched: Z, M, and what is invalid. Null and empty ones
    relate to nothing, so that ``reverse`` keeps them, as NOT EXISTS does. ``disjoint`` is the reverse of
    ``intersects``: it keeps what is apart from all others, as QGIS' select by location does.

    Args:
        frame: The features to choose from.
        other: The features to relate to, in any spatial reference.
        predicate: One of ``relations.RELATIONS``, or ``disjoint``.
        meters: The distance of ``within_distance``, on the ground.
        reverse: Keep the others.

    Raises:
        InvalidValue: As ``related``.
    """
    if predicate == "disjoint":
        return select(frame, other, meters=meters, reverse=not reverse)
    chosen = np.zeros(len(frame), dtype=bool)
    for rows, _ in related_blocks(frame, other, predicate, meters):
        chosen[rows] = True
    found = frame[chosen ^ reverse].copy()
    geometry = frame.geometry.array
    return counted(found, len(frame), int((shapely.is_missing(geometry) | shapely.is_empty(geometry)).sum()))
