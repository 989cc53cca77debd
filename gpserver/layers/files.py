"""Files that people have: into frames, and frames into files; the format is that of the name."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import geopandas as gpd
import pandas as pd

from gpserver.archives import is_archive, unpack
from gpserver.errors import InvalidValue
from gpserver.features import parse_spatial_reference
from gpserver.layers import datasets, spreadsheets
from gpserver.layers.coordinates import located
from gpserver.layers.options import FileOptions

TABLES = (".csv", ".txt", ".tsv", ".xlsx")
DATASETS = (".gpkg", ".shp", ".geojson", ".json", ".kml", ".kmz", ".mif", ".tab", ".gdb")
WRITTEN = (".csv", ".xlsx", ".zip", ".geojson", ".json", ".gpkg", ".kml")
"""What ``write_file`` makes; a .zip holds a shapefile."""

_SAMPLE = 1000  # rows
# Of an archive the files of the first kind that it has: texts beside a dataset describe it.
_PREFERRED = (
    tuple(kind for kind in DATASETS if kind != ".json"),
    (".json",),
    (".xlsx", ".csv", ".tsv"),
    (".txt",),
)


@dataclass(frozen=True)
class FileLayer:
    """One layer of a file, as it would be read.

    Attributes:
        name: Its name; that of the file where it has one only.
        count: Rows.
        sample: Its first rows, of the types that all have.
    """

    name: str
    count: int
    sample: pd.DataFrame


def read_file(path: Path, options: FileOptions | None = None) -> Any:
    """The rows of one layer of a file: a GeoDataFrame where it has geometry, else a DataFrame.

    Reads CSV, XLSX, GeoJSON, GeoPackage, KML, KMZ, MapInfo (MIF with MID, TAB), file geodatabases
    and shapefiles; what has several files comes as a zip archive, in which any of these may be.

    Raises:
        InvalidValue: The format is another, the archive is unsafe or has no such file, or a value is wrong.
    """
    options = options or FileOptions()
    with _opened(path) as files:
        for file in files:
            if not options.layer or options.layer in (file.stem, *_names(file)):
                return _read(file, options)
        there = ", ".join(name for file in files for name in (_names(file) or [file.stem]))
    raise InvalidValue(f"The file has no layer {options.layer[:80]!r}; it has {there[:500]}.")


def describe_file(path: Path, options: FileOptions | None = None) -> list[FileLayer]:
    """What the layers of a file are like; ``options.layer`` is not heeded.

    Raises:
        InvalidValue: As ``read_file``.
    """
    options = options or FileOptions()
    with _opened(path) as files:
        return [layer for file in files for layer in _described(file, options)]


def write_file(frame: pd.DataFrame, path: Path, options: FileOptions | None = None) -> None:
    """Write a frame in the format of the name: one of ``WRITTEN``.

    Tables get well-known text in a column ``geometry``, or two columns where ``options.coordinates`` names
    them and the geometries are points. KML and GeoJSON are written in longitude and latitude. A shapefile
    cuts names after 10 bytes and texts after 254.

    Raises:
        InvalidValue: The format is another, or it cannot hold the frame.
    """
    options = options or FileOptions()
    suffix = path.suffix.lower()
    if suffix not in WRITTEN:
        raise InvalidValue(f"Files of the type '{suffix}' are not written; there are {', '.join(WRITTEN)}.")
    if suffix in TABLES:
        spreadsheets.write(frame, path, options.delimiter, options.coordinates)
    else:
        datasets.write(frame, path, options.layer)


@contextmanager
def _opened(path: Path) -> Iterator[list[Path]]:
    """The files, or folders of geodatabases, that are layers: the file itself, or those in an archive."""
    suffix = path.suffix.lower()
    packed = path.is_file() and is_archive(path)
    with TemporaryDirectory(prefix="gpserver-") as folder:
        found = [path]
        if packed and suffix not in (".xlsx", ".kmz"):
            found = _unpacked(path, Path(folder) / "archive")
        elif packed:
            for _ in unpack(path, Path(folder) / "archive"):
                pass  # only whether it is safe: the reader opens it itself
        elif suffix not in (*TABLES, *DATASETS):
            known = ", ".join((*TABLES, *DATASETS, ".zip"))
            raise InvalidValue(f"Files of the type '{suffix}' are not read; there are {known}.")
        yield found


def _unpacked(path: Path, folder: Path) -> list[Path]:
    files = list(unpack(path, folder))
    geodatabases = {parent for file in files for parent in file.parents if parent.suffix.lower() == ".gdb"}
    for kinds in _PREFERRED:
        if found := [file for file in (*files, *geodatabases) if file.suffix.lower() in kinds]:
            return sorted(found)
    names = ", ".join(sorted(file.name for file in files)[:10]) or "nothing"
    raise InvalidValue(f"The archive holds no file that can be read; it holds {names}.")


def _names(file: Path) -> list[str]:
    if file.suffix.lower() == ".xlsx":
        return spreadsheets.sheets(file)
    return [] if file.suffix.lower() in TABLES else datasets.names(file)


def _read(file: Path, options: FileOptions) -> Any:
    if file.suffix.lower() in TABLES:
        return located(spreadsheets.read(file, options), options)
    name = options.layer if options.layer in datasets.names(file) else ""
    return _referenced(datasets.read(file, name, options.encoding), options)


def _referenced(frame: pd.DataFrame, options: FileOptions) -> Any:
    if isinstance(frame, gpd.GeoDataFrame) and frame.crs is None:
        return frame.set_crs(parse_spatial_reference(options.spatial_reference or 4326))
    return frame


def _described(file: Path, options: FileOptions) -> Iterator[FileLayer]:
    if file.suffix.lower() in TABLES:
        for name in spreadsheets.sheets(file) or [file.stem]:
            rows = spreadsheets.read(file, replace(options, layer=name))
            yield FileLayer(name, len(rows), located(rows.head(_SAMPLE), options))
    else:
        for name in datasets.names(file):
            rows = datasets.read(file, name, options.encoding, most=_SAMPLE)
            yield FileLayer(name, datasets.count(file, name), _referenced(rows, options))
