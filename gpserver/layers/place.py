"""Where the layers of a server are: what any of its processes must know to open them; travels as JSON."""

from dataclasses import dataclass, field
from functools import cache
from math import inf
from pathlib import Path

from gpserver.errors import GPServerError
from gpserver.layers.layers import Layers, Rights
from gpserver.layers.rasters import RasterFiles
from gpserver.layers.resources import Resources
from gpserver.layers.store import LayerStore
from gpserver.space import Space

_POSTGRES = ("postgresql://", "postgres://")


@dataclass(frozen=True)
class Place:
    """The layers of one server.

    Attributes:
        location: A folder, or the ``postgresql://`` URL of a PostGIS database.
        files: The folder of uploaded files and rasters; empty for that of the layers.
        guarded: Whether there are users, so that each has his own layers.
        administrators: The users who may change every layer.
        most_files: Bytes that all files may take; None for any number.
        most_files_each: Bytes that those of one user may take.
    """

    location: str = field(repr=False)  # it may hold a password
    files: str = ""
    guarded: bool = False
    administrators: tuple[str, ...] = ()
    most_files: int | None = None
    most_files_each: int | None = None

    def open(self, owner: str = "") -> Layers:
        """The layers as one user sees them; opened once per process."""
        rights = Rights(owner, self.guarded, frozenset(self.administrators))
        files = self.files or self.location
        tree = _resources(files, self.most_files, self.most_files_each)
        return Layers(_store(self.location), tree, RasterFiles(Path(files) / "rasters"), rights)


def open_layers(location: str | Path) -> Layers:
    """The layers of a folder, which is made where it is not there, or of a PostGIS database.

    Args:
        location: A folder, or a URL ``postgresql://user:password@host/database``; files then lie in
            ``gpserver-data/layers``.
    """
    return Place(str(location), "gpserver-data/layers" if is_database(str(location)) else "").open()


def is_database(location: str) -> bool:
    """Whether a location is the URL of a database rather than a folder."""
    return location.startswith(_POSTGRES)


@cache
def _store(location: str) -> LayerStore:
    if is_database(location):
        try:
            from gpserver.layers.postgis import PostGISStore
        except ImportError as error:
            raise GPServerError(f"Layers in PostGIS need pip install gpserver[postgres]: {error}.") from None
        return PostGISStore(location)
    from gpserver.layers.parquet import ParquetStore

    return ParquetStore(Path(location))


@cache
def _resources(folder: str, total: int | None, each: int | None) -> Resources:
    return Resources(Path(folder), Space(inf if total is None else total, inf if each is None else each))
