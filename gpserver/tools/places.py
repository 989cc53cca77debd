"""Places on a network: where points are snapped to, anywhere along an edge."""

import logging
from typing import NamedTuple

import numpy as np
import shapely
from geopandas import GeoDataFrame

from gpserver.tools.circles import Geometries
from gpserver.tools.distance import unit_of
from gpserver.tools.globe import Floats, measured
from gpserver.tools.mercator import from_plane, plane_of
from gpserver.tools.network import TOLERANCE, Network
from gpserver.tools.operand import Rows, alike

log = logging.getLogger(__name__)

# Metres: a point that is farther away from every line is not on the network.
FARTHEST = 5000.0


class Places(NamedTuple):
    """Places on edges of a network, shape (n,) each."""

    row: Rows
    """Whose each is: the position of its point."""
    edge: Rows
    share: Floats
    """How far along the edge, from 0 to 1."""


def places_of(network: Network, points: GeoDataFrame, farthest: float = FARTHEST) -> Places:
    """Find the nearest place of the network for each point, anywhere along an edge.

    The way from the point to that place takes nothing. Edges that are closed both ways do not count. What
    is no point is taken for its centroid. A point without geometry, or farther than ``farthest`` metres
    (ArcGIS: 5 km) from every line, has no place; a warning counts them.
    """
    frame = points
    if network.crs is not None and points.crs is not None:
        frame = alike(points, GeoDataFrame(geometry=[], crs=network.crs))
    geometry = np.asarray(shapely.centroid(np.asarray(frame.geometry.array, dtype=object)))
    spots, row = shapely.get_coordinates(geometry, return_index=True)
    sound = np.isfinite(spots).all(axis=1)
    spots, row = spots[sound], row[sound]
    flat = np.asarray(shapely.points(plane_of(spots, network.crs)), dtype=object)
    part = np.asarray(network.tree.nearest(flat), dtype=np.intp)
    vertex, share = _beside(network, part, flat)
    near = _apart(network, spots, vertex, share) <= farthest
    if lost := len(points) - int(near.sum()):
        log.warning("%d of %d points are not within %g m of the network.", lost, len(points), farthest)
    vertex, share = vertex[near], share[near]
    meters = network.meters_at[vertex] + share * (network.meters_at[vertex + 1] - network.meters_at[vertex])
    edge = np.searchsorted(network.first, vertex, side="right") - 1
    begin, length = network.meters_at[network.first[edge]], network.meters[edge]
    # Who stands within a centimetre of a node is at the node: no one-way street is in his way.
    before, behind = meters - begin < TOLERANCE, begin + length - meters < TOLERANCE
    share = np.clip((meters - begin) / np.where(length > 0, length, 1), 0, 1)
    return Places(row[near], edge, np.where(before, 0.0, np.where(behind, 1.0, share)))


def _beside(network: Network, part: Rows, spots: Geometries) -> tuple[Rows, Floats]:
    """The vertex before the place of each part that is nearest, and the share of the segment up to it."""
    along = shapely.line_locate_point(network.parts[part], spots)
    vertices, owner = shapely.get_coordinates(network.parts[part], return_index=True)
    steps = np.hypot(*np.diff(vertices, axis=0, prepend=vertices[:1]).T)
    begin = np.searchsorted(owner, np.arange(len(part)))
    steps[begin] = 0
    # Parts one after the other on one axis, so that one search finds the segments of all.
    reached = np.cumsum(steps)
    wanted = reached[begin] + along
    after = np.searchsorted(reached, wanted, side="right")
    last = np.append(begin[1:], len(vertices)) - 1
    after = np.clip(after, begin + 1, last)
    length = np.where(steps[after] > 0, steps[after], 1)
    share = np.clip((wanted - reached[after - 1]) / length, 0, 1)
    return network.part_start[part] + after - 1 - begin, share


def _apart(network: Network, spots: Floats, vertex: Rows, share: Floats) -> Floats:
    """Metres between points and their places."""
    ends = network.plane[vertex], network.plane[vertex + 1]
    found = from_plane(ends[0] + share[:, None] * (ends[1] - ends[0]), network.crs)
    globe = network.globe
    if globe is None:
        return np.asarray(np.hypot(*(found - spots).T)) * unit_of(network.crs)
    degrees = [
        np.column_stack([each[:, 0] * (180 / globe.half_width), globe.latitude(each[:, 1])])
        for each in (spots, found)
    ]
    return measured(globe, *degrees)[1]
