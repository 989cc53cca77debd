"""Nearest: the nearest features of another layer, their rank and distance, and lines that lead there."""

from typing import NamedTuple

import numpy as np
import shapely
from geopandas import GeoDataFrame
from pandas import DataFrame
from pyproj import CRS

from gpserver.errors import InvalidValue
from gpserver.tools.attributes import attributes_of, beside, framed, rows_of
from gpserver.tools.circles import Geometries
from gpserver.tools.counts import counted
from gpserver.tools.distance import connecting_lines, ground_distance, unit_of, within_distance
from gpserver.tools.globe import Floats
from gpserver.tools.operand import Rows, alike, ground_of, sound


class Nearest(NamedTuple):
    """What ``nearest`` finds."""

    features: GeoDataFrame
    """The near features, once for each feature that they are near to."""
    lines: GeoDataFrame
    """A line from the feature to each of them."""


# Metres: farther apart is nothing on the Earth.
HALFWAY_ROUND = 20_100_000.0

# Features that are looked from at once.
BLOCK = 4096


def nearest(frame: GeoDataFrame, other: GeoDataFrame, count: int = 1, meters: float | None = None) -> Nearest:
    """Find the nearest features of another layer for each feature.

    Distances are those of ``within_distance``: geodesic in longitude and latitude and in Web Mercator, else
    planar; 0 where two intersect. Equally near ones come in the order of the other layer, and no more than
    ``count`` (GeoPandas and QGIS keep all that tie for the last place). Both layers have ``From_ID`` and
    ``To_ID`` (positions from 1), ``NearRank`` from 1 and ``Total_Meters``; the near features then have their
    own attributes, lines those of both with ``From_`` and ``To_`` before their names.

    A feature without geometry, or with none so near, has no rows. Invalid ones are repaired for the question,
    Z does not count in a distance, and 180° is no border.

    Args:
        frame: The features to look from.
        other: The features to find, in any spatial reference.
        count: How many at most for each.
        meters: How far away at most; None is any distance.

    Raises:
        InvalidValue: The count or the distance is not greater than 0.
    """
    if count < 1 or (meters is not None and not meters > 0):
        raise InvalidValue("The nearest are searched for with a count and a distance greater than 0.")
    one, other_frame = sound(frame), alike(other, frame)
    two = sound(other_frame)
    rows, others, apart = _ranked(one, two, count, np.inf if meters is None else meters, frame)
    rank = np.arange(len(rows)) - np.searchsorted(rows, rows) + 1
    facts = DataFrame({"From_ID": rows + 1, "To_ID": others + 1, "NearRank": rank, "Total_Meters": apart})
    name = str(frame.active_geometry_name)
    theirs = rows_of(attributes_of(other), others)
    found = np.asarray(other_frame.geometry.array, dtype=object)[others]
    features = framed(beside(facts, theirs), found, frame.crs, name)
    sides = beside(rows_of(attributes_of(frame), rows).add_prefix("From_"), theirs.add_prefix("To_"))
    lines = framed(beside(facts, sides), connecting_lines(one[rows], two[others], frame.crs), frame.crs, name)
    lost = int(shapely.is_missing(one).sum())
    return Nearest(counted(features, len(frame), lost), counted(lines, len(frame), lost))


def _ranked(
    one: Geometries, other: Geometries, count: int, limit: float, frame: GeoDataFrame
) -> tuple[Rows, Rows, Floats]:
    """Pairs by feature, distance and order, at most ``count`` for each."""
    there, some = ~shapely.is_missing(other), np.flatnonzero(~shapely.is_missing(one))
    found: list[tuple[Rows, Rows, Floats]] = [(some[:0], some[:0], np.zeros(0))]
    for at in range(0, len(some) if there.any() else 0, BLOCK):
        rows, others, apart = _grown(
            one[some[at : at + BLOCK]], other, min(count, int(there.sum())), limit, frame
        )
        found.append((some[at + rows], others, apart))
    rows, others, apart = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((others, apart, rows))
    rows, others, apart = rows[order], others[order], apart[order]
    kept = np.arange(len(rows)) - np.searchsorted(rows, rows) < count
    return rows[kept], others[kept], apart[kept]


def _grown(
    one: Geometries, other: Geometries, enough: int, limit: float, frame: GeoDataFrame
) -> tuple[Rows, Rows, Floats]:
    """Pairs within circles that grow until each holds enough.

    A circle starts where it reaches the feature that is nearest in the plane of the coordinates, and grows by
    what evenly spread features would need: far from all of them it does not swallow them all at once.
    """
    start = np.minimum(_upper_bound(one, other, frame.crs), limit)
    more, farthest = 0.0, min(limit, _farthest(one, other, frame))
    step, waiting = _first_reach(other, enough, frame), np.arange(len(one))
    found: list[tuple[Rows, Rows, Floats]] = [(waiting[:0], waiting[:0], np.zeros(0))]
    while len(waiting):
        reach = np.minimum(start[waiting] + more, farthest)
        rows, others, apart = within_distance(one[waiting], other, reach, frame.crs)
        done = (np.bincount(rows, minlength=len(waiting)) >= enough) | (reach >= farthest)
        chosen = done[rows]
        found.append((waiting[rows[chosen]], others[chosen], apart[chosen]))
        waiting, more = waiting[~done], 2 * more + step
    rows, others, apart = (np.concatenate(column) for column in zip(*found, strict=True))
    return rows, others, apart


def _upper_bound(one: Geometries, other: Geometries, crs: CRS | None) -> Floats:
    """Metres to a feature that is near, no less than to the nearest; a little more, for rounding."""
    near = shapely.STRtree(other).query_nearest(one, all_matches=False)[1]
    globe = ground_of(crs)
    if globe is None:
        apart = np.asarray(shapely.distance(one, other[near])) * unit_of(crs)
    else:
        apart = ground_distance(one, other[near], globe)
    return apart * (1 + 1e-9) + 1e-6 if globe is None else apart * 1.002 + 50


def _first_reach(other: Geometries, enough: int, frame: GeoDataFrame) -> float:
    """The radius of a circle that holds enough of evenly spread features."""
    west, south, east, north = shapely.total_bounds(other)
    globe = ground_of(frame.crs)
    unit = np.pi * globe.geod.a / globe.half_width if globe else unit_of(frame.crs)
    area = max((east - west) * (north - south), max(east - west, north - south) ** 2 / 100, 1e-12)
    return float(np.sqrt(area * enough / len(other) / np.pi) * unit) or 1.0


def _farthest(one: Geometries, other: Geometries, frame: GeoDataFrame) -> float:
    if ground_of(frame.crs) is not None:
        return HALFWAY_ROUND
    bounds = np.array([shapely.total_bounds(one), shapely.total_bounds(other)])
    low, high = np.nanmin(bounds[:, :2], axis=0), np.nanmax(bounds[:, 2:], axis=0)
    return float(np.hypot(*(high - low)) * unit_of(frame.crs)) * 1.001 + 1e-9
