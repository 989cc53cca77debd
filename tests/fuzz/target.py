"""What is fuzzed: the reading of feature sets, whatever the bytes; only a refusal in words is an error."""

import contextlib
import json
import random
import warnings
from collections.abc import Iterator
from typing import Any

from gpserver.errors import InvalidValue
from gpserver.features import decode_features, decode_table, encode_features
from gpserver.features.pbf_reader import read_pbf

SCHEMA = {
    "geometryType": "esriGeometryPoint",
    "spatialReference": {"wkid": 4326},
    "fields": [{"name": "n", "type": "esriFieldTypeInteger"}],
}
PIECES: list[Any] = [
    *(None, True, 0, -1, 0.5, 1e308, 2**53 + 1, 2**63, 2**70, "", "x", "NaN", "2020-02-30"),
    *("esriGeometryPolygon", "esriFieldTypeDate", "Feature", {"wkid": 4326}, {"x": 1, "y": 2}),
    *([], {}, [[]], [{}], [0, 0], [[0, 0], [1, 1], [0, 0]], {"featureSet": {"features": []}}),
    {"rings": [[[0, 0], [0, 1], [1, 1], [0, 0]]]},
]
NAMES = [
    *("type", "crs", "layerDefinition", "layers", "featureSet", "features", "fields", "geometryType"),
    *("hasZ", "hasM", "spatialReference", "geometry", "attributes", "properties", "rings", "paths"),
    *("points", "x", "z", "m", "name", "coordinates", "geometries", "extent", "curveRings"),
]


def read(data: bytes) -> None:
    """Read bytes as features and as a table, or as a protocol buffer; write again what could be read."""
    warnings.simplefilter("ignore", RuntimeWarning)  # numbers near the end of what there is
    if data[:1] in (b"{", b"[", b"\xef"):
        with contextlib.suppress(InvalidValue):
            encode_features(decode_features(data, SCHEMA))
        with contextlib.suppress(InvalidValue):
            decode_table(data, SCHEMA)
    else:
        with contextlib.suppress(InvalidValue):
            read_pbf(data)


def with_another_piece(data: bytes, seed: int) -> bytes:
    """A JSON document with one value replaced, added, copied or removed; other bytes as they are."""
    try:
        document = json.loads(data)
        chance, places = random.Random(seed), list(_places(document))
        holder, key = chance.choice(places)
        other, other_key = chance.choice(places)
    except (ValueError, IndexError, RecursionError):
        return data
    match chance.randrange(5):
        case 0:
            del holder[key]
        case 1:
            holder[key] = json.loads(json.dumps(other[other_key]))
        case 2 if isinstance(holder, dict):
            holder[chance.choice(NAMES)] = chance.choice(PIECES)
        case _:
            holder[key] = chance.choice(PIECES)
    return json.dumps(document).encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """(list or object, index or name) of every value inside."""
    if isinstance(value, dict | list):
        for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, key
            yield from _places(inner)
