"""Rows of attributes to a table, chunk by chunk."""

from collections.abc import Iterable, Sequence
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from gpserver.features.fields import declared_types, read_column, to_series

if TYPE_CHECKING:
    import pandas as pd


class AttributeReader:
    """Collects rows (dicts) and makes one table of them.

    Declared fields are the first columns, in their order and of their types; names that only the rows know
    follow, of the types that pandas sees in them.
    """

    def __init__(self, fields: Iterable[Any]) -> None:
        self._rows = 0
        self._declared = declared_types(fields)
        self._typed: dict[str, list[Any]] = {name: [] for name, kind in self._declared.items() if kind}
        self._loose: dict[str, list[Any]] = {name: [] for name in self._declared if name not in self._typed}

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows; raises InvalidValue when a value does not fit its field."""
        for name in self._unknown(rows):
            self._loose[name] = [None] * self._rows
        for name, arrays in self._typed.items():
            arrays.append(read_column(name, _values(rows, name), self._declared[name]))
        for name, values in self._loose.items():
            values.extend(_values(rows, name))
        self._rows += len(rows)

    def frame(self) -> "pd.DataFrame":
        """The table of all rows so far."""
        import pandas as pd

        columns = {
            name: to_series(pa.chunked_array(arrays, self._declared[name]))
            for name, arrays in self._typed.items()
        }
        columns |= {name: pd.Series(values) for name, values in self._loose.items()}
        order = [*self._declared, *(name for name in columns if name not in self._declared)]
        return pd.DataFrame({name: columns[name] for name in order}, index=range(self._rows), copy=False)

    def _unknown(self, rows: Sequence[dict[str, Any]]) -> list[str]:
        known = self._typed.keys() | self._loose.keys()
        if all(map(known.issuperset, rows)):
            return []
        return [name for name in dict.fromkeys(chain.from_iterable(rows)) if name not in known]


def _values(rows: Sequence[dict[str, Any]], name: str) -> list[Any]:
    try:
        return list(map(itemgetter(name), rows))
    except KeyError:
        return [row.get(name) for row in rows]
