"""Draws rasters: cells to pixels, in any direction."""

import numpy as np
from PIL import Image

from gpserver.features.shapes import Array
from gpserver.maps.sprites import paste
from gpserver.maps.surfaces import Surface


def draw_raster(surface: Surface, rgba: Array, corners: Array, smooth: bool, opacity: float) -> None:
    """Lay a raster over the picture; where many cells are one pixel, their mean is shown.

    Args:
        surface: What to draw on.
        rgba: (rows, columns, 4) uint8.
        corners: Where its upper left, upper right and lower left corners are, (3, 2), counted from the lower
            left corner of the surface.
        smooth: Interpolate between cells.
        opacity: 0 to 1.
    """
    scale = surface.image_dpi / surface.dpi
    size = round(surface.width * scale), round(surface.height * scale)
    corners = np.array([0, size[1]]) + corners * scale * [1, -1]  # rows are counted from above
    image = Image.fromarray(rgba)
    spans = np.hypot(*(corners[1:] - corners[0]).T)
    fewer = [max(1, int(cells // max(span, 1))) for cells, span in zip(image.size, spans, strict=True)]
    if max(fewer) > 1:
        image = image.reduce((fewer[0], fewer[1]))
    # From pixels to cells, as Pillow wants it.
    forth = np.column_stack([corners[1] - corners[0], corners[2] - corners[0], corners[0]])
    back = np.linalg.inv(np.vstack([forth, [0, 0, 1]]))[:2] * np.array(image.size)[:, None]
    method = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    pixels = np.array(image.transform(size, Image.Transform.AFFINE, back.ravel().tolist(), method))
    if opacity < 1:
        pixels[..., 3] = np.rint(pixels[..., 3] * opacity)
    paste(surface, pixels, 0, 0)
