"""What a picture of many features costs, next to the bare renderer and to a figure of matplotlib's.

Run it with ``python -m tests.benchmarks.bench_maps [size ...]``.
"""

import io
import pathlib
from collections.abc import Callable
from dataclasses import asdict, replace
from itertools import pairwise
from tempfile import TemporaryDirectory
from typing import Any

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import shapely
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.transforms import IdentityTransform
from PIL import Image

from gpserver.features import Layer, write_layer
from gpserver.features.shapely_geometry import from_geometry
from gpserver.features.shapes import POINT, POLYGON, POLYLINE, Shapes, take, vertex_offsets
from gpserver.maps import artist
from gpserver.maps.canvas import Canvas
from gpserver.maps.images import write
from gpserver.maps.picture import Picture
from gpserver.maps.symbols import Fill, Marker, Stroke, Symbol
from tests.benchmarks.timing import compare, table

SIZES = (1_000, 20_000, 100_000)
WIDTH, HEIGHT = 800, 600
BOX = (0.0, 0.0, 800.0, 600.0)
CHUNK = 8192  # rows of one stroke, as in maps that are served
HERE = IdentityTransform()
BLUE, DARK = (0.2, 0.45, 0.7, 0.6), (0.1, 0.25, 0.4, 1.0)
SYMBOLS: dict[str, Symbol] = {
    POLYGON: Fill(BLUE, Stroke(DARK, 0.75)),
    POLYLINE: Stroke(DARK, 0.75),
    POINT: Marker("circle", 6.0, (*BLUE[:3], 1.0), Stroke(DARK, 0.75)),
}


def geometries(kind: str, count: int) -> Any:
    """Features that fill the picture: each has its place, in rows, and about 18 vertices."""
    random = np.random.default_rng(6)
    columns = int(np.ceil(np.sqrt(count * WIDTH / HEIGHT)))
    cell = WIDTH / columns
    x = (np.arange(count) % columns + 0.5) * cell
    y = (np.arange(count) // columns + 0.5) * cell
    if kind == POINT:
        return shapely.points(x, y)
    turn = np.linspace(0, -2 * np.pi, 18)
    if kind == POLYLINE:
        step = random.normal(0, cell / 3, (count, 20, 2)).cumsum(axis=1)
        return shapely.linestrings(np.column_stack([x, y])[:, None] + step)
    radius = cell * random.uniform(0.3, 0.45, (count, len(turn)))
    radius[:, -1] = radius[:, 0]
    ring = np.stack([x[:, None] + radius * np.cos(turn), y[:, None] + radius * np.sin(turn)], axis=2)
    return shapely.polygons(ring)


def ours(shapes: Shapes) -> Canvas:
    canvas = Canvas(WIDTH, HEIGHT, BOX)
    which = np.zeros(CHUNK, np.int64)
    for first in range(0, len(shapes), CHUNK):
        rows = np.arange(first, min(first + CHUNK, len(shapes)))
        canvas.draw(take(shapes, rows), [SYMBOLS[shapes.kind]], which[: len(rows)])
    return canvas


def bare(shapes: Shapes) -> Callable[[], Any]:
    """The renderer alone, on paths that are there already."""
    symbol: Any = SYMBOLS[shapes.kind]
    stroke = symbol if isinstance(symbol, Stroke) else symbol.outline
    if shapes.kind == POINT:
        points, figure = Path(shapes.coords), Path.circle(radius=4)
        return lambda: bare_points(points, figure, symbol.color, stroke)
    bounds = vertex_offsets(shapes)
    closed = shapes.kind == POLYGON
    paths = [Path(shapes.coords[a:b], closed=closed) for a, b in pairwise(bounds)]
    face = np.array([symbol.color]) if closed else np.zeros((0, 4))
    return lambda: bare_paths(paths, face, stroke)


def context(renderer: RendererAgg, stroke: Stroke) -> Any:
    found = renderer.new_gc()
    found.set_snap(False)
    found.set_linewidth(stroke.width)
    found.set_foreground(stroke.color, isRGBA=True)
    return found


def bare_points(points: Path, figure: Path, face: Any, stroke: Stroke) -> RendererAgg:
    renderer = RendererAgg(WIDTH, HEIGHT, 96)
    renderer.draw_markers(context(renderer, stroke), figure, HERE, points, HERE, face)
    return renderer


def bare_paths(paths: list[Path], face: Any, stroke: Stroke) -> RendererAgg:
    renderer = RendererAgg(WIDTH, HEIGHT, 96)
    none, edge, width = np.zeros((0, 3, 3)), np.array([stroke.color]), np.array([stroke.width])
    how = (edge, width, [(0.0, None)], np.ones(1, bool), [None], "screen")
    gc = context(renderer, stroke)
    colors = np.zeros((0, 4))
    renderer.draw_path_collection(gc, HERE, paths, none, none[:, 0, :2], HERE, face, *how, hatchcolors=colors)
    return renderer


def figure(frame: gpd.GeoDataFrame) -> Figure:
    """What one writes with geopandas and matplotlib."""
    picture = Figure(figsize=(WIDTH / 96, HEIGHT / 96), dpi=96)
    axes = picture.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    frame.plot(ax=axes, color=BLUE, edgecolor=DARK, linewidth=0.75, markersize=36)
    axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
    picture.canvas.draw()
    return picture


def rows(sizes: tuple[int, ...] = SIZES) -> list[tuple[str, dict[str, float]]]:
    """Title and medians (CPU ms) of every comparison; the first variant of each is its floor."""
    found = []
    for kind in (POLYGON, POINT, POLYLINE):
        for size in sizes:
            geometry = geometries(kind, size)
            shapes = from_geometry(geometry, np.zeros(size, bool), kind)
            frame = gpd.GeoDataFrame(geometry=geometry)
            variants = {
                "RendererAgg, paths prepared": bare(shapes),
                "Canvas": lambda shapes=shapes: ours(shapes),
                "matplotlib figure": lambda frame=frame: figure(frame),
            }
            found.append((f"{kind}, {size}", compare(variants, 1 if size >= 100_000 else 3)))
    return found


def windows(size: int = SIZES[-1]) -> list[tuple[str, dict[str, float]]]:
    """A whole picture of a part of many polygons, from the stored layer to the PNG, and its drawing alone."""
    found = []
    with TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        frame = gpd.GeoDataFrame(geometry=geometries(POLYGON, size), crs=3857)
        write_layer(frame, folder / "layer.arrow")
        layer = Layer.open(folder / "layer.arrow")
        for part in (0.1, 0.3):
            side = part**0.5
            box = (100.0, 50.0, 100 + WIDTH * side, 50 + HEIGHT * side)
            shapes = take(layer.shapes, layer.window(*box))
            pixels = replace(shapes, coords=(shapes.coords - box[:2]) / side)
            order = picture_of(folder, box)
            variants = {
                "RendererAgg, paths prepared": bare(pixels),
                "the whole request": lambda order=order: artist.run(order, None),
            }
            found.append((f"{part:.0%} of {size} polygons", compare(variants)))
    return found


def picture_of(folder: pathlib.Path, box: tuple[float, ...]) -> dict[str, Any]:
    """The order of a picture."""
    line = {"type": "esriSLS", "style": "esriSLSSolid", "color": rgba(DARK), "width": 0.75}
    symbol = {"type": "esriSFS", "style": "esriSFSSolid", "color": rgba(BLUE), "outline": line}
    drawing = {"renderer": {"type": "simple", "symbol": symbol}}
    reference = {"wkid": 102100, "latestWkid": 3857}
    sheet = {"path": str(folder / "layer.arrow"), "drawing": drawing}
    target = str(folder / "map.png")
    return asdict(Picture([sheet], box, WIDTH, HEIGHT, reference, "png32", target=target))


def rgba(color: tuple[float, ...]) -> list[int]:
    return [round(255 * part) for part in color]


def files() -> dict[str, float]:
    """Pixels to PNG, ours next to Pillow's."""
    pixels = ours(from_geometry(geometries(POLYGON, 1_000), np.zeros(1_000, bool), POLYGON)).rgba()
    return compare(
        {
            "Pillow": lambda: Image.fromarray(pixels).save(io.BytesIO(), "PNG"),
            "png32": lambda: write(pixels, "png32"),
            "png8": lambda: write(pixels, "png8"),
        }
    )


def main() -> None:
    mpl.use("agg")
    for title, medians in rows(SIZES):
        print(table(title, medians, floor=next(iter(medians))))
    for title, medians in windows():
        print(table(title, medians, floor="the whole request"))
    print(table("PNG of 800 x 600", files(), floor="Pillow"))


if __name__ == "__main__":
    main()
