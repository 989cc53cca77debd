"""What a tile of a catalogue of rasters costs next to rio-tiler (where it is installed) and to GDAL alone.

Run it with ``python -m tests.benchmarks.bench_tiles [quick]``; quick takes a hundredth of the cells.
"""

import itertools
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
from pyproj import CRS
from rasterio.enums import Resampling
from rasterio.transform import from_bounds, from_origin
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from gpserver.evergis.footprints import footprint
from gpserver.evergis.geotiffs import opened, write_geotiff
from gpserver.layers import LayerInfo, Layers, Place
from gpserver.maps.mosaic import draw_tile, tile_box
from gpserver.maps.picture import Tile
from tests.benchmarks.timing import compare, table

try:
    from rio_tiler.io import Reader
except ImportError:
    Reader = None

NAME = "bench.hills"
ROUNDS = 5
# The same place at the scale of its cells, and from so far away that all of it is in the picture.
PLACES = {"near": (12, 2205, 1262), "middle": (9, 276, 158), "far": (7, 69, 39)}


def hills(path: Path, side: int) -> None:
    """Light and shade of hills with grain, written piece by piece."""
    cell = 200_000 / side
    place = {"crs": "EPSG:32633", "transform": from_origin(400_000, 6_300_000, cell, cell), "nodata": 0}
    shape = {"count": 1, "height": side, "width": side, "dtype": "uint8", "tiled": True}
    dice = np.random.default_rng(1)
    with rasterio.open(path, "w", driver="GTiff", **shape, **place) as file:
        for top in range(0, side, 1000):
            rows, columns = np.mgrid[top : top + 1000, :side] / 300
            light = 128 + 90 * np.sin(rows) * np.cos(columns * 1.3 + rows) + dice.normal(0, 6, rows.shape)
            file.write(np.clip(light, 1, 255).astype(np.uint8), 1, window=Window(0, top, side, 1000))


def published(layers: Layers, source: Path) -> Path:
    """The raster as a row of a catalogue; its file."""
    info = layers.create(LayerInfo(NAME, geometry_type="MultiPolygon", sr_id=4326, kind="rasters"))
    folder = layers.rasters.folder(info)
    folder.mkdir(parents=True)
    write_geotiff(source, "hills", folder / "draft.tmp", cog=True)
    with opened(folder / "draft.tmp", "hills") as file:
        area = footprint(file, CRS(4326), exact=True)
    [row] = layers.append(NAME, gpd.GeoDataFrame(geometry=[area], crs=4326))
    layers.rasters.keep(info, row, folder / "draft.tmp", None)
    return layers.rasters.path(info, row)


def warped(path: Path, tile: tuple[int, int, int]) -> Any:
    with rasterio.open(path) as file:
        place = {"transform": from_bounds(*tile_box(*tile), 256, 256), "width": 256, "height": 256}
        with WarpedVRT(file, crs="EPSG:3857", resampling=Resampling.bilinear, **place) as picture:
            return picture.read(1, masked=True)


def tiled(path: Path, tile: tuple[int, int, int], drawn: bool) -> Any:
    z, x, y = tile
    with Reader(str(path)) as reader:
        image = reader.tile(x, y, z, tilesize=256, resampling_method="bilinear")
        return image.render(img_format="PNG") if drawn else image


def variants(place: Place, path: Path, tile: tuple[int, int, int]) -> dict[str, Callable[[], Any]]:
    # A tile beside it at every turn, so that nobody has the pixels already.
    turns = {name: itertools.cycle(range(4)) for name in ("gdal", "reader", "png", "ours")}

    def next_of(name: str) -> tuple[int, int, int]:
        z, x, y = tile
        turn = next(turns[name]) if z > 9 else 0
        return z, x + turn % 2, y + turn // 2

    def ours() -> bytes:
        return draw_tile(Tile(asdict(place), "", NAME, 2, *next_of("ours"), 256, "png"))

    found: dict[str, Callable[[], Any]] = {
        "GDAL's WarpedVRT, no picture": lambda: warped(path, next_of("gdal")),
        "draw_tile, PNG": ours,
    }
    if Reader:
        found["rio-tiler, no picture"] = lambda: tiled(path, next_of("reader"), False)
        found["rio-tiler, PNG"] = lambda: tiled(path, next_of("png"), True)
    return found


def main() -> None:
    side = 1000 if "quick" in sys.argv else 10_000
    with tempfile.TemporaryDirectory() as folder:
        place = Place(folder)
        hills(Path(folder) / "hills.tif", side)
        path = published(place.open(), Path(folder) / "hills.tif")
        for name, tile in PLACES.items():
            medians = compare(variants(place, path, tile), ROUNDS)
            title = f"a tile of {side} x {side} cells, {name}"
            print(table(title, medians, floor="GDAL's WarpedVRT, no picture"))


if __name__ == "__main__":
    main()
