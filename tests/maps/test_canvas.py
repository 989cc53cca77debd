"""Drawing: what golden pictures cannot say."""

import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from maps.scenes import (
    BOX,
    HEIGHT,
    SCENES,
    WIDTH,
    canvas,
    features,
    fill,
    line,
    marker,
    outline,
    picture,
    text,
)
from shapely import LineString, MultiPoint, Point, Polygon, box

from gpserver.errors import InvalidRequest
from gpserver.features.shapes import MULTIPOINT, POINT, POLYGON, POLYLINE, Shapes, empty_shapes
from gpserver.maps.canvas import Canvas
from gpserver.maps.symbols import read_symbol

RED, BLUE = [255, 0, 0, 255], [0, 0, 255, 255]
ONE = np.zeros(1, int)
SQUARE = box(50, 50, 100, 100)


def drawn(shapes: Shapes, symbols: list[Any], which: Any = None, **options: Any) -> np.ndarray:
    on = canvas(**options)
    on.draw(shapes, symbols, np.zeros(len(shapes), int) if which is None else np.asarray(which))
    return on.rgba()


def pixel(picture: np.ndarray, x: float, y: float) -> list[int]:
    return picture[HEIGHT - 1 - int(y), int(x)].tolist()


def test_a_map_point_has_its_pixel() -> None:
    found = drawn(features(POLYGON, SQUARE), [fill(RED)])
    inside = (found == (255, 0, 0, 255)).all(axis=2)
    rows, columns = np.nonzero(inside)
    assert (columns.min(), columns.max()) == (50, 99)
    assert (rows.min(), rows.max()) == (HEIGHT - 100, HEIGHT - 51)
    assert inside.sum() == 2500


def test_a_new_canvas_is_clear_or_paper() -> None:
    assert Canvas(3, 2, (0, 0, 1, 1)).rgba()[..., 3].tolist() == [[0] * 3] * 2
    paper = Canvas(3, 2, (0, 0, 1, 1), background=(0, 0.2, 1, 1)).rgba()
    assert (paper == (0, 51, 255, 255)).all()


def test_alpha_is_not_multiplied_in() -> None:
    on = Canvas(WIDTH, HEIGHT, BOX)
    on.draw(features(POLYGON, SQUARE), [fill([255, 0, 0, 64])], ONE)
    assert pixel(on.rgba(), 75, 75) == [255, 0, 0, 64]


def test_sizes_are_points() -> None:
    for dpi in (72, 96, 288):
        found = drawn(features(POLYLINE, LineString([(0, 75), (200, 75)])), [line(RED, 6)], dpi=dpi)
        assert (found[:, 100, 1] < 128).sum() == 6 * dpi / 72


def test_later_features_lie_above() -> None:
    pair = features(POLYGON, box(20, 20, 80, 80), box(50, 50, 120, 120))
    assert pixel(drawn(pair, [fill(RED), fill(BLUE)], [0, 1]), 60, 60) == BLUE
    assert pixel(drawn(pair, [fill(RED), fill(BLUE)], [1, 0]), 60, 60) == RED


def test_specks_keep_their_turn() -> None:
    random = np.random.default_rng(1)
    corners = random.uniform(60, 90, (100, 2))
    tiny = shapely.box(corners[:, 0], corners[:, 1], corners[:, 0] + 1, corners[:, 1] + 1)
    shapes = features(POLYGON, SQUARE, *tiny, SQUARE)
    symbols = [fill(RED), fill(BLUE)]
    which = np.ones(len(shapes), int)
    which[[0, -1]] = 0
    assert (drawn(shapes, symbols, which)[60:90, 60:90] == RED).all()
    which[-1] = -1
    assert pixel(drawn(shapes, symbols, which), *(corners[-1] + 0.5)) != RED


@pytest.mark.parametrize(
    "symbol", [fill(RED), fill(RED, outline(width=0.75)), fill(None, outline(BLUE, 1.2))]
)
@pytest.mark.parametrize("size", [0.3, 1.0, 1.9])
def test_specks_have_the_ink_of_the_features(symbol: Any, size: float) -> None:
    random = np.random.default_rng(2)
    places = random.uniform(5, 140, (500, 2))
    cells = shapely.box(places[:, 0], places[:, 1], places[:, 0] + size, places[:, 1] + size)
    on = canvas()
    for cell in cells:  # one by one they are not stamped
        on.draw(features(POLYGON, cell), [symbol], ONE)
    each = 255 - on.rgba()[..., :3].astype(float)
    stamped = 255 - drawn(features(POLYGON, *cells), [symbol])[..., :3].astype(float)
    assert stamped.mean() == pytest.approx(each.mean(), rel=0.15)


def test_specks_at_the_edge_of_the_picture() -> None:
    x = np.linspace(-3, 203, 400)
    cells = [*shapely.box(x, -1, x + 1, 1), *shapely.box(x, 149, x + 1, 151), *shapely.box(-1, x, 1, x + 1)]
    found = drawn(features(POLYGON, *cells), [fill(RED)])
    assert (found[1:-1, 1:] == 255).all()
    assert (found[[0, -1], 1:-1, 1] < 128).all()


def test_what_is_not_drawn() -> None:
    blank = canvas().rgba()
    for shapes, symbol in (
        (features(POLYGON, SQUARE, None), fill(RED)),
        (features(POLYLINE, LineString([(0, 0), (9, 9)]), None), line(RED)),
        (features(POINT, Point(5, 5), None), marker("Circle")),
        (features(MULTIPOINT, MultiPoint([(5, 5)]), None), marker("Circle")),
    ):
        assert (drawn(shapes, [symbol], [-1, 0]) == blank).all()
        assert (drawn(shapes, [], [-1, -1]) == blank).all()
    for kind in (POINT, MULTIPOINT, POLYLINE, POLYGON):
        assert (drawn(empty_shapes(kind, 0), []) == blank).all()
        assert (drawn(empty_shapes(kind, 3), []) == blank).all()


@pytest.mark.parametrize(
    ("kind", "geometry", "symbol"),
    [
        (POINT, Point(1, 1), line()),
        (POINT, Point(1, 1), fill(RED)),
        (POLYLINE, LineString([(0, 0), (1, 1)]), fill(RED)),
        (POLYLINE, LineString([(0, 0), (1, 1)]), marker("Circle")),
        (POLYGON, SQUARE, picture()),
        (POLYGON, SQUARE, text()),
    ],
)
def test_symbols_of_another_geometry_are_refused(kind: str, geometry: Any, symbol: Any) -> None:
    with pytest.raises(InvalidRequest, match="symbol cannot draw"):
        drawn(features(kind, geometry), [symbol])


def test_a_line_symbol_outlines_polygons() -> None:
    found = drawn(features(POLYGON, SQUARE), [line(RED, 3)])
    assert pixel(found, 50, 75) == RED
    assert pixel(found, 75, 75) == [255] * 4


def test_z_and_m_are_no_matter() -> None:
    flat = features(POLYGON, SQUARE)
    coords = np.column_stack([flat.coords, np.full((len(flat.coords), 2), np.nan)])
    deep = Shapes(POLYGON, coords, flat.offsets, flat.missing, True, True)
    assert (drawn(deep, [fill(RED)]) == drawn(flat, [fill(RED)])).all()


def test_a_point_drawn_a_thousand_times_shows_once() -> None:
    once = drawn(features(POINT, Point(100.2, 75.3)), [marker("Circle")])
    often = drawn(features(POINT, *[Point(100.2, 75.3)] * 1000), [marker("Circle")])
    assert np.abs(once.astype(int) - often).max() <= 1


def test_rotation_turns_counter_clockwise_about_the_middle() -> None:
    point = features(POINT, Point(150, 75))
    found = drawn(point, [marker("Square", size=6, outline=None)], rotation=90)
    assert pixel(found, 100, 125) == [255, 170, 0, 255]


def test_a_layer_fades_as_one_sheet() -> None:
    pair = features(POLYGON, box(20, 20, 80, 80), box(50, 50, 120, 120))
    on = canvas()
    with on.layer(0.5):
        on.draw(pair, [fill(RED), fill(BLUE)], np.array([0, 1]))
    on.draw(features(POLYGON, box(0, 0, 10, 10)), [fill(RED)], ONE)
    assert np.abs(np.subtract(pixel(on.rgba(), 60, 60), (127, 127, 255, 255))).max() <= 1
    assert np.abs(np.subtract(pixel(on.rgba(), 30, 30), (255, 127, 127, 255))).max() <= 1
    assert pixel(on.rgba(), 5, 5) == RED


def test_far_away_and_deep_down() -> None:
    for scale in (1e-6, 1e6, 1e12):
        near = (100 - 100 * scale, 75 - 75 * scale, 100 + 100 * scale, 75 + 75 * scale)
        on = canvas(bbox=near)
        for dash in ("Solid", "Dash"):
            edge = outline(BLUE, 2, dash)
            on.draw(features(POLYGON, box(-1e7, 75, 1e7, 1e7)), [fill(RED, edge)], ONE)
            on.draw(features(POLYLINE, LineString([(-1e7, 0), (1e7, 150)])), [line(RED, 2, dash)], ONE)
            on.draw(features(POINT, Point(1e300, 0), Point(100, 75)), [marker("X")] * 2, np.array([0, 1]))


def test_the_thinnest_dashes_come_to_an_end() -> None:
    edge = outline(width=1e-6, style="Dot")
    for dpi in (1, 96):
        drawn(features(POLYGON, box(0, 0, 1e5, 1e5)), [fill(None, edge)], dpi=dpi)
        drawn(features(POLYLINE, LineString([(0, 0), (1e5, 1e5)])), [read_symbol(edge)], dpi=dpi)


def test_a_raster_lies_where_it_lies() -> None:
    cells = np.zeros((3, 4, 4), np.uint8)
    cells[0, 0], cells[2, 3] = RED, BLUE
    on = canvas()
    on.image(cells, (0, 0, 200, 150))
    found = on.rgba()
    assert pixel(found, 25, 125) == RED
    assert pixel(found, 49, 101) == RED
    assert pixel(found, 175, 25) == BLUE
    assert pixel(found, 100, 75) == [255] * 4
    assert (found == RED).all(axis=2).sum() == (found == BLUE).all(axis=2).sum() == 2500


def test_many_cells_of_a_pixel_show_their_mean() -> None:
    checks = np.indices((1500, 2000)).sum(axis=0) % 2 * 255
    on = canvas()
    on.image(np.dstack([checks] * 3 + [np.full_like(checks, 255)]).astype(np.uint8), BOX)
    assert np.abs(on.rgba()[..., 0].astype(int) - 127).max() < 5


@pytest.mark.parametrize("name", SCENES)
def test_svg_has_every_scene(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maps.scenes.canvas", lambda **options: Canvas(200, 150, BOX, vector="svg"))
    one, other = (SCENES[name]().bytes() for _ in range(2))
    root = ElementTree.fromstring(one)
    assert (root.get("width"), root.get("height")) == ("150pt", "112.5pt")
    found = [len(list(root.iter(f"{{http://www.w3.org/2000/svg}}{tag}"))) for tag in ("path", "image")]
    assert sum(found) > 1
    assert one == other


@pytest.mark.parametrize("name", SCENES)
def test_pdf_has_every_scene(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maps.scenes.canvas", lambda **options: Canvas(200, 150, BOX, vector="pdf"))
    document = SCENES[name]().bytes()
    assert document.startswith(b"%PDF")
    assert document.rstrip().endswith(b"%%EOF")


NUMBERS = st.one_of(st.floats(-50, 250), st.sampled_from([-1e9, 1e9, 0.0, 100.0, 100.1]))
CORNERS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=12)
FILLS = [
    fill(RED),
    fill(BLUE, outline(width=2, style="Dash")),
    fill(RED, outline(), "Cross"),
    fill(None, outline(width=9)),
]


@given(st.lists(st.tuples(CORNERS, st.integers(-1, 3)), min_size=1, max_size=40))
def test_any_polygon_can_be_drawn(shapes: list[Any]) -> None:
    rings, which = zip(*shapes, strict=True)
    drawn(features(POLYGON, *map(Polygon, rings)), FILLS, which)


@given(st.lists(CORNERS, min_size=1, max_size=40))
def test_any_line_can_be_drawn(lines: list[Any]) -> None:
    drawn(
        features(POLYLINE, *map(LineString, lines)),
        [line(RED), line(BLUE, 3, "Dot")],
        np.arange(len(lines)) % 2,
    )
