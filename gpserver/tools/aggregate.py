"""Aggregate: statistics of the features in each polygon, whole or by the share that lies there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import shapely
from geopandas import GeoDataFrame
from pandas import DataFrame
from pyproj import CRS

from gpserver.tools.attributes import attributes_of, beside, codes_of, field_of, framed
from gpserver.tools.circles import Geometries
from gpserver.tools.counts import counted
from gpserver.tools.globe import Floats
from gpserver.tools.measure import ground_area, ground_length
from gpserver.tools.operand import Rows, alike, sound
from gpserver.tools.overlay import common
from gpserver.tools.relations import pair_blocks, pairs, share_of
from gpserver.tools.statistics import Groups, Statistic, statistics

COUNT, LENGTH, AREA, PLACE = "Count", "Total_Meters", "Total_SquareMeters", "Join_ID"

_Size = tuple[int, str, Callable[[Geometries, CRS | None], Floats]]

# What features of each dimension are measured by.
_SIZES: tuple[_Size, ...] = ((1, LENGTH, ground_length), (2, AREA, ground_area))


class Aggregate(NamedTuple):
    """What ``aggregate`` finds."""

    areas: GeoDataFrame
    """The polygons with their attributes, ``Count``, what was measured, and the statistics."""
    groups: DataFrame | None
    """For each polygon (``Join_ID``, from 1) and value of the grouping field that it has: the same facts, and
    ``Percent`` of its count or, where shapes are measured, of its length or area."""


@dataclass(frozen=True)
class Members:
    """Which features lie in which polygons: a feature in two of them is two members."""

    areas: Rows
    features: Rows
    shares: Floats | None = None
    """How much of the feature lies there, 0 to 1; None where features count whole."""
    sizes: Mapping[str, Floats] = field(default_factory=dict)
    """How long or large what lies there is, on the ground, 0 where it is neither, by the name of the sum."""


def aggregate(
    frame: GeoDataFrame,
    polygons: GeoDataFrame,
    wanted: Sequence[Statistic] = (),
    *,
    apportion: bool = False,
    by: str = "",
    keep: bool = True,
) -> Aggregate:
    """Summarize the features that lie in each polygon.

    A feature belongs to every polygon that it intersects, so that a point on a common border counts in both,
    as in a join by ST_Intersects and in QGIS' count points in polygon. With ``apportion`` (ArcGIS' Summarize
    Within) it has to share more than a boundary, sums and means count only the share of its length or area
    that lies in the polygon, and lengths and areas of those pieces are added up on the ground. That sum is
    the one of PySAL's areal interpolation (tobler) of an extensive variable; its intensive ones weigh by the
    areas of the pieces, means here by the shares.

    Features come in their order (``first``, ``last``); null and empty ones lie nowhere, invalid ones are
    repaired for the question; Z and M do not matter. For the question, too, the polygons are projected to the
    spatial reference of the features, and longitudes beyond 180° brought back; they come out as they went in.

    Args:
        frame: Points, lines or polygons.
        polygons: The polygons.
        wanted: Statistics of fields.
        apportion: Count shares.
        by: A field whose values are summarized apart, too.
        keep: Keep polygons without features.

    Raises:
        InvalidValue: There is no such field; else as ``statistics``.
    """
    shapes, places = sound(frame), sound(alike(polygons, frame))
    members = _members(shapes, places, apportion, frame.crs)
    areas = ground_area(places, frame.crs)
    found = summarized(frame, polygons, members, areas, wanted, by=by, keep=keep)
    counted(found.areas, len(frame), int(shapely.is_missing(shapes).sum()))
    return found


def summarized(
    frame: GeoDataFrame,
    polygons: GeoDataFrame,
    members: Members,
    areas: Floats,
    wanted: Sequence[Statistic] = (),
    *,
    by: str = "",
    keep: bool = True,
) -> Aggregate:
    """Summarize members that are known; ``areas`` are the square metres of the polygons."""
    table = attributes_of(frame)
    facts = _facts(frame, table, members, members.areas, len(polygons), wanted, areas)
    found = framed(
        beside(attributes_of(polygons).reset_index(drop=True), facts),
        np.asarray(polygons.geometry.array, dtype=object),
        polygons.crs,
        str(polygons.active_geometry_name),
    )
    groups = _groups(frame, table, members, wanted, areas, by) if by else None
    return Aggregate(found if keep else found[facts[COUNT].to_numpy() > 0], groups)


def _members(shapes: Geometries, places: Geometries, apportion: bool, crs: CRS | None) -> Members:
    sizes = [each for each in _SIZES if (shapely.get_dimensions(shapes) == each[0]).any()]
    if not apportion or not sizes:
        features, areas = pairs(shapes, places)
        return Members(areas, features)
    blocks = [
        _shared(*common(shapes, places, *found), shapes, sizes, crs) for found in pair_blocks(shapes, places)
    ]
    areas, features, shares, *measures = (np.concatenate(column) for column in zip(*blocks, strict=True))
    return Members(areas, features, shares, dict(zip((name for _, name, _ in sizes), measures, strict=True)))


def _shared(
    pieces: Geometries,
    features: Rows,
    areas: Rows,
    shapes: Geometries,
    sizes: Sequence[_Size],
    crs: CRS | None,
) -> list[Any]:
    """Whose pieces these are, their shares, and their sizes: pieces themselves are not kept."""
    dimensions = shapely.get_dimensions(pieces)
    measures = [np.where(dimensions == each, measure(pieces, crs), 0.0) for each, _, measure in sizes]
    return [areas, features, share_of(pieces, shapes[features]), *measures]


def _facts(
    frame: GeoDataFrame,
    table: DataFrame,
    members: Members,
    codes: Rows,
    count: int,
    wanted: Sequence[Statistic],
    areas: Floats,
) -> DataFrame:
    """Count, measures and statistics of each group of members."""
    facts = DataFrame({COUNT: np.bincount(codes, minlength=count)})
    for name, size in members.sizes.items():
        facts[name] = np.bincount(codes, weights=size, minlength=count)
    if not wanted:
        return facts
    geometry = np.asarray(frame.geometry.array, dtype=object)
    groups = Groups(table, codes, count, members.shares, areas, geometry, members.features)
    return beside(facts, statistics(groups, wanted))


def _groups(
    frame: GeoDataFrame,
    table: DataFrame,
    members: Members,
    wanted: Sequence[Statistic],
    areas: Floats,
    by: str,
) -> DataFrame:
    label = field_of(frame, by)
    keys = DataFrame({PLACE: members.areas + 1, str(label): table[label].array.take(members.features)})
    codes, values = codes_of(keys, list(keys.columns))
    place = values[PLACE].to_numpy(np.intp) - 1
    facts = _facts(frame, table, members, codes, len(values), wanted, areas[place])
    measured = next((name for name in (AREA, LENGTH) if name in facts), COUNT)
    whole = np.bincount(place, weights=facts[measured], minlength=len(areas))[place]
    facts.insert(1, "Percent", 100 * facts[measured] / np.where(whole > 0, whole, 1))
    found = beside(values, facts)
    return found.sort_values([PLACE, COUNT], ascending=[True, False], kind="stable", ignore_index=True)
