"""Subtasks of the type importExport: from a file or a layer to a file or a layer; and what a file holds."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from geopandas import GeoDataFrame
from geopandas.array import GeometryDtype
from msgspec import Struct
from pandas import DataFrame, Series

from gpserver.context import JobContext
from gpserver.errors import InvalidValue, NotFound
from gpserver.evergis.parameters import FileSource, Interchange, Source, Target, convert
from gpserver.evergis.queries import (
    GEOMETRY,
    Report,
    Tally,
    read_features,
    read_rows,
    refuse_taken,
    write_layer,
)
from gpserver.features import parse_spatial_reference
from gpserver.layers import GEOMETRY_TYPES, PLAIN_TYPES, Layers, Resource
from gpserver.layers.columns import read_column, write_column
from gpserver.layers.files import FileLayer, describe_file, read_file, write_file
from gpserver.layers.options import FileOptions
from gpserver.layers.schema import ARROW_TYPES
from gpserver.layers.table import described
from gpserver.tools.reproject import reproject

_SUFFIXES = {
    "csv": ".csv",
    "excel": ".xlsx",
    "xlsx": ".xlsx",
    "gpkg": ".gpkg",
    "shape": ".zip",
    "geojson": ".geojson",
}


def interchange(job: JobContext, asked: Interchange, report: Report) -> Tally:
    """Import, export or copy.

    A mapping chooses and renames attributes, in its order; one that names the geometry alone leaves all the
    others as they are. Types and default values are those of target attributes (a type may be given by the
    name in the source); a default stands for what is null, or for an attribute that the source lacks.
    Geometries of a CSV or a workbook become two columns, or well-known text, in the spatial reference asked
    for. A file is written anew where there is one of that name; a layer is not. All rows are written at once,
    whatever ``batchCount`` says, so that nobody sees some of them.
    """
    if asked.target_type == "layer":
        refuse_taken(job.layers, _target(asked))
    frame = _read(job.layers, asked)
    report(0, len(frame))
    frame = shaped(
        frame, asked.attribute_mapping or {}, asked.attribute_type_mapping or {}, asked.default_values or {}
    )
    report(len(frame), len(frame))
    if asked.target_type == "layer":
        write_layer(job.layers, _target(asked), frame)
        return Tally(len(frame), len(frame))
    made = _export(job, asked, frame)
    return Tally(len(frame), len(frame), {"ResourceId": made.id})


def data_schema(layers: Layers, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What the layers of a file are, and the attributes that they would have.

    Raises:
        NotFound: There is no such file.
        InvalidValue: It cannot be read, or has no such layer.
    """
    source: FileSource = convert(asked, FileSource, "data")
    key = source.source_file_name or ""
    path, options = layers.resources.file(key), _source_options(source)
    found = [_named(layers, key, path, each) for each in describe_file(path, options)]
    wanted = [each for each in found if source.source_layer_name in (None, "", each.name)]
    if found and not wanted:
        there = ", ".join(each.name for each in found)
        raise InvalidValue(f"The file has no layer {source.source_layer_name!r}; it has {there}.")
    return {"type": source.source_type, "layers": [_schema(each) for each in wanted]}


def shaped(
    frame: DataFrame, names: Mapping[str, str], types: Mapping[str, str], defaults: Mapping[str, Any]
) -> Any:
    """A frame with the attributes that a mapping says, of the types and with the defaults that are given.

    Raises:
        InvalidValue: There is no such attribute or type, or a value does not fit its type.
    """
    frame = _mapped(frame, names)
    for name, value in defaults.items():
        if name not in frame.columns:
            frame = frame.assign(**{name: Series([value] * len(frame), index=frame.index)})
        elif name != _geometry_of(frame):
            frame = frame.assign(**{name: frame[name].where(frame[name].notna(), value)})
    for given, kind in types.items():
        name = given if given in frame.columns else names.get(given, given)
        if name in frame.columns and name != _geometry_of(frame) and kind not in (*GEOMETRY_TYPES, "Unknown"):
            frame = frame.assign(**{name: _typed(frame[name], name, kind)})
    return frame


def _mapped(frame: DataFrame, names: Mapping[str, str]) -> Any:
    active = _geometry_of(frame)
    wanted = [name for name in names if name not in (GEOMETRY, active)]
    if not wanted:
        return frame
    for name in wanted:
        if name not in frame.columns:
            there = ", ".join(map(str, frame.columns))
            raise InvalidValue(f"The source has no attribute {name!r}; it has {there}.")
    shape = [active] if active and (active in names or GEOMETRY in names) else []
    chosen = frame[[*wanted, *shape]].rename(columns={name: names[name] for name in wanted})
    return GeoDataFrame(chosen, geometry=active) if shape else DataFrame(chosen)


def _typed(values: Any, name: str, kind: str) -> Any:
    if kind not in PLAIN_TYPES:
        raise InvalidValue(f"The attribute {name} cannot be {kind!r}; there are {', '.join(PLAIN_TYPES)}.")
    return read_column(write_column(values, name, kind, ARROW_TYPES[kind]), kind).set_axis(values.index)


def _read(layers: Layers, asked: Interchange) -> Any:
    if asked.source_type != "layer":
        path = layers.resources.file(asked.source_file_name or "")
        return read_file(path, _source_options(asked))
    source = asked.source_layer or Source(layer_name="")
    frame = read_rows(layers, source)
    spatial = [name for name in frame.columns if isinstance(frame[name].dtype, GeometryDtype)]
    if len(spatial) < 2:
        return frame
    keep = read_features(layers, source).active_geometry_name  # a file has one geometry
    return GeoDataFrame(frame.drop(columns=[name for name in spatial if name != keep]), geometry=keep)


def _source_options(asked: FileSource) -> FileOptions:
    return FileOptions(
        layer=asked.source_layer_name or "",
        delimiter=asked.source_column_delimiter or "",
        name_row=asked.source_attribute_name_row_number or 1,
        alias_row=asked.source_alias_row_number or (2 if asked.source_contains_alias_row else 0),
        first_row=asked.source_first_data_row_number or 2,
        coordinates=tuple(asked.source_coord_source_fields or ()),
        wkt=bool(asked.source_is_wkt),
        spatial_reference=asked.source_spatial_reference,
    )


def _export(job: JobContext, asked: Interchange, frame: DataFrame) -> Resource:
    suffix = _SUFFIXES[asked.target_type]
    name, parent = _place(job.layers, asked.target_file_name or "", suffix)
    if asked.target_spatial_reference and isinstance(frame, GeoDataFrame) and suffix in (".csv", ".xlsx"):
        crs = parse_spatial_reference(asked.target_spatial_reference)
        frame = reproject(frame, crs) if crs else frame
    fields = tuple(asked.target_coord_source_fields or ())
    options = FileOptions(
        layer=asked.target_layer_name or Path(name).stem,
        delimiter=asked.target_column_delimiter or "",
        coordinates=fields[:1] if asked.target_is_wkt else fields,
        wkt=bool(asked.target_is_wkt),
    )
    path = job.scratch / f"export{suffix}"
    write_file(frame, path, options)
    return job.layers.resources.add_file(path, name, parent, rewrite=True)


def _place(layers: Layers, given: str, suffix: str) -> tuple[str, str]:
    """Name and folder of a file that is written: of the resource with this id or path, or a new one."""
    try:
        there = layers.resources.resource(given)
        return there.name, there.parent
    except NotFound:
        parent, _, name = given.rpartition("/")
        return name if Path(name).suffix.lower() == suffix else f"{name}{suffix}", parent


def _target(asked: Interchange) -> Target:
    target = asked.target_layer or Target(name="")
    alias = target.alias or asked.target_layer_alias
    return Target(name=target.name, alias=alias, parent_id=target.parent_id)


def _named(layers: Layers, key: str, path: Path, layer: FileLayer) -> FileLayer:
    """What a file with one layer calls it is the name under which the file is kept."""
    if layer.name != path.stem:
        return layer
    try:
        name = layers.resources.resource(key).name
    except NotFound:  # the key is a name alone
        name = key
    return replace(layer, name=Path(name).stem)


def _schema(layer: FileLayer) -> dict[str, Any]:
    _, info = described("u.layer", layer.sample, None)
    attributes = [(item.name, item.type) for item in info.fields]
    if info.geometry_attribute:
        attributes.append((info.geometry_attribute, info.geometry_type or "GeometryCollection"))
    return {
        "name": layer.name,
        "objectCount": layer.count,
        "attributesConfiguration": {
            "idAttribute": info.id_attribute,
            "geometryAttribute": info.geometry_attribute,
            "geometryType": info.geometry_type,
            "srId": info.sr_id,
            "attributes": list(_attributes(attributes)),
        },
    }


def _attributes(attributes: list[tuple[str, str]]) -> Iterator[dict[str, str]]:
    for name, kind in attributes:
        group = "Geometry" if kind in GEOMETRY_TYPES else "String" if kind == "String" else "Default"
        yield {"attributeName": name, "type": kind, "attributeConfigurationType": group, "alias": name}


def _geometry_of(frame: DataFrame) -> str | None:
    return str(frame.active_geometry_name) if isinstance(frame, GeoDataFrame) else None


WORK: dict[type[Struct], Callable[..., Tally]] = {Interchange: interchange}
"""Who does what is asked: takes the job, the parameters and a report, and gives a tally."""
