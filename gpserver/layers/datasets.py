"""Files that GDAL reads and writes, each only as what its name says it is."""

import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import geopandas as gpd
import orjson
import pandas as pd
import pyarrow as pa
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError

from gpserver.errors import InvalidValue
from gpserver.features import parse_spatial_reference
from gpserver.layers.columns import NULLABLE

_HEADER = 1 << 16
# How files begin. GDAL goes by the content, whatever the name, and some formats name other files or URLs.
_BEGINNINGS = {
    ".gpkg": rb"SQLite format 3\x00",
    ".shp": rb"\x00\x00\x27\x0a",
    ".geojson": rb"(\xef\xbb\xbf)?\s*\{",
    ".json": rb"(\xef\xbb\xbf)?\s*\{",
    ".kml": rb"(\xef\xbb\xbf)?\s*<",
    ".kmz": rb"PK",
    ".mif": rb"\s*(?i:version)",
    ".tab": rb"\s*!(?i:table)",
}
_FOREIGN = re.compile(rb"<(OGR|VRT|GDAL_|OAPI)|gdal_streamed_alg|seamless|(?i:type\s+linked)", re.IGNORECASE)
_DRIVERS = {
    ".gpkg": "GPKG",
    ".geojson": "GeoJSON",
    ".json": "GeoJSON",
    ".kml": "LIBKML",
}
_LON_LAT = (".geojson", ".json", ".kml")
_FAILURES = (
    *(DataSourceError, DataLayerError, FeatureError, FieldError),
    *(pa.ArrowException, RuntimeError, ValueError),
)


def names(path: Path) -> list[str]:
    """The names of the layers and tables in a dataset.

    Raises:
        InvalidValue: It is not what its name says.
    """
    _check(path)
    try:
        with _quiet():
            return [str(name) for name, _ in pyogrio.list_layers(path)]
    except _FAILURES as error:
        raise _unreadable(path, error) from error


def read(path: Path, layer: str = "", encoding: str = "", most: int | None = None) -> Any:
    """One layer of a dataset, the first by default: its 64-bit numbers, nulls and times as they are.

    Raises:
        InvalidValue: It is not what its name says, or cannot be read.
    """
    _check(path)
    options = {"encoding": encoding} if encoding and path.suffix.lower() == ".shp" else {}
    try:
        with _quiet():
            meta, table = pyogrio.raw.read_arrow(path, layer=layer or None, max_features=most, **options)
    except _FAILURES as error:
        raise _unreadable(path, error) from error
    return _frame(table, meta)


def count(path: Path, layer: str = "") -> int:
    """How many rows a layer has."""
    return int(pyogrio.read_info(path, layer=layer or None, force_feature_count=True)["features"])


def write(frame: pd.DataFrame, path: Path, layer: str = "") -> None:
    """Write a frame as what the name of the file says; .zip is a shapefile in an archive.

    Raises:
        InvalidValue: The format cannot hold the frame.
    """
    suffix, frame = path.suffix.lower(), _plain(frame)
    if suffix in _LON_LAT and isinstance(frame, gpd.GeoDataFrame) and frame.crs is not None:
        frame = frame.to_crs(4326)
    try:
        with _quiet():
            if suffix == ".zip":
                _write_shapefile(frame, path, layer or path.stem)
            else:
                pyogrio.write_dataframe(frame, path, layer or None, _DRIVERS[suffix], use_arrow=True)
    except _FAILURES as error:
        raise InvalidValue(f"The rows cannot be written as {suffix}: {str(error)[:300]}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without GDAL's warnings: what a format cuts off is said in ``write_file``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


def _check(path: Path) -> None:
    if path.is_dir():
        return
    with path.open("rb") as file:
        header = file.read(_HEADER)
    beginning = _BEGINNINGS.get(path.suffix.lower())
    if beginning is None or not re.match(beginning, header) or _FOREIGN.search(header):
        raise InvalidValue(f"{path.name[-80:]} is not a sound file of the type '{path.suffix.lower()}'.")


def _unreadable(path: Path, error: Exception) -> InvalidValue:
    said = str(error).replace(str(path), path.name)[:300]
    return InvalidValue(f"{path.name[-80:]} cannot be read: {said}")


def _frame(table: pa.Table, meta: dict[str, Any]) -> Any:
    geometry = (meta["geometry_name"] or "wkb_geometry") if meta["geometry_type"] else ""
    columns = {
        name: _column(table.column(name))
        for name in table.column_names
        if name != geometry and not pa.types.is_binary(table.schema.field(name).type)
    }
    frame = pd.DataFrame(columns, columns=list(columns))
    if geometry not in table.column_names:
        return frame
    shapes = shapely.from_wkb(table.column(geometry).to_numpy())
    return gpd.GeoDataFrame(frame, geometry=shapes, crs=_crs(meta["crs"]))


def _crs(text: str | None) -> Any:
    try:
        return parse_spatial_reference(text)
    except InvalidValue:
        return text  # an authority that only GDAL knows


def _column(column: Any) -> Any:
    if pa.types.is_timestamp(column.type) and column.type.tz:
        column = column.cast(pa.timestamp(column.type.unit))  # UTC, as times are here
    elif pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("ms"))
    elif pa.types.is_time(column.type):
        column = column.cast(pa.string())
    return column.to_pandas(types_mapper=NULLABLE.get if column.null_count else None)


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Lists and objects as JSON text, which any file can hold."""
    nested = [
        str(name)
        for name, series in frame.items()
        if series.dtype == object and series.map(lambda value: isinstance(value, dict | list)).any()
    ]
    texts = {
        name: frame[name].map(lambda value: orjson.dumps(value).decode(), na_action="ignore")
        for name in nested
    }
    return frame.assign(**texts) if nested else frame


def _write_shapefile(frame: pd.DataFrame, path: Path, layer: str) -> None:
    stem = re.sub(r"[^\w-]", "_", layer)[:60] or "layer"
    with TemporaryDirectory(prefix="gpserver-") as folder:
        pyogrio.write_dataframe(
            frame, Path(folder) / f"{stem}.shp", driver="ESRI Shapefile", encoding="UTF-8", use_arrow=True
        )
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(Path(folder).iterdir()):
                archive.write(file, file.name)
