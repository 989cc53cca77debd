"""Selections as streams of Arrow batches with geometry as well-known binary, as GDAL takes them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import shapely

from gpserver.features.selection import Selection
from gpserver.features.shapely_geometry import to_geometry
from gpserver.features.shapes import MULTIPOINT, POINT, POLYGON, POLYLINE, Shapes

_TYPES = {POINT: "Point", MULTIPOINT: "MultiPoint", POLYLINE: "MultiLineString", POLYGON: "MultiPolygon"}
_JOIN: dict[str, Callable[..., Any]] = {
    POLYLINE: shapely.multilinestrings,
    POLYGON: shapely.multipolygons,
}
_ROWS = 1024  # of a batch: while GDAL writes one, every other thread waits
_UTC = pa.timestamp("ms", "UTC")


def geometry_type(selection: Selection) -> str | None:
    """The type of the geometries as pyogrio names it; None for a table. It has no name for measures."""
    kind, layer = selection.geometry_type, selection.layer
    if kind is None or layer.has_m:
        return "Unknown" if kind else None
    return _TYPES[kind] + (" Z" if layer.has_z else "")


def batches(selection: Selection, names: Sequence[str], geometry: str) -> Any:
    """A reader of Arrow batches, made chunk by chunk; with z and m, and never on a grid.

    Args:
        selection: What is read.
        names: What the columns of its fields are called; all are different.
        geometry: What that of the geometries is called, which comes last.
    """
    whole = replace(selection, return_z=True, return_m=True, quantization=None)
    kinds = [_kind(selection.layer.column(field["name"]).type) for field in selection.chosen_fields]
    fields = [pa.field(name, kind) for name, kind in zip(names, kinds, strict=True)]
    fields += [pa.field(geometry, pa.binary())] if selection.geometry_type else []
    schema = pa.schema(fields)
    return pa.RecordBatchReader.from_batches(schema, _batches(whole, schema))


def _batches(selection: Selection, schema: Any) -> Iterator[Any]:
    for chunk in selection.chunks():
        columns = [column.cast(kind) for column, kind in zip(chunk.columns, schema.types, strict=False)]
        if chunk.shapes is not None:
            columns.append(pa.array(shapely.to_wkb(_multi(chunk.shapes), flavor="iso", output_dimension=4)))
        batch = pa.record_batch(columns, schema)
        yield from (batch.slice(start, _ROWS) for start in range(0, len(batch), _ROWS))


def _kind(kind: Any) -> Any:
    return _UTC if pa.types.is_timestamp(kind) else kind


def _multi(shapes: Shapes) -> Any:
    """The geometries, those of lines and areas in several parts even where there is but one."""
    geometry = to_geometry(shapes)
    if shapes.kind in _JOIN:
        parts, feature = shapely.get_parts(geometry, return_index=True)
        _JOIN[shapes.kind](parts, indices=feature, out=geometry)
    return geometry
