"""Small maps of 200 x 150 that the tests of drawing share."""

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
from PIL import Image
from shapely import LineString, MultiPoint, Point, Polygon, box

from gpserver.features.rings import oriented
from gpserver.features.shapely_geometry import from_geometry
from gpserver.features.shapes import MULTIPOINT, POINT, POLYGON, POLYLINE, Shapes
from gpserver.maps.canvas import Canvas
from gpserver.maps.symbols import Symbol, TextSymbol, read_symbol

WIDTH, HEIGHT = 200, 150
BOX = (0.0, 0.0, 200.0, 150.0)
WHITE = (1.0, 1.0, 1.0, 1.0)
INK = [60, 60, 60, 255]


def canvas(**options: Any) -> Canvas:
    return Canvas(WIDTH, HEIGHT, options.pop("bbox", BOX), background=WHITE, **options)


def features(kind: str, *geometries: Any) -> Shapes:
    missing = np.array([geometry is None for geometry in geometries])
    return oriented(from_geometry(np.array(geometries, object), missing, kind))


def draw(on: Canvas, kind: str, pairs: list[tuple[Any, Symbol]]) -> Canvas:
    """Draw geometries, each with a symbol of its own."""
    geometries, symbols = zip(*pairs, strict=True)
    on.draw(features(kind, *geometries), symbols, np.arange(len(symbols)))
    return on


def line(color: list[int] = INK, width: float = 1.0, style: str = "Solid") -> Any:
    return read_symbol({"type": "esriSLS", "style": f"esriSLS{style}", "color": color, "width": width})


def outline(color: list[int] = INK, width: float = 1.0, style: str = "Solid") -> dict[str, Any]:
    return {"type": "esriSLS", "style": f"esriSLS{style}", "color": color, "width": width}


def fill(color: list[int] | None, edge: dict[str, Any] | None = None, style: str = "Solid") -> Any:
    return read_symbol({"type": "esriSFS", "style": f"esriSFS{style}", "color": color, "outline": edge})


def marker(style: str, **more: Any) -> Any:
    json = {"type": "esriSMS", "style": f"esriSMS{style}", "color": [255, 170, 0, 255], "size": 12}
    return read_symbol(json | {"outline": outline()} | more)


def png(pixels: Any) -> str:
    stream = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def picture(**more: Any) -> Any:
    """A picture of 8 x 8 pixels: red above, blue below, the lower left quarter clear."""
    pixels = np.zeros((8, 8, 4))
    pixels[:4], pixels[4:, 4:] = [200, 30, 30, 255], [30, 30, 200, 255]
    return read_symbol({"type": "esriPMS", "imageData": png(pixels)} | more)


def text(**more: Any) -> TextSymbol:
    json = {"type": "esriTS", "color": [30, 30, 30, 255], "haloColor": [255, 255, 255, 255], "haloSize": 1}
    symbol = read_symbol(json | {"font": {"family": "Arial", "size": 9}} | more)
    assert isinstance(symbol, TextSymbol)
    return symbol


def polygons() -> Canvas:
    ring = Polygon([(10, 90), (10, 140), (80, 140), (80, 90)], [[(30, 100), (30, 130), (60, 130), (60, 100)]])
    islands = shapely.union(box(120, 100, 150, 140), box(160, 100, 190, 140))
    pairs = [
        (ring, fill([252, 193, 184, 255], outline([110, 110, 110, 255], 0.75))),
        (Point(85, 70).buffer(40), fill([0, 100, 200, 128], outline([0, 50, 100, 255], 2, "Dash"))),
        (islands, fill([90, 160, 60, 255])),
        (box(110, 80, 185, 112), fill(None, outline([200, 0, 0, 255], 3))),
        (box(120, 10, 190, 70), fill([255, 255, 190, 200], outline())),
        (box(150, 30, 180, 60), fill([120, 60, 160, 255], outline(), "Null")),
    ]
    return draw(canvas(), POLYGON, pairs)


def hatches() -> Canvas:
    styles = ["Horizontal", "Vertical", "ForwardDiagonal", "BackwardDiagonal", "Cross", "DiagonalCross"]
    boxes = [box(x, y, x + 55, y + 60) for y in (80, 10) for x in (8, 73, 138)]
    color = [0, 110, 60, 255]
    return draw(
        canvas(),
        POLYGON,
        [(area, fill(color, outline(), style)) for area, style in zip(boxes, styles, strict=True)],
    )


def lines() -> Canvas:
    styles = ["Solid", "Dash", "Dot", "DashDot", "DashDotDot", "Null"]
    pairs: list[tuple[Any, Symbol]] = [
        (LineString([(10, y), (70, y + 25), (130, y)]), line([20, 60, 120, 255], 2, style))
        for y, style in zip(range(10, 130, 20), styles, strict=True)
    ]
    pairs += [(LineString([(145, 10 + 18 * n), (190, 20 + 18 * n)]), line(width=0.5 + n)) for n in range(6)]
    return draw(canvas(), POLYLINE, pairs)


def markers() -> Canvas:
    styles = ["Circle", "Square", "Diamond", "Triangle", "Cross", "X"]
    pairs = [(Point(20 + 32 * n, 120), marker(style)) for n, style in enumerate(styles)]
    pairs += [(Point(20 + 32 * n, 80), marker(style, angle=20)) for n, style in enumerate(styles)]
    pairs += [(Point(20 + 8 * n, 40), marker("Circle", size=16, color=[0, 90, 180, 120])) for n in range(6)]
    pairs += [(Point(100, 40), marker("Square", xoffset=15, yoffset=-6)), (Point(100, 40), marker("Circle"))]
    on = draw(canvas(), POINT, pairs)
    on.draw(
        features(MULTIPOINT, MultiPoint([(150, 40), (170, 30), (180, 50)])), [pairs[2][1]], np.zeros(1, int)
    )
    return on


def pictures() -> Canvas:
    tile = {"type": "esriPFS", "imageData": png(picture().pixels), "width": 6, "height": 6}
    on = draw(canvas(), POLYGON, [(Point(55, 75).buffer(45), read_symbol(tile | {"outline": outline()}))])
    pairs = [(Point(130, 110), picture()), (Point(170, 110), picture(width=24, height=24))]
    pairs += [(Point(130, 50), picture(width=20, height=20, angle=30)), (Point(170, 50), picture(xoffset=9))]
    return draw(on, POINT, pairs)


def labels() -> Canvas:
    on, zeros = canvas(), np.zeros(3, int)
    areas = features(POLYGON, box(5, 80, 95, 145), box(60, -40, 260, 30))
    roads = features(POLYLINE, LineString([(105, 60), (195, 140)]))
    places = features(POINT, Point(20, 40), Point(24, 40), Point(20, 60))
    on.draw(areas, [fill([190, 220, 255, 255], outline())], zeros[:2])
    on.draw(roads, [line(width=4)], zeros[:1])
    on.draw(places, [marker("Circle", size=5)], zeros)
    on.label(areas, ["Upper", "Seen in part"], text(font={"size": 11, "weight": "bold", "family": "Times"}))
    on.label(roads, ["Main Street"], text(), "esriServerLinePlacementCenterAlong")
    on.label(places, ["Ålesund", "no room", "Łódź"], text(), "esriServerPointLabelPlacementAboveRight")
    return on


def deep_zoom() -> Canvas:
    """A thousandth of a pixel's share of things that go on for millions of pixels."""
    far = 1e7
    globe = Polygon(
        [(-far, -far), (-far, 75), (100, 100), (far, 75), (far, -far)],
        [list(box(120, 20, 170, 60).exterior.coords)],
    )
    edge = fill([170, 210, 150, 255], outline([0, 90, 0, 255], 2, "Dash"))
    on = draw(canvas(), POLYGON, [(globe, edge)])
    return draw(on, POLYLINE, [(LineString([(-far, -far), (far, far)]), line([200, 0, 0, 255], 3, "Dash"))])


def turned() -> Canvas:
    on = canvas(rotation=30, dpi=144)
    on.draw(
        features(POLYGON, box(60, 40, 140, 110)), [fill([252, 193, 184, 255], outline())], np.zeros(1, int)
    )
    return draw(on, POINT, [(Point(60, 40), marker("Square")), (Point(140, 110), marker("Triangle"))])


def specks() -> Canvas:
    random = np.random.default_rng(3)
    centers = random.uniform(0, [200, 150], (3000, 2))
    radius = random.uniform(0.2, 1.0, (3000, 1))
    low, high = centers - radius, centers + radius
    cells = shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1])
    symbols = [fill([200, 60, 40, 255], outline(width=0.4)), fill([40, 90, 200, 160])]
    on = canvas()
    on.draw(features(POLYGON, *cells), symbols, (centers[:, 0] > 100).astype(int))
    return on


def sheets() -> Canvas:
    on = canvas()
    with on.layer(0.5):
        draw(
            on,
            POLYGON,
            [(box(10, 10, 90, 100), fill([200, 0, 0, 255])), (box(50, 50, 130, 140), fill([0, 0, 200, 255]))],
        )
    return draw(on, POLYLINE, [(LineString([(0, 75), (200, 75)]), line(width=3))])


def raster() -> Canvas:
    y, x = np.mgrid[:6, :8]
    cells = np.stack([x * 30, y * 40, np.full_like(x, 120), np.where((x == 2) & (y == 1), 0, 255)], axis=2)
    on = canvas(rotation=10)
    on.image(cells.astype(np.uint8), (10, 20, 90, 130))
    on.image(cells.astype(np.uint8), (110, 20, 190, 130), smooth=True)
    return on


SCENES: dict[str, Callable[[], Canvas]] = {
    scene.__name__: scene
    for scene in (
        polygons,
        hatches,
        lines,
        markers,
        pictures,
        labels,
        deep_zoom,
        turned,
        specks,
        sheets,
        raster,
    )
}
