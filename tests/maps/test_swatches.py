"""Swatches of a legend."""

import io
from typing import Any

import numpy as np
import pytest
from maps.scenes import fill, line, marker, outline, picture, png
from PIL import Image

from gpserver.maps.swatches import swatch
from gpserver.maps.symbols import read_symbol

TILED = read_symbol({"type": "esriPFS", "imageData": png(picture().pixels), "outline": outline()})


@pytest.mark.parametrize(
    "symbol",
    [
        fill([200, 60, 40, 255], outline()),
        fill([200, 60, 40, 255], outline(), "Cross"),
        fill(None, outline(width=9)),
        line(width=3, style="Dash"),
        line(width=12),
        marker("Circle"),
        marker("Triangle", size=500, xoffset=40),
        picture(),
        picture(width=300, height=200),
        TILED,
    ],
)
def test_every_symbol_shows_and_has_room(symbol: Any) -> None:
    for width, height, dpi in ((20, 20, 96), (30, 18, 144)):
        pixels = np.asarray(Image.open(io.BytesIO(swatch(symbol, width, height, dpi))))
        assert pixels.shape == (height, width, 4)
        assert (pixels[..., 3] > 128).sum() > 20


@pytest.mark.parametrize(
    "symbol", [fill([200, 60, 40, 255], outline(width=3)), line(width=5), marker("X", size=99)]
)
def test_symbols_keep_off_the_edge(symbol: Any) -> None:
    alpha = np.asarray(Image.open(io.BytesIO(swatch(symbol))))[..., 3]
    assert alpha[1:-1, 1:-1].sum() > 0.95 * alpha.sum()


def test_what_cannot_be_seen_is_clear() -> None:
    assert not np.asarray(Image.open(io.BytesIO(swatch(fill(None)))))[..., 3].any()
