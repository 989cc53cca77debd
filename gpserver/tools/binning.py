"""Binning: points summarized by the bin they lie in, without any question to geometry."""

from collections.abc import Sequence

import numpy as np
import shapely
from geopandas import GeoDataFrame

from gpserver.errors import InvalidValue
from gpserver.tools.aggregate import Aggregate, Members, summarized
from gpserver.tools.bins import EQUAL_AREA, Shape, grid_for, outlines, plane_of
from gpserver.tools.counts import counted
from gpserver.tools.globe import Floats
from gpserver.tools.measure import ground_area
from gpserver.tools.operand import Rows, ground_of
from gpserver.tools.reproject import transformer
from gpserver.tools.statistics import Statistic

# Cells of the box around all points that a table of them may have; beyond, the few that there are get sorted.
TABLE = 8_000_000


def bin_points(
    frame: GeoDataFrame,
    shape: Shape,
    meters: float,
    wanted: Sequence[Statistic] = (),
    *,
    by: str = "",
    keep: bool = True,
) -> Aggregate:
    """Summarize points in the bins of ``bins``, as ``aggregate`` does in polygons.

    A point belongs to one bin alone: on a border to the one above or to the right.

    Args:
        frame: Points.
        shape: ``square`` or ``hexagon``.
        meters: The side of a square, the height of a hexagon.
        wanted: Statistics of fields.
        by: A field whose values are summarized apart, too.
        keep: Keep bins without points, all over the extent.

    Raises:
        InvalidValue: Something is no point; else as ``bins`` and ``aggregate``.
    """
    x, y = _places(frame)
    some = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if len(some) < len(x):
        x, y = x[some], y[some]
    grid = grid_for(plane_of(frame.crs), shape, meters)
    cells = grid.cells(x, y)
    chosen = grid.over(np.array([x.min(), y.min(), x.max(), y.max()])) if keep and len(some) else cells
    (column, row), codes = _numbered(chosen, cells)
    polygons = outlines(grid, (column, row), frame)
    areas = ground_area(np.asarray(polygons.geometry.array, dtype=object), frame.crs)
    found = summarized(frame, polygons, Members(codes, some), areas, wanted, by=by)
    counted(found.areas, len(frame), len(frame) - len(some))
    return found


def _places(frame: GeoDataFrame) -> tuple[Floats, Floats]:
    """Coordinates of points in the plane of the bins, not finite where there is none.

    As ``sound`` and ``reproject`` would find them, without any geometry on the way.
    """
    geometry = np.asarray(frame.geometry.array, dtype=object)
    x, y = shapely.get_x(geometry), shapely.get_y(geometry)
    # What is no point has no x.
    if (shapely.get_type_id(geometry[np.isnan(x)]) > 0).any():
        raise InvalidValue("Only points are binned; summarize lines and polygons within bins.")
    if (globe := ground_of(frame.crs)) is None:
        return x, y
    beyond, wide = np.abs(x) > globe.half_width, 2 * globe.half_width
    x[beyond] = (x[beyond] + globe.half_width) % wide - globe.half_width
    x, y = transformer(frame.crs.srs, EQUAL_AREA.srs).transform(x, y)
    return x, y


def _numbered(chosen: tuple[Rows, Rows], cells: tuple[Rows, Rows]) -> tuple[tuple[Rows, Rows], Rows]:
    """The chosen cells, each once, by column and row; and the number of each member's cell among them."""
    if not len(chosen[0]):
        return chosen, np.zeros(0, dtype=np.intp)
    left, low = chosen[0].min(), chosen[1].min()
    high = int(chosen[1].max() - low) + 1
    every = (chosen[0] - left) * high + chosen[1] - low
    codes = (cells[0] - left) * high + cells[1] - low
    if int(chosen[0].max() - left + 1) * high > TABLE:
        every = np.unique(every)
        return (every // high + left, every % high + low), np.searchsorted(every, codes)
    there = np.zeros(int(chosen[0].max() - left + 1) * high, dtype=bool)
    there[every] = True
    every, number = np.flatnonzero(there), np.cumsum(there) - 1
    return (every // high + left, every % high + low), number[codes]
