"""Features as placemarks of KML 2.2, chunk by chunk."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpserver.features.markup import elements, escaped
from gpserver.features.selection import Chunk
from gpserver.features.shapes import MULTIPOINT, POINT, POLYGON, Array, Shapes
from gpserver.features.text import join, text_of, tuple_texts

_KINDS = {
    "esriFieldTypeSmallInteger": "short",
    "esriFieldTypeInteger": "int",
    "esriFieldTypeSingle": "float",
    "esriFieldTypeDouble": "double",
}
_BOUNDARY = "<{0}BoundaryIs><LinearRing><coordinates>", "</coordinates></LinearRing></{0}BoundaryIs>"


def schema_type(field: Mapping[str, Any]) -> str:
    """The type of KML for an Esri field; what KML has no numbers for, such as 64-bit integers, is text."""
    if field["type"] == "esriFieldTypeOID":
        return "string" if field.get("length") == 8 else "int"
    return _KINDS.get(field["type"], "string")


def placemarks(
    chunk: Chunk, fields: Sequence[Mapping[str, Any]], schema: str, names: Any, looks: Any
) -> bytes:
    """One placemark per row; a feature without geometry, or without a value in a field, has none.

    Args:
        chunk: Its shapes are in WGS84, shells counter-clockwise. Heights are above sea level; what has none
            lies on the ground.
        fields: Those of its columns.
        schema: The id of the Schema that lists the fields.
        names: The escaped name of each.
        looks: The styleUrl element of each, or what stands in its place.
    """
    pieces: list[Any] = ["<Placemark><name>", names, "</name>", looks]
    pieces.append(f'<ExtendedData><SchemaData schemaUrl="#{schema}">')
    for field, column in zip(fields, chunk.columns, strict=True):
        pieces.append(elements(f'<SimpleData name="{escaped(field["name"])}">', column, "</SimpleData>"))
    pieces.append("</SchemaData></ExtendedData>")
    if chunk.shapes is not None:
        pieces.append(_geometry(chunk.shapes))
    return bytes(text_of(join(*pieces, "</Placemark>")))


def _geometry(shapes: Shapes) -> Any:
    """The geometry element of each feature; nothing where a geometry is missing."""
    if shapes.has_z:  # a height that is not known
        shapes = replace(shapes, coords=np.nan_to_num(shapes.coords))
    height = "<altitudeMode>absolute</altitudeMode>" if shapes.has_z else ""
    ground = height or "<tessellate>1</tessellate>"
    if shapes.kind == POINT:
        texts = tuple_texts(shapes.coords, np.arange(len(shapes) + 1))
        result = _point(height, texts)
    elif shapes.kind == MULTIPOINT:
        points = _point(height, tuple_texts(shapes.coords, np.arange(len(shapes.coords) + 1)))
        result = _together(points, shapes.offsets[0])
    elif shapes.kind == POLYGON:
        parts = join(f"<Polygon>{ground}", _rings(shapes), "</Polygon>")
        result = _together(parts, shapes.offsets[2])
    else:
        paths = tuple_texts(shapes.coords, shapes.offsets[0])
        lines = join(f"<LineString>{ground}<coordinates>", paths, "</coordinates></LineString>")
        result = _together(lines, shapes.offsets[1])
    return pc.if_else(pa.array(shapes.missing), "", result) if shapes.missing.any() else result


def _point(height: str, texts: Any) -> Any:
    return join(f"<Point>{height}<coordinates>", texts, "</coordinates></Point>")


def _rings(shapes: Shapes) -> Any:
    """The boundaries of each part: the shell, then its holes."""
    rings, parts, _ = shapes.offsets
    texts = tuple_texts(shapes.coords, rings)
    outer, inner = ([tag.format(side) for tag in _BOUNDARY] for side in ("outer", "inner"))
    if len(rings) == len(parts):
        return join(outer[0], texts, outer[1])
    shells = np.zeros(len(rings) - 1, bool)
    shells[parts[:-1]] = True
    start, end = (pc.if_else(pa.array(shells), *pair) for pair in zip(outer, inner, strict=True))
    return _joined(join(start, texts, end), parts)


def _together(parts: Any, offsets: Array) -> Any:
    """The parts of each feature, in a MultiGeometry where there are several."""
    counts = np.diff(offsets)
    if (counts == 1).all():
        return parts
    many, texts = pa.array(counts > 1), _joined(parts, offsets)
    start, end = (pc.if_else(many, tag, "") for tag in ("<MultiGeometry>", "</MultiGeometry>"))
    return join(start, texts, end)


def _joined(texts: Any, offsets: Array) -> Any:
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), texts), "")
