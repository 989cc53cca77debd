"""Stored results: one Arrow IPC file per layer, memory-mapped when read, or read in pieces from afar."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
from pyproj import CRS

from gpserver.errors import InvalidRequest
from gpserver.features.batch import Batch, open_batch
from gpserver.features.block_boxes import BlockBoxes
from gpserver.features.fields import OBJECT_ID, to_series
from gpserver.features.record import BLOCKS, METADATA, read_shapes, table_record, to_record
from gpserver.features.shapely_geometry import to_geometry
from gpserver.features.shapes import Array, Shapes, boxes, take, vertex_counts
from gpserver.features.spatialref import describe_spatial_reference, parse_spatial_reference
from gpserver.objects import Pieces

# Pandas takes longer to load than a server to start: only whoever makes or takes a frame loads it.
if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class LayerSummary:
    """What a written layer holds; ``geometry_type`` is None for a table."""

    rows: int
    geometry_type: str | None
    has_z: bool
    has_m: bool


def write_layer(frame: "pd.DataFrame", path: Path, geometry_type: str | None = None) -> LayerSummary:
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


class Layer:
    """A stored result, or one that was never stored.

    What is asked at rows, ``…_at``, reads these rows only; a file that lies in an object store then comes
    over in as few pieces.

    Attributes:
        rows: How many features or rows.
        fields: Esri fields; the first is OBJECTID, unless they are those of a statistic.
        geometry_type: Esri geometry type, None for a table.
        has_z: Whether there are z values.
        has_m: Whether there are m values.
        extent: xmin, ymin, xmax, ymax in the layer's CRS; None when there is no geometry.
    """

    def __init__(self, batch: Any, pieces: Pieces | None = None) -> None:
        facts = orjson.loads(batch.schema.metadata[METADATA])
        self._batch, self._facts = Batch(batch, pieces), facts
        self.rows: int = batch.num_rows
        self.fields: list[dict[str, Any]] = facts["fields"]
        self.geometry_type: str | None = facts.get("geometryType")
        self.has_z: bool = facts.get("hasZ", False)
        self.has_m: bool = facts.get("hasM", False)
        self.extent: list[float] | None = facts.get("extent")

    @classmethod
    def open(cls, path: Path) -> "Layer":
        """Map a layer file into memory; nothing of it is read before it is used."""
        return cls(*open_batch(path))

    @classmethod
    def of(cls, fields: Sequence[Mapping[str, Any]], columns: Sequence[Any]) -> "Layer":
        """A table that is not stored, of Esri fields and one Arrow array for each, of any type that fits."""
        return cls(table_record(fields, columns))

    @classmethod
    def empty(cls, geometry_type: str | None) -> "Layer":
        """A layer in WGS84, or a table, that has no rows and no field but OBJECTID."""
        import geopandas as gpd
        import pandas as pd

        frame = pd.DataFrame() if geometry_type is None else gpd.GeoDataFrame(geometry=[], crs=4326)
        return cls(to_record(frame, geometry_type, stored=True))

    def emptied(self) -> "Layer":
        """The same layer without its rows."""
        facts = orjson.dumps(self._facts | ({"extent": None} if "extent" in self._facts else {}))
        return Layer(self._batch.emptied({METADATA: facts}))

    @cached_property
    def crs(self) -> CRS | None:
        """The CRS of the geometries; None when it is not known."""
        return parse_spatial_reference(self._facts.get("spatialReference"))

    @property
    def shapes(self) -> Shapes:
        """The geometries, in file order, as flat arrays that share the file's memory."""
        self._batch.column(-2)
        return self._shapes

    def shapes_at(self, rows: Array) -> Shapes:
        """The geometries of these rows, in their order."""
        self._batch.having(-2, rows, rows + 1)
        return take(self._shapes, rows)

    def vertices_at(self, rows: Array) -> Array:
        """How many vertices the geometries of these rows have."""
        self._batch.having(-2, rows, rows + 1)
        return vertex_counts(self._shapes, rows)

    @cached_property
    def _shapes(self) -> Shapes:
        """For who has seen to it that what he looks at is here; null or not is known of all."""
        none = np.zeros(0, np.int64)
        return read_shapes(self._batch.having(-2, none, none), self._facts)

    @cached_property
    def order(self) -> Array:
        """Row numbers of the file in the order of the frame that was stored."""
        order = np.empty(self.rows, np.int32)
        order[self.rank] = np.arange(self.rows, dtype=np.int32)
        return order

    @property
    def rank(self) -> Array:
        """For every row of the file its place in the order of the frame that was stored."""
        if self.geometry_type is None:
            return np.arange(self.rows, dtype=np.int32)
        return np.asarray(self._batch.column(-1))

    def rank_at(self, rows: Array) -> Array:
        """The places of these rows in the order of the frame that was stored."""
        return rows if self.geometry_type is None else np.asarray(self._batch.columns_at([-1], rows)[0])

    @property
    def object_id_field(self) -> str | None:
        """The name of the field that holds the object ids."""
        return next((str(f["name"]) for f in self.fields if f["type"] == "esriFieldTypeOID"), None)

    @property
    def object_ids(self) -> Array:
        """The object ids, in file order; row numbers from 1 where no field holds any."""
        if (name := self.object_id_field) is None:
            return np.arange(1, self.rows + 1)
        return np.asarray(self.column(name), np.int64)

    def object_ids_at(self, rows: Array) -> Array:
        """The object ids of these rows."""
        name = self.object_id_field
        return rows + 1 if name is None else np.asarray(self.column_at(name, rows), np.int64)

    @property
    def boxes(self) -> Array:
        """xmin, ymin, xmax, ymax of every row, (n, 4), file order, layer's CRS; NaN without geometry."""
        return self.boxes_at(np.arange(self.rows))

    def boxes_at(self, rows: Array) -> Array:
        """xmin, ymin, xmax, ymax of these rows, (n, 4), layer's CRS; NaN without geometry."""
        return np.stack(self._sides(rows), axis=1)

    def column(self, name: str) -> Any:
        """The Arrow array of a field, in file order; its name may be in any case.

        Raises:
            InvalidRequest: There is no such field.
        """
        return self._batch.column(self._number(name))

    def column_at(self, name: str, rows: Array) -> Any:
        """The Arrow array of a field at these rows.

        Raises:
            InvalidRequest: There is no such field.
        """
        return self.columns_at([name], rows)[0]

    def columns_at(self, names: Sequence[str], rows: Array) -> list[Any]:
        """The Arrow arrays of fields at these rows.

        Raises:
            InvalidRequest: There is no such field.
        """
        return self._batch.columns_at([self._number(name) for name in names], rows)

    def _number(self, name: str) -> int:
        names = [field["name"] for field in self.fields]
        if name not in names:  # two fields may differ in nothing but case
            lower = [each.lower() for each in names]
            if name.lower() not in lower:
                raise InvalidRequest(f"There is no field {name}; the fields are {', '.join(names)}.")
            return lower.index(name.lower())
        return names.index(name)

    def window(self, xmin: float, ymin: float, xmax: float, ymax: float) -> Array:
        """Ascending row numbers of the file whose boxes touch a window of the layer's CRS."""
        return self._blocks.window(xmin, ymin, xmax, ymax)

    @cached_property
    def _blocks(self) -> BlockBoxes:
        return BlockBoxes(self._sides, self.rows, self._batch.metadata.get(BLOCKS))

    def _sides(self, rows: Array) -> list[Array]:
        if self.geometry_type is None:
            return [np.full(len(rows), np.nan)] * 4
        if "extent" not in self._facts:  # it was never stored
            return list(boxes(self.shapes_at(rows)).T)
        sides = self._batch.columns_at(range(-6, -2), rows)
        return [side.to_numpy(zero_copy_only=False) for side in sides]

    def frame(self) -> "pd.DataFrame":
        """The stored rows in their order: a GeoDataFrame, or a DataFrame for a table."""
        import geopandas as gpd
        import pandas as pd

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
