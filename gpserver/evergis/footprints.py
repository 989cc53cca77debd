"""Footprints: where on Earth a raster lies, its outline or only that of the cells that have a value."""

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from shapely.geometry.base import BaseGeometry

from gpserver.errors import InvalidValue
from gpserver.tools.globe import globe_of
from gpserver.tools.meridian import within_world
from gpserver.tools.reproject import reproject

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

_FINEST = 2048  # rows or columns of a mask that becomes an outline
_MOST_CORNERS = 20_000  # of an outline; there are masks like noise
_LON_LAT = CRS.from_epsg(4326)
_MAPPED = shapely.box(-540, -85.06, 540, 85.06)  # degrees; beyond, projections such as Web Mercator end
_EDGE = 32  # pieces of each side of an outline: straight in one spatial reference is bent in another


def footprint(file: "DatasetReader", crs: CRS, *, exact: bool, name: str = "The raster") -> BaseGeometry:
    """The area of a raster in another spatial reference, cut at 180° where it reaches over it.

    Args:
        file: An open raster, rotated or not.
        crs: The spatial reference of the answer.
        exact: Whether only cells with a value count. Of a raster of more than 2048 rows or columns its
            overview is asked, whose cells have a value where one of those below has; an outline like noise is
            simplified to 20,000 corners or its convex hull.
        name: The raster in an error.

    Returns:
        A Polygon or MultiPolygon.

    Raises:
        InvalidValue: No cell has a value; it lies beyond the edge of ``crs``, or nowhere on Earth.
    """
    area = _valued(file, name) if exact else _outline(file.transform, file.width, file.height)
    own = CRS.from_wkt(file.crs.to_wkt())
    if own.geodetic_crs is None:
        raise InvalidValue(f"{name} lies in {own.name}, of which nobody knows where on Earth it is.")
    if (polar := _round_a_pole(area, own)) is not None:
        area, own = polar, _LON_LAT
    if own.is_geographic and not crs.is_geographic:
        area = shapely.intersection(area, _MAPPED)
    placed = area if own == crs else _reprojected(area, own, crs, max(file.shape))
    if placed is None or placed.is_empty:
        raise InvalidValue(f"{name} lies beyond the edge of {crs.name}.")
    return shapely.union_all(within_world(np.array([placed]), globe_of(crs)))


def _round_a_pole(area: BaseGeometry, own: CRS) -> BaseGeometry | None:
    """All longitudes from the pole to the farthest corner, where an area of a projection has a pole in it."""
    if own.is_geographic:
        return None
    there = Transformer.from_crs(own, own.geodetic_crs, always_xy=True)
    for pole in (90.0, -90.0):
        x, y = there.transform(0.0, pole, direction="INVERSE")
        if np.isfinite([x, y]).all() and shapely.contains_xy(area, x, y):
            bent = shapely.segmentize(area.convex_hull, _longest(area) / _EDGE)
            _, latitudes = there.transform(*shapely.get_coordinates(bent).T)
            farthest = latitudes.min() if pole > 0 else latitudes.max()
            return shapely.box(-180, min(farthest, pole), 180, max(farthest, pole))
    return None


def _reprojected(area: BaseGeometry, own: CRS, crs: CRS, cells: int) -> BaseGeometry | None:
    """The area with edges as bent as they are there, to a quarter of a cell."""
    bent = shapely.segmentize(area, _longest(area) / _EDGE)
    [placed] = reproject(gpd.GeoDataFrame(geometry=[bent], crs=own), crs).geometry
    return None if placed is None else shapely.simplify(placed, _longest(placed) / cells / 4)


def _longest(area: BaseGeometry) -> float:
    xmin, ymin, xmax, ymax = area.bounds
    return max(xmax - xmin, ymax - ymin)


def _outline(transform: Any, width: int, height: int) -> shapely.Polygon:
    corners = [(0, 0), (0, height), (width, height), (width, 0)]
    return shapely.Polygon([transform * corner for corner in corners])


def _valued(file: "DatasetReader", name: str) -> BaseGeometry:
    from rasterio.features import shapes

    there = value_mask(file, _FINEST)
    if not there.any():
        raise InvalidValue(f"{name} has no cell with a value.")
    rows, columns = there.shape
    cells = file.transform * file.transform.scale(file.width / columns, file.height / rows)
    if there.all():
        return _outline(file.transform, file.width, file.height)
    found = shapes(there.astype(np.uint8), mask=there, transform=cells)
    area = shapely.union_all([shapely.geometry.shape(geometry) for geometry, _ in found])
    if shapely.get_num_coordinates(area) > _MOST_CORNERS:
        area = shapely.simplify(area, np.hypot(cells.a, cells.d))
    return area if shapely.get_num_coordinates(area) <= _MOST_CORNERS else shapely.convex_hull(area)


def value_mask(file: "DatasetReader", finest: int) -> NDArray[np.bool_]:
    """Which cells have a value in any band: (rows, columns) of at most ``finest`` each."""
    step = max(1.0, max(file.shape) / finest)
    shape = max(1, round(file.height / step)), max(1, round(file.width / step))
    there: NDArray[np.bool_] = file.dataset_mask(out_shape=shape) > 0
    if np.dtype(file.dtypes[0]).kind == "f":  # NaN is none, also beside another value that stands for none
        bands = file.read(out_shape=(file.count, *shape))
        there &= np.isfinite(bands).any(axis=0)
    return there
