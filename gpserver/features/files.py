"""Files of features to frames: Esri JSON, GeoJSON, Esri's protocol buffer, and what GDAL reads."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
from pyogrio.errors import DataLayerError, DataSourceError

from gpserver.errors import InvalidValue
from gpserver.features.decode import decode_features, decode_table
from gpserver.features.pbf_reader import read_pbf
from gpserver.features.spatialref import same_crs

# Datasets in one file, or in a few beside each other; no format that may name other files or URLs.
_DATASETS = {".shp", ".gpkg", ".fgb"}


def read_features(pages: Iterable[Path], schema: Mapping[str, Any]) -> gpd.GeoDataFrame:
    """The features of all pages of a layer, in the CRS of the first.

    Args:
        pages: ``.pbf``, ``.shp``, ``.gpkg`` and ``.fgb`` files; any other is Esri JSON or GeoJSON.
        schema: A feature set whose geometry type, spatial reference and fields hold where a page is silent.

    Raises:
        InvalidValue: A page cannot be read, or has no geometry.
    """
    frames = [_features(page, schema) for page in pages]
    crs = next((frame.crs for frame in frames if frame.crs is not None), None)
    return gpd.GeoDataFrame(_joined([_in(frame, crs) for frame in frames]), geometry="geometry", crs=crs)


def read_table(pages: Iterable[Path], schema: Mapping[str, Any]) -> pd.DataFrame:
    """The rows of all pages of a table or layer, without geometry.

    Raises:
        InvalidValue: A page cannot be read.
    """
    joined: pd.DataFrame = _joined([_rows(page, schema) for page in pages])
    return joined


def _features(page: Path, schema: Mapping[str, Any]) -> gpd.GeoDataFrame:
    if page.suffix.lower() not in {".pbf", *_DATASETS}:
        return decode_features(page.read_bytes(), schema)
    frame = _frame(page)
    if not isinstance(frame, gpd.GeoDataFrame):
        raise InvalidValue("The table has no geometry, but features are expected.")
    return frame


def _rows(page: Path, schema: Mapping[str, Any]) -> pd.DataFrame:
    if page.suffix.lower() not in {".pbf", *_DATASETS}:
        return decode_table(page.read_bytes(), schema)
    frame = _frame(page)
    return pd.DataFrame(frame.drop(columns="geometry")) if isinstance(frame, gpd.GeoDataFrame) else frame


def _frame(page: Path) -> pd.DataFrame:
    if page.suffix.lower() == ".pbf":
        return read_pbf(page.read_bytes())
    try:
        frame: pd.DataFrame = gpd.read_file(page)
    except (DataSourceError, DataLayerError) as error:
        raise InvalidValue(f"{page.name} cannot be read: {error}") from error
    if isinstance(frame, gpd.GeoDataFrame) and frame.geometry.name != "geometry":
        frame = frame.rename_geometry("geometry")
    return frame


def _in(frame: gpd.GeoDataFrame, crs: Any) -> gpd.GeoDataFrame:
    if crs is None or (frame.crs is not None and same_crs(frame.crs, crs)):
        return frame
    return frame.set_crs(crs) if frame.crs is None else frame.to_crs(crs)


def _joined(frames: Sequence[Any]) -> Any:
    """All rows in one frame; an empty page has nothing to say but the names of its columns."""
    if not frames:
        raise InvalidValue("There are no pages.")
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else frames[0]
