"""Layers as tables of a PostGIS database."""

from gpserver.layers.parquet import ParquetStore


class PostGISStore(ParquetStore):
    """A ``LayerStore`` in a PostGIS database."""

    def __init__(self, url: str) -> None:
        raise NotImplementedError(url)
