"""A window of a named layer: its vector tile and its rows, next to a look at all rows.

Run it with ``python -m tests.benchmarks.bench_windows [points]``.
"""

import sys
import tempfile
from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from pyproj import Transformer

from gpserver.evergis.layer_query import Query, rows
from gpserver.evergis.vector_tiles import tile
from gpserver.layers import Attribute, LayerInfo, Layers, Place
from gpserver.maps.mosaic import tile_box
from tests.benchmarks.timing import compare, table, without_gc

NAME, SIZE, MOST = "bench.points", 1_000_000, 20_000
WEST, SOUTH, WIDTH = 30.0, 50.0, 10.0
# Of the points, in any order: some, a part, all of which a tile shows 20,000.
TILES = {"near": (12, 2457, 1270), "middle": (8, 153, 79), "far": (5, 18, 10)}


def filled(folder: str, size: int) -> Layers:
    layers, dice = Place(folder).open(), np.random.default_rng(1)
    attributes = (Attribute("name"), Attribute("size", "Double"))
    layers.create(LayerInfo(NAME, geometry_type="Point", sr_id=4326, attributes=attributes))
    places = shapely.points(dice.uniform((WEST, SOUTH), (WEST + WIDTH, SOUTH + WIDTH), (size, 2)))
    columns = {"name": [f"point {number}" for number in range(size)], "size": dice.uniform(0, 1, size)}
    layers.append(NAME, gpd.GeoDataFrame(columns, geometry=places, crs=4326))
    return layers


def tile_variants(layers: Layers, z: int, x: int, y: int) -> dict[str, Callable[[], Any]]:
    """The tile; without writing it; and the rows alone, of a layer that cannot tell where they are."""
    window = Transformer.from_crs(3857, 4326, always_xy=True).transform_bounds(*tile_box(z, x, y))

    def chosen() -> Any:
        return layers.read(NAME, ids=layers.ids_in(NAME, window, MOST))

    def all_rows() -> Any:
        frame: Any = layers.read(NAME)
        return frame.cx[window[0] : window[2], window[1] : window[3]][:MOST]

    return {
        "its rows": chosen,
        "tile": lambda: b"".join(tile(layers, NAME, z, x, y)),
        "all rows read, those in it taken": all_rows,
    }


def row_variants(layers: Layers) -> dict[str, Callable[[], Any]]:
    """The rows of a hundredth of the area."""
    area = shapely.box(WEST + 4, SOUTH + 4, WEST + 4 + WIDTH / 10, SOUTH + 4 + WIDTH / 10)
    query = Query(geometries=[{"geometry": f"SRID=4326;{area.wkt}"}])
    ids = rows(layers, NAME, query)["gid"].to_numpy()

    def all_rows() -> Any:
        frame: Any = layers.read(NAME)
        return frame[shapely.intersects(frame.geometry.to_numpy(), area)]

    return {
        "read by their ids": lambda: layers.read(NAME, ids=ids),
        "rows of a query": lambda: rows(layers, NAME, query),
        "all rows read, those in it taken": all_rows,
    }


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else SIZE
    with tempfile.TemporaryDirectory() as folder:
        layers = filled(folder, size)
        made = {f"tile, {name}": tile_variants(layers, *place) for name, place in TILES.items()}
        made["rows of a window"] = row_variants(layers)
        for title, variants in made.items():
            medians = compare({name: without_gc(run) for name, run in variants.items()})
            print(table(f"{title}, {size} points", medians, floor=next(iter(medians))))
        layers.close()


if __name__ == "__main__":
    main()
