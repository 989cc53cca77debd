"""Pictures of symbols, at the size in which they are drawn."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image

from gpserver.features.shapes import Array
from gpserver.maps.surfaces import Surface
from gpserver.maps.symbols import Picture

_LARGEST = 2048  # pixels


@dataclass(frozen=True, slots=True)
class Sprite:
    """Pixels, rows from above to below, and the size in units of the surface."""

    pixels: Array
    width: float
    height: float


def sprite(picture: Picture, surface: Surface) -> Sprite:
    """A picture scaled, then turned."""
    return _sprite(picture, surface.dpi, surface.image_dpi)


@lru_cache(16)
def _sprite(picture: Picture, dpi: float, image_dpi: float) -> Sprite:
    scale = image_dpi / 72
    width, height = (min(max(1, round(side * scale)), _LARGEST) for side in (picture.width, picture.height))
    image = Image.fromarray(picture.pixels).resize((width, height), Image.Resampling.HAMMING)
    if picture.angle:
        image = image.rotate(picture.angle, Image.Resampling.BILINEAR, expand=True)
    unit = dpi / image_dpi
    return Sprite(np.asarray(image), image.width * unit, image.height * unit)


def paste(surface: Surface, pixels: Array, x: float, y: float, context: object = None) -> None:
    """Lay pixels over what is there, their lower left corner at a point of the surface."""
    # Renderers count rows from below.
    upwards = np.ascontiguousarray(pixels[::-1])
    surface.renderer.draw_image(context or surface.renderer.new_gc(), x, y, upwards)
