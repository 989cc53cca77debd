"""Stored results: one Arrow IPC file per layer, memory-mapped when read, written out as Esri feature sets."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
from pyproj import CRS

from gpserver.features.columns import OBJECT_ID
from gpserver.features.fields import to_series
from gpserver.features.record import METADATA, read_shapes, to_record
from gpserver.features.shapely_geometry import to_geometry
from gpserver.features.shapes import POINT, Array, Shapes, reprojected, take, vertex_offsets
from gpserver.features.spatialref import describe_spatial_reference, parse_spatial_reference
from gpserver.features.text import attribute_tokens, geometry_pieces, join, text_of

# A chunk is written in one go; larger ones would keep other threads waiting, smaller ones cost more per row.
_CHUNK_ROWS = 8192
_CHUNK_VERTICES = 65536


@dataclass(frozen=True, slots=True)
class LayerSummary:
    """What a written layer holds; ``geometry_type`` is None for a table."""

    rows: int
    geometry_type: str | None
    has_z: bool
    has_m: bool


def write_layer(frame: pd.DataFrame, path: Path, geometry_type: str | None = None) -> LayerSummary:
    """Store a GeoDataFrame (or a DataFrame, as a table) as a layer file.

    Polygons and multipolygons are one type, and so are lines; empty geometries are stored as null. Dates
    without a zone are taken as UTC. Objects that are no number, date or text are stored as their text.

    The file gets its name when it is complete. It is not synced: a killed process cannot leave half a file,
    and after a power cut the job is to be run again, which is cheaper than waiting for the disk after every
    job.

    Args:
        frame: What to store.
        path: The file to write; the folder must exist.
        geometry_type: The Esri type the geometries must have; a frame without any geometry has this type.

    Raises:
        InvalidValue: Points, lines and polygons are mixed, the type is not the wanted one, or a column holds
            bytes.
    """
    batch = to_record(frame, geometry_type, stored=True)
    draft = path.with_suffix(".draft")
    with pa.OSFile(str(draft), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
    draft.replace(path)
    layer = Layer(batch)
    return LayerSummary(layer.rows, layer.geometry_type, layer.has_z, layer.has_m)


def encode_features(frame: pd.DataFrame, geometry_type: str | None = None, **options: Any) -> bytes:
    """The Esri feature set of a frame that is not stored; options are those of :meth:`Layer.feature_set`."""
    return b"".join(Layer(to_record(frame, geometry_type, stored=False)).feature_set(**options))


class Layer:
    """A stored result.

    Attributes:
        rows: How many features or rows.
        fields: Esri fields; the first is OBJECTID.
        geometry_type: Esri geometry type, None for a table.
        has_z: Whether there are z values.
        has_m: Whether there are m values.
        extent: xmin, ymin, xmax, ymax in the layer's CRS; None when there is no geometry.
    """

    def __init__(self, batch: Any) -> None:
        facts = orjson.loads(batch.schema.metadata[METADATA])
        self._batch, self._facts = batch, facts
        self.rows: int = batch.num_rows
        self.fields: list[dict[str, Any]] = facts["fields"]
        self.geometry_type: str | None = facts.get("geometryType")
        self.has_z: bool = facts.get("hasZ", False)
        self.has_m: bool = facts.get("hasM", False)
        self.extent: list[float] | None = facts.get("extent")

    @classmethod
    def open(cls, path: Path) -> "Layer":
        """Map a layer file into memory; nothing of it is read before it is used."""
        return cls(pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0))

    @property
    def crs(self) -> CRS | None:
        """The CRS of the geometries; None when it is not known."""
        return parse_spatial_reference(self._facts.get("spatialReference"))

    @cached_property
    def shapes(self) -> Shapes:
        """The geometries, in file order, as flat arrays that share the file's memory."""
        return read_shapes(self._batch.column(-2), self._facts)

    @cached_property
    def order(self) -> Array:
        """Row numbers of the file in the order of the frame that was stored."""
        if self.geometry_type is None:
            return np.arange(self.rows, dtype=np.int32)
        return np.asarray(self._batch.column(-1))

    def frame(self) -> pd.DataFrame:
        """The stored rows in their order: a GeoDataFrame, or a DataFrame for a table."""
        rows = pa.array(self.order)
        columns = [self._batch.column(number).take(rows) for number in range(len(self.fields))]
        table = pd.DataFrame(
            {field["name"]: to_series(column) for field, column in zip(self.fields, columns, strict=True)}
        )
        if self.geometry_type is None:
            return table
        geometry = to_geometry(take(self.shapes, self.order))
        features: pd.DataFrame = gpd.GeoDataFrame(table, geometry=geometry, crs=self.crs)
        return features

    def layer_definition(self) -> dict[str, Any]:
        """The Esri layer definition, for a client that asked for a feature collection."""
        head: dict[str, Any] = {"type": "Feature Layer" if self.geometry_type else "Table"}
        if self.geometry_type:
            head |= {"geometryType": self.geometry_type, "hasZ": self.has_z, "hasM": self.has_m}
        if self.extent:
            corners = dict(zip(("xmin", "ymin", "xmax", "ymax"), self.extent, strict=True))
            head["extent"] = corners | {"spatialReference": describe_spatial_reference(self.crs)}
        return head | {"objectIdField": OBJECT_ID, "displayField": "", "fields": self.fields, "templates": []}

    def feature_set(
        self,
        *,
        out_crs: CRS | None = None,
        return_z: bool = False,
        return_m: bool = False,
        limit: int | None = None,
    ) -> Iterator[bytes]:
        """The Esri feature set as JSON text, in pieces of a few megabytes at most, rows in the frame's order.

        Args:
            out_crs: Coordinates are transformed to this CRS (when the layer's own is known).
            return_z: Write z where the layer has it.
            return_m: Write m where the layer has it.
            limit: With more rows than this there are no features, and exceededTransferLimit is true.
        """
        exceeded = limit is not None and self.rows > limit
        target = out_crs if self.crs is not None else None
        yield self._head(target, self.has_z and return_z, self.has_m and return_m)
        if not exceeded:
            for number, rows in enumerate(self._chunks()):
                yield bytes(self._text(rows, target, return_z, return_m)[0 if number else 1 :])
        yield b'],"exceededTransferLimit":%s}' % (b"true" if exceeded else b"false")

    def _head(self, target: CRS | None, with_z: bool, with_m: bool) -> bytes:
        head: dict[str, Any] = {"displayFieldName": ""}
        if self.geometry_type:
            head |= {"hasZ": True} if with_z else {}
            head |= {"hasM": True} if with_m else {}
            head["geometryType"] = self.geometry_type
            head["spatialReference"] = describe_spatial_reference(target or self.crs)
        return orjson.dumps(head | {"fields": self.fields})[:-1] + b',"features":['

    def _chunks(self) -> Iterator[Array]:
        """Row numbers in the frame's order, as many at a time as make one chunk."""
        bounds = np.arange(0, self.rows + _CHUNK_ROWS, _CHUNK_ROWS)
        if self.geometry_type not in (None, POINT):
            vertices = np.diff(vertex_offsets(self.shapes))[self.order]
            filled = np.cumsum(np.maximum(vertices / _CHUNK_VERTICES, 1 / _CHUNK_ROWS)).astype(np.int64)
            bounds = np.concatenate([[0], np.flatnonzero(np.diff(filled)) + 1, [self.rows]])
        for begin, end in pairwise(bounds.tolist()):
            if begin < self.rows:
                yield self.order[begin:end]

    def _text(self, rows: Array, target: CRS | None, with_z: bool, with_m: bool) -> memoryview:
        """The features of these rows, each with a comma before it."""
        chosen, last = pa.array(rows), len(self.fields) - 1
        pieces: list[Any] = [',{"attributes":{']
        for number, field in enumerate(self.fields):
            column = self._batch.column(number).take(chosen)
            key = orjson.dumps(field["name"]).decode()
            pieces += [f"{key}:", attribute_tokens(column, "," if number < last else "}")]
        if self.geometry_type:
            shapes = _plane(reprojected(take(self.shapes, rows), self.crs, target), with_z, with_m)
            pieces += [',"geometry":', *geometry_pieces(shapes)]
        return text_of(join(*pieces, "}"))


def _plane(shapes: Shapes, with_z: bool, with_m: bool) -> Shapes:
    """The shapes without the ordinates that nobody asked for."""
    z, m = shapes.has_z and with_z, shapes.has_m and with_m
    columns = [0, 1, *[2] * z, *[shapes.coords.shape[1] - 1] * m]
    return replace(shapes, coords=shapes.coords[:, columns], has_z=z, has_m=m)
