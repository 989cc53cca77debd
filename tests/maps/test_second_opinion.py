"""The same features drawn by another library, Skia: position, colour, width, dash, hole and order agree.

Edges are where two good rasterisers differ, by some shades; nothing may be elsewhere, missing or in another
colour. So on average a pixel differs by less than 2.5 of 255 (1 %), and less than one in a hundred by more
than 48.
"""

from typing import Any

import numpy as np
import pytest
import shapely
from maps.scenes import HEIGHT, WIDTH, canvas, features, fill, line, marker, outline
from shapely import LineString, Point, Polygon, box

from gpserver.features.shapes import POINT, POLYGON, POLYLINE
from gpserver.maps.symbols import Fill, Marker, Stroke

skia = pytest.importorskip("skia", reason="skia-python is not installed", exc_type=ImportError)

PIXELS_PER_POINT = 96 / 72
STYLES = ["Solid", "Dash", "Dot", "DashDot", "DashDotDot"]


def color(rgba: Any) -> Any:
    return skia.Color4f(*rgba).toColor()


def path(geometry: Any) -> Any:
    found = skia.Path()
    for part in shapely.get_parts(shapely.orient_polygons(geometry, exterior_cw=True)):
        closed = part.geom_type == "Polygon"
        for ring in [part.exterior, *part.interiors] if closed else [part]:
            points = [skia.Point(x, HEIGHT - y) for x, y in ring.coords]
            found.addPoly(points, closed)
    found.setFillType(skia.PathFillType.kEvenOdd)
    return found


def pen(stroke: Stroke) -> Any:
    width = stroke.width * PIXELS_PER_POINT
    cap = skia.Paint.kButt_Cap if stroke.dashes else skia.Paint.kRound_Cap
    paint = skia.Paint(AntiAlias=True, Color=color(stroke.color), Style=skia.Paint.kStroke_Style)
    paint.setStrokeWidth(width)
    paint.setStrokeCap(cap)
    paint.setStrokeJoin(skia.Paint.kRound_Join)
    if stroke.dashes:
        paint.setPathEffect(skia.DashPathEffect.Make([step * max(width, 1) for step in stroke.dashes], 0))
    return paint


def theirs(pairs: list[tuple[Any, Any]]) -> np.ndarray:
    surface = skia.Surface(WIDTH, HEIGHT)
    with surface as on:
        on.clear(skia.ColorWHITE)
        for geometry, symbol in pairs:
            drawing, edge = path(geometry), symbol if isinstance(symbol, Stroke) else symbol.outline
            if isinstance(symbol, Marker):
                drawing = path(geometry.buffer(symbol.size / 2 * PIXELS_PER_POINT, quad_segs=32))
            if isinstance(symbol, Fill | Marker) and symbol.color:
                on.drawPath(drawing, skia.Paint(AntiAlias=True, Color=color(symbol.color)))
            if edge:
                on.drawPath(drawing, pen(edge))
    return np.asarray(surface.toarray(colorType=skia.kRGBA_8888_ColorType))


def ours(kind: str, pairs: list[tuple[Any, Any]]) -> np.ndarray:
    geometries, symbols = zip(*pairs, strict=True)
    on = canvas()
    on.draw(features(kind, *geometries), symbols, np.arange(len(symbols)))
    return on.rgba()


def check(kind: str, pairs: list[tuple[Any, Any]]) -> None:
    compare(ours(kind, pairs), theirs(pairs))


def compare(one: np.ndarray, other: np.ndarray) -> None:
    apart = np.abs(one.astype(int) - other).max(axis=2)
    assert apart.mean() < 2.5
    assert (apart > 48).mean() < 0.01


def test_fills_with_holes_and_parts() -> None:
    ring = Polygon([(10, 90), (10, 140), (80, 140), (80, 90)], [[(30, 100), (30, 130), (60, 130), (60, 100)]])
    islands = shapely.MultiPolygon([box(120, 100, 150, 140), Point(170, 120).buffer(18)])
    check(POLYGON, [(ring, fill([252, 193, 184, 255])), (islands, fill([0, 100, 60, 200]))])


def test_order_and_transparency() -> None:
    edge = outline([80, 20, 20, 255], 2)
    pairs = [
        (Point(40 + 20 * n, 75).buffer(35), fill([30 * n, 90, 255 - 30 * n, 255 - 30 * n], edge))
        for n in range(6)
    ]
    check(POLYGON, pairs)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("width", [0.5, 1, 3, 8])
def test_line_styles(style: str, width: float) -> None:
    shapes = [LineString([(10, y), (70, y + 25), (190, y - 5)]) for y in (20, 60, 100)]
    check(POLYLINE, [(shape, line([20, 60, 120, 255], width, style)) for shape in shapes])


@pytest.mark.parametrize("style", STYLES)
def test_outlines(style: str) -> None:
    edge = outline([0, 50, 100, 255], 2, style)
    check(
        POLYGON,
        [
            (box(20.5, 20.5, 120.5, 90.5), fill([200, 220, 240, 255], edge)),
            (box(90, 60, 180, 130), fill(None, edge)),
        ],
    )


def test_many_polygons() -> None:
    random = np.random.default_rng(5)
    centers = random.uniform(0, [WIDTH, HEIGHT], (60, 2))
    shapes = shapely.buffer(shapely.points(centers), random.uniform(2, 9, 60), quad_segs=4)
    colors = random.integers(0, 256, (60, 4)).tolist()
    check(
        POLYGON,
        [(shape, fill(rgba, outline(width=0.75))) for shape, rgba in zip(shapes, colors, strict=True)],
    )


def test_many_lines() -> None:
    random = np.random.default_rng(6)
    walks = random.uniform(0, [WIDTH, HEIGHT], (15, 1, 2)) + random.normal(0, 6, (15, 30, 2)).cumsum(axis=1)
    check(
        POLYLINE,
        [(walk, line([n * 16, 80, 160, 200], 1.5)) for n, walk in enumerate(shapely.linestrings(walks))],
    )


def test_circles_of_many_symbols() -> None:
    places = np.random.default_rng(7).uniform(0, [WIDTH, HEIGHT], (100, 2))
    pairs = [(Point(*place), marker("Circle", size=5 + n / 10)) for n, place in enumerate(places)]
    check(POINT, pairs)


def test_circles_of_one_symbol_stand_in_the_middle_of_pixels() -> None:
    places = np.random.default_rng(8).uniform(0, [WIDTH, HEIGHT], (100, 2))
    symbol = marker("Circle", size=9)
    on = canvas()
    on.draw(features(POINT, *shapely.points(places)), [symbol], np.zeros(100, int))
    compare(on.rgba(), theirs([(Point(*np.floor(place) + 0.5), symbol) for place in places]))
