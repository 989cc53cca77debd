"""Rasters: grids of numbers on the ground, as tasks give them and as they rest on disk (GeoTIFF)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from gpserver.errors import InvalidValue
from gpserver.features import parse_spatial_reference
from gpserver.objects import Pieces

# rasterio brings a GDAL of its own: only a process that meets a raster loads it.
if TYPE_CHECKING:
    from rasterio.io import DatasetReader

Box = tuple[float, float, float, float]
Pixels: TypeAlias = "np.ma.MaskedArray[Any, Any]"  # as text: numpy loads masks for whoever uses them
"""(bands, height, width), masked where there is no value."""

# Formats of one file; others, such as VRT, may name files of this machine or URLs.
_READABLE = {"GTiff", "PNG", "JPEG", "JP2OpenJPEG", "AAIGrid", "SRTMHGT", "BMP", "GIF", "WEBP"}
_MOST_CELLS = 250_000_000  # of a raster in memory; a small file may hold any number of empty ones
_SAMPLE = 1024  # rows or columns of a sample
_TILE = 256  # cells of a block of the file, and of the smallest overview


@dataclass(frozen=True, eq=False)
class Raster:
    """A grid of numbers.

    Args:
        values: (rows, columns) or (bands, rows, columns); the first row is the northernmost. NaN is no value.
        extent: xmin, ymin, xmax, ymax of the outer edges of the grid, in units of ``crs``.
        crs: Its spatial reference, in any form that pyproj reads; None if it is not known.
        nodata: The number that stands for no value.
    """

    values: NDArray[Any]
    extent: Box
    crs: Any = None
    nodata: float | None = None


@dataclass(frozen=True, slots=True)
class RasterFacts:
    """What is known of a raster: its extent in units of its CRS, None before there are cells; its bands."""

    extent: Box | None
    crs: CRS | None
    bands: int


def write_raster(raster: Raster, path: Path) -> None:
    """Store a raster as a tiled GeoTIFF with overviews, so that any window of it is cheap to read.

    Raises:
        InvalidValue: It has no cells, or its values are no numbers.
    """
    import rasterio
    from rasterio.enums import Resampling
    from rasterio.transform import from_bounds

    values = np.asarray(raster.values)
    values = values[None] if values.ndim == 2 else values
    if values.ndim != 3 or values.size == 0 or values.dtype.kind not in "iufb":
        raise InvalidValue("A raster has numbers in (rows, columns) or (bands, rows, columns).")
    if values.dtype.kind == "b":
        values = values.astype(np.uint8)
    bands, rows, columns = values.shape
    facts: dict[str, Any] = {
        "driver": "GTiff", "count": bands, "height": rows, "width": columns,
        "dtype": _stored_type(values.dtype),
        "crs": CRS.from_user_input(raster.crs).to_wkt() if raster.crs is not None else None,
        "transform": from_bounds(*raster.extent, columns, rows), "nodata": _nodata(raster, values),
        "tiled": True, "blockxsize": _TILE, "blockysize": _TILE, "compress": "deflate", "bigtiff": "if_safer",
    }  # fmt: skip
    with rasterio.open(path, "w", **facts) as file:
        file.write(values.astype(facts["dtype"], copy=False))
        levels = [2**level for level in range(1, 16) if max(rows, columns) >> level >= _TILE]
        file.build_overviews(levels, Resampling.nearest)


def read_raster(path: Path) -> Raster:
    """Read all of a raster file, such as a GeoTIFF or a PNG with a world file.

    Returns:
        Its bands as (bands, rows, columns), or (rows, columns) of a single one.

    Raises:
        InvalidValue: It cannot be read, its rows do not run from west to east, or it is too large for memory.
    """
    import rasterio
    from rasterio.errors import RasterioError

    try:
        with rasterio.open(path, driver=_driver(path)) as file:
            cells = file.width * file.height * file.count
            if cells > _MOST_CELLS:
                raise InvalidValue(f"The raster {path.name} has {cells} cells; {_MOST_CELLS} are allowed.")
            if not file.transform.is_rectilinear or file.transform.a <= 0 or file.transform.e >= 0:
                raise InvalidValue(f"The raster {path.name} is rotated or upside down; warp it first.")
            values = file.read()
            return Raster(
                values[0] if file.count == 1 else values, tuple(file.bounds), _crs(file), file.nodata
            )
    except RasterioError as error:
        raise InvalidValue(f"{path.name} cannot be read as a raster: {error}.") from error


def _driver(path: Path) -> str:
    from rasterio.drivers import driver_from_extension

    try:
        driver = str(driver_from_extension(path))
    except ValueError:
        driver = "GTiff" if not path.suffix else ""
    if driver not in _READABLE:
        raise InvalidValue(f"{path.name} is not in a raster format that is read; send a GeoTIFF.")
    return driver


def _stored_type(kind: np.dtype[Any]) -> str:
    """The type of the file: GeoTIFF has no 64-bit integers that every reader knows, and no half floats."""
    return {"int64": "float64", "uint64": "float64", "float16": "float32"}.get(kind.name, kind.name)


def _nodata(raster: Raster, values: NDArray[Any]) -> float | None:
    return float("nan") if raster.nodata is None and values.dtype.kind == "f" else raster.nodata


@contextmanager
def _stored(path: Path, **options: Any) -> Iterator["DatasetReader"]:
    """Open a stored raster, which may be one that comes over in pieces."""
    import rasterio

    if pieces := Pieces.at(path):
        from gpserver.objects.gdal import open_pieces

        with open_pieces(pieces, **options) as file:
            yield file
    else:
        with rasterio.open(path, **options) as file:
            yield file


def read_facts(path: Path) -> RasterFacts:
    """The facts of a stored raster."""
    with _stored(path) as file:
        return RasterFacts(tuple(file.bounds), _crs(file), file.count)


def read_sample(path: Path) -> NDArray[Any]:
    """Values of the first band, flat, none missing; evenly chosen ones where the raster is large."""
    with _stored(path) as file:
        step = max(1, max(file.shape) // _SAMPLE)
        shape = max(1, file.height // step), max(1, file.width // step)
        band = file.read(1, masked=True, out_shape=shape)
        return np.asarray(np.ma.masked_invalid(band).compressed())


def _crs(file: "DatasetReader") -> CRS | None:
    return parse_spatial_reference(file.crs.to_wkt()) if file.crs else None


def read_window(
    path: Path, box: Box, crs: CRS | None, width: int, height: int, *, smooth: bool = False
) -> Pixels:
    """The cells under the pixels of a picture; where many cells are one pixel, those of an overview.

    Args:
        path: A stored raster; a file that is not changed any more.
        box: The extent of the picture in units of ``crs``.
        crs: The picture's spatial reference.
        width: Its pixels.
        height: Its pixels.
        smooth: Whether values between cells are interpolated.
    """
    from affine import Affine
    from rasterio.enums import ColorInterp, Resampling
    from rasterio.transform import from_bounds
    from rasterio.vrt import WarpedVRT

    wkt = crs.to_wkt() if crs else ""
    with _stored(path, **_overview(str(path), wkt, (box[2] - box[0]) / width)) as file:
        source = file.crs or wkt or "EPSG:3857"
        window = {
            "crs": wkt if wkt and file.crs else source, "width": width, "height": height,
            "transform": from_bounds(*box, width, height),
            "resampling": Resampling.bilinear if smooth else Resampling.nearest,
            # Or what lies outside of the raster would be black.
            "add_alpha": file.nodata is None and ColorInterp.alpha not in file.colorinterp,
        }  # fmt: skip

        def turned(degrees: int) -> Pixels:
            place = Affine.translation(degrees, 0) * file.transform
            with WarpedVRT(file, src_crs=source, src_transform=place, **window) as picture:
                return np.ma.masked_invalid(picture.read(list(file.indexes), masked=True))

        return reduce(_filled, map(turned, _turns(file)))


def _filled(pixels: Pixels, others: Pixels) -> Pixels:
    """The first ones, with others where they have no value."""
    empty = np.ma.getmaskarray(pixels)
    pixels[empty] = others[empty]
    return pixels


def _turns(file: "DatasetReader") -> list[int]:
    """By how many degrees a raster is moved so that all of it is seen; beyond 180° a map is not looked up."""
    if not file.crs or not file.crs.is_geographic:
        return [0]
    west, east, slack = file.bounds.left, file.bounds.right, file.res[0] / 100
    return [0, *(turn for turn in (-360, 360) if west + turn < 180 - slack and east + turn > slack - 180)]


def _overview(path: str, crs: str, pixel: float) -> dict[str, int]:
    """How to open a raster so that a pixel has at least one cell of it, and as few as may be."""
    sizes = _cell_sizes(path, crs)
    finer = [level for level, size in enumerate(sizes) if size <= pixel * 1.01]
    return {"overview_level": finer[-1]} if finer else {}


@lru_cache(maxsize=1024)
def _cell_sizes(path: str, crs: str) -> list[float]:
    """The sizes of the cells of a raster's overviews in units of a spatial reference."""
    from rasterio.warp import calculate_default_transform

    with _stored(Path(path)) as file:
        levels = file.overviews(1)
        if not levels:
            return []
        corners = file.width, file.height, *file.bounds
        cell = calculate_default_transform(file.crs, crs, *corners)[0].a if file.crs and crs else file.res[0]
    return [cell * level for level in levels]


def values_at(path: Path, x: float, y: float) -> list[float | None]:
    """The value of every band at a place in the raster's own spatial reference; None where there is none."""
    with _stored(path) as file:
        [cell] = file.sample([(x, y)], masked=True)
        return [
            None if gone or value != value else float(value)
            for value, gone in zip(cell.data, np.ma.getmaskarray(cell), strict=True)
        ]
