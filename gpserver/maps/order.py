"""Rows in the order of their values."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpserver.errors import InvalidRequest
from gpserver.maps.where import Columns


def sorted_rows(columns: Columns, order: Sequence[tuple[str, bool]], rows: int) -> "np.ndarray[Any, Any]":
    """Row numbers in this order; rows that are equal in it stay in their order, and NULL is above all values.

    Raises:
        InvalidRequest: A name is there twice.
    """
    if len({name for name, _ in order}) < len(order):
        raise InvalidRequest("A field can stand in an order only once.")
    if not order:
        return np.arange(rows)
    keys, arrays = [], {}
    for number, (name, descends) in enumerate(order):
        column, direction = columns(name), "descending" if descends else "ascending"
        if column.null_count:
            arrays[f"null{number}"] = pc.is_null(column)
            keys.append((f"null{number}", direction))
        arrays[f"value{number}"] = column
        keys.append((f"value{number}", direction))
    return np.asarray(pc.sort_indices(pa.table(arrays), sort_keys=keys))
