"""What a geodesic buffer of points costs, next to a planar one and to a projection of its own for each point.

Run it with ``python -m tests.benchmarks.bench_buffer [size ...]``.
"""

import multiprocessing
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from pyproj import Transformer

from gpserver.features import decode_features, encode_features, write_layer
from gpserver.tools.buffer import buffer
from tests.benchmarks.timing import compare, table

SIZES = (100, 10_000, 100_000)
RADIUS = 10_000
LOOP_LIMIT = 100
"""A Transformer for each point takes milliseconds; more points would only repeat that."""


def points(count: int) -> gpd.GeoDataFrame:
    random = np.random.default_rng(4)
    x, y = random.uniform(-179, 179, count), random.uniform(-80, 80, count)
    return gpd.GeoDataFrame({"number": range(count)}, geometry=shapely.points(x, y), crs=4326)


def loop(frame: gpd.GeoDataFrame) -> list[Any]:
    """An azimuthal equidistant projection about every point, buffered in its plane."""
    circle = shapely.Point(0, 0).buffer(RADIUS, quad_segs=16)
    outlines = []
    for point in frame.geometry:
        plane = f"+proj=aeqd +lon_0={point.x} +lat_0={point.y} +ellps=WGS84"
        back = Transformer.from_crs(plane, 4326, always_xy=True)
        outlines.append(shapely.transform(circle, back.transform, interleaved=False))
    return outlines


def variants(frame: gpd.GeoDataFrame) -> dict[str, Callable[[], Any]]:
    geometry, mercator = frame.geometry.to_numpy(), frame.to_crs(3857)
    found: dict[str, Callable[[], Any]] = {
        "shapely.buffer, planar": lambda: shapely.buffer(geometry, 0.1, quad_segs=16),
        "buffer, longitude and latitude": lambda: buffer(frame, RADIUS),
        "buffer, Web Mercator": lambda: buffer(mercator, RADIUS),
    }
    if len(frame) <= LOOP_LIMIT:
        found["loop over Transformers"] = lambda: loop(frame)
    return found


def rows(sizes: tuple[int, ...] = SIZES) -> list[tuple[str, dict[str, float]]]:
    """Title and medians (CPU ms) of every comparison; the first variant of each is its floor."""
    return [
        (f"buffer {size} points", compare(variants(points(size)), 3 if size >= 100_000 else 7))
        for size in sizes
    ]


def peaks(size: int) -> dict[str, float]:
    """Peak megabytes of a process of its own: with the points, their buffer, and from text to layer file."""
    spawn = multiprocessing.get_context("spawn")
    works = {"points": points, "buffer": buffer_alone, "decode, buffer, write": text_to_layer}
    found = {}
    for name, work in works.items():
        with spawn.Pool(1) as pool:
            found[name] = pool.apply(peak_of, (work, size))
    return found


def peak_of(work: Callable[[int], Any], size: int) -> float:
    work(size)
    # Not getrusage: its peak is inherited from the process that started this one.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def buffer_alone(size: int) -> None:
    buffer(points(size), RADIUS)


def text_to_layer(size: int) -> None:
    text = encode_features(points(size))
    with tempfile.TemporaryDirectory() as folder:
        write_layer(buffer(decode_features(text), RADIUS), Path(folder) / "polygons.arrow")


def main() -> None:
    sizes = tuple(map(int, sys.argv[1:])) or SIZES
    for title, medians in rows(sizes):
        print(table(title, medians, floor=next(iter(medians))))
    for name, megabytes in peaks(max(sizes)).items():
        print(f"peak of {max(sizes)} points, {name}: {megabytes:.0f} MB")


if __name__ == "__main__":
    main()
