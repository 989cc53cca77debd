"""GDAL's ESRIJSON driver as an independent reader of what we write, and of what we read."""

import io
import json
from collections.abc import Callable
from typing import Any

import geopandas as gpd
import pyogrio
import pytest


@pytest.fixture
def gdal() -> Callable[[bytes | dict[str, Any]], gpd.GeoDataFrame]:
    """Reads an Esri feature set, given as text or as an object."""

    def read(feature_set: bytes | dict[str, Any]) -> gpd.GeoDataFrame:
        text = feature_set if isinstance(feature_set, bytes) else json.dumps(feature_set).encode()
        return pyogrio.read_dataframe(io.BytesIO(text))

    return read
