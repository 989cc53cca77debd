"""Features of a pixel or two, stamped all at once where drawing each would show the same."""

import numpy as np

from gpserver.features.shapes import POLYGON, Array, Shapes, vertex_offsets

_FAINTEST = 1e-3  # alpha: a quarter of the least that a pixel can show
_DENSEST = 1 - 1e-6  # alpha: what lets nothing through has no logarithm


def areas(shapes: Shapes) -> Array:
    """The area of each feature; lines have none."""
    if shapes.kind != POLYGON:
        return np.zeros(len(shapes))
    # The shoelace formula, as it stands: pixels are small numbers, their products lose nothing.
    x, y = np.ascontiguousarray(shapes.coords[:, :2].T)
    rings = shapes.offsets[0]
    doubled = np.zeros(len(x) + 1)
    doubled[1:-1] = x[:-1] * y[1:] - x[1:] * y[:-1]
    doubled[rings] = 0  # between two rings there is no edge
    total = np.cumsum(doubled)[vertex_offsets(shapes)]
    return np.abs(np.diff(total)) / 2


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
    colors = share * edge + (1 - share) * face
    colors[:, 3] = alpha
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
    # 32 bits are enough for 8 of a picture, and cost half; their logarithms a quarter.
    left, below, right, above = np.ascontiguousarray(boxes.T, np.float32)
    height, width = np.float32(len(picture)), picture.shape[1]
    column, across = _coverage(left, right, width)
    row, down = _coverage(height - above, height - below, len(picture))  # rows are counted from above
    alpha = np.minimum(colors[:, 3], _DENSEST).astype(np.float32)
    cover = (down * alpha[:, None])[:, :, None] * across[:, None, :]
    pixel = row[:, :, None] * width + column[:, None, :]
    compose = _mixed if alike else _layered
    _over(picture, *compose(pixel, cover, colors[:, :3]))


def _mixed(pixel: Array, cover: Array, color: Array) -> tuple[Array, Array, Array]:
    """Pixels, their colour and alpha under specks of one symbol: each counts by what it keeps of the light.

    All colours are mixtures of the symbol's outline and fill: one number, between two of them, says which.
    """
    channels = np.ascontiguousarray(color.T)
    channel = channels[np.ptp(channels, axis=1).argmax()]
    least, most = channel.argmin(), channel.argmax()
    first, last = color[least], color[most]
    between = (channel - channel[least]) / (channel[most] - channel[least] or 1)
    low, kept = pixel.min(), -np.log(1 - cover)
    place = (pixel - low).ravel().astype(np.intp)
    total = np.bincount(place, kept.ravel())
    touched = np.flatnonzero(total > _FAINTEST)
    total = total[touched]
    lasts = np.bincount(place, (kept * between[:, None, None]).ravel())[touched] / total
    alpha = 1 - np.exp(-total)
    return touched + low, (first + lasts[:, None] * (last - first)) * alpha[:, None], alpha


def _layered(pixel: Array, cover: Array, color: Array) -> tuple[Array, Array, Array]:
    """Pixels, their colour (alpha multiplied in) and alpha under specks that lie above each other."""
    touched = np.flatnonzero(cover > _FAINTEST)
    pixel = pixel.ravel()[touched]
    low = pixel.min(initial=0)
    # Narrow integers are sorted several times faster.
    narrow = np.min_scalar_type(pixel.max(initial=0) - low)
    order = np.argsort((pixel - low).astype(narrow), kind="stable")
    touched, pixel = touched[order], pixel[order]
    begins = np.flatnonzero(np.diff(pixel, prepend=-1))
    layers = color[touched // cover[0].size]
    return pixel[begins], *_composite(cover.ravel()[touched].astype(float), layers, begins)


def _coverage(low: Array, high: Array, size: int) -> tuple[Array, Array]:
    """For each interval the pixels it may touch, (n, k), and the share (float32) of each that it covers."""
    cells = np.floor(low)[:, None] + np.arange(np.ceil(np.max(high - low)) + 1, dtype=np.float32)
    share = np.minimum(high[:, None], cells + 1) - np.maximum(low[:, None], cells)
    share[(cells < 0) | (cells >= size)] = 0
    return np.clip(cells, 0, size - 1).astype(np.int32), np.maximum(share, 0)


def _composite(alpha: Array, color: Array, begins: Array) -> tuple[Array, Array]:
    """Colours (alpha multiplied in) and alpha of lists of layers, each from below to above."""
    if len(begins) == 0:
        return np.zeros((0, 3)), np.zeros(0)
    through = np.log1p(-alpha)
    total = np.add.reduceat(through, begins)
    before = np.cumsum(through)
    lengths = np.diff(begins, append=len(alpha))
    above = np.repeat(total + before[begins] - through[begins], lengths) - before
    weight = alpha * np.exp(above)
    channels = [np.add.reduceat(weight * channel, begins) for channel in color.T]
    return np.column_stack(channels), 1 - np.exp(total)


def _over(picture: Array, pixel: Array, color: Array, alpha: Array) -> None:
    """Lay colours (alpha multiplied in) over pixels, by number."""
    words = picture.view(np.uint32).ravel()
    below = words[pixel]
    if below.any():
        under = below.view(np.uint8).reshape(-1, 4) / 255
        left = under[:, 3] * (1 - alpha)
        color, alpha = color + under[:, :3] * left[:, None], alpha + left
    above = np.empty((len(pixel), 4), np.uint8)
    for channel in range(3):
        above[:, channel] = color[:, channel] * (255 / alpha) + 0.5
    above[:, 3] = alpha * 255 + 0.5
    words[pixel] = above.view(np.uint32).ravel()
