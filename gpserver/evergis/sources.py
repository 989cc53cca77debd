"""What a task reads: the frame behind a storage."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geopandas import GeoDataFrame
from pandas import DataFrame, RangeIndex, Series

from gpserver.context import JobContext
from gpserver.eql import read_condition, read_expression
from gpserver.errors import InvalidValue
from gpserver.evergis.feature_json import Feature, column_of, geometry_of, read_features
from gpserver.evergis.storages import (
    ConfiguredLayerStorage,
    InMemoryStorage,
    LayerStorage,
    Source,
    StaticStorage,
    TableStorage,
)
from gpserver.layers import LayerInfo
from gpserver.layers.files import read_file
from gpserver.layers.options import FileOptions

_WGS84 = 4326
_LON_LAT = 84  # what servers of 2023 call WGS84 with the longitude first
_ONE_LAYER = (".csv", ".txt", ".tsv", ".geojson", ".json")


@dataclass(frozen=True)
class Taken:
    """What was read from a storage.

    Attributes:
        frame: Its objects, without their ids; the index counts from 0.
        ids: How its objects are referred to: their ids, or else their numbers from 1.
        like: The layer that they come from, if they come from one.
    """

    frame: DataFrame
    ids: "Series[Any]"
    like: LayerInfo | None = None

    @property
    def features(self) -> GeoDataFrame:
        """The frame of a storage that has geometry; raises InvalidValue where it has none."""
        if not isinstance(self.frame, GeoDataFrame):
            raise InvalidValue("A table has no geometry: name a layer.")
        return self.frame


def take(job: JobContext, storage: Source, condition: str | None = None) -> Taken:
    """Read the objects of a storage that meet a condition.

    Raises:
        NotFound: There is no such layer, table or file.
        InvalidValue: The condition is wrong or names an attribute that is not there, or the file or the
            features cannot be read.
    """
    frame, name, like = _read(job, storage)
    if condition:
        frame = frame[read_condition(condition).mask(frame)]
    frame = frame.reset_index(drop=True)
    if name not in frame:
        return Taken(frame, Series(RangeIndex(1, len(frame) + 1)), like)
    return Taken(frame.drop(columns=name), frame[name], like)


def _read(job: JobContext, storage: Source) -> tuple[DataFrame, str, LayerInfo | None]:
    """The frame, its column of ids, and the layer that it comes from."""
    match storage:
        case LayerStorage():
            info = job.layers.find(storage.service_name)
            where = read_condition(storage.condition) if storage.condition else None
            return job.layers.read(info.name, where=where), info.id_attribute, info
        case TableStorage():
            info = job.layers.find(storage.table_name)
            return job.layers.read(info.name), info.id_attribute, info
        case ConfiguredLayerStorage():
            info = job.layers.find(storage.service_name)
            frame = job.layers.read(info.name)
            return configured(frame, storage.attributes_configuration), info.id_attribute, info
        case StaticStorage():
            return _file(job, storage), "", None
        case InMemoryStorage():
            return _memory(storage), storage.id_attribute, None


def configured(frame: DataFrame, configuration: Mapping[str, Any] | None) -> DataFrame:
    """A layer's rows with the attributes that a configuration chooses, renames or calculates by EQL.

    Raises:
        InvalidValue: The configuration is none, or it names a column that is not there.
    """
    attributes = (configuration or {}).get("attributes")
    if not attributes:
        return frame
    columns = _columns(frame, attributes)
    if not isinstance(frame, GeoDataFrame):
        return DataFrame(columns)
    geometry = str(frame.active_geometry_name)
    kept = {name: column for name, column in columns.items() if column is not frame.geometry}
    chosen: DataFrame = GeoDataFrame(kept | {geometry: frame.geometry}, geometry=geometry)
    return chosen


def _columns(frame: DataFrame, attributes: Any) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for number, item in enumerate(attributes if isinstance(attributes, list) else ()):
        place = f"attributesConfiguration.attributes[{number}]"
        if not isinstance(item, dict) or not isinstance(item.get("attributeName"), str):
            raise InvalidValue(f"{place}.attributeName: it is required.")
        source = item.get("columnName") or item["attributeName"]
        if item.get("expression"):
            columns[item["attributeName"]] = read_expression(str(item["expression"])).values(frame)
        elif source in frame:
            columns[item["attributeName"]] = frame[source]
        else:
            raise InvalidValue(f'{place}.columnName: there is no column "{source}".')
    return columns


def _file(job: JobContext, storage: StaticStorage) -> DataFrame:
    name = Path(storage.file_name)
    layer = storage.layer_name or ""
    # Such a file has one layer, which clients call by the file's name; the stored one has another.
    options = FileOptions(
        layer="" if name.suffix.lower() in _ONE_LAYER and layer == name.stem else layer,
        delimiter=storage.column_delimiter or "",
        name_row=storage.attribute_name_row_number or 1,
        alias_row=(storage.alias_row_number or 2) if storage.contains_alias_row else 0,
        first_row=storage.first_data_row_number,
        coordinates=storage.coord_source_fields or (),
        wkt=storage.is_wkt,
        spatial_reference=_code(storage.spatial_reference),
    )
    frame: DataFrame = read_file(job.layers.resources.file(storage.file_name), options)
    return frame


def _code(spatial_reference: int | None) -> int | None:
    return _WGS84 if spatial_reference == _LON_LAT else spatial_reference


def _memory(storage: InMemoryStorage) -> DataFrame:
    features = read_features(bytes(storage.features))
    names = dict.fromkeys(name for feature in features for name in feature.values)
    columns: dict[str, Any] = {name: column_of(features, name).infer_objects() for name in names}
    columns.pop(storage.geometry_attribute, None)
    columns.setdefault(storage.id_attribute, Series([_id(feature) for feature in features], dtype=object))
    geometry = geometry_of(features, _code(storage.spatial_reference) or _WGS84)
    frame: DataFrame = GeoDataFrame(columns, geometry=geometry)
    return frame


def _id(feature: Feature) -> Any:
    return int(feature.id) if isinstance(feature.id, str) and feature.id.isdecimal() else feature.id
