"""A frame as one Arrow record batch, the stored form of a result.

Columns are found by position, for an attribute may have any name. First come the fields, OBJECTID leading;
unless it is a table, the last two are the geometry (GeoArrow's nested lists, interleaved coordinates, Esri's
ring order) and the rank: the place that a row had in the frame. In a stored batch the four before those are
the boxes, and the rows are sorted along a Hilbert curve, so that neighbours share pages of the file; boxes
around blocks of rows are in the metadata, so that a window is found without a look at all rows.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import shapely

from gpserver.errors import InvalidValue
from gpserver.features.block_boxes import BLOCK_ROWS, block_bytes
from gpserver.features.fields import READ_AS
from gpserver.features.rings import oriented
from gpserver.features.shapely_geometry import from_geometry
from gpserver.features.shapes import (
    LEVELS,
    MULTIPOINT,
    POINT,
    POLYGON,
    POLYLINE,
    Array,
    Shapes,
    boxes,
)
from gpserver.features.spatialref import describe_spatial_reference

if TYPE_CHECKING:
    import pandas as pd

METADATA, BLOCKS = b"gpserver", b"gpserver.blocks"
_BOX = ("xmin", "ymin", "xmax", "ymax")
_COLLECTION = "GeometryCollection"
_KIND_OF_TYPE_ID = (POINT, POLYLINE, POLYLINE, POLYGON, MULTIPOINT, POLYLINE, POLYGON, _COLLECTION)
_GEOARROW = {
    POINT: "geoarrow.point",
    MULTIPOINT: "geoarrow.multipoint",
    POLYLINE: "geoarrow.multilinestring",
    POLYGON: "geoarrow.multipolygon",
}


def to_record(frame: "pd.DataFrame", geometry_type: str | None = None, *, stored: bool) -> Any:
    """The record batch of a frame (a table when it has no geometry).

    Args:
        frame: GeoDataFrame or DataFrame.
        geometry_type: The Esri type its geometries must have; found out when None.
        stored: For a file: with boxes and extent, and in Hilbert order when there is more than one block of
            rows.

    Raises:
        InvalidValue: Geometries are of several dimensions or not of the wanted type, or a column cannot be
            written.
    """
    import geopandas as gpd
    import pandas as pd

    from gpserver.features.columns import describe_columns

    name = frame.active_geometry_name if isinstance(frame, gpd.GeoDataFrame) else None
    if name is None:
        fields, columns = describe_columns(pd.DataFrame(frame))
        return _table(fields, columns)
    table = pd.DataFrame(frame)  # looking things up in a GeoDataFrame costs several times as much
    fields, columns = describe_columns(table, geometry=name)
    crs, geometry = table[name].array.crs, np.asarray(table[name].array, object)
    rank = np.arange(len(geometry), dtype=np.int32)
    if stored and len(geometry) > BLOCK_ROWS:
        # Sorted while they are pointers: the coordinates are then copied out once, in their final order.
        rows = _hilbert_order(shapely.bounds(geometry))
        geometry, rank = geometry[rows], rows.astype(np.int32)
        columns = [column.take(pa.array(rows)) for column in columns]
    shapes = _shapes(geometry, geometry_type)
    names, facts, kept = [field["name"] for field in fields], _facts(shapes, fields, crs), {}
    if stored:
        box = boxes(shapes)
        facts["extent"], kept = _extent(box), {BLOCKS: block_bytes(list(box.T))}
        names += _BOX
        columns += [pa.array(box[:, axis].copy(), from_pandas=True) for axis in range(4)]
    return _batch([*names, "geometry", "rank"], [*columns, _nested(shapes), pa.array(rank)], facts, kept)


def table_record(fields: Sequence[Mapping[str, Any]], columns: Sequence[Any]) -> Any:
    """The record batch of a table, given Esri fields and an Arrow array of any fitting type for each."""
    wanted = [READ_AS[field["type"]] for field in fields]
    arrays = [pa.chunked_array([column]) if isinstance(column, pa.Array) else column for column in columns]
    return _table(
        fields,
        [column.cast(kind).combine_chunks() for column, kind in zip(arrays, wanted, strict=True)],
    )


def _table(fields: Sequence[Mapping[str, Any]], columns: list[Any]) -> Any:
    return _batch([field["name"] for field in fields], columns, {"fields": fields})


def _facts(shapes: Shapes, fields: list[dict[str, Any]], crs: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {"geometryType": shapes.kind, "hasZ": shapes.has_z, "hasM": shapes.has_m}
    return facts | {"fields": fields, "spatialReference": describe_spatial_reference(crs)}


def _batch(
    names: list[str],
    columns: list[Any],
    facts: dict[str, Any],
    kept: Mapping[bytes, bytes] = MappingProxyType({}),
) -> Any:
    fields = [pa.field(name, column.type) for name, column in zip(names, columns, strict=True)]
    if "geometryType" in facts:
        extension = {"ARROW:extension:name": _GEOARROW[facts["geometryType"]]}
        fields[-2] = fields[-2].with_metadata(extension)
    return pa.record_batch(columns, pa.schema(fields, {METADATA: orjson.dumps(facts), **kept}))


def _extent(box: Array) -> list[float] | None:
    if np.isnan(box[:, 0]).all():
        return None
    return [*np.nanmin(box[:, :2], axis=0).tolist(), *np.nanmax(box[:, 2:], axis=0).tolist()]


def _shapes(geometry: Array, wanted: str | None) -> Shapes:
    """The geometries as shapes of one kind, in Esri's ring order."""
    if wanted is not None and wanted not in LEVELS:
        raise InvalidValue(f"The geometry type {wanted} is not supported; known are {', '.join(LEVELS)}.")
    missing = shapely.is_missing(geometry) | shapely.is_empty(geometry)
    numbers = np.unique(shapely.get_type_id(geometry[~missing]))
    kind = _common_kind({_KIND_OF_TYPE_ID[number] for number in numbers}, wanted)
    return oriented(from_geometry(geometry, missing, kind))


def _common_kind(kinds: set[str], wanted: str | None) -> str:
    if not kinds:
        return wanted or POINT
    if MULTIPOINT in kinds or wanted == MULTIPOINT:  # a point is a multipoint too
        kinds = (kinds - {POINT}) or {MULTIPOINT}
    if len(kinds) > 1 or _COLLECTION in kinds:
        raise InvalidValue(
            f"A layer has one geometry type, these are {', '.join(sorted(kinds))}: "
            "explode collections and keep one type (frame.explode(), frame[frame.geom_type == ...])."
        )
    kind = next(iter(kinds))
    if wanted is not None and kind != wanted:
        cure = " Make single points of them with frame.explode()." if kind == MULTIPOINT else ""
        raise InvalidValue(f"The layer must be {wanted}, its geometries are {kind}.{cure}")
    return kind


def _hilbert_order(box: Array) -> Array:
    """Row numbers along a Hilbert curve through the centres of the boxes; rows without a box come last."""
    from geopandas import GeoSeries

    filled = np.flatnonzero(~np.isnan(box[:, 0]))
    empty = np.flatnonzero(np.isnan(box[:, 0]))
    if len(filled) == 0:
        return empty
    centres = shapely.points((box[filled, :2] + box[filled, 2:]) / 2)
    distance = GeoSeries(centres).hilbert_distance().to_numpy()
    return np.concatenate([filled[np.argsort(distance, kind="stable")], empty])


def _nested(shapes: Shapes) -> Any:
    """The geometry column: GeoArrow's nested lists over one array of interleaved coordinates."""
    width = shapes.coords.shape[1]
    names = {2: "xy", 3: "xyz" if shapes.has_z else "xym", 4: "xyzm"}[width]
    values = pa.array(np.ascontiguousarray(shapes.coords).reshape(-1))
    kind = pa.list_(pa.field(names, pa.float64(), nullable=False), width)
    missing = pa.array(shapes.missing)
    if not shapes.offsets:
        return pa.FixedSizeListArray.from_arrays(values, type=kind, mask=missing)
    column = pa.FixedSizeListArray.from_arrays(values, type=kind)
    for level in shapes.offsets[:-1]:
        column = pa.ListArray.from_arrays(pa.array(level.astype(np.int32)), column)
    return pa.ListArray.from_arrays(pa.array(shapes.offsets[-1].astype(np.int32)), column, mask=missing)


def read_shapes(column: Any, facts: dict[str, Any]) -> Shapes:
    """The geometry column as flat arrays that share its memory."""
    missing = np.asarray(column.is_null(), bool)
    offsets = []
    for _ in range(LEVELS[facts["geometryType"]]):
        offsets.append(column.offsets.to_numpy())
        column = column.values
    coords = column.values.to_numpy().reshape(-1, column.type.list_size)
    return Shapes(
        facts["geometryType"], coords, tuple(reversed(offsets)), missing, facts["hasZ"], facts["hasM"]
    )
