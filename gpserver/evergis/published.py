"""What a client's configuration of a layer says of its rows: whether it is published, and which it shows."""

import re

from gpserver.layers import LayerInfo
from gpserver.layers.views import (
    default_parameters,
    eql_of,
    is_virtual,
    quoted,
    quoted_name,
    source_of,
    table_of,
)

_WHERE = re.compile(r"\s*where\b", re.IGNORECASE)


def is_layer(info: LayerInfo) -> bool:
    """Whether it was published, and is not a table alone."""
    return "columns" not in info.configuration


def default_condition(info: LayerInfo) -> str:
    """The condition under which the layer shows a row; empty for always."""
    return str(info.configuration.get("condition") or "")


def bare(condition: str) -> str:
    """A condition without the word WHERE before it."""
    return _WHERE.sub("", condition, count=1).strip()


__all__ = [
    "bare",
    "default_condition",
    "default_parameters",
    "eql_of",
    "is_layer",
    "is_virtual",
    "quoted",
    "quoted_name",
    "source_of",
    "table_of",
]
