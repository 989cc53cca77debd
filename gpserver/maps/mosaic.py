"""Draws tiles of catalogues of rasters: one raster over another, the youngest row topmost."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import shapely
from geopandas import GeoDataFrame
from pyproj import CRS

from gpserver.errors import InvalidRequest
from gpserver.features import transformer
from gpserver.features.shapes import Array
from gpserver.layers import LayerInfo, Layers, Place
from gpserver.maps.images import write
from gpserver.maps.picture import Inspection, Tile
from gpserver.rasters import Box, Pixels, read_window

_WEB_MERCATOR, _LON_LAT = CRS.from_epsg(3857), CRS.from_epsg(4326)
_HALF = 20_037_508.342789244  # metres from the middle of Web Mercator to its edge
_CATALOGUES = 16  # that a process remembers, each in its latest versions
_BUCKETS = 256
_SAMPLE = 1024  # rows or columns of a raster that its statistics are taken of


@dataclass(frozen=True, eq=False)
class _Catalogue:
    """The rows of a catalogue, the youngest first."""

    layers: Layers
    info: LayerInfo
    ids: Array
    areas: shapely.STRtree
    """In longitude and latitude."""


@dataclass(frozen=True, slots=True)
class _Bands:
    """How the bands of a raster are seen: one as grey or by a palette, three as red, green and blue."""

    colors: tuple[int, ...]
    alpha: int | None
    palette: Array | None
    """(256, 4) uint8."""


def draw_tile(tile: Tile) -> bytes:
    """The file of a tile; where no raster has a value it is transparent, or white in a format without.

    Bytes are shown as they are. Other values are stretched alike in all rasters of the catalogue, from the
    least of their 2nd percentiles to the greatest of their 98th, so that neighbours meet without a seam.
    """
    catalogue = _opened(tile)
    box = tile_box(tile.z, tile.x, tile.y)
    picture = np.zeros((tile.size, tile.size, 4), np.uint8)
    for row in _rows_in(catalogue, box, tile.ids):
        path = catalogue.layers.rasters.path(catalogue.info, row)
        if path.is_file():
            picture = _over(picture, _colored(str(path), box, tile.size, _widest(catalogue)))
            if picture[..., 3].all():
                break
    opaque = bool((picture[..., 3] == 255).all())
    return write(picture, "png24" if tile.format == "png" else tile.format, transparent=not opaque)


def tile_box(z: int, x: int, y: int) -> Box:
    """The extent of a tile in Web Mercator."""
    side = 2 * _HALF / (1 << z)
    return x * side - _HALF, _HALF - (y + 1) * side, (x + 1) * side - _HALF, _HALF - y * side


def _over(above: Array, below: Array) -> Array:
    """One picture over another, which is seen where the first is transparent."""
    if not above[..., 3].any():
        return below
    empty = above[..., 3] == 0
    above[empty] = below[empty]
    return above


def _opened(order: Tile | Inspection) -> _Catalogue:
    return _catalogue(orjson.dumps(order.place), order.owner, order.layer, order.version)


@lru_cache(maxsize=_CATALOGUES)
def _catalogue(place: bytes, owner: str, layer: str, version: int) -> _Catalogue:
    # A client asks for many tiles of the same version of a catalogue.
    layers = Place(**orjson.loads(place)).open(owner)
    info = layers.find(layer)
    frame = layers.read(layer, [info.geometry_attribute] if info.geometry_attribute else [])[::-1]
    if not isinstance(frame, GeoDataFrame):
        raise InvalidRequest(f"The layer {layer} has no footprints of rasters.")
    areas = shapely.STRtree(frame.geometry.to_crs(4326).to_numpy())
    return _Catalogue(layers, info, frame[info.id_attribute].to_numpy(), areas)


def _rows_in(catalogue: _Catalogue, box: Box, ids: tuple[int, ...]) -> list[int]:
    # Edges of a tile are parallels and meridians: two corners are enough.
    (west, east), (south, north) = transformer(_WEB_MERCATOR, _LON_LAT).transform(box[::2], box[1::2])
    window = shapely.box(west, south, east, north)
    rows = catalogue.ids[np.sort(catalogue.areas.query(window, "intersects"))]
    return [int(row) for row in rows if not ids or row in ids]


@lru_cache(maxsize=_CATALOGUES)
def _widest(catalogue: _Catalogue) -> tuple[float, float]:
    """The values that are black and white in the whole catalogue."""
    spans = [catalogue.layers.rasters.span(catalogue.info, int(row)) for row in catalogue.ids]
    low, high = zip(*(span for span in spans if span), strict=True) if any(spans) else ((0.0,), (1.0,))
    return min(low), max(high)


def _colored(path: str, box: Box, size: int, span: tuple[float, float]) -> Array:
    """(size, size, 4) uint8."""
    bands = _bands(path)
    pixels = read_window(Path(path), box, _WEB_MERCATOR, size, size, smooth=bands.palette is None)
    there = ~np.ma.getmaskarray(pixels)[list(bands.colors)].all(axis=0)
    if bands.palette is not None:
        picture = bands.palette[np.ma.getdata(pixels[0])]
        picture[~there] = 0
        return picture
    colors = [_bytes(pixels[band], span) for band in bands.colors]
    alpha = np.where(there, 255 if bands.alpha is None else _alpha(pixels[bands.alpha]), 0)
    return np.dstack([*(colors if len(colors) == 3 else colors * 3), alpha.astype(np.uint8)])


def _bytes(values: Pixels, span: tuple[float, float]) -> Array:
    data = np.ma.getdata(values)
    if data.dtype == np.uint8:
        return data
    low, high = span
    share = (data.astype(np.float64) - low) / ((high - low) or 1)
    return np.rint(255 * np.clip(np.nan_to_num(share), 0, 1)).astype(np.uint8)


def _alpha(values: Pixels) -> Array:
    data = np.ma.getdata(values)
    return data if data.dtype == np.uint8 else np.where(data > 0, 255, 0)


@lru_cache(maxsize=1024)
def _bands(path: str) -> _Bands:
    import rasterio
    from rasterio.enums import ColorInterp

    with rasterio.open(path) as file:
        seen = file.colorinterp
        alpha = seen.index(ColorInterp.alpha) if ColorInterp.alpha in seen else None
        if seen[0] is ColorInterp.palette and file.dtypes[0] == "uint8":
            return _Bands((0,), None, _palette(file.colormap(1)))
    primary = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
    if set(primary) <= set(seen):
        return _Bands(tuple(map(seen.index, primary)), alpha, None)
    others = [band for band in range(len(seen)) if band != alpha]
    return _Bands(tuple(others[:3] if len(others) >= 3 else others[:1]), alpha, None)


def _palette(colors: dict[int, tuple[int, ...]]) -> Array:
    table = np.zeros((256, 4), np.uint8)
    for value, color in colors.items():
        table[value] = color
    return table


def inspected(order: Inspection) -> bytes:
    """What there is to say of a raster, as JSON of EverGIS: a list of one, its size, place and bands.

    Statistics of a raster of more than 1024 rows or columns are those of an overview.

    Raises:
        InvalidRequest: The row has no raster.
    """
    import rasterio

    catalogue = _opened(order)
    path = catalogue.layers.rasters.path(catalogue.info, order.row)
    if order.row not in catalogue.ids or not path.is_file():
        raise InvalidRequest(f"The layer {order.layer} has no raster {order.row}.")
    with rasterio.open(path) as file:
        step = max(1.0, max(file.shape) / _SAMPLE)
        shape = file.count, max(1, round(file.height / step)), max(1, round(file.width / step))
        bands = np.ma.masked_invalid(file.read(out_shape=shape, masked=True))
        facts = {
            "layerName": order.layer, "width": file.width, "height": file.height, "bandCount": file.count,
            "rasterSizeInBytes": path.stat().st_size, "boundingBox": list(file.bounds),
            "srId": file.crs.to_epsg(), "bands": [
                _statistics(band, kind, order) for band, kind in zip(bands, file.dtypes, strict=True)
            ],
        }  # fmt: skip
    return orjson.dumps([facts])


def _statistics(band: Pixels, kind: str, order: Inspection) -> dict[str, Any]:
    values = band.compressed().astype(np.float64)
    values = values if values.size else np.zeros(1)
    low, high = float(values.min()), float(values.max())
    first = low if order.low is None else order.low
    last = high if order.high is None else order.high
    counts, edges = np.histogram(values, _BUCKETS, (min(first, last), max(first, last)))
    return {
        "bandType": kind, "colorMin": low, "colorMax": high, "mean": float(values.mean()),
        "stddev": float(values.std()), "dataSterSize": (high - low) / 255, "bucketCount": _BUCKETS,
        "histValueMin": first, "histValueMax": last, "histogram": counts.tolist(),
        "dataHistogram": {f"{edges[place]:.10g}": int(counts[place]) for place in np.flatnonzero(counts)},
    }  # fmt: skip
