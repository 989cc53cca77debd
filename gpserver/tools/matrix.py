"""The matrix of what it takes to go from each of some places of a network to each of others."""

import numpy as np
import pandas as pd
from geopandas import GeoDataFrame
from pandas import DataFrame

from gpserver.tools.network import Network
from gpserver.tools.operand import Rows
from gpserver.tools.paths import Arrivals, along_tree, arrivals
from gpserver.tools.places import Places, places_of
from gpserver.tools.searches import Search, batches, ends_of, search, some_of

# Destinations that are looked at together from all origins of a batch.
BLOCK = 20_000

COLUMNS = ("origin", "destination", "meters", "seconds")


def matrix(
    network: Network, origins: GeoDataFrame, destinations: GeoDataFrame, limit: float | None = None
) -> DataFrame:
    """Find what each way takes: ``origin``, ``destination`` (positions from 0), ``meters`` and ``seconds``.

    Rows are sorted by both. Pairs without a way, with a point that is not on the network (see ``places_of``),
    or beyond the limit (seconds, or metres in a network by length) have no row. From a place to itself it
    takes nothing.
    """
    start, end = places_of(network, origins), places_of(network, destinations)
    farthest = np.inf if limit is None else limit
    found = [_nothing()]
    for batch in batches(network, start):
        # A limit a little wider, so that rounding in sums loses nobody who is exactly there.
        reached = search(network, some_of(start, batch), farthest * (1 + 1e-12), ways=True)
        for at in range(0, len(end.row), BLOCK):
            goals = some_of(end, np.arange(at, min(at + BLOCK, len(end.row))))
            found += [_from_one(network, reached, row, goals, farthest) for row in range(len(batch))]
    return pd.concat(found).sort_values(["origin", "destination"], ignore_index=True)


def _nothing() -> DataFrame:
    return DataFrame({name: np.zeros(0, float if name.endswith("s") else np.intp) for name in COLUMNS})


def _from_one(network: Network, found: Search, row: int, end: Places, limit: float) -> DataFrame:
    best = arrivals(network, found, np.full(len(end.row), row), end)
    near = np.flatnonzero(np.isfinite(best.cost) & (best.cost <= limit))
    best, end = Arrivals(best.cost[near], best.side[near]), some_of(end, near)
    share = np.where(best.side == 2, found.places.share[row], best.side)
    part = np.abs(end.share - share)
    meters, seconds = part * network.meters[end.edge], part * network.seconds[end.edge]
    over = np.flatnonzero(best.side < 2)
    node: Rows = ends_of(network, end, towards=True)[0][over, best.side[over]]
    more = along_tree(network, found, row, node)
    meters[over] += more[0]
    seconds[over] += more[1]
    origin = np.full(len(near), found.places.row[row])
    return DataFrame(dict(zip(COLUMNS, (origin, end.row, meters, seconds), strict=True)))
