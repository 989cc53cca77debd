"""Features of a pixel or two, stamped all at once where drawing each would show the same."""

import numpy as np

from gpserver.features.rings import ring_areas
from gpserver.features.shapes import POLYGON, Array, Shapes

_FAINTEST = 1e-3  # alpha: a quarter of the least that a pixel can show


def areas(shapes: Shapes) -> Array:
    """The area of each feature; lines have none."""
    if shapes.kind != POLYGON:
        return np.zeros(len(shapes))
    total = np.zeros(len(shapes.offsets[0]))
    np.cumsum(ring_areas(shapes.coords, shapes.offsets[0]), out=total[1:])
    rings = shapes.offsets[1][shapes.offsets[2]]
    return np.asarray(np.abs(total[rings[1:]] - total[rings[:-1]]) / 2)


def blend(boxes: Array, area: Array, face: Array, edge: Array, width: Array) -> tuple[Array, Array]:
    """One box and one colour per feature, with as much ink as its fill and its outline have.

    Outlines count as ellipses, lines as straight ones.

    Args:
        boxes: Bounding boxes, (n, 4) pixels.
        area: Of the features, 0 for lines.
        face: Colour of the fill, (n, 4), 0 to 1.
        edge: Colour of the outline.
        width: Of the outline, 0 where there is none.
    """
    across, up = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    around = np.where(area > 0, (across + up) * np.pi / 2, 2 * np.hypot(across, up))
    size = np.maximum((across + width) * (up + width), 1e-9)
    beside = around * width / 2  # on either side of the outline, without the corners
    line = area + beside + np.pi / 4 * width**2 - np.maximum(area - beside, 0)
    above = edge[:, 3] * np.minimum(line / size, 1)
    below = face[:, 3] * np.minimum(area / size, 1) * (1 - above)
    alpha = above + below
    share = np.divide(above, alpha, out=np.zeros_like(alpha), where=alpha > 0)[:, None]
    colors = np.column_stack([share * edge[:, :3] + (1 - share) * face[:, :3], alpha])
    return boxes + width[:, None] / 2 * [-1, -1, 1, 1], colors


def stamp(picture: Array, boxes: Array, colors: Array, *, alike: bool = False) -> None:
    """Lay boxes over a picture (height, width, 4, uint8), in their order, each antialiased.

    Pixels are composited as by Porter and Duff's "over", all at once: what lies above a box at a pixel lets
    through the product of what each of them lets through.

    Args:
        picture: The picture, alpha not multiplied in.
        boxes: Bounding boxes, (n, 4) pixels, counted from below.
        colors: Colours, (n, 4), 0 to 1.
        alike: Whether all are of one symbol: then it does not show which of them is above.
    """
    boxes = boxes * [1, -1, 1, -1] + [0, len(picture), 0, len(picture)]  # rows are counted from above
    column, across = _coverage(boxes[:, 0], boxes[:, 2], picture.shape[1])
    row, down = _coverage(boxes[:, 3], boxes[:, 1], picture.shape[0])
    cover = down[:, :, None] * across[:, None, :] * colors[:, 3, None, None]
    touched = np.flatnonzero(cover > _FAINTEST)
    if len(touched) == 0:
        return
    pixel = (row[:, :, None] * picture.shape[1] + column[:, None, :]).ravel()[touched]
    if alike:
        _mix(picture, pixel, cover.ravel()[touched], colors[touched // cover[0].size, :3])
        return
    low = pixel.min()
    # Narrow integers are sorted several times faster.
    order = np.argsort((pixel - low).astype(np.min_scalar_type(pixel.max() - low)), kind="stable")
    touched, pixel = touched[order], pixel[order]
    begins = np.flatnonzero(np.diff(pixel, prepend=-1))
    layers = colors[touched // cover[0].size, :3]
    _over(picture, pixel[begins], *_composite(cover.ravel()[touched], layers, begins))


def _mix(picture: Array, pixel: Array, alpha: Array, color: Array) -> None:
    """Composite layers of nearly the same colour: each counts by what it keeps of the light."""
    low = int(pixel.min())
    kept = -np.log1p(-np.minimum(alpha, 1 - 1e-6))
    total = np.bincount(pixel - low, kept)
    touched = np.flatnonzero(total)
    covered = 1 - np.exp(-total[touched])
    share = covered / total[touched]
    channels = [np.bincount(pixel - low, kept * channel)[touched] * share for channel in color.T]
    _over(picture, touched + low, np.column_stack(channels), covered)


def _coverage(low: Array, high: Array, size: int) -> tuple[Array, Array]:
    """For each interval the pixels it may touch, (n, k), and the share of each that it covers."""
    reach = int(np.ceil(np.max(high - low))) + 1
    cells = np.floor(low).astype(np.int64)[:, None] + np.arange(reach)
    share = np.minimum(high[:, None], cells + 1) - np.maximum(low[:, None], cells)
    share[(cells < 0) | (cells >= size)] = 0
    return cells, np.maximum(share, 0)


def _composite(alpha: Array, color: Array, begins: Array) -> tuple[Array, Array]:
    """Colours (alpha multiplied in) and alpha of lists of layers, each from below to above."""
    through = np.log1p(-np.minimum(alpha, 1 - 1e-6))
    total = np.add.reduceat(through, begins)
    before = np.cumsum(through)
    lengths = np.diff(begins, append=len(alpha))
    above = np.repeat(total + before[begins] - through[begins], lengths) - before
    weight = alpha * np.exp(above)
    channels = [np.add.reduceat(weight * channel, begins) for channel in color.T]
    return np.column_stack(channels), 1 - np.exp(total)


def _over(picture: Array, pixel: Array, color: Array, alpha: Array) -> None:
    flat = picture.reshape(-1, 4)
    below = flat[pixel] / 255
    left = below[:, 3] * (1 - alpha)
    total = alpha + left
    color = (color + below[:, :3] * left[:, None]) / total[:, None]
    flat[pixel] = np.rint(np.clip(np.column_stack([color, total]), 0, 1) * 255)
