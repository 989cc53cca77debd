"""Percentiles of groups, as SQL's PERCENTILE_CONT and PERCENTILE_DISC define them."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def percentile(column: Any, groups: Any, share: float, *, continuous: bool, descends: bool) -> Any:
    """The value below which a share of the values of each group lies; null for a group without values.

    Args:
        column: One value per row.
        groups: A list array: the row numbers of each group.
        share: From 0 to 1.
        continuous: Interpolate between neighbours (doubles only), instead of taking one that is there.
        descends: Count from the highest value.
    """
    starts, counts, values = _sorted_by_group(column, groups)
    if continuous:
        place = share * np.maximum(counts - 1, 0)
        low, high = np.floor(place), np.ceil(place)
    else:
        low = high = place = np.maximum(np.ceil(share * counts) - 1, 0)

    def at(places: Any) -> Any:
        inside = np.maximum(counts - 1, 0) - places if descends else places
        return values.take(pa.array(starts + inside.astype(np.int64), mask=counts == 0))

    if not continuous:
        return at(low)
    below = at(low)
    return pc.add(below, pc.multiply(pc.subtract(at(high), below), pa.array(place - low)))


def _sorted_by_group(column: Any, groups: Any) -> tuple[Any, Any, Any]:
    """Where the values of each group start, how many there are, and all values; without nulls, ascending."""
    sizes = np.diff(groups.offsets.to_numpy())
    group = np.repeat(np.arange(len(groups)), sizes)
    values = column.take(groups.flatten())
    valid = np.asarray(values.is_valid())
    group, values = group[valid], values.drop_null()
    order = pc.sort_indices(
        pa.table({"group": group, "value": values}),
        sort_keys=[("group", "ascending"), ("value", "ascending")],
    )
    counts = np.bincount(group, minlength=len(groups))
    return np.cumsum(counts) - counts, counts, values.take(order)
