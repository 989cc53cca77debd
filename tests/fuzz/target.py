"""What is fuzzed: the reading of feature sets, whatever the bytes; only a refusal in words is an error."""

import contextlib
import warnings

from gpserver.errors import InvalidValue
from gpserver.features import decode_features, decode_table, encode_features
from gpserver.features.pbf_reader import read_pbf

SCHEMA = {
    "geometryType": "esriGeometryPoint",
    "spatialReference": {"wkid": 4326},
    "fields": [{"name": "n", "type": "esriFieldTypeInteger"}],
}


def read(data: bytes) -> None:
    """Read bytes as features, as a table and as a protocol buffer; write again what could be read."""
    warnings.simplefilter("ignore", RuntimeWarning)  # numbers near the end of what there is
    if data[:1] in (b"{", b"[", b"\xef"):
        with contextlib.suppress(InvalidValue):
            encode_features(decode_features(data, SCHEMA))
        with contextlib.suppress(InvalidValue):
            decode_table(data)
    else:
        with contextlib.suppress(InvalidValue):
            read_pbf(data)
