"""GeoTIFF files that clients sent: which are taken, and how they are kept, cloud optimized or just tiled."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil, log2
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Any

import numpy as np

from gpserver.errors import InvalidValue

# rasterio brings a GDAL of its own: only a process that meets a raster loads it.
if TYPE_CHECKING:
    from rasterio.io import DatasetReader

_ENVIRONMENT = {
    "GDAL_CACHEMAX": 128 << 20,
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # nothing is read that lies beside a file
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_TIFF_INTERNAL_MASK": "YES",
}
_MOST_VALUES = 10_000_000_000  # of all bands; a small file may hold any number of empty ones
_LARGEST_BLOCK = 1 << 28  # bytes that are unpacked at once; a file may be a single block
_BLOCK = 512  # cells of a side of the blocks that are written
_WRITTEN = {"COMPRESS": "DEFLATE", "BIGTIFF": "IF_SAFER"}


@contextmanager
def opened(path: Path, name: str) -> "Iterator[DatasetReader]":
    """A file as a raster on the ground.

    Args:
        path: The file, whatever it is called.
        name: What its sender calls it.

    Raises:
        InvalidValue: It is no GeoTIFF, or damaged, also where that is found out while the caller reads it; it
            does not say where on Earth it lies; its values are no real numbers; or it is too large to be
            worked on piece by piece.
    """
    import rasterio
    from rasterio._err import CPLE_BaseError  # what GDAL says; not all of it becomes a RasterioError
    from rasterio.errors import RasterioError

    try:
        # Of GDAL's formats only this one: others, such as VRT, may name files of this machine.
        with rasterio.Env(**_ENVIRONMENT), rasterio.open(path, driver="GTiff") as file:
            _check(file, name)
            yield file
    except (RasterioError, CPLE_BaseError) as error:
        # GDAL calls the file as this machine does.
        reason = str(error.__cause__ or error).replace(str(path), name).replace(path.name, name)
        raise InvalidValue(f"{name} cannot be read as a GeoTIFF: {reason.rstrip('.')}.") from error


def _check(file: "DatasetReader", name: str) -> None:
    if file.crs is None or file.transform.is_identity:
        more = " It has ground control points: warp it first." if file.gcps[0] else ""
        raise InvalidValue(f"{name} does not say where on Earth it lies, or in which reference.{more}")
    if any(kind.startswith("complex") for kind in file.dtypes):
        raise InvalidValue(f"{name} has values of the type {file.dtypes[0]}; real numbers are needed.")
    if (values := file.width * file.height * file.count) > _MOST_VALUES:
        raise InvalidValue(f"{name} has {values} values; {_MOST_VALUES} are allowed.")
    if (size := _block_size(file)) > _LARGEST_BLOCK:
        raise InvalidValue(f"A block of {name} has {size >> 20} MB; write it with tiles or short strips.")


def _block_size(file: "DatasetReader") -> int:
    together = file.count if file.profile.get("interleave") == "pixel" else 1
    kinds = zip(file.block_shapes, file.dtypes, strict=True)
    return together * int(
        max(int(rows * columns) * np.dtype(kind).itemsize for (rows, columns), kind in kinds)
    )


def write_geotiff(source: Path, name: str, target: Path, *, cog: bool, levels: int | None = None) -> None:
    """Keep a GeoTIFF in blocks, with overviews; its cells, its mask and its colours stay what they are.

    The work goes block by block, so memory does not grow with the raster. NaN becomes the value that stands
    for none where the file has no other. Overviews are means of cells (of a palette, every other cell).

    Args:
        source: A GeoTIFF.
        name: What its sender calls it.
        target: The file to write; drafts are made beside it.
        cog: Whether it shall be a Cloud Optimized GeoTIFF; else its overviews stand behind its cells.
        levels: How many overviews, each of half the size; None for as many as it takes to one block.

    Raises:
        InvalidValue: As ``opened``.
    """
    draft = target.with_suffix(".draft")
    try:
        with opened(_with_nodata(source, name, draft), name) as file:
            wanted = _levels(file.shape, levels)
            (_write_cog if cog else _write_tiled)(file, target, wanted)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    finally:
        draft.unlink(missing_ok=True)


def _with_nodata(source: Path, name: str, draft: Path) -> Path:
    """The file, or a copy of it that says that NaN is no value."""
    import rasterio

    with opened(source, name) as file:
        sound = file.nodata is not None or is_masked(file) or np.dtype(file.dtypes[0]).kind != "f"
    if sound:
        return source
    copyfile(source, draft)
    with rasterio.Env(**_ENVIRONMENT), rasterio.open(draft, "r+", driver="GTiff") as file:
        file.nodata = float("nan")
    return draft


def is_masked(file: "DatasetReader") -> bool:
    """Whether it has an alpha band or a mask of its own."""
    from rasterio.enums import MaskFlags

    return any(flag in (MaskFlags.alpha, MaskFlags.per_dataset) for flag in file.mask_flag_enums[0])


def _levels(shape: tuple[int, int], wanted: int | None) -> int:
    """How many times the raster is halved: never to less than one cell."""
    enough = max(0, ceil(log2(max(shape) / _BLOCK)))
    return enough if wanted is None else min(wanted, int(log2(max(shape))))


def _write_cog(file: "DatasetReader", target: Path, levels: int) -> None:
    import rasterio.shutil

    overviews = {"OVERVIEWS": "IGNORE_EXISTING" if levels else "NONE", "OVERVIEW_COUNT": levels}
    options: dict[str, Any] = _WRITTEN | overviews | {"OVERVIEW_RESAMPLING": _resampling(file)}
    rasterio.shutil.copy(file, target, driver="COG", BLOCKSIZE=_BLOCK, PREDICTOR="YES", **options)


def _write_tiled(file: "DatasetReader", target: Path, levels: int) -> None:
    import rasterio.shutil
    from rasterio.enums import Resampling

    blocks = {"TILED": "YES", "BLOCKXSIZE": _BLOCK, "BLOCKYSIZE": _BLOCK}
    rasterio.shutil.copy(file, target, driver="GTiff", COPY_SRC_OVERVIEWS="NO", **_WRITTEN, **blocks)
    with rasterio.open(target, "r+", driver="GTiff") as kept:
        kept.build_overviews(
            [2**level for level in range(1, levels + 1)], Resampling[_resampling(file).lower()]
        )


def _resampling(file: "DatasetReader") -> str:
    from rasterio.enums import ColorInterp

    return "NEAREST" if ColorInterp.palette in file.colorinterp else "AVERAGE"


def block_count(path: Path) -> int:
    """The blocks of a file that was kept: of its cells and of its overviews."""
    import rasterio

    with rasterio.open(path) as file:
        rows, columns = file.block_shapes[0]
        sizes = [(ceil(file.height / step), ceil(file.width / step)) for step in (1, *file.overviews(1))]
    return sum(ceil(height / rows) * ceil(width / columns) for height, width in sizes)
