"""Coordinates as whole numbers on a grid: quantizationParameters, and what Esri's protocol buffer needs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from pyproj import CRS

from gpserver.errors import InvalidRequest
from gpserver.features.shapes import POINT, POLYGON, POLYLINE, Array, Shapes, thinned, without_infinite

UPPER_LEFT, LOWER_LEFT = "upperLeft", "lowerLeft"
_LARGEST = 2.0**53  # what a client in JavaScript can tell from its neighbours
_CELLS = 10_000  # along a side of the grid, when nothing says how fine it is to be
_FEWEST = {POLYLINE: 2, POLYGON: 4}
# Esri's default resolutions of a geodatabase: a billionth of a degree, a tenth of a millimetre. An unknown
# system may have degrees or reach around the Earth in feet: its cells are small enough and large enough.
_DEGREES, _METRES, _UNKNOWN = 1e-9, 1e-4, 1e-8


@dataclass(frozen=True, slots=True)
class Quantization:
    """A grid of square cells: a cell's number times ``scale`` from ``origin`` is its place.

    Attributes:
        scale: Size of a cell in units of the coordinates; z and m have cells of 0.0001.
        x: Where the numbers of columns begin.
        y: Where the numbers of rows begin.
        position: Whether rows are counted downwards (upperLeft) or upwards (lowerLeft).
        thins: Whether vertices that share a cell with the one before are left out, and paths and rings that
            shrink to nothing then.
    """

    scale: float
    x: float = 0.0
    y: float = 0.0
    position: str = UPPER_LEFT
    thins: bool = False

    @classmethod
    def of_resolution(cls, crs: CRS | None) -> Self:
        """The grid that keeps all there is: cells of Esri's default resolution, counted from 0, 0."""
        if crs is None:
            return cls(_UNKNOWN)
        return cls(_DEGREES if crs.is_geographic else _METRES)

    @classmethod
    def read(cls, value: object, crs: CRS | None, offset: float = 0.0) -> Self:
        """Read ``quantizationParameters``, parsed.

        As in ArcGIS (Query, Map Service/Layer) a cell is as large as ``tolerance``, else as the
        maxAllowableOffset of the request, else the 10,000th part of the extent; ``mode`` edit has the full
        resolution, and keeps every vertex. The extent's corner is taken as it is written.

        Args:
            value: The object ``{"mode", "originPosition", "tolerance", "extent"}``.
            crs: The CRS of the answer.
            offset: The request's maxAllowableOffset.

        Raises:
            InvalidRequest: The value is not such an object.
        """
        if not isinstance(value, Mapping):
            raise InvalidRequest("'quantizationParameters' must be a JSON object.")
        mode, position = value.get("mode") or "view", value.get("originPosition") or UPPER_LEFT
        if mode not in ("view", "edit") or position not in (UPPER_LEFT, LOWER_LEFT):
            raise InvalidRequest(
                "'quantizationParameters' is invalid: mode is view or edit, "
                f"originPosition {UPPER_LEFT} or {LOWER_LEFT}."
            )
        box = _box(value.get("extent"))
        top = box[3] if position == UPPER_LEFT else box[1]
        if mode == "edit":
            return cls(cls.of_resolution(crs).scale, box[0], top, position)
        size = _number(value, "tolerance") or offset or max(box[2] - box[0], box[3] - box[1]) / _CELLS
        if not size > 0:
            raise InvalidRequest("'quantizationParameters' needs a tolerance above 0, or an extent.")
        return cls(size, box[0], top, position, thins=True)

    def describe(self, *, measures: bool) -> dict[str, Any]:
        """Esri's ``transform`` object; with ``measures`` z and m have a place in it."""
        more = [_METRES] * 2 if measures else []
        translate = [self.x, self.y, *[0.0] * len(more)]
        return {
            "originPosition": self.position,
            "scale": [self.scale, self.scale, *more],
            "translate": translate,
        }

    def snapped(self, shapes: Shapes) -> Shapes:
        """The shapes with the numbers of their cells (int64) as coordinates.

        A geometry whose numbers would not be exact in a float64 becomes a missing one; z or m that is not
        known becomes 0, for a whole number cannot say so.
        """
        cells = np.rint((shapes.coords - self._translate(shapes)) / self._scale(shapes))
        cells[np.abs(cells) > _LARGEST] = np.nan
        snapped = without_infinite(replace(shapes, coords=cells))
        snapped = replace(snapped, coords=np.nan_to_num(cells, posinf=0, neginf=0).astype(np.int64))
        return _thinned(snapped) if self.thins else snapped

    def _translate(self, shapes: Shapes) -> Array:
        return np.array([self.x, self.y, 0.0, 0.0])[: shapes.coords.shape[1]]

    def _scale(self, shapes: Shapes) -> Array:
        rows = -self.scale if self.position == UPPER_LEFT else self.scale
        return np.array([self.scale, rows, _METRES, _METRES])[: shapes.coords.shape[1]]


def differences(shapes: Shapes) -> Shapes:
    """The shapes with x and y counted from the vertex before, the first of every list as it is.

    Points stay as they are, and so do z and m: that is how clients read Esri's JSON and protocol buffer.
    """
    if shapes.kind == POINT:
        return shapes
    coords = shapes.coords.copy()
    coords[1:, :2] -= shapes.coords[:-1, :2]
    firsts = _firsts(shapes)
    coords[firsts, :2] = shapes.coords[firsts, :2]
    return replace(shapes, coords=coords)


def _thinned(shapes: Shapes) -> Shapes:
    if shapes.kind == POINT:
        return shapes
    keep = np.ones(len(shapes.coords), bool)
    keep[1:] = (shapes.coords[1:, :2] != shapes.coords[:-1, :2]).any(axis=1)
    keep[_firsts(shapes)] = True
    return thinned(shapes, keep, _FEWEST.get(shapes.kind, 1))


def _firsts(shapes: Shapes) -> Array:
    """Numbers of the vertices that begin a list."""
    lists = shapes.offsets[0]
    firsts: Array = lists[:-1][np.diff(lists) > 0]
    return firsts


def _box(extent: object) -> tuple[float, float, float, float]:
    if extent is None:
        return 0.0, 0.0, 0.0, 0.0
    if not isinstance(extent, Mapping):
        raise InvalidRequest("'quantizationParameters' is invalid: extent must be an envelope.")
    xmin, ymin, xmax, ymax = (_number(extent, name) for name in ("xmin", "ymin", "xmax", "ymax"))
    return xmin, ymin, xmax, ymax


def _number(value: Mapping[str, Any], name: str) -> float:
    """The finite number of this name, 0 when it is not given."""
    try:
        number = float(value.get(name) or 0)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InvalidRequest(f"'quantizationParameters' is invalid: {name} must be a number.")
    return number
