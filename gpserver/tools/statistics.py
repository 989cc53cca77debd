"""Statistics of fields over groups of features: the eighteen functions, each over all groups at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pandas import DataFrame, Series

from gpserver.errors import InvalidValue
from gpserver.tools.globe import Floats

Codes = NDArray[np.intp]


@dataclass(frozen=True)
class Statistic:
    """One statistic.

    Args:
        field: The field, in any case; for ``extent`` and ``total_count`` it does not matter.
        function: A key of ``FUNCTIONS``.
        name: The field that it goes to.
        second: The second field of ``sum_of_product``, ``weighted_avg`` (the weights) and ``divided_sum``.
    """

    field: str
    function: str
    name: str
    second: str = ""


@dataclass(frozen=True)
class Groups:
    """Which features belong to which group, and what else a function may ask for.

    Members come in the order in which ``first``, ``last`` and ``array`` see them.
    """

    table: DataFrame
    """Attributes, of the members one by one unless ``rows`` says which are theirs."""
    codes: Codes
    """The group of each member, 0 to ``count`` - 1."""
    count: int
    shares: Floats | None = None
    """How much of each member lies in its group, 0 to 1, where sums and means are apportioned."""
    areas: Floats | None = None
    """The area of each group, for ``density``."""
    geometry: Any = None
    """Geometry beside the attributes, for ``extent``."""
    rows: Codes | None = None
    """The row of each member: a feature that is in two groups is two members."""

    def column(self, name: str) -> "Series[Any]":
        """A field in any case; raises InvalidValue where there is none."""
        for label in self.table.columns:
            if str(label).lower() == name.lower():
                found: Series[Any] = self.table[label]
                return (found if self.rows is None else found.take(self.rows)).reset_index(drop=True)
        raise InvalidValue(
            f'There is no field "{name}"; there are {", ".join(map(str, self.table.columns))}.'
        )

    def numbers(self, name: str) -> "Series[Any]":
        """A field of numbers as floats, null as NaN."""
        column = self.column(name)
        if not pd.api.types.is_numeric_dtype(column.dtype) and column.notna().any():
            raise InvalidValue(f'The field "{name}" holds no numbers.')
        return column.astype("float64")

    def by(self, values: Any) -> Any:
        """Group values by the members' groups."""
        return pd.Series(values).groupby(self.codes, sort=True)

    def filled(self, found: Any, fill: Any = None) -> "Series[Any]":
        """One value for each group, also for those without members."""
        every = pd.Series(found).reindex(range(self.count))
        return every if fill is None else every.fillna(fill).astype("int64")


def statistics(groups: Groups, wanted: Sequence[Statistic]) -> DataFrame:
    """Every statistic for every group, shape (count, len(wanted)).

    As in SQL, a null is no value: counts leave it out, and a group without values has null but for counts,
    which are 0. ``std_deviation`` is that of a sample (n - 1, null for a single value), as ``stddev`` of
    PostgreSQL and pandas; the summaries of QGIS Processing have that of a population. ``median`` is the mean
    of the two in the middle; ``mod`` is the smallest of the most frequent values. ``array`` keeps nulls, as
    array_agg does.

    With shares (ArcGIS' Summarize Within) ``sum`` counts each value by its share, ``avg`` and
    ``std_deviation`` weigh by it, and all others do not look at it.

    Raises:
        InvalidValue: There is no such field or function, the field holds no numbers, or a second one misses.
    """
    return DataFrame({each.name: _statistic(groups, each) for each in wanted}, index=range(groups.count))


def _statistic(groups: Groups, wanted: Statistic) -> "Series[Any]":
    function = FUNCTIONS.get(wanted.function)
    if function is None:
        raise InvalidValue(f'There is no statistic "{wanted.function}"; use one of {", ".join(FUNCTIONS)}.')
    if wanted.function in _OF_TWO and not wanted.second:
        raise InvalidValue(f"{wanted.function} of {wanted.field} needs a second field.")
    return function(groups, wanted)


def _of(name: str) -> Callable[[Groups, Statistic], "Series[Any]"]:
    """A method of pandas' groups that takes any field."""
    return lambda groups, wanted: groups.filled(getattr(groups.by(groups.column(wanted.field)), name)())


def _sum(groups: Groups, wanted: Statistic) -> "Series[Any]":
    values = groups.numbers(wanted.field)
    if groups.shares is not None:
        return _sum_of(groups, values * groups.shares)
    column = groups.column(wanted.field)
    return _sum_of(groups, column if pd.api.types.is_integer_dtype(column.dtype) else values)


def _sum_of(groups: Groups, values: "Series[Any]") -> "Series[Any]":
    return groups.filled(groups.by(values).sum(min_count=1))


def _avg(groups: Groups, wanted: Statistic) -> "Series[Any]":
    values = groups.numbers(wanted.field)
    shares = np.ones(len(values)) if groups.shares is None else groups.shares
    return _weighted(groups, values, pd.Series(shares))


def _weighted(groups: Groups, values: "Series[Any]", weights: "Series[Any]") -> "Series[Any]":
    both = values.notna() & weights.notna()
    total = _sum_of(groups, weights.where(both))
    return _sum_of(groups, (values * weights).where(both)) / total.where(total != 0)


def _std_deviation(groups: Groups, wanted: Statistic) -> "Series[Any]":
    """With shares w: sqrt(Σ w (x - m)² / ((n - 1) / n · Σ w)), where m is the weighted mean.

    That is the formula in the help of ArcGIS' Summarize Within; with equal shares it is the usual one.
    """
    values = groups.numbers(wanted.field)
    if groups.shares is None:
        return groups.filled(groups.by(values).std())
    shares = pd.Series(groups.shares).where(values.notna())
    mean = _weighted(groups, values, shares).to_numpy(float)[groups.codes]
    many = groups.filled(groups.by(values).count(), 0)
    spread = _sum_of(groups, shares * (values - mean) ** 2)
    scale = ((many - 1) / many.where(many > 0)) * _sum_of(groups, shares)
    return (spread / scale.where(scale > 0)) ** 0.5


def _count(groups: Groups, wanted: Statistic) -> "Series[Any]":
    return groups.filled(groups.by(groups.column(wanted.field)).count(), 0)


def _total_count(groups: Groups, wanted: Statistic) -> "Series[Any]":
    return pd.Series(np.bincount(groups.codes, minlength=groups.count))


def _distinct_count(groups: Groups, wanted: Statistic) -> "Series[Any]":
    return groups.filled(groups.by(groups.column(wanted.field)).nunique(), 0)


def _array(groups: Groups, wanted: Statistic) -> "Series[Any]":
    return groups.filled(groups.by(groups.column(wanted.field).astype(object)).agg(list))


def _extent(groups: Groups, wanted: Statistic) -> "Series[Any]":
    """The box around the group's features, as WKB."""
    bounds = shapely.bounds(np.asarray(groups.geometry, dtype=object))
    box = DataFrame(bounds if groups.rows is None else bounds[groups.rows]).groupby(groups.codes)
    low, high = box.min().reindex(range(groups.count)), box.max().reindex(range(groups.count))
    there = low[0].notna().to_numpy()
    corners = np.column_stack([low[[0, 1]], high[[2, 3]]])[there]
    found = np.full(groups.count, None, dtype=object)
    found[there] = shapely.to_wkb(shapely.box(*corners.T))
    return pd.Series(found, dtype=object)


def _mode(groups: Groups, wanted: Statistic) -> "Series[Any]":
    column = groups.column(wanted.field)
    pairs = DataFrame({"group": groups.codes, "value": column})[column.notna().to_numpy()]
    often = pairs.groupby(["group", "value"], observed=True).size().rename("times").reset_index()
    often = often.sort_values(["group", "times", "value"], ascending=[True, False, True], kind="stable")
    return groups.filled(often.drop_duplicates("group").set_index("group")["value"])


def _sum_of_product(groups: Groups, wanted: Statistic) -> "Series[Any]":
    return _sum_of(groups, groups.numbers(wanted.field) * groups.numbers(wanted.second))


def _weighted_avg(groups: Groups, wanted: Statistic) -> "Series[Any]":
    return _weighted(groups, groups.numbers(wanted.field), groups.numbers(wanted.second))


def _density(groups: Groups, wanted: Statistic) -> "Series[Any]":
    if groups.areas is None:
        raise InvalidValue("density needs groups that have an area.")
    return _sum(groups, wanted) / pd.Series(groups.areas).where(lambda area: area > 0)


def _divided_sum(groups: Groups, wanted: Statistic) -> "Series[Any]":
    below = _sum_of(groups, groups.numbers(wanted.second))
    return _sum_of(groups, groups.numbers(wanted.field)) / below.where(below != 0)


def _median(groups: Groups, wanted: Statistic) -> "Series[Any]":
    return groups.filled(groups.by(groups.numbers(wanted.field)).median())


FUNCTIONS: dict[str, Callable[[Groups, Statistic], "Series[Any]"]] = {
    "array": _array,
    "min": _of("min"),
    "max": _of("max"),
    "avg": _avg,
    "sum": _sum,
    "extent": _extent,
    "count": _count,
    "total_count": _total_count,
    "distinct_count": _distinct_count,
    "first": _of("first"),
    "last": _of("last"),
    "median": _median,
    "mod": _mode,
    "std_deviation": _std_deviation,
    "sum_of_product": _sum_of_product,
    "weighted_avg": _weighted_avg,
    "density": _density,
    "divided_sum": _divided_sum,
}
"""The functions by their names; ``first`` and ``last`` are the first and last values that are not null."""

_OF_TWO = ("sum_of_product", "weighted_avg", "divided_sum")
