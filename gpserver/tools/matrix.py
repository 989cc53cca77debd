"""The matrix of what it takes to go from each of some places of a network to each of others."""

from geopandas import GeoDataFrame
from pandas import DataFrame

from gpserver.tools.network import Network


def matrix(
    network: Network, origins: GeoDataFrame, destinations: GeoDataFrame, limit: float | None = None
) -> DataFrame:
    """Find what each way takes: ``origin``, ``destination`` (positions from 0), ``meters`` and ``seconds``.

    Pairs without a way, or beyond the limit (seconds, or metres in a network by length), have no row.
    """
    raise NotImplementedError
