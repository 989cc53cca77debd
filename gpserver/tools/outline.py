"""The outline of a buffer: its ends, its corners, and the side it lies on."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from gpserver.errors import InvalidValue
from gpserver.tools.circles import SEGMENTS, Geometries
from gpserver.tools.sides import one_side
from gpserver.tools.union import united


@dataclass(frozen=True)
class Outline:
    """How a buffer ends and turns, with the words of ST_Buffer.

    Args:
        ends: At the ends of a line. Points are round in any case.
        joins: At corners.
        mitre_limit: How far a mitred corner may reach, in distances of the buffer.
        side: Of a line, seen along it; ends are flat on one side alone, as in PostGIS and QGIS. Where those
            find more, or less, is said in ``sides``.
    """

    ends: Literal["round", "flat", "square"] = "round"
    joins: Literal["round", "mitre", "bevel"] = "round"
    mitre_limit: float = 5.0
    side: Literal["both", "left", "right"] = "both"

    def around(self, geometry: Geometries, distances: NDArray[np.float64]) -> Geometries:
        """Planar buffers, distances in units of the coordinates."""
        if self.side == "both":
            return self._buffer(geometry, distances)
        lines, owner = shapely.get_parts(geometry, return_index=True)
        signed = (-distances if self.side == "right" else distances)[owner]
        both = replace(self, side="both", ends="flat")
        return united(one_side(lines, signed, self._buffer, both._buffer), owner, len(geometry))

    def _buffer(self, geometry: Geometries, distances: NDArray[np.float64]) -> Geometries:
        return np.asarray(
            shapely.buffer(
                geometry,
                distances,
                quad_segs=SEGMENTS // 4,
                cap_style=self.ends,
                join_style=self.joins,
                mitre_limit=self.mitre_limit,
                single_sided=self.side != "both",
            )
        )

    def refuse_sides(self, geometry: Geometries) -> None:
        """Raise InvalidValue where one side is asked for of something that is no line."""
        if self.side != "both" and (shapely.get_dimensions(geometry) != 1).any():
            raise InvalidValue(f"Only lines have a {self.side} side; take both sides of points and polygons.")


ROUND = Outline()
