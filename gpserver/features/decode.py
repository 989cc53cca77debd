"""Feature sets and tables from the wire to frames: Esri JSON in its many forms, and GeoJSON."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import shapely
from pyproj import CRS
from shapely.errors import ShapelyError

from gpserver.errors import InvalidValue
from gpserver.features.attributes import AttributeReader
from gpserver.features.document import FeatureSet, read_feature_set
from gpserver.features.json_geometry import Chunk, join_chunks, kind_of, read_chunk
from gpserver.features.parse import chunks, gc_paused, read_json
from gpserver.features.references import ReferenceReader
from gpserver.features.shapely_geometry import to_geometry
from gpserver.features.shapes import Array, empty_shapes

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

_GEOMETRY = "geometry"


def decode_features(value: object, schema: Mapping[str, Any] | None = None) -> "gpd.GeoDataFrame":
    """Read features in any form a client sends them.

    Understood are an Esri feature set, a layer ``{"layerDefinition", "featureSet"}``, a feature collection
    ``{"layers": [one]}``, one bare Esri geometry, and GeoJSON (WGS84). Text may be relaxed JSON up to 1 MB.

    Args:
        value: JSON text (bytes or str), or what it parses to.
        schema: A feature set whose geometry type, spatial reference and fields hold where the value is
            silent.

    Returns:
        One row per feature. ``geometry`` is None where there are no coordinates; attributes have the types of
        their fields (dates are datetime64[ms] in UTC without a zone, integers with nulls Int64). The CRS is
        the set's, else that of the first geometry, else the schema's, else None; geometries in another CRS
        are reprojected to it. An attribute called geometry becomes geometry_1.

    Raises:
        InvalidValue: The value cannot be read; the text says what and where.
    """
    with gc_paused():
        return _decoded(value, schema or {})


def decode_table(value: object, schema: Mapping[str, Any] | None = None) -> "pd.DataFrame":
    """Read a record set: a feature set without geometry (any there is is left out), or a list of row objects.

    Raises:
        InvalidValue: The value cannot be read; the text says what and where.
    """
    with gc_paused():
        document = read_json(value)
        if isinstance(document, list):
            document = {"features": [_as_feature(row) for row in document]}
        source = read_feature_set(document, schema or {})
        attributes = AttributeReader(source.fields)
        first = 0
        for chunk in chunks(source.features):
            attributes.add(_rows(chunk, "properties" if source.is_geojson else "attributes", first))
            first += len(chunk)
        return attributes.frame()


def _as_feature(row: Any) -> Any:
    return row if isinstance(row, Mapping) and "attributes" in row else {"attributes": row}


def _decoded(value: object, schema: Mapping[str, Any]) -> "gpd.GeoDataFrame":
    """Apart, so that the parsed document is gone before the garbage collector is back and would walk it."""
    source = read_feature_set(value, schema)
    return _from_geojson(source) if source.is_geojson else _from_esri(source)


def _from_esri(source: FeatureSet) -> "gpd.GeoDataFrame":
    attributes, references = AttributeReader(source.fields), ReferenceReader()
    kind, parts, leading, first = source.geometry_type, list[Chunk](), 0, 0
    for chunk in chunks(source.features):
        attributes.add(_rows(chunk, "attributes", first))
        geometries = _geometries(chunk, first)
        references.add(geometries)
        kind = kind or kind_of(geometries)
        if kind is None:
            leading += len(chunk)
        else:
            parts.append(read_chunk(kind, geometries, first, source.only_m))
        first += len(chunk)
    kind = kind or source.default_type
    shapes = join_chunks(kind, parts, leading) if parts else empty_shapes(kind, first)
    shapes, crs = references.unify(shapes, source.crs, source.default_crs)
    return _frame(attributes.frame(), to_geometry(shapes), crs)


def _from_geojson(source: FeatureSet) -> "gpd.GeoDataFrame":
    attributes, first = AttributeReader(()), 0
    parts: list[Array] = [np.zeros(0, object)]
    for chunk in chunks(source.features):
        attributes.add(_rows(chunk, "properties", first))
        parts.append(_geojson_geometries(_geometries(chunk, first), first))
        first += len(chunk)
    return _frame(attributes.frame(), np.concatenate(parts), source.crs)


def _geojson_geometries(geometries: Sequence[Any], first: int) -> Array:
    texts = [orjson.dumps(geometry).decode() if geometry else None for geometry in geometries]
    try:
        parts = np.asarray(shapely.from_geojson(np.array(texts, object)), object)
    except ShapelyError as error:
        raise InvalidValue(f"A geometry of {_numbers(texts, first)} is not GeoJSON: {error}.") from error
    parts[shapely.is_empty(parts)] = None
    return parts


def _rows(chunk: Sequence[Any], key: str, first: int) -> list[dict[str, Any]]:
    try:
        rows = [feature.get(key) or {} for feature in chunk]
    except AttributeError as error:
        raise InvalidValue(f"Not all of {_numbers(chunk, first)} are JSON objects.") from error
    if set(map(type, rows)) != {dict}:
        raise InvalidValue(f"Not all {key} of {_numbers(chunk, first)} are JSON objects.")
    return rows


def _geometries(chunk: Sequence[dict[str, Any]], first: int) -> list[Any]:
    geometries = [feature.get(_GEOMETRY) for feature in chunk]
    if not set(map(type, geometries)) <= {dict, type(None)}:
        raise InvalidValue(f"Not all geometries of {_numbers(chunk, first)} are JSON objects.")
    if None in geometries and any("compressedGeometry" in feature for feature in chunk):
        raise InvalidValue(f"{_numbers(chunk, first)}: compressedGeometry is not supported, send geometry.")
    return geometries


def _numbers(chunk: Sequence[Any], first: int) -> str:
    """The numbers of the features of a chunk, for a message; counted from 0."""
    return f"features {first} to {first + len(chunk) - 1}"


def _frame(table: "pd.DataFrame", geometry: Array, crs: CRS | None) -> "gpd.GeoDataFrame":
    import geopandas as gpd
    from geopandas.array import from_shapely

    if _GEOMETRY in table:
        table = table.rename(columns={_GEOMETRY: f"{_GEOMETRY}_1"})
    # As a column of the table first: geopandas takes half as long for it.
    table[_GEOMETRY] = from_shapely(geometry, crs=crs)
    return gpd.GeoDataFrame(table, geometry=_GEOMETRY)
