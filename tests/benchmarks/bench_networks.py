"""What networks and isochrones cost next to the library calls that they cannot do without.

100 sources, ten minutes, 303,420 edges. Run it with ``python -m tests.benchmarks.bench_networks [quick]``;
quick takes a twentieth of the edges and sources.
"""

import sys

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from town import Town, segments, town

from gpserver.tools.isochrones import isochrones
from gpserver.tools.matrix import matrix
from gpserver.tools.network import Network, network_of
from gpserver.tools.places import Places, places_of
from gpserver.tools.reach import ways_of
from gpserver.tools.routes import shortest_paths
from gpserver.tools.searches import batches, search, some_of
from tests.benchmarks.timing import compare, table

MINUTES = 10


def graph(made: Town) -> None:
    """Making the graph, next to numbering the places of its vertices."""
    streets = made.streets
    # One whole number for each vertex, as a graph needs it at least.
    keys = np.rint(shapely.get_coordinates(streets.geometry.array) * 100).astype(np.int64) @ [2**31, 1]
    degrees = streets.to_crs(4326)
    variants = {
        "pandas.factorize of vertices": lambda: pd.factorize(keys),
        "network_of, metres": lambda: network_of(streets, speed="speed", oneway="oneway").away,
        "network_of, degrees": lambda: network_of(degrees, speed="speed", oneway="oneway").away,
    }
    print(table(f"graph of {len(made.start)} edges", compare(variants, 3), floor=next(iter(variants))))


def searching(network: Network, points: gpd.GeoDataFrame, made: Town) -> None:
    """The search alone, next to scipy's call and NetworkX'."""
    places, limit = places_of(network, points), MINUTES * 60.0
    arcs = network.away
    alone = csr_array((arcs.cost, arcs.node, arcs.start), shape=(network.nodes,) * 2)
    nodes = network.tail[places.edge]
    other = nx.MultiDiGraph()
    other.add_weighted_edges_from((start, end, seconds) for start, end, _, seconds in segments(made))

    def ours() -> None:
        for batch in batches(network, places):
            search(network, some_of(places, batch), limit)

    variants = {
        "scipy.dijkstra": lambda: [
            dijkstra(alone, indices=nodes[at : at + 52], limit=limit) for at in range(0, len(nodes), 52)
        ],
        "search": ours,
        "networkx, a tenth of the sources": lambda: [
            nx.single_source_dijkstra_path_length(other, int(start), limit)
            for start in made.start[:: len(made.start) // max(len(nodes) // 10, 1)][: len(nodes) // 10]
        ],
    }
    print(table(f"search from {len(points)} sources", compare(variants, 2), floor=next(iter(variants))))


def hulls(network: Network, places: Places, limit: float) -> list[np.ndarray]:
    """Coordinates of the nodes reached and of the cuts, of each source."""
    found = []
    for batch in batches(network, places):
        reached = search(network, some_of(places, batch), limit)
        for row in range(len(batch)):
            node = np.flatnonzero(reached.cost[row, : network.nodes] <= limit)
            ways = ways_of(network, reached, row, limit)
            part = (ways.end > 0) & (ways.end < 1)
            share, edge = ways.end[part, None], ways.edge[part]
            ends = network.plane[network.first[edge]], network.plane[network.last[edge]]
            cuts = ends[0] + share * (ends[1] - ends[0])
            found.append(np.concatenate([network.plane[network.node_vertex[node]], cuts]))
    return found


def areas(network: Network, points: gpd.GeoDataFrame) -> None:
    """All of it, next to the search and the concave hulls that others draw."""
    limit = MINUTES * 60.0
    places = places_of(network, points)
    clouds = [shapely.MultiPoint(each) for each in hulls(network, places, limit)]

    def searched() -> None:
        for batch in batches(network, places):
            search(network, some_of(places, batch), limit)

    # All of them take half a minute.
    variants = {
        "concave_hull of a tenth": lambda: [shapely.concave_hull(cloud, 0.05) for cloud in clouds[::10]],
        "search": searched,
        "isochrones": lambda: isochrones(network, points, limit),
        "isochrones, 3 rings": lambda: isochrones(network, points, [limit / 3, limit / 2, limit], rings=True),
    }
    print(table(f"isochrones of {len(points)} sources", compare(variants, 1), floor="search"))


def ways(network: Network, points: gpd.GeoDataFrame) -> None:
    """Paths and a matrix, next to a search of the whole network."""
    few = points[: max(len(points) // 5, 2)]
    nodes = network.tail[places_of(network, few).edge]
    arcs = network.away
    alone = csr_array((arcs.cost, arcs.node, arcs.start), shape=(network.nodes,) * 2)
    variants = {
        "scipy.dijkstra, with predecessors": lambda: dijkstra(alone, indices=nodes, return_predecessors=True),
        "shortest_paths": lambda: shortest_paths(network, few, few[::-1]),
        f"matrix to {len(points)}": lambda: matrix(network, few, points),
    }
    print(table(f"ways from {len(few)} sources", compare(variants, 2), floor=next(iter(variants))))


def main() -> None:
    quick = "quick" in sys.argv
    made = town(88 if quick else 390, keep=1.0)
    side = made.corners.max()
    count = 5 if quick else 100
    places = np.random.default_rng(5).uniform(0.25 * side, 0.75 * side, (count, 2))
    points = gpd.GeoDataFrame({"number": np.arange(count)}, geometry=shapely.points(places), crs=32633)
    graph(made)
    network = network_of(made.streets, speed="speed", oneway="oneway")
    network.tree.nearest(points.geometry.iloc[0])
    searching(network, points, made)
    areas(network, points)
    ways(network, points)


if __name__ == "__main__":
    main()
