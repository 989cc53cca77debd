"""The window of a picture: its shape, its scale, other spatial references."""

import pytest
from pyproj import CRS

from gpserver.errors import InvalidRequest
from gpserver.maps.view import View, fitted, reprojected_box

WGS84, WEB_MERCATOR = CRS.from_epsg(4326), CRS.from_epsg(3857)


@pytest.mark.parametrize("box", [(0, 0, 10, 10), (10, 10, 0, 0), (0, 10, 10, 0)])
def test_a_box_grows_to_the_shape_of_the_picture_and_is_never_cut(box: tuple[float, ...]) -> None:
    assert fitted(box, 200, 100) == pytest.approx((-5, 0, 15, 10))
    assert fitted(box, 100, 400) == pytest.approx((0, -15, 10, 25))


def test_a_point_has_a_window_too() -> None:
    xmin, ymin, xmax, ymax = fitted((5, 5, 5, 5), 100, 100)
    assert xmin < 5 < xmax
    assert ymin < 5 < ymax


def test_a_box_without_an_end_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="bbox"):
        fitted((0, 0, float("nan"), 1), 10, 10)


def test_the_scale_is_that_of_arcgis() -> None:
    # 1:591,657,527.59 is level 0 of the Web Mercator scheme: one tile of 256 pixels is the world, at 96 dpi.
    half = 20037508.342789244
    world = View((-half, -half, half, half), 256, 256, WEB_MERCATOR)
    assert world.scale == pytest.approx(591657527.591555, rel=1e-9)
    degrees = View((-180, -180, 180, 180), 256, 256, WGS84)
    assert degrees.scale == pytest.approx(591657527.591555, rel=1e-5)


def test_boxes_go_to_other_spatial_references() -> None:
    assert reprojected_box((0, 0, 1, 1), WGS84, WGS84) == (0, 0, 1, 1)
    assert reprojected_box((0, 0, 1, 1), WGS84, WEB_MERCATOR) == pytest.approx(
        (0, 0, 111319.49, 111325.14), 1e-6
    )
    assert reprojected_box((0, 0, 1, 1), None, WEB_MERCATOR) == (0, 0, 1, 1)
