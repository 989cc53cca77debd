"""Join: the attributes of features that belong together by place, by values, or by both."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from geopandas import GeoDataFrame
from pandas import DataFrame, Series, concat

from gpserver.errors import InvalidValue
from gpserver.tools.attributes import attributes_of, beside, field_of, framed, rows_of
from gpserver.tools.counts import counted
from gpserver.tools.operand import Rows
from gpserver.tools.relations import Pairs, joined, related_blocks
from gpserver.tools.statistics import Groups, Statistic, statistics

COUNT = "Join_Count"


@dataclass(frozen=True)
class Best:
    """Which partners of a target count: the first ones by the values of fields."""

    order: tuple[tuple[str, bool], ...] = ()
    """Fields of the other layer, and whether the smallest values come first; nulls come last."""
    count: int = 1
    by: tuple[str, ...] = ()
    """Fields of the other layer: so many for each of their values."""


def join(
    target: GeoDataFrame,
    other: GeoDataFrame,
    predicate: str | None = "intersects",
    *,
    meters: float | None = None,
    fields: Sequence[tuple[str, str]] = (),
    many: bool = False,
    wanted: Sequence[Statistic] = (),
    keep: bool = False,
    best: Best | None = None,
) -> GeoDataFrame:
    """Give target features the attributes of the others that belong to them.

    * One to one: a feature for each target, with ``Join_Count``; then the statistics of its partners, or
      without any asked for the attributes of the first partner, in the other layer's order.
    * One to many: a feature for each pair, as SELECT … JOIN and QGIS' "one to many" give it.

    Targets stay whole, in their order, geometry untouched: null, invalid, Z and M; what relates to what is as
    ``related`` says. A name that both have gets ``_1`` on the joined side (in QGIS ``_2``). A null value
    equals nothing, as in SQL.

    Args:
        target: The features that get attributes.
        other: The features that give them.
        predicate: The relation of target to other, one of ``relations.RELATIONS``; None for values alone.
        meters: The distance of ``within_distance``, on the ground.
        fields: Pairs of a target's field and another's that must be equal.
        many: One to many instead of one to one.
        wanted: Statistics of the partners, one to one only.
        keep: Also keep targets without partner (LEFT JOIN).
        best: Only these partners of each target, as DISTINCT ON or rank() would choose them.

    Raises:
        InvalidValue: There is no relation and no field, or no such field or relation.
    """
    if predicate is None and not fields:
        raise InvalidValue("Features are joined by a spatial relation, by fields, or by both: none is given.")
    given = attributes_of(other)
    blocks = _blocks(target, other, predicate, meters, fields)
    if best is not None:
        blocks = (_best(given, *found, best) for found in blocks)
    if many:
        chosen, added = _one_to_many(given, joined(blocks), len(target), keep)
    else:
        chosen, added = _one_to_one(given, blocks, len(target), wanted, keep)
    table = beside(rows_of(attributes_of(target), chosen), added)
    geometry = np.asarray(target.geometry.array, dtype=object)
    found = framed(table, geometry[chosen], target.crs, str(target.active_geometry_name))
    return counted(found, read=len(target), lost=int(shapely.is_missing(geometry).sum()))


def _one_to_many(given: DataFrame, pairs: Pairs, count: int, keep: bool) -> tuple[Rows, DataFrame]:
    rows, others = pairs
    lone = np.setdiff1d(np.arange(count), rows) if keep else np.zeros(0, dtype=np.intp)
    order = np.argsort(np.append(rows, lone), kind="stable")
    added = rows_of(given, np.append(others, np.full(len(lone), -1))[order])
    return np.append(rows, lone)[order], added


def _one_to_one(
    given: DataFrame, blocks: Iterable[Pairs], count: int, wanted: Sequence[Statistic], keep: bool
) -> tuple[Rows, DataFrame]:
    many, first = np.zeros(count, dtype=np.intp), np.full(count, -1)
    summaries = []
    for rows, others in blocks:
        met, start, codes = np.unique(rows, return_index=True, return_inverse=True)
        many[met], first[met] = np.bincount(codes), others[start]
        if wanted:
            summaries.append(statistics(Groups(given, codes, len(met), rows=others), wanted))
    chosen = np.arange(count) if keep else np.flatnonzero(many)
    facts = DataFrame({COUNT: many[chosen]})
    if not wanted:
        return chosen, beside(facts, rows_of(given, first[chosen]))
    # Every target has all its partners in one block, and blocks come in the order of the targets.
    summary = concat(summaries or [statistics(Groups(given[:0], first[:0], 0), wanted)], ignore_index=True)
    place = np.where(many > 0, np.cumsum(many > 0) - 1, -1)
    return chosen, beside(facts, rows_of(summary, place[chosen]))


def _best(given: DataFrame, rows: Rows, others: Rows, best: Best) -> Pairs:
    """The pairs that count, the best one of each target first."""
    order = {f"order {at}": _values(given, name, others) for at, (name, _) in enumerate(best.order)}
    groups = {f"group {at}": _values(given, name, others) for at, name in enumerate(best.by)}
    rising = [True, *(up for _, up in best.order)]
    table = DataFrame({"row": rows, **order, **groups})
    table = table.sort_values(["row", *order], ascending=rising, kind="stable")
    place = table.groupby(["row", *groups], dropna=False, sort=False).cumcount()
    kept = table.index[place < best.count].to_numpy()
    return rows[kept], others[kept]


def _values(frame: DataFrame, name: str, rows: Rows) -> Any:
    return frame[field_of(frame, name)].array.take(rows)


def _blocks(
    target: GeoDataFrame,
    other: GeoDataFrame,
    predicate: str | None,
    meters: float | None,
    fields: Sequence[tuple[str, str]],
) -> Iterator[Pairs]:
    if predicate is None:
        yield _equal_values(target, other, fields)
        return
    for rows, others in related_blocks(target, other, predicate, meters):
        same = np.ones(len(rows), dtype=bool)
        for mine, theirs in fields:
            left, right = _values(target, mine, rows), _values(other, theirs, others)
            same &= (Series(left) == Series(right)).fillna(False).to_numpy(bool)
        yield rows[same], others[same]


def _equal_values(target: GeoDataFrame, other: GeoDataFrame, fields: Sequence[tuple[str, str]]) -> Pairs:
    keys = [str(number) for number in range(len(fields))]
    left = DataFrame(
        {key: target[field_of(target, mine)].array for key, (mine, _) in zip(keys, fields, strict=True)}
    )
    right = DataFrame(
        {key: other[field_of(other, theirs)].array for key, (_, theirs) in zip(keys, fields, strict=True)}
    )
    both = (
        left.assign(row=range(len(left)))
        .dropna()
        .merge(right.assign(other=range(len(right))).dropna(), on=keys)
    )
    both = both.sort_values(["row", "other"])
    return both["row"].to_numpy(np.intp), both["other"].to_numpy(np.intp)
