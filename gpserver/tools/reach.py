"""Reach: the pieces of edges that are entered from a place within a limit, exact to where it ends."""

from typing import NamedTuple

import numpy as np

from gpserver.tools.globe import Floats
from gpserver.tools.network import Network
from gpserver.tools.operand import Rows
from gpserver.tools.searches import Search, ends_of, one_of


class Ways(NamedTuple):
    """Arcs that are entered: from the nodes that are reached, and from the place itself both ways."""

    edge: Rows
    start: Floats
    end: Floats
    """From which share of the edge to which: it ends before 0 or 1 where the limit does."""
    node: Rows
    """The node at the end of the arc."""
    passed: Floats
    """What it takes to come to the beginning of the arc."""
    cost: Floats
    """What it takes to come to its end that way, maybe beyond the limit."""


def ways_of(network: Network, search: Search, row: int, limit: float) -> Ways:
    """What is entered from one place of a search within a limit no greater than that of the search."""
    cost = search.cost[row, : network.nodes]
    node = np.flatnonzero(cost <= limit)
    arcs = network.back if search.towards else network.away
    begin = arcs.start[node]
    many = arcs.start[node + 1] - begin
    arc = np.arange(many.sum()) + np.repeat(begin - (np.cumsum(many) - many), many)
    passed = np.repeat(cost[node], many)
    share = _shares(limit - passed, arcs.cost[arc])
    ahead = arcs.ahead[arc]
    onward = Ways(
        arcs.edge[arc].astype(np.intp),
        np.where(ahead, 0.0, 1.0),
        np.where(ahead, share, 1 - share),
        arcs.node[arc].astype(np.intp),
        passed,
        passed + arcs.cost[arc],
    )
    both = zip(_first_ways(network, search, row, limit), onward, strict=True)
    return Ways(*(np.concatenate(pair) for pair in both))


def _first_ways(network: Network, search: Search, row: int, limit: float) -> Ways:
    place = one_of(search.places, row)
    node, cost = (each[0] for each in ends_of(network, place, search.towards))
    side = np.array([-place.share[0], 1 - place.share[0]])
    end = np.clip(place.share[0] + _shares(np.full(2, limit), cost) * side, 0, 1)
    return Ways(np.repeat(place.edge, 2), np.repeat(place.share, 2), end, node, np.zeros(2), cost)


def _shares(left: Floats, cost: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(cost > left, left / cost, 1.0)
