"""Labels: which are drawn, and where."""

import numpy as np
import pytest
import shapely
from maps.scenes import canvas, features, text
from shapely import LineString, MultiPoint, Point, Polygon, box

from gpserver.features.shapes import MULTIPOINT, POINT, POLYGON, POLYLINE, Shapes


def dark(shapes: Shapes, texts: list[str], placement: str = "", **more: object) -> np.ndarray:
    """Where there is ink: rows and columns counted from the lower left corner."""
    on = canvas()
    on.label(shapes, texts, text(**more), placement)
    return on.rgba()[::-1, :, 0] < 128


def box_of(ink: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(ink)
    return columns.min(), rows.min(), columns.max(), rows.max()


PLACE = features(POINT, Point(100, 75))


@pytest.mark.parametrize(
    ("placement", "across", "up"),
    [("AboveRight", 1, 1), ("BelowLeft", -1, -1), ("AboveCenter", 0, 1), ("CenterRight", 1, 0), ("", 0, 0)],
)
def test_placement(placement: str, across: int, up: int) -> None:
    left, low, right, high = box_of(dark(PLACE, ["HOME"], f"esriServerPointLabelPlacement{placement}"))
    assert (left > 100, low > 75, right < 100, high < 75) == (across > 0, up > 0, across < 0, up < 0)
    assert abs((left + right) / 2 - 100) < 3 or across
    assert abs((low + high) / 2 - 75) < 3 or up


def test_labels_keep_apart_and_inside() -> None:
    near = features(POINT, Point(100, 75), Point(110, 77), Point(2, 75), Point(100, 149))
    assert (dark(near, ["HOME"] * 4) == dark(PLACE, ["HOME"])).all()


def test_what_is_labelled_last_is_labelled_first() -> None:
    on = canvas()
    on.label(PLACE, ["below"], text())
    on.label(PLACE, ["above"], text())
    assert (on.rgba()[::-1, :, 0] < 128).tolist() == dark(PLACE, ["above"]).tolist()


def test_nothing_and_missing() -> None:
    assert not dark(PLACE, [""]).any()
    assert not dark(PLACE, [" \n "]).any()
    assert not dark(features(POINT, None), ["HOME"]).any()
    for kind in (MULTIPOINT, POLYLINE, POLYGON):
        assert not dark(features(kind, None, None), ["HOME", "HOME"]).any()


def test_lines_are_labelled_along() -> None:
    level = box_of(dark(features(POLYLINE, LineString([(0, 75), (200, 75)])), ["Street"]))
    steep = box_of(dark(features(POLYLINE, LineString([(100, 150), (100, 0)])), ["Street"]))
    assert level[2] - level[0] == pytest.approx(steep[3] - steep[1], abs=2)
    assert steep[2] - steep[0] < 12


def test_text_stands_upright() -> None:
    there, back = LineString([(20, 20), (180, 120)]), LineString([(180, 120), (20, 20)])
    assert (dark(features(POLYLINE, there), ["Way"]) == dark(features(POLYLINE, back), ["Way"])).mean() > 0.99


def test_areas_are_labelled_where_they_are_seen() -> None:
    islands = shapely.union(box(-500, 100, 40, 140), box(180, 10, 185, 15))
    left, low, right, high = box_of(dark(features(POLYGON, islands), ["I"]))
    assert 15 < left < right < 25
    assert 110 < low < high < 130


def test_the_label_of_a_horseshoe_lies_on_it() -> None:
    shoe = Polygon([(20, 10), (180, 10), (180, 140), (140, 140), (140, 40), (60, 40), (60, 140), (20, 140)])
    left, low, _, _ = box_of(dark(features(POLYGON, shoe), ["."]))
    assert shoe.contains(Point(left, low))


def test_points_of_a_multipoint_have_one_label() -> None:
    points = features(MULTIPOINT, MultiPoint([(50, 40), (150, 100)]))
    assert box_of(dark(points, ["X"]))[2] < 60


def test_any_text_can_be_asked_for() -> None:
    for words in ("$x^2$", "\\frac", "漢字", "مرحبا", "\x00\x01", "👍", "x" * 5000, "a\nb"):
        dark(PLACE, [words])


def test_a_halo_clears_the_ground() -> None:
    on = canvas()
    on.rgba()[:] = (0, 0, 200, 255)
    on.label(PLACE, ["HOME"], text(haloSize=3, color=[200, 0, 0, 255]))
    assert (on.rgba() == 255).all(axis=2).sum() > 100
