"""What the tools cost next to GeoPandas' one line for the same, or to a floor.

Run it with ``python -m tests.benchmarks.bench_tools [quick]``; quick takes a tenth of the features.
"""

import sys
from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from gpserver.tools.binning import bin_points
from gpserver.tools.buffer import buffer
from gpserver.tools.dissolve import dissolve
from gpserver.tools.join import join
from gpserver.tools.overlay import overlay
from gpserver.tools.relations import related
from gpserver.tools.statistics import Statistic
from gpserver.tools.union import union_of
from tests.benchmarks.timing import compare, table

MEAN = Statistic("value", "avg", "mean")
Variants = dict[str, Callable[[], Any]]


def blobs(count: int, seed: int, radius: float, segments: int = 8) -> gpd.GeoDataFrame:
    """Polygons of 4 · ``segments`` corners, scattered evenly over a square of 1 km for every feature."""
    dice = np.random.default_rng(seed)
    side = 1000 * np.sqrt(count)
    centres = shapely.points(dice.uniform(0, side, (count, 2)))
    shapes = shapely.buffer(centres, dice.uniform(0.5, 1, count) * radius, quad_segs=segments)
    return gpd.GeoDataFrame({"number": np.arange(count)}, geometry=shapes, crs=32633)


def cells(columns: int, side: float, corners: int = 25) -> gpd.GeoDataFrame:
    """A clean coverage of squares with many corners."""
    column, row = np.divmod(np.arange(columns**2), columns)
    shapes = shapely.box(column * side, row * side, (column + 1) * side, (row + 1) * side)
    shapes = shapely.segmentize(shapes, side / corners)
    return gpd.GeoDataFrame({"cell": np.arange(columns**2)}, geometry=shapes, crs=32633)


def dots(count: int, side: float) -> gpd.GeoDataFrame:
    dice = np.random.default_rng(9)
    geometry = shapely.points(dice.uniform(0, side, (count, 2)))
    return gpd.GeoDataFrame({"value": dice.random(count)}, geometry=geometry, crs=32633)


def overlays(count: int) -> dict[str, Variants]:
    left, right = blobs(count, 1, 700), blobs(count, 2, 700)
    large = blobs(max(count // 100, 4), 3, 6000, 64)
    small = blobs(count, 4, 100)
    pairs = [(left, right, ""), (small, large.translate(0, 0).to_frame("geometry"), ", most inside")]
    found: dict[str, Variants] = {}
    for one, other, note in pairs:
        found[f"intersection of {count} and {len(other)}{note}"] = {
            "geopandas.overlay": lambda one=one, other=other: gpd.overlay(one, other, "intersection"),
            "tree and cuts alone": lambda one=one, other=other: cuts(one, other),
            "overlay": lambda one=one, other=other: overlay(one, other, "intersection"),
        }
    # GeoPandas takes half a minute to clip all of them.
    fewer, others = blobs(count // 10, 1, 700), blobs(count // 10, 2, 700)
    for how, theirs in (("subtraction", "difference"), ("union", "union")):
        found[f"{how} of {len(fewer)} and {len(others)}"] = {
            "geopandas.overlay": lambda theirs=theirs: gpd.overlay(fewer, others, theirs),
            "overlay": lambda how=how: overlay(fewer, others, how),
        }
    found[f"clip of {len(fewer)} by {len(others)}"] = {
        "geopandas.clip": lambda: gpd.clip(fewer, others),
        "overlay": lambda: overlay(fewer, others, "clip"),
    }
    return found


def cuts(one: gpd.GeoDataFrame, other: gpd.GeoDataFrame) -> Any:
    """What GEOS alone costs: the pairs, and a cut for each of them."""
    left, right = one.geometry.to_numpy(), other.geometry.to_numpy()
    rows, others = shapely.STRtree(right).query(left, predicate="intersects")
    return shapely.intersection(left[rows], right[others])


def dissolves(count: int) -> dict[str, Variants]:
    layers = {"scattered disks": blobs(count, 5, 300), "clean coverage": cells(int(np.sqrt(count)), 1000, 2)}
    found: dict[str, Variants] = {}
    for name, frame in layers.items():
        geometry = frame.geometry.to_numpy()
        found[f"dissolve {len(frame)}, {name}"] = {
            "geopandas.dissolve": lambda frame=frame: frame.dissolve(),
            "disjoint subsets": lambda geometry=geometry: shapely.disjoint_subset_union_all(geometry),
            "are they valid": lambda geometry=geometry: shapely.is_valid(geometry),
            "union_of": lambda geometry=geometry: union_of(geometry),
            "dissolve": lambda frame=frame: dissolve(frame),
        }
    kinds = layers["scattered disks"].assign(kind=np.arange(count) % 100)
    found[f"dissolve {count} into 100"] = {
        "geopandas.dissolve": lambda: kinds.dissolve("kind"),
        "dissolve": lambda: dissolve(kinds, ["kind"]),
    }
    return found


def counts(x: Any, y: Any) -> Any:
    return np.bincount((np.floor(x / 1000) * 32 + np.floor(y / 1000)).astype(np.intp))


def joins(count: int) -> dict[str, Variants]:
    areas = cells(32, 1000)
    points = dots(count, 32_000)
    x, y = shapely.get_x(points.geometry.array), shapely.get_y(points.geometry.array)
    places = points.geometry.to_numpy()
    return {
        f"{count} points into {len(areas)} polygons": {
            "geopandas.sjoin": lambda: gpd.sjoin(points, areas),
            "related": lambda: related(points, areas),
            "join, one to many": lambda: join(points, areas, many=True),
        },
        f"{count} points into squares": {
            "coordinates, floor and bincount": lambda: counts(shapely.get_x(places), shapely.get_y(places)),
            "floor and bincount": lambda: counts(x, y),
            "bin_points, square": lambda: bin_points(points, "square", 1000),
            "bin_points, hexagon": lambda: bin_points(points, "hexagon", 1000),
            "bin_points, hexagon, mean": lambda: bin_points(points, "hexagon", 1000, [MEAN]),
        },
    }


def buffers(count: int) -> dict[str, Variants]:
    shapes = blobs(count, 6, 500)
    degrees = shapes.set_crs(32633, allow_override=True).to_crs(4326)
    geometry = shapes.geometry.to_numpy()
    return {
        f"buffer {count} polygons by 100 m": {
            "shapely.buffer, planar": lambda: shapely.buffer(geometry, 100, quad_segs=16),
            "buffer, planar": lambda: buffer(shapes, 100),
            "buffer, geodesic": lambda: buffer(degrees, 100),
        }
    }


def main() -> None:
    less = 10 if "quick" in sys.argv else 1
    # GeoPandas dissolves 100,000 for most of a minute: once is enough.
    made = [
        (overlays(10_000 // less), 2),
        (dissolves(100_000 // less), 1),
        (joins(1_000_000 // less), 3),
        (buffers(10_000 // less), 3),
    ]
    for each, rounds in made:
        for title, variants in each.items():
            print(table(title, compare(variants, rounds), floor=next(iter(variants))))


if __name__ == "__main__":
    main()
