"""A frame as one Arrow record batch, the stored form of a result, and back.

Columns are found by position, for an attribute may have any name: first the fields (OBJECTID leads), then, unless it is
a table, the box of every feature (xmin, ymin, xmax, ymax), the geometry as GeoArrow's nested lists with interleaved
coordinates and Esri's ring order, and the frame's order (the k-th value is the number of the row that was k-th in the
frame, because rows are sorted along a Hilbert curve so that neighbours share pages).
"""

from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import shapely

from gpserver.errors import InvalidValue
from gpserver.features.columns import describe_columns
from gpserver.features.rings import oriented
from gpserver.features.shapes import (
    LEVELS,
    MULTIPOINT,
    POINT,
    POLYGON,
    POLYLINE,
    Array,
    Shapes,
    boxes,
    empty_shapes,
    from_geometry,
    take,
)
from gpserver.features.spatialref import describe_spatial_reference

BLOCK_ROWS = 512
METADATA = b"gpserver"
_BOX = ("xmin", "ymin", "xmax", "ymax")
_KINDS = [POINT, POLYLINE, POLYLINE, POLYGON, MULTIPOINT, POLYLINE, POLYGON, "collection"]  # by shapely type id
_GEOARROW = {
    POINT: "geoarrow.point",
    MULTIPOINT: "geoarrow.multipoint",
    POLYLINE: "geoarrow.multilinestring",
    POLYGON: "geoarrow.multipolygon",
}


def to_record(frame: pd.DataFrame, geometry_type: str | None = None, *, sort: bool) -> Any:
    """The record batch of a frame (a table when it has no geometry).

    Args:
        frame: GeoDataFrame or DataFrame.
        geometry_type: The Esri type its geometries must have; found out when None.
        sort: Sort rows along a Hilbert curve when they are more than one block.

    Raises:
        InvalidValue: Geometries are of several dimensions or not of the wanted type, or a column cannot be written.
    """
    name = frame.active_geometry_name if isinstance(frame, gpd.GeoDataFrame) else None
    if name is None:
        fields, columns = describe_columns(pd.DataFrame(frame))
        return _batch([field["name"] for field in fields], columns, {"fields": fields})
    geometry = np.asarray(frame.geometry.array, object)
    fields, columns = describe_columns(pd.DataFrame(frame.drop(columns=name)))
    shapes = oriented(from_geometry(geometry, _common_kind(geometry, geometry_type)))
    box = boxes(shapes)
    order = np.arange(len(shapes))
    if sort and len(shapes) > BLOCK_ROWS:
        rows = _hilbert_order(box)
        order[rows] = np.arange(len(rows))
        shapes, box, columns = take(shapes, rows), box[rows], [column.take(pa.array(rows)) for column in columns]
    facts = _facts(shapes, box) | {"spatialReference": describe_spatial_reference(frame.crs), "fields": fields}
    columns += [pa.array(box[:, axis].copy(), from_pandas=True) for axis in range(4)]
    columns += [_nested(shapes), pa.array(order.astype(np.int32))]
    return _batch([*(field["name"] for field in fields), *_BOX, "geometry", "order"], columns, facts)


def _batch(names: list[str], columns: list[Any], facts: dict[str, Any]) -> Any:
    fields = [pa.field(name, column.type) for name, column in zip(names, columns, strict=True)]
    if "geometryType" in facts:
        extension = {"ARROW:extension:name": _GEOARROW[facts["geometryType"]]}
        fields[-2] = fields[-2].with_metadata(extension)
    return pa.record_batch(columns, pa.schema(fields, {METADATA: orjson.dumps(facts)}))


def _facts(shapes: Shapes, box: Array) -> dict[str, Any]:
    filled = box[~np.isnan(box[:, 0])]
    extent = [*filled[:, :2].min(axis=0).tolist(), *filled[:, 2:].max(axis=0).tolist()] if len(filled) else None
    return {"geometryType": shapes.kind, "hasZ": shapes.has_z, "hasM": shapes.has_m, "extent": extent}


def _common_kind(geometry: Array, wanted: str | None) -> str:
    if wanted is not None and wanted not in LEVELS:
        raise InvalidValue(f"The geometry type {wanted} is not supported; known are {', '.join(LEVELS)}.")
    present = geometry[~(shapely.is_missing(geometry) | shapely.is_empty(geometry))]
    kinds = {_KINDS[number] for number in np.unique(shapely.get_type_id(present))}
    if kinds in ({POINT, MULTIPOINT}, {POINT}) and wanted == MULTIPOINT or kinds == {POINT, MULTIPOINT}:
        kinds = {MULTIPOINT}
    if not kinds:
        return wanted or POINT
    if len(kinds) > 1 or "collection" in kinds:
        names = ", ".join(sorted(kinds)).replace("collection", "GeometryCollection")
        raise InvalidValue(
            f"A layer has one geometry type, this one mixes {names}: "
            "explode collections and keep one type (frame.explode(), frame[frame.geom_type == ...])."
        )
    kind = kinds.pop()
    if wanted is not None and kind != wanted:
        cure = " Use frame.explode() to make single points." if (wanted, kind) == (POINT, MULTIPOINT) else ""
        raise InvalidValue(f"The layer must be {wanted}, its geometries are {kind}.{cure}")
    return kind


def _hilbert_order(box: Array) -> Array:
    """Row numbers along a Hilbert curve through the centres of the boxes; rows without a box come last."""
    filled = np.flatnonzero(~np.isnan(box[:, 0]))
    empty = np.flatnonzero(np.isnan(box[:, 0]))
    if len(filled) == 0:
        return empty
    centres = shapely.points((box[filled, :2] + box[filled, 2:]) / 2)
    distance = gpd.GeoSeries(centres).hilbert_distance().to_numpy()
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
    offsets = []
    missing = np.asarray(column.is_null()) if column.null_count else np.zeros(len(column), bool)
    for _ in range(LEVELS[facts["geometryType"]]):
        offsets.append(column.offsets.to_numpy())
        column = column.values
    width = column.type.list_size
    coords = column.values.to_numpy(zero_copy_only=False).reshape(-1, width)
    return Shapes(
        facts["geometryType"], coords, tuple(reversed(offsets)), missing, facts["hasZ"], facts["hasM"]
    )
