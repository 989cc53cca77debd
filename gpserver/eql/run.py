"""Runs a SELECT over layers that rest in Parquet files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from gpserver.eql.select import Select


@dataclass(frozen=True, slots=True)
class Table:
    """Where the rows of a layer are.

    Attributes:
        parts: Parquet files, all of ``schema``; geometry is WKB.
        schema: Names and types of the columns, also of a layer without rows.
        geometry: The column of geometry; every other column of bytes is geometry, too.
        srid: Its EPSG code.
    """

    parts: tuple[Path, ...]
    schema: pa.Schema
    geometry: str | None = None
    srid: int | None = None


def run_select(
    select: Select,
    tables: Mapping[str, Table],
    *,
    limit: int | None = None,
    offset: int = 0,
    seconds: float = 60,
    memory: int = 1 << 30,
) -> Any:
    """The rows: a GeoDataFrame with the CRS of its geometry, or a DataFrame when no column is geometry.

    Args:
        select: What to run.
        tables: Its layers by name.
        limit: How many rows at most.
        offset: How many rows to leave out first.
        seconds: How long it may take.
        memory: How many bytes it may use.

    Raises:
        InvalidRequest: It does not fit the layers (no such column), or it takes too long or too much.
    """
    # The server's process, too, imports this module: there is no need of DuckDB in it.
    from gpserver.eql.database import answer

    sql, values = select.sql("duckdb", limit=limit, offset=offset)
    there = {name: tables[name] for name in select.layers}
    return answer(sql, values, there, seconds, memory)
