"""Streets: the pieces of lines of a network that are reached within a limit, as lines."""

import numpy as np
from geopandas import GeoDataFrame
from pandas import DataFrame

from gpserver.tools.attributes import framed
from gpserver.tools.counts import counted
from gpserver.tools.globe import Floats
from gpserver.tools.network import Network
from gpserver.tools.operand import Rows
from gpserver.tools.pieces import Pieces, chosen, lines_of
from gpserver.tools.places import places_of
from gpserver.tools.reach import ways_of
from gpserver.tools.reproject import reproject
from gpserver.tools.searches import batches, search, some_of


def reachable_streets(
    network: Network, points: GeoDataFrame, limit: float, *, towards: bool = False
) -> GeoDataFrame:
    """Find the streets that are reached from each point, up to the exact place where the limit is.

    Each edge comes once for each point, or twice where it is reached from both ends and not in the middle.
    The index says whose it is; ``line`` is the row of the layer that the network was made of, from 0, and
    ``meters`` its length. In the spatial reference of the points.

    Args:
        network: The network.
        points: Where to start, in any spatial reference.
        limit: Seconds, or metres in a network by length.
        towards: Go to the points instead of away from them.
    """
    places = places_of(network, points)
    found = [Pieces(*(np.zeros(0, kind) for kind in (np.intp, np.intp, float, float)))]
    for batch in batches(network, places):
        reached = search(network, some_of(places, batch), limit, towards=towards)
        for row in range(len(batch)):
            ways = ways_of(network, reached, row, limit)
            found.append(_merged(places.row[batch[row]], ways.edge, ways.start, ways.end))
    pieces = Pieces(*(np.concatenate(column) for column in zip(*found, strict=True)))
    pieces = chosen(pieces, np.flatnonzero(network.meters[pieces.edge] > 0))
    meters = (pieces.end - pieces.start) * network.meters[pieces.edge]
    facts = DataFrame({"line": network.line[pieces.edge], "meters": meters})
    lines = lines_of(network, pieces._replace(owner=np.arange(len(pieces.edge))), len(pieces.edge))
    facts.index = points.index[pieces.owner]
    result = framed(facts, lines, network.crs)
    result.index = points.index[pieces.owner]
    if points.crs is not None and network.crs not in (None, points.crs):
        result = reproject(result, points.crs)
    return counted(result, read=len(points), lost=len(points) - len(places.row))


def _merged(owner: int, edge: Rows, start: Floats, end: Floats) -> Pieces:
    """What is reached of each edge: pieces that overlap are one, all along the vertices."""
    low, high = np.minimum(start, end), np.maximum(start, end)
    some = low < high
    edge, low, high = edge[some], low[some], high[some]
    order = np.lexsort((low, edge))
    edge, low, high = edge[order], low[order], high[order]
    # Shares are at most 1, so that edges that are two apart never mix in a running maximum.
    farthest = np.maximum.accumulate(high + 2.0 * edge) - 2.0 * edge
    fresh = np.ones(len(edge), dtype=bool)
    fresh[1:] = (edge[1:] != edge[:-1]) | (low[1:] > farthest[:-1])
    first = np.flatnonzero(fresh)
    last = np.append(first[1:], len(edge))[: len(first)] - 1
    return Pieces(np.full(len(first), owner), edge[first], low[first], farthest[last])
