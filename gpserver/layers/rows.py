"""The answer of a SELECT to PostGIS as a frame."""

from decimal import Decimal
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa
import shapely

from gpserver.layers.columns import NULLABLE

_NUMERIC, _MOMENT_WITH_ZONE, _DAY = 1700, 1184, 1082


def frame_of(cursor: "psycopg.Cursor[Any]") -> Any:
    """The rows: a GeoDataFrame, or a DataFrame where no column is geometry.

    The active geometry is the one called ``geometry``, else the first. Numerics are whole numbers or doubles,
    moments UTC without a zone; a name that comes twice gets a number.
    """
    described, rows = cursor.description or [], cursor.fetchall()
    geometries = _geometry_types(cursor.connection)
    columns: dict[str, Any] = {}
    active = None
    for place, column in enumerate(described):
        name = _free(column.name, columns)
        values = [row[place] for row in rows]
        if column.type_code in geometries:
            columns[name] = _shapes(values)
            active = name if name == "geometry" else active or name
        else:
            columns[name] = _plain(values, column.type_code)
    frame = pd.DataFrame(columns, columns=list(columns), index=pd.RangeIndex(len(rows)))
    return gpd.GeoDataFrame(frame, geometry=active) if active else frame


def _geometry_types(connection: "psycopg.Connection[Any]") -> set[int]:
    rows = connection.execute("SELECT oid FROM pg_type WHERE typname IN ('geometry', 'geography')").fetchall()
    return {row[0] for row in rows}


def _free(name: str, taken: dict[str, Any]) -> str:
    number, free = 0, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def _shapes(values: list[Any]) -> gpd.GeoSeries:
    shapes = shapely.from_wkb(np.array(values, object))
    codes = {int(code) for code in shapely.get_srid(shapes)} - {0, -1}
    return gpd.GeoSeries(shapes, crs=codes.pop() if len(codes) == 1 else None)


def _plain(values: list[Any], kind: int) -> Any:
    if kind == _NUMERIC:
        return _numbers(values)
    if kind in (_MOMENT_WITH_ZONE, _DAY):
        moments = pd.to_datetime(pd.Series(values, dtype=object), utc=True)
        return moments.dt.tz_localize(None).astype("datetime64[us]")
    try:
        array = pa.array(values)
    except (pa.ArrowException, TypeError, ValueError):
        return pd.Series(values, dtype=object)
    if pa.types.is_nested(array.type) or pa.types.is_null(array.type):
        return pd.Series(values, dtype=object)
    return array.to_pandas(types_mapper=NULLABLE.get if array.null_count else None)


def _numbers(values: list[Decimal | None]) -> Any:
    """Sums of whole numbers are whole; PostgreSQL has no type for them but numeric."""
    there = [value for value in values if value is not None]
    if all(value.is_finite() and value.as_tuple().exponent == 0 and abs(value) < 2**63 for value in there):
        whole = [None if value is None else int(value) for value in values]
        return pd.Series(whole, dtype="int64" if len(there) == len(values) else "Int64")
    return pd.Series([None if value is None else float(value) for value in values], dtype=float)
