"""Searches of a network: what it takes to reach its nodes from many places, a batch of places at a time."""

from typing import Any, NamedTuple

import numpy as np
from geopandas import GeoSeries, points_from_xy
from numpy.typing import NDArray

from gpserver.tools.globe import Floats
from gpserver.tools.network import Ids, Network
from gpserver.tools.operand import Rows
from gpserver.tools.pieces import spots
from gpserver.tools.places import Places

# Places that are searched from at once, and nodes of all their answers: 64 MB of numbers.
BATCH = 64
NODES = 8_000_000

# Of half the world's width: what is farther from the middle lies at the seam, and is searched from by itself.
SEAM = 0.9


class Search(NamedTuple):
    """What was found from some places."""

    places: Places
    towards: bool
    cost: Floats
    """What it takes to reach each node from each place, shape (k, nodes + k); infinite beyond the limit.

    The last k columns are the places themselves.
    """
    before: Ids | None
    """The node before each on the way from the place, of the same shape; negative where there is none."""


def one_of(places: Places, row: int) -> Places:
    """One of several places."""
    return some_of(places, np.array([row]))


def some_of(places: Places, rows: Rows) -> Places:
    """Some of several places, by their positions among them."""
    return Places(places.row[rows], places.edge[rows], places.share[rows])


def batches(network: Network, places: Places) -> list[Rows]:
    """Positions of places that are searched from at once: near to each other, as many as memory allows."""
    size = int(np.clip(NODES // max(network.nodes, 1), 1, BATCH))
    x, y = spots(network, places.edge, places.share, network.plane).T
    seam = np.abs(x) > SEAM * network.wide / 2
    found = []
    for side, turn in ((np.flatnonzero(~seam), 0.0), (np.flatnonzero(seam), network.wide)):
        if len(side):
            there = GeoSeries(points_from_xy(np.where(x[side] < 0, x[side] + turn, x[side]), y[side]))
            order = side[np.argsort(there.hilbert_distance())]
            found += [order[at : at + size] for at in range(0, len(order), size)]
    return found


def search(
    network: Network, places: Places, limit: float = np.inf, *, towards: bool = False, ways: bool = False
) -> Search:
    """Search from every place of a batch.

    Dijkstra's algorithm by scipy. A place is a node of its own with arcs to the ends of its edge, so that
    both directions of a one-way street are right from anywhere along it.

    Args:
        network: The network.
        places: Where to start.
        limit: How far to go.
        towards: Search against the arcs: what it takes from each node to the place.
        ways: Whether the nodes on the ways are wanted.
    """
    from scipy.sparse.csgraph import dijkstra  # a quarter of a second that no server should wait for

    graph = _graph(network, places, towards)
    sources = network.nodes + np.arange(len(places.row))
    if not ways:
        return Search(places, towards, dijkstra(graph, indices=sources, limit=limit), None)
    cost, before = dijkstra(graph, indices=sources, limit=limit, return_predecessors=True)
    return Search(places, towards, cost, before)


def nearest_places(network: Network, places: Places, limit: float, towards: bool) -> NDArray[np.intp]:
    """Which place each node is reached from first, or -1 where from none; shape (nodes,)."""
    from scipy.sparse.csgraph import dijkstra

    graph = _graph(network, places, towards)
    sources = network.nodes + np.arange(len(places.row))
    found = dijkstra(graph, indices=sources, limit=limit, min_only=True, return_predecessors=True)[2]
    found = found[: network.nodes].astype(np.intp)
    return np.where(found < 0, -1, found - network.nodes)


def ends_of(network: Network, places: Places, towards: bool) -> tuple[Rows, Floats]:
    """The nodes at both ends of each place's edge and what it takes to go there, shape (k, 2).

    Infinite where the edge is closed that way; ``towards`` turns it round: from those nodes to the place.
    """
    along, against = network.along[places.edge], network.against[places.edge]
    to_tail, to_head = (along, against) if towards else (against, along)
    node = np.column_stack([network.tail[places.edge], network.head[places.edge]]).astype(np.intp)
    with np.errstate(invalid="ignore"):
        cost = np.column_stack([to_tail * places.share, to_head * (1 - places.share)])
    # Infinity by nothing: who stands at the end of a street that is closed is at its end.
    cost[np.isnan(cost)] = 0.0
    return node, cost


def straight_on(network: Network, edge: Rows, start: Floats, end: Floats) -> Floats:
    """What it takes to go from one share of an edge to another of the same edge without leaving it."""
    pace = np.where(end >= start, network.along[edge], network.against[edge])
    return np.where(end == start, 0.0, np.abs(end - start)) * np.where(end == start, 0.0, pace)


def _graph(network: Network, places: Places, towards: bool) -> Any:
    """The arcs of the network and of the places; parallel ones and those that cost nothing stay apart."""
    from scipy.sparse import csr_array

    arcs, count = network.back if towards else network.away, len(places.row)
    node, cost = (each.ravel() for each in ends_of(network, places, towards))
    own = np.repeat(network.nodes + np.arange(count), 2)
    closed = ~np.isfinite(cost)
    start = arcs.start[-1] + 2 * np.arange(1, count + 1)
    return csr_array(
        (
            np.append(arcs.cost, np.where(closed, 0.0, cost)),
            np.append(arcs.node, np.where(closed, own, node).astype(np.int32)),
            np.append(arcs.start, start.astype(np.int32)),
        ),
        shape=(network.nodes + count,) * 2,
    )
