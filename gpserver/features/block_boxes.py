"""Boxes of a layer's rows, and which of them touch a window: neighbours share a block, most are skipped."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from gpserver.features.shapes import Array

BLOCK_ROWS = 512  # rows that a window query looks at or skips at once


class BlockBoxes:
    """The boxes of all rows, in file order.

    Args:
        sides: xmin, ymin, xmax and ymax as one array each, in the layer's CRS; NaN where a row has no
            geometry.
    """

    def __init__(self, sides: Sequence[Array]) -> None:
        self._sides = sides

    @cached_property
    def boxes(self) -> Array:
        """All boxes, (n, 4)."""
        return np.stack(self._sides, axis=1)

    def window(self, xmin: float, ymin: float, xmax: float, ymax: float) -> Array:
        """Ascending numbers of the rows whose boxes touch a window, its border included."""
        window = (xmin, ymin, xmax, ymax)
        rows = _members(np.flatnonzero(_touching(self._blocks, window)), len(self._sides[0]))
        return rows[_touching([side[rows] for side in self._sides], window)]

    @cached_property
    def _blocks(self) -> list[Array]:
        """The sides of the box of every block; NaN where a block has no geometry."""
        starts = np.arange(0, len(self._sides[0]), BLOCK_ROWS)
        if len(starts) == 0:
            return list(self._sides)
        # fmin and fmax pass over NaN.
        reach = (np.fmin, np.fmin, np.fmax, np.fmax)
        return [outer.reduceat(side, starts) for outer, side in zip(reach, self._sides, strict=True)]


def _touching(sides: Sequence[Array], window: tuple[float, float, float, float]) -> Array:
    left, bottom, right, top = sides
    xmin, ymin, xmax, ymax = window
    touching: Array = (left <= xmax) & (right >= xmin) & (bottom <= ymax) & (top >= ymin)
    return touching


def _members(blocks: Array, rows: int) -> Array:
    """The rows of these blocks."""
    members = (blocks[:, None] * BLOCK_ROWS + np.arange(BLOCK_ROWS)).ravel()
    return members[members < rows]
