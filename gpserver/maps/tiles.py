"""Areas filled with a picture, side by side, that runs on from one feature to the next."""

from collections.abc import Sequence

import numpy as np
from matplotlib.path import Path
from matplotlib.transforms import IdentityTransform, TransformedPath

from gpserver.maps.outlines import Outline
from gpserver.maps.sprites import paste, sprite
from gpserver.maps.surfaces import Surface
from gpserver.maps.symbols import Picture


def draw_tiled(surface: Surface, paths: Sequence[Outline], picture: Picture) -> None:
    """Fill these areas with tiles that begin at the upper left corner of the whole drawing."""
    inside = Path(
        np.concatenate([path.vertices for path in paths]), np.concatenate([path.codes for path in paths])
    )
    scale = surface.image_dpi / surface.dpi
    corners = np.clip(inside.get_extents().get_points(), 0, [surface.width, surface.height]) * scale
    (left, bottom), (right, top) = np.floor(corners[0]).astype(int), np.ceil(corners[1]).astype(int)
    if left >= right or bottom >= top:
        return
    tile = sprite(picture, surface).pixels
    height = round(surface.height * scale)
    rows = np.arange(height - top, height - bottom) % tile.shape[0]
    columns = np.arange(left, right) % tile.shape[1]
    context = surface.renderer.new_gc()
    context.set_clip_path(TransformedPath(inside, IdentityTransform()))
    paste(surface, tile[rows][:, columns], left / scale, bottom / scale, context)
    context.restore()
