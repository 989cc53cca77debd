"""Frames <-> the Arrow tables that stores keep: every column of exactly the type of its attribute."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import shapely
from geopandas.array import GeometryDtype

from gpserver.errors import InvalidValue
from gpserver.features import parse_spatial_reference
from gpserver.layers.columns import NULLABLE, inferred_type, read_column, write_column
from gpserver.layers.geometry import common_type, fitted
from gpserver.layers.info import ANY_GEOMETRY, Attribute, LayerInfo, code_of, free_names
from gpserver.layers.schema import ARROW_TYPES


def write_table(
    frame: pd.DataFrame, info: LayerInfo, names: Iterable[str], *, lacking_is_null: bool = False
) -> pa.Table:
    """The columns of a frame that a layer has, fit to be stored.

    Args:
        frame: Of any columns; a GeoDataFrame is reprojected, its active geometry is that of the layer.
        info: The layer.
        names: The attributes to look for, in order.
        lacking_is_null: Whether those that the frame lacks are there as nulls, or are not there.

    Raises:
        InvalidValue: A value does not fit its attribute; the text names both.
    """
    columns: dict[str, Any] = {}
    for name in names:
        attribute = info.attribute(name)
        kind = ARROW_TYPES[attribute.type]
        if (series := _column(frame, attribute, info)) is not None:
            columns[name] = _written(series, attribute, info, kind)
        elif lacking_is_null:
            columns[name] = pa.nulls(len(frame), kind)
    return pa.table(columns)


def read_table(table: pa.Table, info: LayerInfo) -> pd.DataFrame:
    """The frame of stored columns; a GeoDataFrame when one of them is the layer's geometry."""
    columns = {name: _read(table.column(name), info.attribute(name), info) for name in table.column_names}
    frame = pd.DataFrame(columns, columns=list(columns), copy=False)
    geometry = info.geometry_attribute
    return gpd.GeoDataFrame(frame, geometry=geometry) if geometry in columns else frame


def described(name: str, frame: pd.DataFrame, like: LayerInfo | None) -> tuple[pd.DataFrame, LayerInfo]:
    """A frame with names that a layer may have, and the facts of the layer that it makes.

    Raises:
        InvalidValue: A column cannot be stored.
    """
    spatial = _is_spatial(frame)
    geometry = "geometry" if spatial else None
    plain = pd.DataFrame(frame.drop(columns=frame.geometry.name)) if spatial else frame
    plain = plain.drop(columns="gid", errors="ignore")
    plain = plain.set_axis(free_names(map(str, plain.columns), ("gid", "geometry")), axis=1)
    fields = [_described(label, series, like) for label, series in plain.items()]
    info = LayerInfo(
        name,
        tuple(fields),
        geometry_attribute=geometry,
        geometry_type=common_type(frame.geometry) if spatial else None,
        sr_id=_code(frame) if spatial else None,
        alias=like.alias if like else "",
        description=like.description if like else "",
    )
    if not spatial:
        return plain, info
    return gpd.GeoDataFrame(plain, geometry=frame.geometry.rename("geometry")), info


def reshaped(table: pa.Table, new: LayerInfo, names: Mapping[str, str]) -> pa.Table:
    """Stored rows with the attributes of a changed layer.

    Args:
        table: All columns of the layer as it was.
        new: The layer as it is to be.
        names: Which column an attribute was; one that is not named here is null.

    Raises:
        InvalidValue: A value cannot be converted to its attribute's new type.
    """
    columns = {}
    for item in new.attributes:
        kind = ARROW_TYPES[item.type]
        old = table.column(names[item.name]) if item.name in names else pa.nulls(len(table), kind)
        if old.type != kind and not item.is_geometry:
            old = write_column(old.to_pandas(types_mapper=NULLABLE.get), item.name, item.type, kind)
        columns[item.name] = old
    return pa.table(columns)


def _code(frame: gpd.GeoDataFrame) -> int:
    """Of the spatial reference of a frame; 4326, which it is then reprojected to, where that has none."""
    return code_of(frame.geometry.crs) or 4326


def _described(label: Any, series: Any, like: LayerInfo | None) -> Attribute:
    shapes = isinstance(series.dtype, GeometryDtype)
    kind = common_type(gpd.GeoSeries(series)) or ANY_GEOMETRY if shapes else inferred_type(str(label), series)
    item = Attribute(str(label), kind)
    same = next((other for other in like.fields if other.name == item.name), None) if like else None
    return replace(same, type=item.type) if same else item


def _column(frame: pd.DataFrame, attribute: Attribute, info: LayerInfo) -> Any:
    if attribute.name == info.geometry_attribute and _is_spatial(frame):
        return frame.geometry
    column = frame.get(attribute.name)
    return column.iloc[:, 0] if isinstance(column, pd.DataFrame) else column  # of one name the first


def _is_spatial(frame: pd.DataFrame) -> bool:
    return isinstance(frame, gpd.GeoDataFrame) and frame.active_geometry_name is not None


def _written(series: Any, attribute: Attribute, info: LayerInfo, kind: Any) -> Any:
    if not attribute.is_geometry:
        return write_column(series, attribute.name, attribute.type, kind)
    wanted = None if attribute.type == ANY_GEOMETRY else attribute.type
    crs = parse_spatial_reference(info.sr_id)
    try:
        geometries = fitted(gpd.GeoSeries(series), wanted, crs)
    except TypeError:
        raise InvalidValue(f"The values of {attribute.name} are no geometries.") from None
    return pa.array(shapely.to_wkb(geometries), kind)


def _read(column: Any, attribute: Attribute, info: LayerInfo) -> Any:
    if not attribute.is_geometry:
        return read_column(column, attribute.type)
    geometries = shapely.from_wkb(column.to_numpy())
    return gpd.GeoSeries(geometries, crs=parse_spatial_reference(info.sr_id))
