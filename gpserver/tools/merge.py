"""Merge: the features of several layers in one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame
from pandas import DataFrame

from gpserver.errors import InvalidValue
from gpserver.tools.attributes import attributes_of, framed, rows_of
from gpserver.tools.counts import counted
from gpserver.tools.operand import alike, flat_parts


def merge(frames: Sequence[GeoDataFrame]) -> GeoDataFrame:
    """Put the features of several layers into one, in order, in the spatial reference of the first.

    Fields of the same name (in any case, as ArcGIS compares them) are one field, spelled as in the first
    layer that has it, null for features of layers without it. Of numbers of different types it becomes the
    wider one; where types cannot meet, such as text and numbers, the values become text, as in QGIS.
    Features stay as they are: null and invalid ones, Z, M.

    Raises:
        InvalidValue: There is no layer, or they are not all points, all lines or all polygons.
    """
    if not frames:
        raise InvalidValue("There is nothing to merge.")
    alikes = [frames[0], *(alike(each, frames[0]) for each in frames[1:])]
    geometry = np.concatenate([np.asarray(each.geometry.array, dtype=object) for each in alikes])
    _refuse_mixed(geometry)
    spelling: dict[str, str] = {}
    tables = [_respelled(attributes_of(each), spelling) for each in alikes]
    columns = {name: _column(tables, name) for name in spelling.values()}
    table = DataFrame(columns, index=range(len(geometry)))
    result = framed(table, geometry, frames[0].crs, str(frames[0].active_geometry_name))
    return counted(result, read=len(geometry))


def _refuse_mixed(geometry: np.ndarray) -> None:
    if len(set(shapely.get_dimensions(flat_parts(geometry)[0]).tolist())) > 1:
        raise InvalidValue("Only layers of the same type are merged: all points, all lines or all polygons.")


def _respelled(table: DataFrame, spelling: dict[str, str]) -> DataFrame:
    return table.rename(columns={name: spelling.setdefault(str(name).lower(), str(name)) for name in table})


def _column(tables: Sequence[DataFrame], name: str) -> Any:
    """The values of one field of all tables, null where a table has it not."""
    model = next(table for table in tables if name in table)[[name]]
    columns = [
        table[name] if name in table else rows_of(model, np.full(len(table), -1))[name]
        for table in tables
        if len(table)
    ]
    kinds = {pd.api.types.is_numeric_dtype(each.dtype) for each in columns if each.notna().any()}
    if len(kinds) > 1:
        columns = [each.map(str, na_action="ignore").astype(object) for each in columns]
    return pd.concat(columns, ignore_index=True).array if columns else model[name].array[:0]
