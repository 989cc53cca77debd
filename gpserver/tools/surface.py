"""Surfaces: triangles between the places of a network, to draw a line where it takes so much to get to.

This is how ArcGIS draws service areas: a triangulated surface over the streets with what it takes to get
there for a height, which is greater where nobody came, carved out at the limit.
"""

from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from gpserver.tools.globe import Floats
from gpserver.tools.network import Network
from gpserver.tools.operand import Rows
from gpserver.tools.pieces import spots
from gpserver.tools.places import Places
from gpserver.tools.searches import Search, ends_of, straight_on

# Of the typical edge: how far apart places on long edges are, and how far an area reaches beyond a street.
SPACING = 4.0
MARGIN = 0.1

# An edge that is so much longer than the line between its ends is drawn through places in between.
CROOKED = 1.2

# Places on an edge: where ferries and alleys are in one network, the typical edge says little.
MOST = 200

# Squares of the raster that finds where no streets are.
SQUARES = 4_000_000


class Surface(NamedTuple):
    """Triangles over a part of a network, in its plane."""

    points: Floats
    """Nodes, then places on edges, then points where there is no street at all; shape (p, 2)."""
    node: Rows
    places: Places
    """Places on edges, first those where the search starts."""
    triangles: Rows
    """Shape (t, 3)."""
    margin: float


def surface_of(network: Network, search: Search, limit: Floats) -> Surface:
    """Triangulate the part of a network that was reached, and some around it.

    Args:
        network: The network.
        search: What was found from some places.
        limit: How far from each of them, shape (k,).
    """
    from scipy.spatial import Delaunay  # a tenth of a second that no server should wait for

    typical = _typical(network)
    middle = float(spots(network, search.places.edge[:1], search.places.share[:1], network.plane)[0, 0])
    around = _turned(network, network.plane[network.node_vertex], middle)
    node = np.flatnonzero(_about(around, network, search, limit, 2 * SPACING * typical))
    places = _along_edges(network, search.places, node, typical * SPACING)
    edged = _turned(network, spots(network, places.edge, places.share, network.plane), middle)
    points = np.concatenate([around[node], edged])
    points = np.concatenate([points, _nowhere(points, typical * SPACING)])
    triangles = Delaunay(points - points.mean(axis=0)).simplices.astype(np.intp)
    return Surface(points, node, places, triangles, typical * MARGIN)


def heights(surface: Surface, network: Network, cost: Floats, source: int, towards: bool) -> Floats:
    """What it takes to reach each point of a surface, shape (p,); infinite where nobody came.

    Args:
        surface: The surface.
        network: The network.
        cost: What it takes to reach each node, shape (nodes,).
        source: Which of the places it is reached from.
        towards: Whether the search went against the arcs.
    """
    places, count = surface.places, len(surface.node)
    # To be reached by somebody who goes with the arcs is to be left by somebody who goes against them.
    node, onward = ends_of(network, places, not towards)
    found = np.full(len(surface.points), np.inf)
    found[:count] = cost[surface.node]
    middle = found[count : count + len(places.row)]
    middle[:] = (cost[node] + onward).min(axis=1)
    beside = np.flatnonzero(places.edge == places.edge[source])
    ends = np.full(len(beside), places.share[source]), places.share[beside]
    straight = straight_on(network, places.edge[beside], *(ends[::-1] if towards else ends))
    middle[beside] = np.minimum(middle[beside], straight)
    return found


def area_below(surface: Surface, height: Floats, limit: float, holes: bool) -> shapely.Geometry | None:
    """The area of a surface where the height is at most the limit, in the plane; null where it is nowhere.

    Heights run evenly along the edges of triangles. Towards a point where nobody came the area goes on for
    the margin alone, so that what is reached by a single road is a band around it.
    """
    corners = surface.triangles
    low = height <= limit
    many = low[corners].sum(axis=1)
    cut = np.flatnonzero((many > 0) & (many < 3))
    if not len(cut):
        return None
    ends = _segments(surface, height, limit, corners[cut], many[cut])
    lines = np.asarray(shapely.linestrings(ends), dtype=object)
    area: Any = shapely.build_area(shapely.multilinestrings(lines))
    if not holes:
        rings = shapely.get_exterior_ring(shapely.get_parts(area))
        area = shapely.union_all(np.asarray(shapely.polygons(rings)))
    assert isinstance(area, shapely.Geometry)
    return area


def _segments(surface: Surface, height: Floats, limit: float, corners: Rows, many: Rows) -> Floats:
    """The line through each triangle that is cut, shape (c, 2, 2)."""
    low = height[corners] <= limit
    # The corner that is alone on its side, and the other two.
    alone = np.argmax(low == (many == 1)[:, None], axis=1)
    here = np.arange(len(corners))
    apex = corners[here, alone]
    sides = []
    for turn in (1, 2):
        other = corners[here, (alone + turn) % 3]
        inner, outer = np.where(many == 1, apex, other), np.where(many == 1, other, apex)
        sides.append(_crossing(surface, height, limit, inner, outer))
    return np.stack(sides, axis=1)


def _crossing(surface: Surface, height: Floats, limit: float, inner: Rows, outer: Rows) -> Floats:
    """Where the limit lies between points within and points beyond it."""
    start, end = surface.points[inner], surface.points[outer]
    far = np.hypot(*(end - start).T)
    share = (limit - height[inner]) / (height[outer] - height[inner])
    least = np.minimum(surface.margin / np.maximum(far, 1e-300), 0.5)
    return np.asarray(start + np.clip(share, least, 1 - 1e-6)[:, None] * (end - start))


def _typical(network: Network) -> float:
    """The median length of edges, in units of the plane."""
    length = network.plane_at[network.last] - network.plane_at[network.first]
    return float(np.median(length[length > 0]))


def _turned(network: Network, coordinates: Floats, middle: float) -> Floats:
    """Places of a world that comes round, moved to where the middle is near; shape (n, 2)."""
    if not np.isfinite(network.wide):
        return coordinates
    x = coordinates[:, 0] - np.round((coordinates[:, 0] - middle) / network.wide) * network.wide
    return np.column_stack([x, coordinates[:, 1]])


def _about(
    nodes: Floats, network: Network, search: Search, limit: Floats, margin: float
) -> NDArray[np.bool_]:
    """Which nodes lie about what was reached from any of the places."""
    found = np.zeros(len(nodes), dtype=bool)
    ends = ends_of(network, search.places, search.towards)[0]
    for row in range(len(limit)):
        reached = np.flatnonzero(search.cost[row, : len(nodes)] <= limit[row])
        own = nodes[np.append(reached, ends[row])]
        low, high = own.min(axis=0), own.max(axis=0)
        more = margin + (high - low) / 10
        found |= ((nodes > low - more) & (nodes < high + more)).all(axis=1)
    return found


def _along_edges(network: Network, sources: Places, node: Rows, spacing: float) -> Places:
    """The sources, and places along edges that are long or crooked."""
    inside = np.zeros(network.nodes, dtype=bool)
    inside[node] = True
    edge = np.flatnonzero(inside[network.tail] & inside[network.head])
    length = network.plane_at[network.last[edge]] - network.plane_at[network.first[edge]]
    straight = np.hypot(*(network.plane[network.last[edge]] - network.plane[network.first[edge]]).T)
    many = np.maximum(np.floor(length / spacing), np.where(length > CROOKED * straight, 3, 0))
    many = np.minimum(many, MOST).astype(int)
    chosen = np.repeat(edge, many)
    number = np.arange(len(chosen)) - np.repeat(np.cumsum(many) - many, many) + 1
    share = number / (np.repeat(many, many) + 1)
    return Places(
        np.append(sources.row, np.full(len(chosen), -1)),
        np.append(sources.edge, chosen),
        np.append(sources.share, share),
    )


def _nowhere(points: Floats, spacing: float) -> Floats:
    """Points in squares without a street near by: around all of them, and in lakes and parks inside."""
    from scipy.ndimage import maximum_filter

    low, high = points.min(axis=0), points.max(axis=0)
    side = max(spacing, float(np.sqrt(np.prod(high - low) / SQUARES)))
    low = low - 3 * side
    shape = np.ceil((high - low) / side).astype(int) + 4
    there = np.zeros(shape, dtype=bool)
    column, row = ((points - low) / side).astype(int).T
    there[column, row] = True
    empty = ~maximum_filter(there, 3) & maximum_filter(there, 5)
    return np.asarray(low + (np.argwhere(empty) + 0.5) * side)
