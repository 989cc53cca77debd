"""Part files: some rows of a layer as GeoParquet, never changed once it is written."""

import json
import secrets
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from gpserver.features import parse_spatial_reference
from gpserver.layers.boxes import Boxes, boxes_of
from gpserver.layers.catalogue import Part
from gpserver.layers.info import LayerInfo
from gpserver.layers.schema import schema_of
from gpserver.layers.store import Ids

ROWS = 100_000
"""The most rows of a part: so much is rewritten where one row changes."""

_GROUP = 25_000  # rows that a reader may take or leave
_KNOWN = 32  # parts whose boxes a process remembers, 2.4 MB each at most


def write_parts(folder: Path, info: LayerInfo, table: pa.Table) -> list[Part]:
    """Write rows, ids included, as new part files.

    Raises:
        OSError: The disk is full or closed; what was written of it is removed.
    """
    import pyarrow.parquet as pq  # a server opens its layers at once; of rows it may never see any

    folder.mkdir(parents=True, exist_ok=True)
    table = table.cast(schema_of(info)).replace_schema_metadata(_metadata(info))
    parts: list[Part] = []
    try:
        for start in range(0, len(table), ROWS):
            rows = table.slice(start, ROWS)
            parts.append(_described(f"{secrets.token_hex(16)}.parquet", rows, info))
            pq.write_table(rows, folder / parts[-1].file, compression="zstd", row_group_size=_GROUP)
    except BaseException:
        remove_parts(folder, parts)
        raise
    return parts


def remove_parts(folder: Path, parts: Iterable[Part]) -> None:
    """Remove part files, those too that were never finished."""
    for part in parts:
        (folder / part.file).unlink(missing_ok=True)


def read_parts(
    folder: Path, info: LayerInfo, parts: Sequence[Part], columns: Sequence[str], ids: Ids | None = None
) -> pa.Table:
    """Rows of several parts in the order of their ids.

    Args:
        folder: Where they are.
        info: The layer, whose id column is among the columns.
        parts: By their first ids.
        columns: What is wanted of each row.
        ids: The rows that are wanted, ascending; all by default.
    """
    schema = schema_of(info)
    wanted = pa.schema([schema.field(name) for name in columns])
    tables = [_read(folder / part.file, part, columns, info.id_attribute, ids) for part in parts]
    table = pa.concat_tables([wanted.empty_table(), *(item.cast(wanted) for item in tables)])
    return _ordered(table, parts, info.id_attribute)


@lru_cache(maxsize=_KNOWN)
def boxes_in(path: Path, key: str, geometry: str) -> tuple[Ids, Boxes]:
    """The ids of a part's rows and their boxes, which never change."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        table = file.read([key, geometry])
    return table.column(key).to_numpy(), boxes_of(shapely.from_wkb(table.column(geometry).to_numpy()))


def touching(parts: Sequence[Part], ids: Ids | None) -> Iterator[Part]:
    """The parts that may have rows of these ids, ascending; None are all."""
    for part in parts:
        if ids is None or np.searchsorted(ids, part.first) < np.searchsorted(ids, part.last, "right"):
            yield part


def _read(path: Path, part: Part, columns: Sequence[str], key: str, ids: Ids | None) -> pa.Table:
    import pyarrow.parquet as pq

    if ids is not None:
        ids = ids[np.searchsorted(ids, part.first) : np.searchsorted(ids, part.last, "right")]
    if ids is None or len(ids) == part.rows:
        with pq.ParquetFile(path) as file:  # a third of the time that read_table takes for a small one
            table = file.read(list(columns))
    else:
        wanted = pc.field(key).isin(pa.array(ids))
        table = pq.read_table(path, columns=list(columns), filters=wanted, partitioning=None)
    return table.replace_schema_metadata()


def _ordered(table: pa.Table, parts: Sequence[Part], key: str) -> pa.Table:
    """By id; parts whose ids overlap come of appends at the same time, and of merged parts."""
    apart = all(part.last < later.first for part, later in pairwise(parts))
    return table if apart else table.sort_by(key)


def _described(file: str, rows: pa.Table, info: LayerInfo) -> Part:
    ids = pc.min_max(rows.column(info.id_attribute))
    box: tuple[float | None, ...] = (None,) * 4
    if info.geometry_attribute:
        bounds = shapely.total_bounds(shapely.from_wkb(rows.column(info.geometry_attribute).to_numpy()))
        box = tuple(None if np.isnan(value) else float(value) for value in bounds)
    return Part(file, len(rows), ids["min"].as_py(), ids["max"].as_py(), box)


def _metadata(info: LayerInfo) -> dict[str, str] | None:
    """What makes a Parquet file a GeoParquet file (its specification 1.0: key ``geo``)."""
    if info.geometry_attribute is None:
        return None
    geometry = {
        "encoding": "WKB",
        "geometry_types": [info.geometry_type] if info.geometry_type else [],
        "crs": _projjson(info.sr_id),
    }
    document = {
        "version": "1.0.0",
        "primary_column": info.geometry_attribute,
        "columns": {info.geometry_attribute: geometry},
    }
    return {"geo": json.dumps(document)}


@lru_cache(maxsize=64)
def _projjson(code: int | None) -> dict[str, Any] | None:
    crs = parse_spatial_reference(code)
    return crs.to_json_dict() if crs else None
