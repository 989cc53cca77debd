"""Boxes of a layer's rows, and which of them touch a window: neighbours share a block, most are skipped."""

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from gpserver.features.shapes import Array

BLOCK_ROWS = 512  # rows that a window query looks at or skips at once

Sides = Callable[[Array], list[Array]]
"""xmin, ymin, xmax and ymax of rows, in the layer's CRS, one array each; NaN where a row has no geometry."""


class BlockBoxes:
    """The boxes of all rows, in file order.

    Args:
        sides: Gives the sides of rows.
        rows: How many there are.
        blocks: What ``block_bytes`` made of them, where that was kept.
    """

    def __init__(self, sides: Sides, rows: int, blocks: bytes | None = None) -> None:
        self._sides, self._rows, self._kept = sides, rows, blocks

    def window(self, xmin: float, ymin: float, xmax: float, ymax: float) -> Array:
        """Ascending numbers of the rows whose boxes touch a window, its border included."""
        window = (xmin, ymin, xmax, ymax)
        rows = _members(np.flatnonzero(_touching(self._blocks, window)), self._rows)
        return rows[_touching(self._sides(rows), window)]

    @cached_property
    def _blocks(self) -> Sequence[Array]:
        if self._kept is None:
            return _outer(self._sides(np.arange(self._rows)))
        return list(np.frombuffer(self._kept).reshape(4, -1))


def block_bytes(sides: Sequence[Array]) -> bytes:
    """The boxes around every block, as they are kept: float64, xmin of all blocks, then ymin, xmax, ymax."""
    return b"".join(side.tobytes() for side in _outer(sides))


def _outer(sides: Sequence[Array]) -> list[Array]:
    """The sides of the box of every block; NaN where a block has no geometry."""
    starts = np.arange(0, len(sides[0]), BLOCK_ROWS)
    if len(starts) == 0:
        return list(sides)
    # fmin and fmax pass over NaN.
    reach = (np.fmin, np.fmin, np.fmax, np.fmax)
    return [outer.reduceat(side, starts) for outer, side in zip(reach, sides, strict=True)]


def _touching(sides: Sequence[Array], window: tuple[float, float, float, float]) -> Array:
    left, bottom, right, top = sides
    xmin, ymin, xmax, ymax = window
    touching: Array = (left <= xmax) & (right >= xmin) & (bottom <= ymax) & (top >= ymin)
    return touching


def _members(blocks: Array, rows: int) -> Array:
    """The rows of these blocks."""
    members = (blocks[:, None] * BLOCK_ROWS + np.arange(BLOCK_ROWS)).ravel()
    return members[members < rows]
