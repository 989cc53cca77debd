"""What a client's configuration of a layer says about its rows: its own, those of a table, or of a SELECT."""

import re
from typing import Any

from gpserver.layers import LayerInfo

_WHERE = re.compile(r"\s*where\b", re.IGNORECASE)


def eql_of(info: LayerInfo) -> str:
    """The SELECT whose rows a layer shows; empty for one that has rows of its own."""
    return str(info.configuration.get("eql") or "") if is_virtual(info) else ""


def is_virtual(info: LayerInfo) -> bool:
    """Whether a layer shows the rows of a SELECT and has none itself."""
    return bool(info.configuration.get("eql")) and info.configuration.get("createTable") is False


def is_layer(info: LayerInfo) -> bool:
    """Whether it was published, and is not a table alone."""
    return "columns" not in info.configuration


def table_of(info: LayerInfo) -> str:
    """The name of the layer whose rows a client edits when it edits this one."""
    attributes = info.configuration.get("attributesConfiguration") or {}
    return str(attributes.get("tableName") or info.name) if is_virtual(info) else info.name


def source_of(info: LayerInfo) -> str:
    """What stands behind FROM to read the rows of a layer."""
    eql = eql_of(info)
    return f"({eql}\n) AS layer" if eql else quoted_name(info.name)


def default_parameters(info: LayerInfo) -> dict[str, Any]:
    """The parameters of the layer's SELECT that hold when nobody sets them; null and '' are not set."""
    declared = info.configuration.get("eqlParameters") or {}
    defaults = {name: item.get("default") for name, item in declared.items() if isinstance(item, dict)}
    return {name: None if value == "" else value for name, value in defaults.items()}


def default_condition(info: LayerInfo) -> str:
    """The condition under which the layer shows a row; empty for always."""
    return str(info.configuration.get("condition") or "")


def bare(condition: str) -> str:
    """A condition without the word WHERE before it."""
    return _WHERE.sub("", condition, count=1).strip()


def quoted_name(name: str) -> str:
    """The name of a layer as SQL has it."""
    return ".".join(quoted(part) for part in name.split("."))


def quoted(name: str) -> str:
    """An identifier as SQL has it."""
    return '"{}"'.format(name.replace('"', '""'))
