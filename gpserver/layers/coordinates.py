"""Columns of coordinates as geometry."""

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gpserver.errors import InvalidValue
from gpserver.features import parse_spatial_reference
from gpserver.layers.options import FileOptions

_USUAL_PAIRS = (("x", "y"), ("lon", "lat"), ("lng", "lat"), ("longitude", "latitude"))
_USUAL_TEXTS = ("wkt", "geometry", "geom", "the_geom")


def located(frame: pd.DataFrame, options: FileOptions) -> Any:
    """The rows with the geometry that their columns of coordinates say; those columns are no more.

    A row without coordinates has no geometry. Without such columns the frame comes back as it is.

    Raises:
        InvalidValue: A column that was named is not there, or holds something else; the text names the row.
    """
    names, wkt = tuple(options.coordinates), options.wkt
    if not names and options.guess:
        names, wkt = _guessed([str(name) for name in frame.columns])
    if not names:
        return frame
    if absent := [name for name in names if name not in frame.columns]:
        raise InvalidValue(f"There is no column {absent[0][:80]!r} for the coordinates.")
    crs = parse_spatial_reference(_code(options.spatial_reference))
    shapes = _shapes(frame, names, wkt, options.latitude_first)
    return gpd.GeoDataFrame(frame.drop(columns=list(names)), geometry=gpd.GeoSeries(shapes, crs=crs))


def _code(code: int | None) -> int:
    return 4326 if code in (None, 84) else int(code)


def _guessed(columns: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    lower = {name.lower(): name for name in columns}
    for first, second in _USUAL_PAIRS:
        if first in lower and second in lower:
            return (lower[first], lower[second]), False
    text = next((lower[name] for name in _USUAL_TEXTS if name in lower), None)
    return ((text,), True) if text else ((), False)


def _shapes(frame: pd.DataFrame, names: Sequence[str], wkt: bool, latitude_first: bool) -> Any:
    if len(names) > 2 or (wkt and len(names) > 1):
        raise InvalidValue(
            "Coordinates are in one column of well-known text, one of lat;lon, or two columns."
        )
    if wkt:
        shapes = _of_text(frame[names[0]])
        return shapely.transform(shapes, lambda points: points[:, ::-1]) if latitude_first else shapes
    if len(names) == 1:
        y, x = _split(frame[names[0]])
    else:
        x, y = (_numbers(frame[name]) for name in names)
        x, y = (y, x) if latitude_first else (x, y)
    there = np.isfinite(x) & np.isfinite(y)
    shapes = np.full(len(frame), None, object)
    shapes[there] = shapely.points(x[there], y[there])
    return shapes


def _of_text(column: "pd.Series[Any]") -> Any:
    texts = column.astype(object).where(column.notna() & (column != ""), None)
    shapes = shapely.from_wkt(texts.to_numpy(), on_invalid="ignore")
    wrong = shapely.is_missing(shapes) & texts.notna().to_numpy()
    if wrong.any():
        row = int(wrong.argmax())
        raise InvalidValue(f"Row {row + 1} has no well-known text in {column.name}: {texts.iloc[row]!r:.60}.")
    return shapes


def _split(column: "pd.Series[Any]") -> tuple[Any, Any]:
    """Latitudes and longitudes of texts such as ``55.75; 37.62``."""
    text = column.astype(object).where(column.notna(), "").astype(str).str.strip()
    comma = ";" if text.str.contains(";", regex=False).any() else ","
    parts = text.str.split(comma, n=1, expand=True).reindex(columns=[0, 1])
    wrong = parts[1].isna() & (text != "")
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise InvalidValue(
            f"Row {row + 1} has no 'latitude;longitude' in {column.name}: {text.iloc[row]!r:.60}."
        )
    latitudes, longitudes = (_numbers(parts[place].rename(str(column.name))) for place in (0, 1))
    return latitudes, longitudes


def _numbers(column: "pd.Series[Any]") -> Any:
    """Floats, NaN where nothing is; a comma may stand for the decimal point."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(float, na_value=np.nan)
    text = column.astype(object).where(column.notna(), "").astype(str).str.strip().str.replace(",", ".")
    numbers = pd.to_numeric(text.where(text != "", None), errors="coerce").to_numpy(float)
    wrong = np.isnan(numbers) & (text != "").to_numpy()
    if wrong.any():
        row = int(wrong.argmax())
        raise InvalidValue(f"Row {row + 1} has no coordinate in {column.name}: {text.iloc[row]!r:.60}.")
    return numbers
