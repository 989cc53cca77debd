"""Features and rows as a table for a page: some of them at a time, every value as text."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gpserver.features import Selection

_ROWS = 50


@dataclass(frozen=True, slots=True)
class Table:
    """One page of a table; rows and pages are counted from 1."""

    names: list[str]
    rows: list[list[str]]
    first: int
    total: int
    page: int
    pages: int

    @property
    def last(self) -> int:
        """The number of its last row."""
        return self.first + len(self.rows) - 1


def table_of(selection: Selection, page: int = 1) -> Table:
    """The rows of one page, without geometry; the nearest page there is."""
    rows = selection.layer.order if selection.rows is None else selection.rows
    pages = max(1, -(-len(rows) // _ROWS))
    page = min(max(1, page), pages)
    start = (page - 1) * _ROWS
    shown = replace(selection, rows=rows[start : start + _ROWS], geometry=False)
    return Table(
        names=[field["name"] for field in selection.chosen_fields],
        rows=[
            [text_of(value) for value in row]
            for chunk in shown.chunks()
            for row in zip(*(column.to_pylist() for column in chunk.columns), strict=True)
        ],
        first=start + 1,
        total=len(rows),
        page=page,
        pages=pages,
    )


def table_of_features(features: list[Any]) -> Table:
    """The first rows of features that are JSON objects, as a client sent them."""
    found = [feature.get("attributes") or feature.get("properties") for feature in features[:_ROWS]]
    rows = [row if isinstance(row, dict) else {} for row in found]
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[text_of(row.get(name)) for name in names] for row in rows]
    return Table(names, cells, 1, len(features), 1, 1)


def text_of(value: Any) -> str:
    """A value as a person reads it."""
    match value:
        case None:
            return ""
        case datetime():
            return value.isoformat(sep=" ", timespec="milliseconds" if value.microsecond else "seconds")
        case float():
            return f"{value:.12g}"
    return str(value)
