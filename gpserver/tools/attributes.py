"""Attributes of new features: rows chosen again, columns of two tables side by side."""

from typing import Any

import numpy as np
from geopandas import GeoDataFrame
from geopandas.array import from_shapely
from pandas import DataFrame
from pyproj import CRS

from gpserver.errors import InvalidValue
from gpserver.tools.circles import Geometries
from gpserver.tools.operand import Rows


def attributes_of(frame: DataFrame) -> DataFrame:
    """The columns of a frame but its geometry."""
    table = DataFrame(frame)
    return table.drop(columns=frame.active_geometry_name) if isinstance(frame, GeoDataFrame) else table


def rows_of(table: DataFrame, rows: Rows) -> DataFrame:
    """Rows by their positions; -1 is a row of nulls. Whole numbers stay whole."""
    missing = rows < 0
    if not missing.any():
        return table.take(rows).reset_index(drop=True)
    plain = {
        name: {"i": "Int64", "u": "Int64", "b": "boolean"}[column.dtype.kind]
        for name, column in table.items()
        if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iub"
    }
    found = table.astype(plain).reset_index(drop=True).reindex(np.where(missing, -1, rows))
    return found.reset_index(drop=True)


def beside(left: DataFrame, right: DataFrame) -> DataFrame:
    """Columns of two tables of equal length; a name that is taken, in any case, gets ``_1``, ``_2`` ..."""
    taken = {str(name).lower() for name in left.columns}
    columns: dict[Any, Any] = {name: left[name].array for name in left.columns}
    for name in right.columns:
        free = free_name(str(name), taken)
        taken.add(free.lower())
        columns[free] = right[name].array
    return DataFrame(columns, index=range(len(left)))


def free_name(name: str, taken: set[str]) -> str:
    """The name, or the name with the first number that makes it one that is not taken (in lower case)."""
    number, free = 0, name
    while free.lower() in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def framed(table: DataFrame, geometry: Geometries, crs: CRS | None, name: str = "geometry") -> GeoDataFrame:
    """A table with geometry; the geometry's column comes last."""
    columns: dict[Any, Any] = {label: table[label].array for label in table.columns if label != name}
    return GeoDataFrame(columns | {name: from_shapely(geometry, crs=crs)}, geometry=name)


def field_of(frame: DataFrame, name: str) -> Any:
    """The label of a field, found in any case.

    Raises:
        InvalidValue: There is no such field.
    """
    labels = attributes_of(frame).columns
    for label in labels:
        if str(label).lower() == name.lower():
            return label
    raise InvalidValue(f'There is no field "{name}"; there are {", ".join(map(str, labels))}.')


def codes_of(table: DataFrame, fields: list[Any]) -> tuple[Rows, DataFrame]:
    """Number rows by the values of fields, nulls alike: codes in order of appearance, and their values."""
    if not fields:
        return np.zeros(len(table), dtype=np.intp), DataFrame(index=range(min(len(table), 1)))
    grouped = table.groupby(fields, sort=False, dropna=False, observed=True)
    codes = np.asarray(grouped.ngroup(), dtype=np.intp)
    first = np.unique(codes, return_index=True)[1]
    return codes, table[fields].take(first).reset_index(drop=True)


def names_like(frame: DataFrame) -> set[str]:
    """The names of a frame's columns in lower case."""
    return {str(name).lower() for name in frame.columns}
