"""GPValueTable: rows of values, each column of a data type of its own."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gpserver.datatypes.base import NO_SOURCE, DataType, Source, Stored
from gpserver.datatypes.element import Element
from gpserver.datatypes.raw import as_sent, listed, quote
from gpserver.datatypes.simple import GPString
from gpserver.errors import InvalidValue


class GPValueTable(DataType):
    """Rows, as arrays in the order of the columns or as objects.

    Args:
        elements: The columns.
        row: Makes a row of one value for each column: the NamedTuple of the annotation.
    """

    name = "GPValueTable"

    def __init__(self, elements: Sequence[Element] = (), row: Callable[..., Any] | None = None) -> None:
        self.elements = tuple(elements)
        self.row = row or (lambda *cells: cells)

    def decode(self, value: object, source: Source = NO_SOURCE) -> list[Any] | None:
        """Read an array of rows; a table of none is one that was not given."""
        rows = _rows(value)
        if not self.is_given(rows):
            return None
        if not isinstance(rows, list):
            raise InvalidValue(f"{quote(value)} is not an array of rows.")
        return [self._row(number, row, source) for number, row in enumerate(rows, 1)]

    def encode(self, value: object) -> list[list[Any]]:
        """Give the rows as arrays."""
        rows = [] if value is None else listed(value)
        return [[column.data_type.encode(cell) for column, cell in self._paired(row)] for row in rows]

    def holds(self, value: object) -> bool:
        """Whether it is a list of such rows."""
        return isinstance(value, list) and all(
            isinstance(row, tuple) and len(row) == len(self.elements) for row in value
        )

    def shown(self, value: object) -> Any:
        """Give the rows without what is hidden."""
        hidden = [column.data_type.hidden for column in self.elements]
        rows = super().shown(value)
        if not any(hidden) or not rows:
            return rows
        if not all(isinstance(row, list) and len(row) == len(hidden) for row in rows):
            return []  # rows that could not be read may have their secrets anywhere
        return [["" if secret else cell for secret, cell in zip(hidden, row, strict=True)] for row in rows]

    def empty(self) -> list[Any]:
        """Give no rows."""
        return []

    def save(self, value: object, folder: Path, name: str) -> Stored:
        """Keep the rows inline with the columns, cells that are layers or files as those of a list."""
        rows = listed(value)
        cells = [
            [
                None
                if cell is None
                else column.data_type.save(cell, folder, f"{name}_{number}_{column.name}").entry
                for column, cell in self._paired(row)
            ]
            for number, row in enumerate(rows, 1)
        ]
        columns = [{"name": column.name, "dataType": column.data_type.name} for column in self.elements]
        return Stored(value={"columns": columns, "rows": cells}, rows=len(rows))

    def _paired(self, row: Any) -> list[tuple[Element, Any]]:
        if not isinstance(row, tuple | list) or len(row) != len(self.elements):
            raise InvalidValue(f"{quote(row)} is not a row of {len(self.elements)} values.")
        return list(zip(self.elements, row, strict=True))

    def _row(self, number: int, row: object, source: Source) -> Any:
        try:
            cells = zip(self.elements, self._cells(row), strict=True)
            return self.row(*(_cell(column, cell, source) for column, cell in cells))
        except InvalidValue as error:
            raise InvalidValue(f"Row {number}: {error}") from error

    def _cells(self, row: object) -> list[Any]:
        row = as_sent(row) if isinstance(row, str) else row  # ArcGIS JS writes each row as text
        if isinstance(row, Mapping):
            named = {str(name).lower(): cell for name, cell in row.items()}
            return [named.get(column.name.lower()) for column in self.elements]
        if not isinstance(row, list) or len(row) > len(self.elements):
            names = ", ".join(column.name for column in self.elements)
            raise InvalidValue(f"{quote(row)} is not an array or object of {names}.")
        return row + [None] * (len(self.elements) - len(row))


def _rows(value: object) -> Any:
    """The rows in text or parsed JSON, which may be one row object alone."""
    rows = as_sent(value) if not isinstance(value, list) or len(value) == 1 else value
    return [rows] if isinstance(rows, Mapping) and rows else rows


def _cell(column: Element, cell: Any, source: Source) -> Any:
    # Empty text is a value here: what is not given is null.
    return "" if cell == "" and isinstance(column.data_type, GPString) else column.read(cell, source)
