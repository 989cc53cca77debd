"""What a SELECT gave, as frames: geometry with its CRS, whole numbers whole, times in UTC."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError

_GEOMETRY = re.compile(r"GEOMETRY(?:\('(.+)'\))?")
_NULLABLE = {pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


@cache
def crs_name(srid: int) -> str:
    """Authority and code of a spatial reference, as PROJ looks it up: EPSG's, else Esri's."""
    try:
        CRS.from_epsg(srid)
    except CRSError:
        return f"ESRI:{srid}"
    return f"EPSG:{srid}"


def as_frame(table: Any, kinds: Sequence[str]) -> Any:
    """The frame of an Arrow table.

    Columns of one name are numbered: ``gid``, ``gid_1``. Of several geometries the one that is called
    ``geometry``, else the first, is the active one.

    Args:
        table: What DuckDB gave.
        kinds: DuckDB's names of the types of its columns; geometry is WKB.
    """
    columns: dict[str, Any] = {}
    for name, column, kind in zip(table.column_names, table.columns, kinds, strict=True):
        columns[_free(name, columns)] = _series(column, kind)
    frame = pd.DataFrame(columns, columns=list(columns), copy=False)
    spatial = [name for name, column in columns.items() if isinstance(column, gpd.GeoSeries)]
    if not spatial:
        return frame
    return gpd.GeoDataFrame(frame, geometry="geometry" if "geometry" in spatial else spatial[0])


def _free(name: str, taken: dict[str, Any]) -> str:
    number, free = 0, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def _series(column: Any, kind: str) -> Any:
    if found := _GEOMETRY.fullmatch(kind):
        crs = CRS.from_user_input(found[1]) if found[1] else None
        return gpd.GeoSeries(shapely.from_wkb(column.to_numpy()), crs=crs)
    values = _plain(column)
    return values.to_pandas(types_mapper=_NULLABLE.get if values.null_count else None)


def _plain(column: Any) -> Any:
    """Numbers of 64 bits, which a sum of whole ones seldom exceeds but by its type; times without a zone."""
    kind = column.type
    if pa.types.is_decimal(kind):
        ends = pc.min_max(column)
        inside = all(end.as_py() is None or -(2**63) <= end.as_py() < 2**63 for end in ends.values())
        return column.cast(pa.int64() if kind.scale == 0 and inside else pa.float64())
    if pa.types.is_unsigned_integer(kind) or (pa.types.is_integer(kind) and kind.bit_width < 32):
        return column.cast(pa.int64() if kind.bit_width >= 32 else pa.int32(), safe=False)
    if pa.types.is_date(kind):
        return column.cast(pa.timestamp("us"))
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.timestamp("us"))
    return column
