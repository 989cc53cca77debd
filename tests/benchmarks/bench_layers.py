"""Stored layers: windows, pages, statistics, reprojection and opening, next to the bare arrays.

Run it with ``python -m tests.benchmarks.bench_layers [polygons points]``.
"""

import sys
import tempfile
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import orjson
import psutil
import pyarrow as pa
import pyarrow.compute as pc
from pyproj import CRS, Transformer

from gpserver.features import Layer, Selection, esri_json, write_layer
from gpserver.features.shapes import POINT, take, vertex_offsets
from gpserver.maps.query import Query, chosen_rows, columns_at, rows_of
from gpserver.maps.statistics import statistics
from tests.benchmarks.bench_features import parcels, points
from tests.benchmarks.timing import compare, table, without_gc

SIZES = (100_000, 1_000_000)  # polygons, points
WINDOWS, BLOCK, PAGE = 20, 512, 2000
WEB_MERCATOR = CRS.from_epsg(3857)
GROUPS = [
    {"statisticType": kind, "onStatisticField": field, "outStatisticFieldName": f"{kind}_{field}"}
    for kind, field in (("count", "OBJECTID"), ("sum", "value"), ("avg", "value"), ("max", "value"))
]

Variants = Mapping[str, Callable[[], Any]]


def windows(layer: Layer) -> list[tuple[float, float, float, float]]:
    """Places a twentieth as wide as the layer."""
    assert layer.extent
    xmin, ymin, xmax, ymax = layer.extent
    width, height = (xmax - xmin) / 20, (ymax - ymin) / 20
    corners = np.random.default_rng(7).uniform((xmin, ymin), (xmax - width, ymax - height), (WINDOWS, 2))
    return [(x, y, x + width, y + height) for x, y in corners.tolist()]


def window_variants(layer: Layer) -> Variants:
    """Rows in a window whose value is above a half; all boxes, and the boxes of blocks, looked at by hand."""
    places, value = windows(layer), layer.column("value")
    sides = [np.ascontiguousarray(side) for side in layer.boxes.T]
    starts = np.arange(0, layer.rows, BLOCK)
    blocks = [f.reduceat(s, starts) for f, s in zip([np.minimum] * 2 + [np.maximum] * 2, sides, strict=True)]

    def touching(boxes: Any, window: Any) -> Any:
        left, bottom, right, top = boxes
        xmin, ymin, xmax, ymax = window
        return (left <= xmax) & (right >= xmin) & (bottom <= ymax) & (top >= ymin)

    def by_blocks(window: Any) -> Any:
        rows = (np.flatnonzero(touching(blocks, window))[:, None] * BLOCK + np.arange(BLOCK)).ravel()
        rows = rows[rows < layer.rows]
        rows = rows[touching([side[rows] for side in sides], window)]
        return rows[np.asarray(pc.greater(value.take(pa.array(rows)), 5e5))]

    def ours(window: Any) -> Any:
        return rows_of(layer, Query(window=window, where=("value > 500000",)))

    for place in places:
        assert set(by_blocks(place).tolist()) == set(ours(place).tolist())
    return {
        "boxes of blocks, by hand": lambda: [by_blocks(place) for place in places],
        "rows_of": lambda: [ours(place) for place in places],
        "all boxes": lambda: [np.flatnonzero(touching(sides, place)) for place in places],
    }


def page_variants(layer: Layer) -> Variants:
    """A page of features as Esri JSON; the prototype knows nothing of nulls, measures or grids."""
    rows = layer.order[:PAGE]
    return {
        "flat arrays, orjson.Fragment": lambda: prototype(layer, rows),
        "esri_json.write": lambda: b"".join(esri_json.write(Selection(layer, rows))),
    }


def prototype(layer: Layer, rows: Any) -> bytes:
    """The shortest vectorised way: one text of all coordinates, cut into rings."""
    shapes = take(layer.shapes, rows)
    names = [field["name"] for field in layer.fields]
    columns = [layer.column(name).take(pa.array(rows)) for name in names]
    lists = [
        (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()
        for column in columns
    ]
    records = [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]
    text = orjson.dumps(shapes.coords, option=orjson.OPT_SERIALIZE_NUMPY)
    ends = [0, *(np.flatnonzero(np.frombuffer(text, np.uint8)[:-1] == ord("]")) + 1).tolist()]
    if shapes.kind == POINT:
        pieces = [b'{"x":%s,"y":%s}' % tuple(text[a + 2 : b - 1].split(b",")) for a, b in pairwise(ends)]
    else:
        rings = [b"[%s]" % text[ends[a] + 1 : ends[b]] for a, b in pairwise(shapes.offsets[0].tolist())]
        bounds = shapes.offsets[1][shapes.offsets[2]].tolist()
        pieces = [b'{"rings":[%s]}' % b",".join(rings[a:b]) for a, b in pairwise(bounds)]
    features = [
        {"attributes": record, "geometry": orjson.Fragment(piece)}
        for record, piece in zip(records, pieces, strict=True)
    ]
    return orjson.dumps({"features": features})


def statistics_variants(layer: Layer) -> Variants:
    """Four statistics by a field of 39 values, of all rows."""
    specs: list[Any] = [("OBJECTID", "count"), ("value", "sum"), ("value", "mean"), ("value", "max")]
    whole = pa.table({name: layer.column(name) for name in ("OBJECTID", "value", "floors")})
    fields, rows = layer.fields, layer.rows
    return {
        "Arrow's group_by": lambda: whole.group_by("floors", use_threads=False).aggregate(specs),
        "statistics": lambda: statistics(
            GROUPS, ["floors"], "", "", fields, columns_at(layer, chosen_rows(layer, Query())), rows
        ),
    }


def reprojection_variants(layer: Layer) -> Variants:
    """What it costs to put all rows into another spatial reference, on their way into an answer."""
    assert layer.crs
    transformer = Transformer.from_crs(layer.crs, WEB_MERCATOR, always_xy=True)
    x, y = np.ascontiguousarray(take(layer.shapes, layer.order).coords[:, :2].T)
    return {
        "Transformer on flat arrays": lambda: transformer.transform(x, y),
        "chunks as they are": lambda: sum(len(chunk.rows) for chunk in Selection(layer).chunks()),
        "chunks in another CRS": lambda: sum(
            len(chunk.rows) for chunk in Selection(layer, out_crs=WEB_MERCATOR).chunks()
        ),
    }


def gather_variants(layer: Layer) -> Variants:
    """All coordinates in the order of the frame, as a map at full extent wants them."""
    bounds, coords = vertex_offsets(layer.shapes), layer.shapes.coords

    def by_hand() -> Any:
        starts, lengths = bounds[layer.order], np.diff(bounds)[layer.order]
        first = np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
        return np.take(coords, first + np.arange(len(first)), axis=0)

    assert np.array_equal(by_hand(), take(layer.shapes, layer.order).coords)
    return {"vertices by hand": by_hand, "take": lambda: take(layer.shapes, layer.order)}


def open_variants(path: Path) -> Variants:
    def first_window() -> Any:
        layer = Layer.open(path)
        return rows_of(layer, Query(window=windows(layer)[0]))

    return {
        "Arrow's open_file": lambda: pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0),
        "Layer.open": lambda: Layer.open(path),
        "Layer.open and a first window": first_window,
        "GeoDataFrame of the file": lambda: Layer.open(path).frame(),
    }


def memory_of_opening(path: Path) -> float:
    """Megabytes that a first window needs."""
    process = psutil.Process()
    before = process.memory_full_info().uss
    layer = Layer.open(path)
    rows_of(layer, Query(window=windows(layer)[0]))
    return (process.memory_full_info().uss - before) / 1e6


def rows(frame: gpd.GeoDataFrame, folder: Path) -> list[tuple[str, dict[str, float]]]:
    """Title and medians (CPU ms) of every comparison; the first variant of each is its floor."""
    path = folder / "layer.arrow"
    write_layer(frame, path)
    layer = Layer.open(path)
    made: dict[str, Variants] = {
        f"{WINDOWS} windows and a where clause": window_variants(layer),
        f"page of {PAGE}": page_variants(layer),
        "statistics by group": statistics_variants(layer),
        "another spatial reference": reprojection_variants(layer),
        "coordinates in order": gather_variants(layer),
        "open": open_variants(path),
    }
    return [
        (title, compare({name: without_gc(run) for name, run in variants.items()}))
        for title, variants in made.items()
    ]


def main() -> None:
    sizes = tuple(map(int, sys.argv[1:])) or SIZES
    for make, size in zip((parcels, points), sizes, strict=True):
        frame = make(size)
        with tempfile.TemporaryDirectory() as folder:
            for title, medians in rows(frame, Path(folder)):
                print(table(f"{title}, {size} {make.__name__}", medians, floor=next(iter(medians))))
            print(f"memory of a first window: {memory_of_opening(Path(folder) / 'layer.arrow'):.1f} MB\n")


if __name__ == "__main__":
    main()
