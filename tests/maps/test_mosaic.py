"""Tiles of catalogues of rasters, against what GDAL makes of their sources."""

import json
from dataclasses import asdict, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from PIL import Image
from pyproj import CRS
from rasterio.enums import Resampling
from rasterio.transform import from_bounds, from_origin
from rasterio.vrt import WarpedVRT

from gpserver.evergis.footprints import footprint
from gpserver.layers import Attribute, LayerInfo, Layers, Place
from gpserver.maps.artist import run
from gpserver.maps.mosaic import tile_box
from gpserver.maps.picture import Inspection, Tile

NAME = "ann.scenes"
WGS84 = CRS(4326)
PLACE = from_origin(500_000, 6_000_000, 30, 30)
TILE = (11, 1109, 656)  # its western edge goes through it


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(str(tmp_path / "layers"))
    layers = place.open()
    layers.create(
        LayerInfo(NAME, (Attribute("name"),), geometry_type="MultiPolygon", sr_id=4326, kind="rasters")
    )
    return place


def hills(side: int = 1000) -> Any:
    """Smooth heights, 0 to 3000."""
    rows, columns = np.mgrid[:side, :side] / side * 20
    return ((np.sin(rows) + np.cos(columns * 1.3 + rows) + 2) * 750).astype(np.float32)


def shaded(heights: Any) -> Any:
    """Light from the north west, 0 to 255."""
    north, east = np.gradient(heights, 30)
    return np.clip(180 + 255 * (north + east), 1, 255).astype(np.uint8)


def add(layers: Layers, values: Any, span: tuple[float, float] | None = None, **facts: Any) -> int:
    """A row with a raster, written by GDAL alone."""
    info = layers.find(NAME)
    folder = layers.rasters.folder(info)
    folder.mkdir(parents=True, exist_ok=True)
    values = values[None] if values.ndim == 2 else values
    bands, rows, columns = values.shape
    colors = facts.pop("colormap", None)
    facts = {"crs": "EPSG:32633", "transform": PLACE, "tiled": True} | facts
    shape = {"count": bands, "height": rows, "width": columns, "dtype": values.dtype.name}
    with rasterio.open(folder / "draft.tmp", "w", driver="GTiff", **shape, **facts) as file:
        file.write(values)
        if colors:
            file.write_colormap(1, colors)
        area = footprint(file, WGS84, exact=False)
    [row] = layers.append(NAME, gpd.GeoDataFrame({"name": ["x"]}, geometry=[area], crs=WGS84))
    layers.rasters.keep(info, row, folder / "draft.tmp", span)
    return int(row)


def drawn(place: Place, tile: tuple[int, int, int] = TILE, **order: Any) -> Any:
    """The pixels of a tile, (rows, columns, 4)."""
    z, x, y = tile
    target = Path(place.location) / f"tile.{order.get('format', 'png')}"
    whole = Tile(
        asdict(place), "", NAME, place.open().find(NAME).version, z, x, y, 256, "png", target=str(target)
    )
    assert run(asdict(replace(whole, **order)), None) == {}
    return np.array(Image.open(target).convert("RGBA"))


def warped(path: Path, tile: tuple[int, int, int], resampling: Resampling) -> Any:
    """The same of GDAL: values and mask."""
    place = {"transform": from_bounds(*tile_box(*tile), 256, 256), "width": 256, "height": 256}
    with rasterio.open(path) as file:
        more = {"resampling": resampling, "add_alpha": file.count < 4}
        with WarpedVRT(file, crs="EPSG:3857", **place, **more) as picture:
            return picture.read()


def test_bytes_are_shown_as_they_are(place: Place) -> None:
    layers = place.open()
    row = add(layers, shaded(hills()))
    grey, there = warped(layers.rasters.path(layers.find(NAME), row), TILE, Resampling.bilinear)
    pixels = drawn(place)
    assert (pixels[..., 0] == grey).all()
    assert (pixels[..., 3] == there).all()
    assert pixels[..., 3].any()
    assert (pixels[..., :3] == pixels[..., :1]).all()


def test_far_away_the_overviews_are_asked(place: Place) -> None:
    layers = place.open()
    row = add(layers, shaded(hills(2000)))
    path = layers.rasters.path(layers.find(NAME), row)
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2, 4, 8], Resampling.average)
    tile = (8, 138, 82)
    grey, there = warped(path, tile, Resampling.average)
    pixels = drawn(place, tile)
    inside = (there == 255) & (pixels[..., 3] == 255)
    assert inside.sum() > 2000
    assert (there > 0).sum() == pytest.approx((pixels[..., 3] > 0).sum(), rel=0.05)
    assert np.abs(pixels[..., 0][inside].astype(int) - grey[inside]).mean() < 3


def test_red_green_and_blue_with_alpha(place: Place) -> None:
    layers = place.open()
    grey = shaded(hills())
    alpha = np.where(np.arange(1000) < 500, 255, 0)[:, None].repeat(1000, axis=1)
    values = np.stack([grey, 255 - grey, grey // 2, alpha]).astype(np.uint8)
    row = add(layers, values, photometric="RGB", alpha="YES")
    theirs = warped(layers.rasters.path(layers.find(NAME), row), TILE, Resampling.bilinear)
    pixels = drawn(place)
    seen = pixels[..., 3] == 255
    assert seen.any()
    assert not seen.all()
    assert (pixels[seen][:, :3] == np.moveaxis(theirs[:3], 0, -1)[seen]).all()


def test_a_palette_keeps_its_colors(place: Place) -> None:
    classes = (np.indices((1000, 1000)).sum(axis=0) // 100 % 3).astype(np.uint8)
    colors = {0: (255, 0, 0, 255), 1: (0, 255, 0, 255), 2: (0, 0, 255, 255)}
    add(place.open(), classes, colormap=colors)
    pixels = drawn(place)
    found = {tuple(color) for color in pixels.reshape(-1, 4).tolist() if color[3]}
    assert found == set(colors.values())


def test_other_values_are_stretched_alike_in_the_whole_catalogue(place: Place) -> None:
    layers = place.open()
    heights = hills()
    west, east = heights[:, :500], heights[:, 500:]
    add(layers, west, (0, 2000), nodata=-9999)
    add(layers, east, (1000, 3000), nodata=-9999, transform=PLACE * PLACE.translation(500, 0))
    whole = drawn(place, (9, 277, 164))
    inside = whole[..., 3] == 255
    assert inside.any()
    # One raster of the same values, cut nowhere, has the same colours.
    layers.delete(NAME, [1, 2])
    add(layers, heights, (0, 3000), nodata=-9999)
    again = drawn(place, (9, 277, 164))
    inside &= again[..., 3] == 255
    assert np.abs(whole[inside].astype(int) - again[inside]).max() <= 2


def test_the_youngest_is_on_top_and_ids_choose(place: Place) -> None:
    layers = place.open()
    low = add(layers, np.full((1000, 1000), 50, np.uint8))
    hole = np.full((1000, 1000), 200, np.uint8)
    hole[:, 100:] = 0
    high = add(layers, hole, nodata=0)
    assert set(np.unique(drawn(place)[..., 0])) >= {50, 200}
    assert set(np.unique(drawn(place, ids=(low,))[..., 0])) <= {0, 50}
    assert set(np.unique(drawn(place, ids=(high,))[..., 0])) <= {0, 200}
    assert not drawn(place, ids=(77,)).any()


def test_where_nothing_is(place: Place) -> None:
    assert not drawn(place).any()
    add(place.open(), shaded(hills()))
    assert not drawn(place, (3, 0, 0))[..., 3].any()
    assert (drawn(place, (3, 0, 0), format="jpg") == 255).all()
    assert not drawn(place, (3, 0, 0), format="webp")[..., 3].any()


def test_beyond_180_degrees(place: Place) -> None:
    values = np.full((50, 200), 9, np.uint8)
    add(place.open(), values, crs="EPSG:4326", transform=from_origin(170, 10, 0.1, 0.1))
    west, east = drawn(place, (4, 15, 7)), drawn(place, (4, 0, 7))
    assert (west[..., 3] > 0).sum() == pytest.approx((east[..., 3] > 0).sum(), rel=0.05)
    assert west[..., 3][:, -1].any()
    assert east[..., 3][:, 0].any()


def test_a_new_version_is_drawn_anew(place: Place) -> None:
    assert not drawn(place).any()
    add(place.open(), shaded(hills()))
    assert drawn(place).any()


def test_what_there_is_to_say_of_a_raster(place: Place, tmp_path: Path) -> None:
    layers = place.open()
    heights = hills(500)
    row = add(layers, heights, (0, 3000), nodata=-9999)
    order = Inspection(
        asdict(place), "", NAME, 2, row, low=0.0, high=3000.0, target=str(tmp_path / "facts.json")
    )
    assert run(asdict(order), None) == {}
    [facts] = json.loads((tmp_path / "facts.json").read_text())
    assert (facts["layerName"], facts["width"], facts["bandCount"], facts["srId"]) == (NAME, 500, 1, 32633)
    assert facts["boundingBox"] == [500_000, 5_985_000, 515_000, 6_000_000]
    [band] = facts["bands"]
    assert band["mean"] == pytest.approx(heights.mean(), rel=1e-5)
    assert band["stddev"] == pytest.approx(heights.std(), rel=1e-5)
    assert band["histogram"] == np.histogram(heights, 256, (0, 3000))[0].tolist()
    assert (band["colorMin"], band["colorMax"]) == pytest.approx((heights.min(), heights.max()))
    nobody = replace(order, row=7)
    assert "has no raster 7" in run(asdict(nobody), None)["problem"]


def test_the_formats_are_what_they_say(place: Place) -> None:
    add(place.open(), shaded(hills()))
    for format, name in (("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP")):
        drawn(place, format=format)
        content = (Path(place.location) / f"tile.{format}").read_bytes()
        assert Image.open(BytesIO(content)).format == name
