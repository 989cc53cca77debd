"""Features as Esri JSON: the feature sets of geoprocessing results and the answers of map layers."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from gpserver.features.layer import Layer
from gpserver.features.quantization import differences
from gpserver.features.record import to_record
from gpserver.features.selection import Chunk, Selection
from gpserver.features.shapes import MULTIPOINT, POINT, POLYLINE, Shapes
from gpserver.features.spatialref import describe_spatial_reference
from gpserver.features.text import join, list_texts, number_tokens, object_pieces, text_of

if TYPE_CHECKING:
    import pandas as pd


def encode_features(frame: "pd.DataFrame", geometry_type: str | None = None, **options: Any) -> bytes:
    """The Esri feature set of a frame that is not stored; options are those of :class:`Selection`."""
    layer = Layer(to_record(frame, geometry_type, stored=False))
    return b"".join(write(Selection(layer, **options)))


def write(
    selection: Selection, head: Mapping[str, Any] | None = None, *, tell_complete: bool = True
) -> Iterator[bytes]:
    """The feature set as JSON text, in pieces of a few megabytes at most.

    Args:
        selection: What is written. On a grid, coordinates are whole numbers counted from the vertex before,
            and ``transform`` leads back.
        head: The first keys of the answer; without any it begins with an empty displayFieldName.
        tell_complete: Whether ``exceededTransferLimit`` is there when it is false, as in geoprocessing
            results; map layers leave it out.
    """
    facts = dict(head or {"displayFieldName": ""}) | _facts(selection)
    yield orjson.dumps(facts)[:-1] + b',"features":['
    names, comma = [field["name"] for field in selection.chosen_fields], 1
    for chunk in selection.chunks():
        yield bytes(_text(selection, chunk, names)[comma:])
        comma = 0
    if selection.exceeded or tell_complete:
        yield b'],"exceededTransferLimit":%s}' % (b"true" if selection.exceeded else b"false")
    else:
        yield b"]}"


def _facts(selection: Selection) -> dict[str, Any]:
    """What the answer says of itself, in the order ArcGIS has."""
    facts: dict[str, Any] = {}
    if selection.geometry_type:
        facts |= {"hasZ": True} if selection.has_z else {}
        facts |= {"hasM": True} if selection.has_m else {}
        if selection.quantization:
            measures = selection.has_z or selection.has_m
            facts["transform"] = selection.quantization.describe(measures=measures)
        facts["geometryType"] = selection.geometry_type
        facts["spatialReference"] = describe_spatial_reference(selection.crs)
    return facts | {"fields": selection.chosen_fields}


def _text(selection: Selection, chunk: Chunk, names: list[str]) -> memoryview:
    """The features of a chunk, each with a comma before it."""
    pieces = [pa.repeat(',{"attributes":', len(chunk.rows)), *object_pieces(names, chunk.columns)]
    if chunk.shapes is not None:
        shapes = differences(chunk.shapes) if selection.quantization else chunk.shapes
        pieces += [',"geometry":', *_geometry_pieces(shapes)]
    return text_of(join(*pieces, "}"))


def _geometry_pieces(shapes: Shapes) -> list[Any]:
    """The geometry objects; ``null`` where a geometry is missing."""
    if shapes.kind == POINT:
        pieces = _points(shapes)
    elif shapes.kind == MULTIPOINT:
        pieces = ['{"points":[', list_texts(shapes.coords, shapes.offsets[0]), "}"]
    else:
        features = shapes.offsets[-1] if shapes.kind == POLYLINE else shapes.offsets[1][shapes.offsets[2]]
        rings = list_texts(shapes.coords, shapes.offsets[0])
        lists = pa.ListArray.from_arrays(pa.array(features, pa.int32()), rings)
        key = "paths" if shapes.kind == POLYLINE else "rings"
        pieces = [f'{{"{key}":[[', pc.binary_join(lists, ",["), "]}"]
    if not shapes.missing.any():
        return pieces
    return [pc.if_else(pa.array(shapes.missing), "null", join(*pieces))]


def _points(shapes: Shapes) -> list[Any]:
    names = ["x", "y", *["z"] * shapes.has_z, *["m"] * shapes.has_m]
    pieces: list[Any] = ["{"]
    for axis, name in enumerate(names):
        end = "}" if axis == len(names) - 1 else ","
        pieces += [f'"{name}":', number_tokens(shapes.coords[:, axis], end)]
    return pieces
