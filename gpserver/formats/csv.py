"""Rows as CSV: UTF-8, dates in UTC, geometry as x and y or as well-known text."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import shapely

from gpserver.features.selection import Chunk, Selection
from gpserver.features.shapely_geometry import to_geometry
from gpserver.features.shapes import POINT
from gpserver.formats.distinct import distinct
from gpserver.formats.resource import Body, Resource

_MEDIA_TYPE = "text/csv;charset=UTF-8;header=present"
# Whoever opens a CSV file by a click has Excel, which takes it for another encoding without this mark.
_MARK = b"\xef\xbb\xbf"


def write(resource: Resource) -> Body:
    """The features or rows of a resource."""
    assert resource.features is not None
    return Body(_text(resource.features), _MEDIA_TYPE, f"{resource.name}.csv")


def _text(selection: Selection) -> Iterator[bytes]:
    """The text, in pieces of a few megabytes at most; the first line has the names."""
    selection = replace(selection, return_z=True, return_m=False, quantization=None)
    names = distinct([*(field["name"] for field in selection.chosen_fields), *_axes(selection)])
    yield _MARK + _lines([pa.array([], pa.string())] * len(names), names, header=True)
    for chunk in selection.chunks():
        yield _lines([*map(_plain, chunk.columns), *_places(chunk)], names)


def _lines(columns: list[Any], names: list[str], header: bool = False) -> bytes:
    sink = pa.BufferOutputStream()
    options = pyarrow.csv.WriteOptions(include_header=header)
    pyarrow.csv.write_csv(pa.record_batch(columns, names), sink, options)
    return bytes(sink.getvalue())


def _axes(selection: Selection) -> list[str]:
    if selection.geometry_type == POINT:
        return ["x", "y", "z"] if selection.has_z else ["x", "y"]
    return ["WKT"] if selection.geometry_type else []


def _plain(column: Any) -> Any:
    """What is no number is no value."""
    return pc.if_else(pc.is_finite(column), column, None) if pa.types.is_floating(column.type) else column


def _places(chunk: Chunk) -> list[Any]:
    if chunk.shapes is None:
        return []
    if chunk.shapes.kind == POINT:
        missing = pa.array(chunk.shapes.missing)
        return [pc.if_else(missing, None, _plain(pa.array(axis))) for axis in chunk.shapes.coords.T.copy()]
    return [pa.array(shapely.to_wkt(to_geometry(chunk.shapes), rounding_precision=-1), pa.string())]
