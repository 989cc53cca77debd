"""A map: the layers of one finished job, or of a service before any."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyproj import CRS

from gpserver.errors import InvalidRequest, NotFound
from gpserver.features import Layer
from gpserver.maps.view import Box, reprojected_box
from gpserver.rasters import RasterFacts


@dataclass(frozen=True, slots=True)
class MapLayer:
    """One layer or table of a map.

    Attributes:
        id: Its number in the map.
        name: What legends call it.
        data: The stored features or rows, or what is known of a stored raster.
        drawing: Esri drawingInfo.
        path: The file of ``data``; None where there is nothing to draw.
        time_field: The date field that ``time`` filters by; may be empty.
    """

    id: int
    name: str
    data: Layer | RasterFacts
    drawing: dict[str, Any]
    path: Path | None = None
    time_field: str = ""

    @property
    def features(self) -> Layer:
        """The stored features or rows.

        Raises:
            InvalidRequest: It is a raster.
        """
        if isinstance(self.data, RasterFacts):
            raise InvalidRequest(f"Layer {self.id} is a raster, which has no features; use identify.")
        return self.data

    @property
    def renderer(self) -> dict[str, Any]:
        """Esri's renderer of it."""
        renderer: dict[str, Any] = self.drawing["renderer"]
        return renderer

    @property
    def file(self) -> Path:
        """The file of ``data``.

        Raises:
            NotFound: There is none.
        """
        if self.path is None:
            raise NotFound(f"Layer {self.id} has no data.")
        return self.path

    @property
    def is_raster(self) -> bool:
        """Whether it is a raster."""
        return isinstance(self.data, RasterFacts)

    @property
    def is_table(self) -> bool:
        """Whether it is neither a raster nor has geometry."""
        return isinstance(self.data, Layer) and self.data.geometry_type is None

    def box_in(self, crs: CRS | None) -> Box | None:
        """The box around its features or cells in a spatial reference; None when there is none."""
        if self.data.extent is None:
            return None
        xmin, ymin, xmax, ymax = self.data.extent
        return reprojected_box((xmin, ymin, xmax, ymax), self.data.crs, crs)

    @property
    def type(self) -> str:
        """What ArcGIS calls its kind."""
        return "Raster Layer" if self.is_raster else "Table" if self.is_table else "Feature Layer"


@dataclass(frozen=True, slots=True)
class Map:
    """Layers, the first one on top."""

    name: str
    description: str
    layers: tuple[MapLayer, ...]

    @property
    def crs(self) -> CRS | None:
        """The spatial reference of the map: that of its first layer that has one."""
        return next((item.data.crs for item in self.layers if not item.is_table and item.data.crs), None)

    @property
    def extent(self) -> Box | None:
        """The box around all features in the map's spatial reference; None when there is none."""
        boxes = [item.box_in(self.crs) for item in self.layers]
        return _around([box for box in boxes if box])

    def layer(self, number: int) -> MapLayer:
        """The layer of this number.

        Raises:
            NotFound: There is none.
        """
        for item in self.layers:
            if item.id == number:
                return item
        raise NotFound(f"The map {self.name} has no layer {number}.")


def _around(boxes: Sequence[Box]) -> Box | None:
    if not boxes:
        return None
    xmin, ymin, xmax, ymax = zip(*boxes, strict=True)
    return min(xmin), min(ymin), max(xmax), max(ymax)
