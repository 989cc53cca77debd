"""Small frames, and how they come to rest."""

from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from gpserver.features import Layer, write_layer


def stored(frame: pd.DataFrame, folder: Path) -> Layer:
    """The layer of a frame, in a file of the folder."""
    write_layer(frame, folder / "layer.arrow")
    return Layer.open(folder / "layer.arrow")


def frame_of(*wkt: str | None, crs: Any = 4326, **columns: Any) -> gpd.GeoDataFrame:
    """A frame of geometries as well-known text, None for a missing one."""
    geometry = [None if text is None else shapely.from_wkt(text) for text in wkt]
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=crs)
