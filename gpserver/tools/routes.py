"""Routes: the shortest paths between places of a network, as lines along its edges."""

import numpy as np
from geopandas import GeoDataFrame
from pandas import DataFrame

from gpserver.errors import InvalidValue
from gpserver.tools.attributes import attributes_of, beside, framed
from gpserver.tools.counts import counted
from gpserver.tools.network import Network
from gpserver.tools.paths import arrivals, meters_and_seconds, trace
from gpserver.tools.pieces import lines_of
from gpserver.tools.places import places_of
from gpserver.tools.reproject import reproject
from gpserver.tools.searches import batches, search, some_of


def shortest_paths(network: Network, origins: GeoDataFrame, destinations: GeoDataFrame) -> GeoDataFrame:
    """Find the shortest path from each origin to the destination in the same row.

    The result has the attributes and the index of the origins, a line along the edges from place to place,
    ``meters`` and ``seconds``, in the spatial reference of the origins. Where there is no way, or a point is
    not on the network (see ``places_of``), these are null; where both places are one, the line is.
    pgRouting (pgr_withPoints) and QGIS find paths that take as much; of equally short ones each takes any.

    Raises:
        InvalidValue: There are not as many destinations as origins.
    """
    if len(origins) != len(destinations):
        raise InvalidValue(f"{len(origins)} origins need as many destinations, not {len(destinations)}.")
    start, end = places_of(network, origins), places_of(network, destinations)
    rows = np.intersect1d(start.row, end.row)
    start, end = (some_of(each, np.searchsorted(each.row, rows)) for each in (start, end))
    lines = np.full(len(origins), None, dtype=object)
    facts = np.full((len(origins), 2), np.nan)
    for batch in batches(network, start):
        found = search(network, some_of(start, batch), ways=True)
        pairs, goals = np.arange(len(batch)), some_of(end, batch)
        best = arrivals(network, found, pairs, goals)
        pieces = trace(network, found, pairs, goals, best)
        lines[rows[batch]] = lines_of(network, pieces, len(batch))
        measures = np.column_stack(meters_and_seconds(network, pieces, len(batch)))
        facts[rows[batch]] = np.where(np.isfinite(best.cost)[:, None], measures, np.nan)
    table = beside(attributes_of(origins), DataFrame(facts, columns=["meters", "seconds"]))
    table.index = origins.index
    result = framed(table, lines, network.crs)
    if origins.crs is not None and network.crs not in (None, origins.crs):
        result = reproject(result, origins.crs)
    return counted(result, read=len(origins), lost=int(np.isnan(facts[:, 0]).sum()))
