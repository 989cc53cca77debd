"""Paths through a network, traced back from where they end."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gpserver.tools.globe import Floats
from gpserver.tools.network import Ids, Network
from gpserver.tools.operand import Rows
from gpserver.tools.pieces import Pieces
from gpserver.tools.places import Places
from gpserver.tools.searches import Search, ends_of, some_of, straight_on


class Arrivals(NamedTuple):
    """How pairs of places are best connected, shape (p,) each."""

    cost: Floats
    """Infinite where there is no way."""
    side: NDArray[np.intp]
    """Whether one comes by the first (0) or the last (1) node of the edge, or along the edge alone (2)."""


def arrivals(network: Network, found: Search, row: Rows, end: Places) -> Arrivals:
    """The best way from a place of a search to another place, for each pair.

    Args:
        network: The network.
        found: A search away from its places.
        row: Which of them, shape (p,).
        end: Where to, shape (p,).
    """
    node, onward = ends_of(network, end, towards=True)
    cost = np.full((len(row), 3), np.inf)
    cost[:, :2] = found.cost[row[:, None], node] + onward
    near = np.flatnonzero(found.places.edge[row] == end.edge)
    share = found.places.share[row[near]]
    cost[near, 2] = straight_on(network, end.edge[near], share, end.share[near])
    side = np.argmin(cost, axis=1)
    return Arrivals(cost[np.arange(len(row)), side], side)


def trace(network: Network, found: Search, row: Rows, end: Places, by: Arrivals) -> Pieces:
    """The pieces of edges of each path, in order, owned by the position of its pair."""
    assert found.before is not None
    start, last = found.places, ends_of(network, end, towards=True)[0]
    there = np.isfinite(by.cost)
    straight = np.flatnonzero(there & (by.side == 2))
    pair = np.flatnonzero(there & (by.side < 2))
    node = last[pair, by.side[pair]]
    parts = [
        (
            straight,
            np.zeros(len(straight)),
            end.edge[straight],
            start.share[row[straight]],
            end.share[straight],
        ),
        (pair, np.zeros(len(pair)), end.edge[pair], by.side[pair].astype(float), end.share[pair]),
    ]
    step = 0
    while len(pair):
        step += 1
        before = found.before[row[pair], node].astype(np.intp)
        edge, begin, stop = _arcs_between(network, start, row[pair], before, node)
        parts.append((pair, np.full(len(pair), -step), edge, begin, stop))
        on = before < network.nodes
        pair, node = pair[on], before[on]
    owner, order, *rest = (np.concatenate(column) for column in zip(*parts, strict=True))
    sorting = np.lexsort((order, owner))
    return Pieces(owner[sorting], *(each[sorting] for each in rest))


def meters_and_seconds(network: Network, pieces: Pieces, count: int) -> tuple[Floats, Floats]:
    """The length of each owner's pieces and the time on them, shape (count,) each."""
    share = np.abs(pieces.end - pieces.start)
    meters = np.bincount(pieces.owner, share * network.meters[pieces.edge], count)
    seconds = np.bincount(pieces.owner, share * network.seconds[pieces.edge], count)
    return meters.astype(np.float64), seconds.astype(np.float64)


def along_tree(network: Network, found: Search, row: int, ends: Rows) -> tuple[Floats, Floats]:
    """Metres and seconds on the ways from one place of a search to nodes that it reached, shape (m,) each.

    What ways have in common is added up once: sums of 1, 2, 4, 8 ... steps towards the place.
    """
    assert found.before is not None
    before = found.before[row]
    node = _on_the_way(before, ends, network.nodes)
    if not len(node):
        return np.zeros(0), np.zeros(0)
    parent = before[node].astype(np.intp)
    rows = np.full(len(node), row)
    edge, begin, stop = _arcs_between(network, found.places, rows, parent, node)
    share = np.abs(stop - begin)
    sums = np.column_stack([share * network.meters[edge], share * network.seconds[edge]])
    # The place itself is the last: nothing is added there any more.
    sums, last = np.append(sums, [[0.0, 0.0]], axis=0), len(node)
    up = np.append(np.where(parent < network.nodes, np.searchsorted(node, parent), last), last)
    while (up < last).any():
        sums, up = sums + sums[up], up[up]
    at = np.searchsorted(node, ends)
    return sums[at, 0], sums[at, 1]


def _on_the_way(before: Ids, ends: Rows, nodes: int) -> Rows:
    """All nodes that one passes on the way to some, in order of their numbers."""
    passed = np.zeros(len(before), dtype=bool)
    front = np.unique(ends)
    while len(front):
        passed[front] = True
        nearer = before[front].astype(np.intp)
        front = np.unique(nearer[(nearer < nodes) & ~passed[nearer]])
    return np.flatnonzero(passed)


def _arcs_between(
    network: Network, start: Places, row: Rows, before: Rows, node: Rows
) -> tuple[Rows, Floats, Floats]:
    """The edge from each node's predecessor to it, and from which share of it to which.

    A predecessor beyond the nodes is the place with that row.
    """
    edge, stop = np.zeros(len(node), dtype=np.intp), np.zeros(len(node))
    begin = np.zeros(len(node))
    first = before >= network.nodes
    edge[~first], stop[~first] = _cheapest(network, before[~first], node[~first])
    begin[~first] = 1 - stop[~first]
    place = some_of(start, row[first])
    ends, cost = ends_of(network, place, towards=False)
    cost[ends != node[first][:, None]] = np.inf
    edge[first], begin[first], stop[first] = place.edge, place.share, np.argmin(cost, axis=1)
    return edge, begin, stop


def _cheapest(network: Network, source: Rows, target: Rows) -> tuple[Rows, Floats]:
    """The arc from each node to its neighbour that takes least: its edge, and 1 where it leads ahead."""
    arcs = network.away
    many = arcs.start[source + 1] - arcs.start[source]
    pair = np.repeat(np.arange(len(source)), many)
    arc = np.arange(len(pair)) + np.repeat(arcs.start[source] - (np.cumsum(many) - many), many)
    right = arcs.node[arc] == target[pair]
    pair, arc = pair[right], arc[right]
    order = np.lexsort((arcs.cost[arc], pair))
    first = order[np.flatnonzero(np.diff(pair[order], prepend=-1))]
    return arcs.edge[arc[first]].astype(np.intp), arcs.ahead[arc[first]].astype(float)
