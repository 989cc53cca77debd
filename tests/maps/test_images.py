"""Pixels to files and back."""

import io

import numpy as np
import pytest
from maps.scenes import polygons
from PIL import Image

from gpserver.errors import InvalidRequest
from gpserver.maps.canvas import Canvas
from gpserver.maps.images import write
from gpserver.maps.picture import MEDIA_TYPES

PIXELS = np.random.default_rng(1).integers(0, 256, (40, 60, 4)).astype(np.uint8)


def read(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA")).astype(int)


def over(background: tuple[int, int, int]) -> np.ndarray:
    alpha = PIXELS[..., 3:] / 255
    return PIXELS[..., :3] * alpha + np.array(background) * (1 - alpha)


def test_png32_is_exact() -> None:
    assert (read(write(PIXELS, "png32")) == PIXELS).all()
    assert (read(write(PIXELS, "png24")) == PIXELS).all()


@pytest.mark.parametrize("format", ["png24", "png32", "bmp"])
def test_opaque_pictures_lie_on_their_background(format: str) -> None:
    found = read(write(PIXELS, format, False, (0, 0.2, 1, 1)))
    assert np.abs(found[..., :3] - over((0, 51, 255))).max() <= 1
    assert (found[..., 3] == 255).all()


def test_jpg_is_never_transparent() -> None:
    found = read(write(polygons().rgba(), "jpg"))
    assert np.abs(found - polygons().rgba()).mean() < 2


@pytest.mark.parametrize("format", ["png", "png8", "gif"])
def test_palettes(format: str) -> None:
    canvas = Canvas(60, 40, (0, 0, 1, 1))
    canvas.rgba()[10:20, 10:30] = (252, 193, 184, 255)
    clear = read(write(canvas.rgba(), format))
    assert clear[0, 0, 3] == 0
    assert np.abs(clear[15, 15] - (252, 193, 184, 255)).max() <= 4
    solid = read(write(canvas.rgba(), format, False))
    assert solid[0, 0].tolist() == [255, 255, 255, 255]
    assert Image.open(io.BytesIO(write(canvas.rgba(), format))).mode == "P"


def test_a_gif_of_many_colours_has_holes() -> None:
    assert set(np.unique(read(write(PIXELS, "gif"))[..., 3])) == {0, 255}


def test_every_media_type_can_be_written() -> None:
    for format, media_type in MEDIA_TYPES.items():
        assert media_type == Image.open(io.BytesIO(write(PIXELS, format))).get_format_mimetype()


def test_other_formats_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="'tiff' is not supported; use one of png, "):
        write(PIXELS, "tiff")
