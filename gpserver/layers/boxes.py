"""Boxes of geometries: which rows of a layer may touch a window."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import shapely

from gpserver.layers.store import Box, Ids

Boxes = np.ndarray[Any, np.dtype[np.float32]]
"""(rows, 4): xmin, ymin, xmax, ymax in single precision; NaN where there is no geometry."""


def boxes_of(geometries: Any) -> Boxes:
    """The boxes of an array of geometries."""
    boxes: Boxes = shapely.bounds(geometries).astype(np.float32)
    return boxes


def meet(box: tuple[float | None, ...], window: Box) -> bool:
    """Whether a box, which may be none at all, touches a window."""
    xmin, ymin, xmax, ymax = (np.nan if side is None else side for side in box)
    return xmin <= window[2] and xmax >= window[0] and ymin <= window[3] and ymax >= window[1]


def ids_in(parts: Iterable[tuple[Ids, Boxes]], window: Box, most: int | None) -> Ids:
    """The ids of boxes that touch a window, ascending; of more than ``most`` those with the longest sides.

    Args:
        parts: The ids of rows, and their boxes.
        window: xmin, ymin, xmax, ymax. It is rounded as the boxes are: what touches in double precision
            touches in single precision too.
        most: So many; None is all.
    """
    west, south, east, north = np.array(window, np.float32)
    ids, lengths = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
    for rows, boxes in parts:
        xmin, ymin, xmax, ymax = boxes.T
        [inside] = np.nonzero((xmin <= east) & (xmax >= west) & (ymin <= north) & (ymax >= south))
        ids.append(rows[inside])
        lengths.append(np.maximum((xmax - xmin)[inside], (ymax - ymin)[inside]))
    found = np.concatenate(ids)
    if most is not None and len(found) > most:
        found = found[np.argsort(-np.concatenate(lengths), kind="stable")[:most]]
    return np.sort(found)
