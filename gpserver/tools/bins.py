"""Bins: squares and hexagons over a layer, and which of them a point lies in."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import shapely
from geopandas import GeoDataFrame, GeoSeries
from pyproj import CRS

from gpserver.errors import InvalidValue
from gpserver.tools.attributes import framed
from gpserver.tools.circles import Geometries
from gpserver.tools.counts import counted
from gpserver.tools.distance import unit_of
from gpserver.tools.globe import Floats
from gpserver.tools.operand import Rows, ground_of, sound
from gpserver.tools.reproject import reproject

Shape = Literal["square", "hexagon"]

MOST = 2_000_000
"""Bins that a layer may have."""

# Where longitude and latitude cannot be binned themselves: there all bins have the same area.
EQUAL_AREA = CRS("ESRI:54034")


@dataclass(frozen=True)
class Grid:
    """A regular tiling of a plane; column 0, row 0 lies at the origin of its coordinates.

    Cells are those of ST_SquareGrid and ST_HexagonGrid, so that grids of different layers meet: a square has
    its lower left corner at column · size, row · size; hexagons have flat tops, cell 0, 0 its centre in the
    origin, and odd columns are half a row higher.
    """

    shape: Shape
    size: float
    """The side of a square; the height of a hexagon, from flat side to flat side."""

    def cells(self, x: Floats, y: Floats) -> tuple[Rows, Rows]:
        """Column and row of the cell that each place lies in; a border belongs to the upper or right one."""
        if self.shape == "square":
            return np.floor(x / self.size).astype(np.intp), np.floor(y / self.size).astype(np.intp)
        # Cube rounding: https://www.redblobgames.com/grids/hexagons/#rounding
        q = x / (1.5 * self._edge)
        r = y / self.size - q / 2
        s = -q - r
        q_near, r_near, s_near = np.rint(q), np.rint(r), np.rint(s)
        far_q, far_r, far_s = np.abs(q_near - q), np.abs(r_near - r), np.abs(s_near - s)
        worst_q = (far_q > far_r) & (far_q > far_s)
        worst_r = ~worst_q & (far_r > far_s)
        column = np.where(worst_q, -r_near - s_near, q_near).astype(np.intp)
        along = np.where(worst_r, -q_near - s_near, r_near).astype(np.intp)
        return column, along + (column - (column & 1)) // 2

    def polygons(self, column: Rows, row: Rows) -> Geometries:
        """The outlines of cells."""
        if self.shape == "square":
            x, y = column * self.size, row * self.size
            return np.asarray(shapely.box(x, y, (column + 1) * self.size, (row + 1) * self.size))
        # Whole numbers of half edges and half heights, so that neighbours share their very corners.
        x = (3 * column)[:, None] + np.array([-2, -1, 1, 2, 1, -1])
        y = (2 * row + (column & 1))[:, None] + np.array([0, -1, -1, 0, 1, 1])
        return np.asarray(shapely.polygons(np.stack([x * self._edge / 2, y * self.size / 2], axis=-1)))

    def over(self, bounds: Floats) -> tuple[Rows, Rows]:
        """The cells that cover a box, column by column.

        Raises:
            InvalidValue: They are too many.
        """
        reach = 0 if self.shape == "square" else 1
        (first, last), (low, high) = self.cells(bounds[[0, 2]], bounds[[1, 3]])
        columns, rows = int(last - first) + 1 + 2 * reach, int(high - low) + 1 + 2 * reach
        if columns * rows > MOST:
            raise InvalidValue(f"{columns * rows:,} bins are too many; make them larger.")
        column, row = np.divmod(np.arange(columns * rows), rows)
        column, row = column + first - reach, row + low - reach
        if not reach:
            return column, row
        some = shapely.intersects(self.polygons(column, row), shapely.box(*bounds))
        return column[some], row[some]

    @property
    def _edge(self) -> float:
        return self.size / math.sqrt(3)


def bins(frame: GeoDataFrame, shape: Shape, meters: float) -> GeoDataFrame:
    """Bins over the extent of a layer, in its spatial reference, with ``Bin_ID`` from 1.

    In longitude and latitude and in Web Mercator they are laid out in the World Cylindrical Equal Area
    projection and brought back, so that all have the same area; they are rectangles then, and wide near the
    poles. Other projections are binned as they are. The extent is that of what ``sound`` leaves of null,
    empty and invalid features and of those beyond 180°; without any there are no bins.

    In QGIS and ArcGIS the first bin lies in a corner of the extent instead; shapes and sizes are the same.

    Args:
        frame: The layer.
        shape: ``square`` or ``hexagon``.
        meters: The side of a square, the height of a hexagon.

    Raises:
        InvalidValue: The size is not greater than 0, or so small that there are too many bins.
    """
    plane = plane_of(frame.crs)
    places = frame.set_geometry(GeoSeries(sound(frame), index=frame.index, crs=frame.crs))
    places = places if plane is None or plane == frame.crs else reproject(places, plane)
    grid = grid_for(plane, shape, meters)
    geometry = places.geometry[places.geometry.notna()]
    cells = grid.over(geometry.total_bounds) if len(geometry) else (np.zeros(0, np.intp),) * 2
    return counted(outlines(grid, cells, frame), read=len(frame))


def plane_of(crs: CRS | None) -> CRS | None:
    """The spatial reference in whose plane bins are laid out."""
    return crs if ground_of(crs) is None else EQUAL_AREA


def grid_for(plane: CRS | None, shape: Shape, meters: float) -> Grid:
    """The grid in a plane.

    Raises:
        InvalidValue: The size is not greater than 0, or there is no such shape.
    """
    if shape not in ("square", "hexagon"):
        raise InvalidValue(f'There are no bins "{shape}"; use square or hexagon.')
    if not (np.isfinite(meters) and meters > 0):
        raise InvalidValue("The size of bins must be greater than 0.")
    return Grid(shape, meters / unit_of(plane))


def outlines(grid: Grid, cells: tuple[Rows, Rows], frame: GeoDataFrame) -> GeoDataFrame:
    """Cells of a grid as features in the spatial reference of a frame, with ``Bin_ID``."""
    shapes, plane = grid.polygons(*cells), plane_of(frame.crs)
    numbers = GeoDataFrame({"Bin_ID": np.arange(1, len(shapes) + 1)}, geometry=shapes, crs=plane)
    found = numbers if plane == frame.crs else reproject(numbers, frame.crs)
    geometry = np.asarray(found.geometry.array, dtype=object)
    return framed(numbers[["Bin_ID"]], geometry, frame.crs, str(frame.active_geometry_name))
