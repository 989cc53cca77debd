"""Runs a SELECT in a DuckDB of its own, which reads the parts of its layers and nothing else."""

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
        geometry: The column of geometry.
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
    raise NotImplementedError
