"""Routes: the shortest paths between places of a network, as lines."""

from geopandas import GeoDataFrame

from gpserver.tools.network import Network


def shortest_paths(network: Network, origins: GeoDataFrame, destinations: GeoDataFrame) -> GeoDataFrame:
    """Find the path from each origin to the destination in the same row.

    The result has one row for each pair with the index of the origin: a line along the edges (null where
    there is no way), ``meters`` and ``seconds``, in the spatial reference of the origins.
    """
    raise NotImplementedError
