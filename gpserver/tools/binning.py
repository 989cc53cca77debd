"""Binning: points summarized by the bin they lie in, without any question to geometry."""

from collections.abc import Sequence

import numpy as np
import shapely
from geopandas import GeoDataFrame

from gpserver.errors import InvalidValue
from gpserver.tools.aggregate import Aggregate, Members, summarized
from gpserver.tools.bins import Shape, grid_for, in_plane, outlines
from gpserver.tools.counts import counted
from gpserver.tools.measure import ground_area
from gpserver.tools.operand import Rows
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
    places = in_plane(frame)
    geometry = np.asarray(places.geometry.array, dtype=object)
    if (shapely.get_type_id(geometry) > 0).any():
        raise InvalidValue("Only points are binned; summarize lines and polygons within bins.")
    some = np.flatnonzero(~shapely.is_missing(geometry))
    x, y = shapely.get_x(geometry[some]), shapely.get_y(geometry[some])
    grid = grid_for(places, shape, meters)
    cells = grid.cells(x, y)
    chosen = grid.over(np.array([x.min(), y.min(), x.max(), y.max()])) if keep and len(some) else cells
    (column, row), codes = _numbered(chosen, cells)
    polygons = outlines(grid, (column, row), places.crs, frame)
    areas = ground_area(np.asarray(polygons.geometry.array, dtype=object), frame.crs)
    found = summarized(frame, polygons, Members(codes, some), areas, wanted, by=by)
    counted(found.areas, len(frame), len(frame) - len(some))
    return found


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
