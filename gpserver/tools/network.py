"""Networks: the graph of a layer of lines, with what it takes to go along each edge either way."""

import logging
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame
from numpy.typing import NDArray
from pyproj import CRS

from gpserver.errors import InvalidValue
from gpserver.tools.circles import Geometries
from gpserver.tools.distance import unit_of
from gpserver.tools.globe import Floats, Globe, measured
from gpserver.tools.mercator import plane_of, width_of
from gpserver.tools.operand import Rows, ground_of
from gpserver.tools.traffic import SPEED, directions_of, speeds_of

log = logging.getLogger(__name__)

Ids = NDArray[np.int32]

# Metres: vertices that lie in the same square of this width are one.
TOLERANCE = 0.01


class Arcs(NamedTuple):
    """The ways out of each node, in rows: ``[start[node], start[node + 1])`` are those of a node."""

    start: Ids
    node: Ids
    """Where each leads."""
    cost: Floats
    edge: Ids
    ahead: NDArray[np.bool_]
    """Whether it leads along the vertices of its edge."""


@dataclass(frozen=True)
class Network:
    """A graph whose edges lie between places where lines end or share a vertex.

    Vertices of all lines stand in one row, part by part; an edge goes from its ``first`` to its ``last``.
    """

    crs: CRS | None
    vertices: Floats
    """Coordinates, shape (v, 2)."""
    plane: Floats
    """The same where nearness can be seen: on the globe in Mercator's plane, which is true in the small."""
    meters_at: Floats
    """Metres from the first of all vertices, shape (v,); going on from part to part."""
    part_start: Rows
    """The first vertex of each part, and one beyond the last."""
    first: Rows
    last: Rows
    tail: Ids
    """The nodes of the first and of the last vertex of each edge, shape (e,)."""
    head: Ids
    line: Rows
    """The row of the layer that each edge is of."""
    node_vertex: Rows
    """A vertex at each node, shape (n,)."""
    seconds: Floats
    along: Floats
    """What it takes to go along each edge, infinite where it is closed: seconds, or metres."""
    against: Floats

    @property
    def globe(self) -> Globe | None:
        """The globe under the coordinates; None for a plane."""
        return ground_of(self.crs)

    @property
    def wide(self) -> float:
        """How wide the world is in the plane; infinite where it does not come round."""
        return width_of(self.crs)

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return len(self.node_vertex)

    @cached_property
    def plane_at(self) -> Floats:
        """The way along the lines from the first of all vertices in units of the plane, shape (v,)."""
        return np.cumsum(np.hypot(*np.diff(self.plane, axis=0, prepend=self.plane[:1]).T))

    @cached_property
    def meters(self) -> Floats:
        """The length of each edge."""
        return np.asarray(self.meters_at[self.last] - self.meters_at[self.first])

    @cached_property
    def away(self) -> Arcs:
        """The arcs to go away by."""
        return _arcs(self, towards=False)

    @cached_property
    def back(self) -> Arcs:
        """The arcs turned round, to find what leads to a node."""
        return _arcs(self, towards=True)

    @cached_property
    def parts(self) -> Geometries:
        """The lines in the plane, each part by itself; null where both ways are closed."""
        part = np.repeat(np.arange(len(self.part_start) - 1), np.diff(self.part_start))
        found = np.asarray(shapely.linestrings(self.plane, indices=part))
        closed = ~np.isfinite(np.minimum(self.along, self.against))
        found[part[self.first[closed]]] = None
        return found

    @cached_property
    def tree(self) -> shapely.STRtree:
        """An index of the parts."""
        return shapely.STRtree(self.parts)


def network_of(
    lines: GeoDataFrame,
    *,
    speed: str | float = SPEED,
    oneway: str | None = None,
    default: float = SPEED,
    by: Literal["time", "length"] = "time",
) -> Network:
    """Make a network of lines; it may be searched many times.

    * A node is where a line ends or shares a vertex (within 1 cm) with another line or with itself, so that
      ways of OpenStreetMap need not be split first (QGIS does so; pgRouting and GRASS connect ends alone).
      Lines that cross without a common vertex are a bridge. Z does not count; a node at 180° is one at -180°.
    * Lengths are geodesic in longitude and latitude and in Web Mercator, else planar.
    * Parallel edges, loops and rings are kept. What is not a line, is null, empty, of no length or has a
      coordinate that is no number is left out; a warning counts such features.

    Args:
        lines: Lines in any spatial reference.
        speed: A field with the speed, or one speed for all, in km/h, as ``speeds_of`` reads it.
        oneway: A field that says which way is open, as ``directions_of`` reads it; None: both.
        default: The speed where the field has none, in km/h.
        by: What a search makes least, and what its limits are: seconds or metres.

    Raises:
        InvalidValue: There is no such field, a speed is not greater than 0, or there is no line.
    """
    if default <= 0 or (not isinstance(speed, str) and speed <= 0):
        raise InvalidValue("The speed must be greater than 0 km/h.")
    kmh, (along, against) = speeds_of(lines, speed, default), directions_of(lines, oneway)
    parts, row = _parts(lines)
    vertices, part = shapely.get_coordinates(parts, return_index=True)
    plane = plane_of(vertices, lines.crs)
    codes, junction, start = _places(plane, part, lines.crs)
    where = np.flatnonzero(junction)
    same = part[where[:-1]] == part[where[1:]]
    first, last = where[:-1][same], where[1:][same]
    node_vertex, node = _nodes(codes, where)
    meters_at = _measure(vertices, part, lines.crs)
    line = row[part[first]]
    meters = meters_at[last] - meters_at[first]
    with np.errstate(divide="ignore", invalid="ignore"):
        seconds = meters / (kmh[line] / 3.6)
    cost = seconds if by == "time" else meters
    usable = kmh[line] > 0
    if not (usable & (along | against)[line]).any():
        raise InvalidValue("All lines of the network are closed: look at its fields of speed and direction.")
    return Network(
        crs=lines.crs,
        vertices=vertices,
        plane=plane,
        meters_at=meters_at,
        part_start=start,
        first=first,
        last=last,
        tail=node[first],
        head=node[last],
        line=line,
        node_vertex=node_vertex,
        seconds=seconds,
        along=np.where(usable & along[line], cost, np.inf),
        against=np.where(usable & against[line], cost, np.inf),
    )


def _parts(lines: GeoDataFrame) -> tuple[Geometries, Rows]:
    """Single lines of some length, and whose they are."""
    geometry = np.asarray(lines.geometry.array, dtype=object)
    parts, row = geometry, np.arange(len(geometry))
    while (shapely.get_type_id(parts) > shapely.GeometryType.POLYGON).any():
        parts, inner = shapely.get_parts(parts, return_index=True)
        row = row[inner]
    # The length of a line with a coordinate that is no number is none either.
    some = (shapely.get_dimensions(parts) == 1) & (shapely.length(parts) > 0)
    parts, row = (parts, row) if some.all() else (parts[some], row[some])
    if lost := int((np.bincount(row, minlength=len(geometry)) == 0).sum()):
        log.warning("%d of %d features are no lines of any length: left out.", lost, len(geometry))
    if not len(parts):
        raise InvalidValue("There is no line to make a network of.")
    return parts, row


def _places(plane: Floats, part: Rows, crs: CRS | None) -> tuple[Rows, NDArray[np.bool_], Rows]:
    """A number for each place with a vertex, which vertices are nodes, and where parts start."""
    codes = pd.factorize(_keys(plane, crs))[0]
    start = np.flatnonzero(np.diff(part, prepend=-1))
    junction = np.bincount(codes)[codes] > 1
    junction[start] = True
    junction[start[1:] - 1] = True
    junction[-1] = True
    return codes, junction, np.append(start, len(part))


def _keys(plane: Floats, crs: CRS | None) -> NDArray[np.int64]:
    """One whole number for each place."""
    wide, (x, y) = width_of(crs), plane.T.copy()
    if np.isfinite(wide):
        # What lies at 180° lies at -180°.
        x[x > wide / 2 - TOLERANCE / 2] -= wide
    west, south = x.min(), y.min()
    # So coarse that the numbers of all squares are below 2⁶³: 2 cm for the whole world.
    step = max(TOLERANCE / unit_of(crs), np.sqrt((x.max() - west) * (y.max() - south)) / 2**31)
    column, row = (np.rint((each - low) / step).astype(np.int64) for each, low in ((x, west), (y, south)))
    return np.asarray(column * (row.max() + 1) + row)


def _nodes(codes: Rows, where: Rows) -> tuple[Rows, Ids]:
    """A vertex of each node, and the node of each vertex that is at one (0 for others)."""
    vertex = np.full(codes.max() + 1, -1)
    vertex[codes[where]] = where
    there = vertex >= 0
    number = (np.cumsum(there) - 1).astype(np.int32)
    return vertex[there], number[codes] if there.all() else np.where(there, number, 0).astype(np.int32)[codes]


def _measure(vertices: Floats, part: Rows, crs: CRS | None) -> Floats:
    globe = ground_of(crs)
    inside = part[1:] == part[:-1]
    steps = np.zeros(len(vertices))
    if globe is None:
        difference = np.diff(vertices, axis=0)
        steps[1:] = np.where(inside, np.hypot(difference[:, 0], difference[:, 1]), 0.0) * unit_of(crs)
    else:
        degrees = np.column_stack([vertices[:, 0] * (180 / globe.half_width), globe.latitude(vertices[:, 1])])
        steps[1:][inside] = measured(globe, degrees[:-1][inside], degrees[1:][inside])[1]
    return np.cumsum(steps)


def _arcs(network: Network, towards: bool) -> Arcs:
    """Both ways of every edge that are open, by the node that they leave."""
    count, cost = len(network.along), np.concatenate([network.along, network.against])
    tail, head = (network.head, network.tail) if towards else (network.tail, network.head)
    source, target = np.concatenate([tail, head]), np.concatenate([head, tail])
    there = np.flatnonzero(np.isfinite(cost))
    leaving = source[there]
    order = there[np.argsort(leaving, kind="stable")]
    start = np.zeros(network.nodes + 1, dtype=np.int32)
    np.cumsum(np.bincount(leaving, minlength=network.nodes), out=start[1:])
    ahead = order < count
    edge = np.where(ahead, order, order - count).astype(np.int32)
    return Arcs(start, target[order], cost[order], edge, ahead != towards)
