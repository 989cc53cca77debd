"""Vector tiles (Mapbox' specification 2.1) of layers, as DuckDB writes them."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import shapely
from pyproj import Transformer

from gpserver.layers import LayerInfo, Layers

_MERCATOR = 3857
_HALF = 20037508.342789244  # metres from the middle of the world to its edge in EPSG:3857
_EXTENT, _MARGIN = 4096, 64  # units of a tile, and those around it that hide the seams
_MOST = 20_000  # features; a tile cannot show more, and each takes a tenth of a millisecond
_TILE = """
SELECT ST_AsMVT(tile, $layer, 4096, '/geometry', '/id') FROM (
    SELECT ST_AsMVTGeom(ST_GeomFromWKB("/geometry"),
        ST_MakeBox2D(ST_Point($west, $south), ST_Point($east, $north)), 4096, 64, true) AS "/geometry",
        * EXCLUDE ("/geometry") FROM features) AS tile
WHERE "/geometry" IS NOT NULL
"""


def tile(layers: Layers, name: str, z: int, x: int, y: int) -> Iterator[bytes]:
    """The tile of a layer; nothing where it would be empty.

    It has one layer, called like ours, with an id and plain values for each feature. Of more than 20,000
    features in a tile those with the longest boxes are there.

    Raises:
        NotFound: There is no such layer.
    """
    info = layers.find(name)
    size = 2 * _HALF / (1 << z)
    west, north = x * size - _HALF, _HALF - y * size
    box = (west, north - size, west + size, north)
    frame = _rows(layers, info, box, size)
    if len(frame):
        yield _encoded(frame, info, box)


def _rows(
    layers: Layers, info: LayerInfo, box: tuple[float, float, float, float], size: float
) -> pd.DataFrame:
    """The features of a window of EPSG:3857, in it, as fine as the tile can show them."""
    if not info.geometry_attribute:
        return pd.DataFrame()
    margin = size * _MARGIN / _EXTENT
    around = (box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin)
    window = around
    if info.sr_id != _MERCATOR:
        there = Transformer.from_crs(_MERCATOR, info.sr_id, always_xy=True)
        window = there.transform_bounds(*(np.clip(side, -_HALF, _HALF) for side in around))
    shown = [item.name for item in info.attributes if item.displayed]
    ids = layers.ids_in(info.name, window, _MOST)
    read: Any = layers.read(info.name, [*shown, info.geometry_attribute], ids=ids)
    frame = read.to_crs(_MERCATOR)
    frame.geometry = shapely.simplify(frame.geometry.to_numpy(), size / _EXTENT / 2, preserve_topology=False)
    return pd.DataFrame(frame)


def _encoded(frame: pd.DataFrame, info: LayerInfo, box: tuple[float, float, float, float]) -> bytes:
    columns = {"/geometry": pa.array(shapely.to_wkb(frame[info.geometry_attribute].to_numpy()), pa.binary())}
    columns["/id"] = pa.array(frame[info.id_attribute], pa.int64())
    for item in info.attributes:
        if item.displayed and item.name != info.geometry_attribute:
            columns[item.name] = _plain(frame[item.name], item.type)
    west, south, east, north = box
    values = {"layer": info.name, "west": west, "south": south, "east": east, "north": north}
    with _database().cursor() as cursor:
        cursor.register("features", pa.table(columns))
        found = cursor.execute(_TILE, values).fetchone()
    return bytes(found[0]) if found and found[0] else b""


def _plain(values: "pd.Series[Any]", kind: str) -> Any:
    """Values of a type that a tile can hold: numbers, truth and text."""
    if kind == "DateTime":
        texts = [None if value is pd.NaT else f"{value.isoformat()}Z" for value in values]
    elif kind == "Json":
        texts = [None if value is None else orjson.dumps(value).decode() for value in values]
    else:
        column = pa.table({"values": values})["values"]
        return column.cast(pa.string()) if pa.types.is_large_string(column.type) else column
    return pa.array(texts, pa.string())


@cache
def _database() -> Any:
    """A database of this process that reads nothing but what is given to it."""
    import duckdb  # a process that draws no tile needs none
    import duckdb_extension_spatial

    settings: Any = {"threads": 2, "allow_unsigned_extensions": True, "autoinstall_known_extensions": False}
    database = duckdb.connect(":memory:", config=settings)
    folder = Path(duckdb_extension_spatial.__file__).parent
    database.load_extension(str(next(folder.rglob("spatial.duckdb_extension"))))
    database.execute("SET enable_external_access = false")
    return database
