"""Features as EverGIS' REST writes them (FeatureDc): JSON text to frames, and frames to JSON text."""

from collections.abc import Iterator, Sequence
from typing import Any

import geopandas as gpd
import msgspec
import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from shapely import GeometryType, GEOSException

from gpserver.errors import InvalidValue
from gpserver.features.coordinates import NAMES, geometry_texts, read_coordinates
from gpserver.features.parse import gc_paused
from gpserver.features.text import attribute_tokens, join, text_of

_CHUNK_ROWS = 8192
_LON_LAT = 84  # what the servers of 2023 call WGS84 with the longitude first
_KINDS = {name.lower(): kind for kind, name in NAMES.items()}
_KINDS["geometrycollection"] = GeometryType.GEOMETRYCOLLECTION
_NOTHING = (b"[]", b"null")


class Geometry(msgspec.Struct, frozen=True):
    """A geometry of 2024 (``Polygon``, ``srId``) or of 2023 (``polygon``, ``sr``); its coordinates unread."""

    type: str
    coordinates: msgspec.Raw = msgspec.Raw(b"[]")
    geometries: msgspec.Raw = msgspec.Raw(b"[]")
    sr_id: int | None = msgspec.field(default=None, name="srId")
    sr: int | None = None


class Feature(msgspec.Struct, frozen=True):
    """A feature to add or to change; changes and servers of 2023 call its properties ``attributes``."""

    id: str | int | None = None
    properties: dict[str, Any] | None = None
    attributes: dict[str, Any] | None = None
    geometry: Geometry | msgspec.UnsetType | None = msgspec.UNSET

    @property
    def values(self) -> dict[str, Any]:
        """Its values by attribute."""
        return (self.properties if self.properties is not None else self.attributes) or {}


def read_features(raw: bytes) -> list[Feature]:
    """The features of a JSON list.

    Raises:
        InvalidValue: It is no such list; the text names the place.
    """
    try:
        with gc_paused():
            return msgspec.json.decode(raw, type=list[Feature])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidValue(f"The features cannot be read: {error}.") from None


def column_of(features: Sequence[Feature], name: str) -> pd.Series:
    """The values of an attribute, None where a feature has none."""
    return pd.Series([feature.values.get(name) for feature in features], dtype=object)


def geometry_of(features: Sequence[Feature], sr_id: int) -> gpd.GeoSeries:
    """The geometries in a spatial reference (EPSG), which is that of those that say none.

    Raises:
        InvalidValue: A geometry or its spatial reference cannot be read.
    """
    geometry, codes = np.full(len(features), None, object), np.full(len(features), sr_id, np.int64)
    rows: dict[GeometryType, list[int]] = {}
    for row, feature in enumerate(features):
        if item := feature.geometry:
            codes[row] = _code(item, sr_id)
            rows.setdefault(_kind(item, row), []).append(row)
    for kind, all_rows in rows.items():
        for start in range(0, len(all_rows), _CHUNK_ROWS):  # lists of numbers take 20 times their text
            chosen = all_rows[start : start + _CHUNK_ROWS]
            geometry[chosen] = _read(kind, [features[row].geometry for row in chosen], chosen)
    for code in np.unique(codes[codes != sr_id]):
        those = codes == code
        geometry[those] = _projected(geometry[those], int(code), sr_id)
    return gpd.GeoSeries(geometry, crs=sr_id)


def write_features(frame: pd.DataFrame, ids: Any = None, *, geometry: bool = True) -> Iterator[bytes]:
    """The features as JSON text, comma-separated, in pieces of some thousand rows.

    Args:
        frame: Its columns besides the geometry become properties, in their order; geometry is written with
            two dimensions and the EPSG code of its CRS.
        ids: The id of each row; without them features have none.
        geometry: Whether geometry is written, where there is any.
    """
    shapes = frame.geometry if geometry and isinstance(frame, gpd.GeoDataFrame) else None
    properties = pd.DataFrame(frame.drop(columns=_geometry_names(frame)))
    sr_id = (shapes.crs.to_epsg() if shapes.crs else None) if shapes is not None else None
    for start in range(0, len(frame), _CHUNK_ROWS):
        rows = slice(start, start + _CHUNK_ROWS)
        count = len(frame.iloc[rows])
        pieces: list[Any] = [pa.repeat('{"type":"Feature",', count)]
        if ids is not None:
            pieces += ['"id":', _id_tokens(ids[rows]), ","]
        members = f',"srId":{sr_id}' if sr_id else ""
        texts = "null" if shapes is None else geometry_texts(shapes.iloc[rows].to_numpy(), members)
        pieces += ['"geometry":', texts, ',"properties":', *_object_pieces(properties.iloc[rows])]
        yield (b"," if start else b"") + bytes(text_of(join(*pieces, "},")))[:-1]


def write_page(frame: pd.DataFrame, ids: Any, *, total: int, offset: int, limit: int) -> Iterator[bytes]:
    """A PagedFeaturesListDc of all rows of a frame, as JSON text in pieces."""
    yield b'{"type":"FeatureCollection","features":['
    yield from write_features(frame, ids)
    yield b'],"totalCount":%d,"offset":%d,"limit":%d}' % (total, offset, limit)


def _kind(item: Geometry, row: int) -> GeometryType:
    """The type of a geometry; in 2023 a polyline was one or several lines, and a polygon several, too."""
    name, nesting = item.type.lower(), b"".join(bytes(item.coordinates)[:64].split())
    if name == "polyline":
        name = "multilinestring" if nesting.startswith(b"[[[") else "linestring"
    elif name == "polygon" and nesting.startswith(b"[[[["):
        name = "multipolygon"
    if name not in _KINDS:
        there = ", ".join(NAMES.values())
        raise InvalidValue(
            f"Feature {row} has no geometry of the type {item.type[:50]!r}; there are {there}."
        )
    return _KINDS[name]


def _code(item: Geometry, default: int) -> int:
    code = item.sr_id or item.sr or default
    return 4326 if code == _LON_LAT else code


def _read(kind: GeometryType, given: Sequence[Any], rows: Sequence[int]) -> Any:
    """Geometries of one type; None where there are no coordinates."""
    if kind == GeometryType.GEOMETRYCOLLECTION:
        return [_collection(item, row) for item, row in zip(given, rows, strict=True)]
    found = np.full(len(given), None, object)
    places = [place for place, item in enumerate(given) if bytes(item.coordinates) not in _NOTHING]
    with gc_paused():
        try:
            nested = orjson.loads(b"[%s]" % b",".join(given[place].coordinates for place in places))
            found[places] = read_coordinates(kind, nested)
        except (InvalidValue, orjson.JSONDecodeError):  # a number too large for a double, for one
            for place in places:
                found[place] = _alone(kind, given[place].coordinates, rows[place])
    found[shapely.is_empty(found)] = None
    return found


def _alone(kind: GeometryType, coordinates: msgspec.Raw, row: int) -> Any:
    try:
        return read_coordinates(kind, [orjson.loads(bytes(coordinates))])[0]
    except (InvalidValue, orjson.JSONDecodeError) as error:
        raise InvalidValue(f"Feature {row}: {error}") from None


def _collection(item: Geometry, row: int) -> Any:
    try:
        return shapely.from_geojson(b'{"type":"GeometryCollection","geometries":%s}' % bytes(item.geometries))
    except GEOSException as error:
        raise InvalidValue(f"Feature {row}: {error}.") from None


def _projected(geometry: Any, code: int, sr_id: int) -> Any:
    try:
        return gpd.GeoSeries(geometry, crs=code).to_crs(sr_id).to_numpy()
    except Exception:  # pyproj has several of its own, and none of them is ours
        raise InvalidValue(f"The geometry's spatial reference {code} is not known.") from None


def _geometry_names(frame: pd.DataFrame) -> list[Any]:
    return [name for name, kind in frame.dtypes.items() if kind == "geometry"]


def _id_tokens(ids: Any) -> Any:
    return join('"', pa.array(ids).cast(pa.string()), '"')


def _object_pieces(table: pd.DataFrame) -> list[Any]:
    if not len(table.columns):
        return ["{}"]
    pieces: list[Any] = ["{"]
    for number, name in enumerate(table.columns):
        end = "," if number < len(table.columns) - 1 else "}"
        pieces += [f"{orjson.dumps(name).decode()}:", _tokens(table[name], end)]
    return pieces


def _tokens(values: pd.Series, end: str) -> Any:
    """One JSON token per value, each followed by ``end``."""
    try:
        column = pa.Array.from_pandas(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):  # values of several kinds
        return _json_tokens(values, end)
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    kind = column.type
    if pa.types.is_null(kind):
        return pa.repeat("null" + end, len(column))
    if pa.types.is_boolean(kind):
        tokens = pc.if_else(column, "true" + end, "false" + end)
        return pc.fill_null(tokens, "null" + end)
    if pa.types.is_temporal(kind):
        return attribute_tokens(_moments(column), end)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return attribute_tokens(column.cast(pa.large_string()), end)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return attribute_tokens(column, end)
    return _json_tokens(values, end)


def _moments(column: Any) -> Any:
    """Times as ISO 8601 in UTC, with as many digits of a second as there are."""
    if not pa.types.is_timestamp(column.type):
        return column.cast(pa.large_string())
    column = column.cast(pa.timestamp("us"), safe=False)
    whole = pc.equal(pc.microsecond(column), 0)
    whole = pc.and_(whole, pc.equal(pc.millisecond(column), 0))
    unit = "s" if pc.all(whole).as_py() in (True, None) else "us"
    return pc.strftime(column.cast(pa.timestamp(unit)), "%Y-%m-%dT%H:%M:%SZ").cast(pa.large_string())


def _json_tokens(values: pd.Series, end: str) -> Any:
    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC
    return pa.array([orjson.dumps(_plain(v), default=_text, option=options).decode() + end for v in values])


def _plain(value: Any) -> Any:
    return None if value is pd.NA or value is pd.NaT else value


def _text(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)
