"""What of a layer goes into an answer, chunk by chunk: which rows and fields, and how the geometry leaves."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from pyproj import CRS

from gpserver.features.generalization import generalized
from gpserver.features.layer import Layer
from gpserver.features.quantization import Quantization
from gpserver.features.shapes import POINT, Array, Shapes, plane, reprojected, rounded

# A chunk is written in one go; larger ones would keep other threads waiting, smaller ones cost more per row.
_CHUNK_ROWS = 8192
_CHUNK_VERTICES = 65536


class Chunk(NamedTuple):
    """Some rows of an answer: their numbers in the file, an Arrow array per field, and the shapes if any."""

    rows: Array
    columns: list[Any]
    shapes: Shapes | None


@dataclass(frozen=True)
class Selection:
    """Chosen rows and fields of a layer, and how their geometry is written.

    Attributes:
        layer: Where the rows are.
        rows: Row numbers of the file, in the order of the answer; None is all, in the frame's order.
        fields: The chosen ones of ``layer.fields``, in the order of the answer; None is all.
        out_crs: Coordinates are transformed to this CRS (when the layer's own is known).
        geometry: Whether geometry is written at all.
        return_z: Write z where the layer has it.
        return_m: Write m where the layer has it.
        precision: Decimals of x and y that are kept.
        offset: How far a line or ring may be from where it was, in units of ``crs``; 0 leaves every vertex.
        quantization: The grid that coordinates are put on, after all else.
        exceeded: Whether more rows would have been there than the answer may have.
    """

    layer: Layer
    rows: Array | None = None
    fields: Sequence[Mapping[str, Any]] | None = None
    out_crs: CRS | None = None
    geometry: bool = True
    return_z: bool = False
    return_m: bool = False
    precision: int | None = None
    offset: float = 0.0
    quantization: Quantization | None = None
    exceeded: bool = False

    def __len__(self) -> int:
        return self.layer.rows if self.rows is None else len(self.rows)

    @property
    def chosen_fields(self) -> Sequence[Mapping[str, Any]]:
        """The fields of the answer."""
        return self.layer.fields if self.fields is None else self.fields

    @property
    def geometry_type(self) -> str | None:
        """The Esri geometry type of the answer; None when no geometry is written."""
        return self.layer.geometry_type if self.geometry else None

    @property
    def crs(self) -> CRS | None:
        """The CRS of the answer."""
        return (self.out_crs or self.layer.crs) if self.layer.crs else None

    @property
    def has_z(self) -> bool:
        """Whether z is written."""
        return self.geometry and self.return_z and self.layer.has_z

    @property
    def has_m(self) -> bool:
        """Whether m is written."""
        return self.geometry and self.return_m and self.layer.has_m

    def chunks(self, most: int = _CHUNK_ROWS) -> Iterator[Chunk]:
        """The rows in their order, as many at a time as memory and other threads can bear.

        Args:
            most: Rows of a chunk; polygons and lines of many vertices have fewer.
        """
        names = [field["name"] for field in self.chosen_fields]
        rows = self.layer.order if self.rows is None else self.rows
        for begin, end in pairwise(self._bounds(rows, most)):
            chosen = rows[begin:end]
            columns = self.layer.columns_at(names, chosen)
            yield Chunk(chosen, columns, self._shapes(chosen) if self.geometry_type else None)

    def _bounds(self, rows: Array, most: int) -> Iterable[int]:
        """Where chunks begin, and the end."""
        count = len(rows)
        if self.geometry_type in (None, POINT) or count == 0:
            return [*range(0, count, most), count]
        vertices = self.layer.vertices_at(rows)
        filled = np.cumsum(np.maximum(vertices / _CHUNK_VERTICES, 1 / most)).astype(np.int64)
        return [0, *(np.flatnonzero(np.diff(filled)) + 1).tolist(), count]

    def _shapes(self, rows: Array) -> Shapes:
        shapes = reprojected(self.layer.shapes_at(rows), self.layer.crs, self.out_crs)
        shapes = plane(shapes, self.return_z, self.return_m)
        if self.offset > 0:
            shapes = generalized(shapes, self.offset)
        if self.precision is not None:
            shapes = rounded(shapes, self.precision)
        return self.quantization.snapped(shapes) if self.quantization else shapes
