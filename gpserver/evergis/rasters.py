"""The task tiling: raster files become rows of a catalogue, kept so that every window is cheap to read."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
from pyproj import CRS

from gpserver.archives import is_archive, unpack
from gpserver.context import JobContext
from gpserver.errors import InvalidValue, NotFound, TaskError
from gpserver.evergis.bodies import Tiling
from gpserver.evergis.footprints import footprint
from gpserver.evergis.geotiffs import block_count, opened, write_geotiff
from gpserver.evergis.steps import Steps
from gpserver.features import parse_spatial_reference
from gpserver.layers import LayerInfo
from gpserver.layers.table import described

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

_SUFFIXES = (".tif", ".tiff", ".gtif")
_SR_ID = 4326  # of a new catalogue: every raster has a place in it, also at the poles
_SHOWN = (2, 98)  # percentiles of the values that are black and white
_SAMPLE = 1024  # rows or columns that they are taken of


def tile(job: JobContext, body: Tiling, steps: Steps) -> gpd.GeoDataFrame:
    """Load raster files into a catalogue of rasters; one step.

    Each file, or each GeoTIFF of a zip archive, becomes a row: its footprint, the attributes of the body and,
    unless the body says otherwise, its file's name as ``name``. A file that cannot be taken is told in
    ``batchErrors`` and the rest goes on.

    Returns:
        The new rows.

    Raises:
        TaskError: No file could be taken.
        InvalidValue: The target is no catalogue of rasters, or has not the attributes of the body.
        Conflict, Forbidden: It cannot be made.
    """
    info = _catalogue(job, body)
    made, errors = dict[int, int](), list[str]()
    for number, key in enumerate(body.files):
        steps.at(number, len(body.files))
        with _caught(errors, key):
            for name, path in _rasters(job, key):
                with _caught(errors, name):
                    row, blocks = _add(job, body, info, name, path)
                    made[row] = blocks
    for text in errors:
        job.warning(text)
    if not made:
        raise TaskError(" ".join(errors))
    read, details = len(made) + len(errors), {"Tiles created": sum(made.values())}
    steps.end(read, len(made), errors=errors, lost=len(errors), details=details)
    rows: gpd.GeoDataFrame = job.layers.read(info.name, ids=made)
    return rows


@contextmanager
def _caught(errors: list[str], name: str) -> Iterator[None]:
    """What is wrong with one file does not end the work on the others."""
    try:
        yield
    except (InvalidValue, NotFound) as error:
        text = str(error)
        errors.append(text if name in text else f"{name}: {text}")


def _catalogue(job: JobContext, body: Tiling) -> LayerInfo:
    name, given = body.target.service_name, body.attributes or {}
    if body.target.create_new_service:
        return job.layers.create(_new(name, given))
    info = job.layers.find(name)
    if info.kind != "rasters":
        raise InvalidValue(
            f"target: {name} is no catalogue of rasters; set createNewService, or name another."
        )
    for attribute in given:
        info.attribute(attribute)
    return info


def _new(name: str, given: dict[str, Any]) -> LayerInfo:
    values = {"name": "", **given}
    _, like = described(name, gpd.GeoDataFrame([values], geometry=[None], crs=_SR_ID), None)
    return LayerInfo(name, like.fields, geometry_type="MultiPolygon", sr_id=_SR_ID, kind="rasters")


def _rasters(job: JobContext, key: str) -> Iterator[tuple[str, Path]]:
    """Names and paths of the rasters of an uploaded file; those in an archive last until the next."""
    path, name = job.layers.resources.file(key), _name(job, key)
    if not is_archive(path):
        yield name, path
        return
    folder = job.scratch / secrets.token_hex(8)
    try:
        found = [file for file in unpack(path, folder) if file.suffix.lower() in _SUFFIXES]
        if not found:
            raise InvalidValue(f"The archive {name} has no file with one of {', '.join(_SUFFIXES)}.")
        yield from ((file.name, file) for file in found)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _name(job: JobContext, key: str) -> str:
    """What the sender calls a file that he names by its id, its path or its name."""
    with suppress(NotFound):
        return job.layers.resources.resource(key).name
    return key


def _add(job: JobContext, body: Tiling, info: LayerInfo, name: str, path: Path) -> tuple[int, int]:
    """One raster; the id of its row, and the number of its blocks."""
    files = job.layers.rasters
    job.check_cancelled()
    folder = files.folder(info)
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{secrets.token_hex(8)}.tmp"
    try:
        write_geotiff(path, name, draft, cog=body.use_cog, levels=body.max_zoom_level or None)
        crs = parse_spatial_reference(info.sr_id or _SR_ID) or CRS.from_epsg(_SR_ID)
        with opened(draft, name) as file:
            area = footprint(file, crs, exact=body.polygonize, name=name)
            span = _span(file)
        row = gpd.GeoDataFrame([_values(info, name, body.attributes)], geometry=[area], crs=crs)
        blocks = block_count(draft)
        [gid] = job.layers.append(info.name, row)
        files.keep(info, gid, draft, span)
    finally:
        draft.unlink(missing_ok=True)
    return int(gid), blocks


def _values(info: LayerInfo, name: str, given: dict[str, Any] | None) -> dict[str, Any]:
    named = any(item.name == "name" and item.type == "String" for item in info.fields)
    return ({"name": name} if named else {}) | (given or {})


def _span(file: "DatasetReader") -> tuple[float, float] | None:
    """The values that are black and white in a picture; None of bytes, which are colours already."""
    from rasterio.enums import ColorInterp

    if file.dtypes[0] == "uint8":
        return None
    bands = [band for band in file.indexes if file.colorinterp[band - 1] is not ColorInterp.alpha]
    step = max(1.0, max(file.shape) / _SAMPLE)
    shape = max(1, round(file.height / step)), max(1, round(file.width / step))
    cells = np.ma.masked_invalid(file.read(bands, out_shape=(len(bands), *shape), masked=True))
    spans = [np.percentile(band.compressed(), _SHOWN) for band in cells if band.count()]
    return (float(np.min(spans)), float(np.max(spans))) if spans else None
