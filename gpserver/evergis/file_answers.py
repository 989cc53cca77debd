"""What the clerk is asked about files that clients sent, before anybody imports them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import orjson

from gpserver.evergis.feature_json import write_features
from gpserver.layers import Layers
from gpserver.layers.files import TABLES, FileLayer, describe_file
from gpserver.layers.options import FileOptions
from gpserver.layers.table import described

_ROWS = 5


def schema(layers: Layers, key: str, delimiter: str) -> list[dict[str, Any]]:
    """The layers of a file: ``name``, ``count``, ``columns``, first ``rows`` and ``coordinates``.

    Args:
        layers: With the files beside them.
        key: The file's id, path or name.
        delimiter: Of a text; empty for what its first line shows.

    Returns:
        For each layer its columns as ``name``, ``type`` and ``srId``, its first rows as FeatureDc, and the
        columns of a table that look like coordinates.

    Raises:
        NotFound: There is no such file.
        InvalidValue: It is of no format that can be read.
    """
    path, options = layers.resources.file(key), FileOptions(delimiter=delimiter)
    found = describe_file(path, options)
    guessed = _guessed(path, options) if path.suffix.lower() in TABLES else iter(())
    return [_layer(layer, next(guessed, None)) for layer in found]


def _guessed(path: Path, options: FileOptions) -> Iterator[FileLayer]:
    return iter(describe_file(path, replace(options, guess=True)))


def _layer(layer: FileLayer, guessed: FileLayer | None) -> dict[str, Any]:
    frame = layer.sample
    _, info = described("temp.file", frame, None)
    columns: list[dict[str, Any]] = [
        {"name": item.name, "type": item.type, "srId": None} for item in info.fields
    ]
    if isinstance(frame, gpd.GeoDataFrame):
        kind = info.geometry_type or "GeometryCollection"
        columns.append({"name": "geometry", "type": kind, "srId": info.sr_id})
    taken = set(frame.columns) - set(guessed.sample.columns) if guessed else set()
    return {
        "name": layer.name,
        "count": layer.count,
        "columns": columns,
        "rows": orjson.loads(b"[%s]" % b"".join(write_features(frame.head(_ROWS)))),
        "coordinates": [name for name in frame.columns if name in taken],
    }
