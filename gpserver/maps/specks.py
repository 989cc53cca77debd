"""Features of a pixel or two, stamped all at once where drawing each would show the same."""

import numpy as np

from gpserver.features.rings import ring_areas
from gpserver.features.shapes import POLYGON, Array, Shapes, vertex_offsets


def ink(shapes: Shapes) -> tuple[Array, Array]:
    """Area and length of each feature, in pixels; lines have no area."""
    ends = vertex_offsets(shapes)
    steps = np.zeros(len(shapes.coords) + 1)
    dx, dy = np.diff(shapes.coords, axis=0).T
    steps[1:-1] = np.hypot(dx, dy)
    steps[shapes.offsets[0]] = 0.0  # from one ring to the next nothing is drawn
    length = _sums(steps[:-1], ends)
    if shapes.kind != POLYGON:
        return np.zeros(len(shapes)), length
    rings = shapes.offsets[1][shapes.offsets[2]]
    return np.abs(_sums(ring_areas(shapes.coords, shapes.offsets[0]), rings)) / 2, length


def _sums(values: Array, offsets: Array) -> Array:
    total = np.zeros(len(values) + 1)
    np.cumsum(values, out=total[1:])
    return np.asarray(total[offsets[1:]] - total[offsets[:-1]])


def blend(
    boxes: Array, area: Array, length: Array, face: Array, edge: Array, width: Array
) -> tuple[Array, Array]:
    """One box and one colour per feature, with the ink that its fill and its outline have.

    Args:
        boxes: Bounding boxes, (n, 4) pixels.
        area: Of the features.
        length: Of their outlines.
        face: Colour of the fill, (n, 4), 0 to 1.
        edge: Colour of the outline.
        width: Of the outline, 0 where there is none.
    """
    boxes = boxes + width[:, None] / 2 * [-1, -1, 1, 1]
    size = np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 1e-9)
    above = edge[:, 3] * np.minimum((length + width) * width / size, 1)
    below = face[:, 3] * np.minimum(area / size, 1) * (1 - above)
    alpha = above + below
    share = np.divide(above, alpha, out=np.zeros_like(alpha), where=alpha > 0)[:, None]
    return boxes, np.column_stack([share * edge[:, :3] + (1 - share) * face[:, :3], alpha])


def stamp(picture: Array, boxes: Array, colors: Array) -> None:
    """Lay boxes over a picture (height, width, 4, uint8), in their order, each antialiased.

    Pixels are composited as by Porter and Duff's "over", all at once: what lies above a box at a pixel lets
    through the product of what each of them lets through.
    """
    boxes = boxes * [1, -1, 1, -1] + [0, len(picture), 0, len(picture)]  # rows are counted from the top
    column, across = _coverage(boxes[:, 0], boxes[:, 2], picture.shape[1])
    row, down = _coverage(boxes[:, 3], boxes[:, 1], picture.shape[0])
    cover = down[:, :, None] * across[:, None, :] * colors[:, 3, None, None]
    feature, i, j = np.nonzero(cover > 1e-4)
    if len(feature) == 0:
        return
    pixel = row[feature, i] * picture.shape[1] + column[feature, j]
    low = pixel.min()
    # Narrow integers are sorted several times faster.
    order = np.argsort((pixel - low).astype(np.min_scalar_type(pixel.max() - low)), kind="stable")
    feature, pixel, alpha = feature[order], pixel[order], cover[feature, i, j][order]
    begins = np.flatnonzero(np.diff(pixel, prepend=-1))
    _over(picture, pixel[begins], *_composite(alpha, colors[feature, :3], begins))


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
    return np.add.reduceat(weight[:, None] * color, begins), 1 - np.exp(total)


def _over(picture: Array, pixel: Array, color: Array, alpha: Array) -> None:
    flat = picture.reshape(-1, 4)
    below = flat[pixel] / 255
    left = below[:, 3] * (1 - alpha)
    total = alpha + left
    color = (color + below[:, :3] * left[:, None]) / total[:, None]
    flat[pixel] = np.rint(np.clip(np.column_stack([color, total]), 0, 1) * 255)
