"""The Arrow types in which attributes are stored."""

import pyarrow as pa

from gpserver.layers.info import GEOMETRY_TYPES, LayerInfo

ARROW_TYPES: dict[str, pa.DataType] = {
    "String": pa.large_string(),
    "Int32": pa.int32(),
    "Int64": pa.int64(),
    "Double": pa.float64(),
    "DateTime": pa.timestamp("us"),
    "Boolean": pa.bool_(),
    "Json": pa.large_string(),
} | dict.fromkeys(GEOMETRY_TYPES, pa.large_binary())


def schema_of(info: LayerInfo) -> pa.Schema:
    """The columns of a layer's rows as they are stored; geometry is WKB."""
    return pa.schema([(item.name, ARROW_TYPES[item.type]) for item in info.attributes])
