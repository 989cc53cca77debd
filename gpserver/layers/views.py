"""Layers that have no rows themselves: they show those of a SELECT, or of one table."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from gpserver.layers.info import LayerInfo

if TYPE_CHECKING:
    from gpserver.eql import Select


def is_virtual(info: LayerInfo) -> bool:
    """Whether a layer shows the rows of a SELECT and has none itself."""
    return bool(info.configuration.get("eql")) and info.configuration.get("createTable") is False


def eql_of(info: LayerInfo) -> str:
    """The SELECT whose rows a layer shows; empty for one that has rows of its own."""
    return str(info.configuration.get("eql") or "") if is_virtual(info) else ""


def table_of(info: LayerInfo) -> str:
    """The name of the layer whose rows are changed by whoever changes those of this one."""
    attributes = info.configuration.get("attributesConfiguration") or {}
    return str(attributes.get("tableName") or info.name) if is_virtual(info) else info.name


def source_of(info: LayerInfo) -> str:
    """What stands behind FROM to read the rows of a layer."""
    eql = eql_of(info).strip().rstrip(";")
    return f"({eql}\n) AS layer" if eql else quoted_name(info.name)


def default_parameters(info: LayerInfo) -> dict[str, Any]:
    """The parameters of the layer's SELECT that hold when nobody sets them; null and '' are not set."""
    declared = info.configuration.get("eqlParameters") or {}
    defaults = {name: item.get("default") for name, item in declared.items() if isinstance(item, dict)}
    return {name: None if value == "" else value for name, value in defaults.items()}


def rows_of(info: LayerInfo, columns: Iterable[str]) -> "Select":
    """The SELECT of some columns of a layer that shows rows, in the order of their ids.

    Raises:
        InvalidRequest: Its own SELECT cannot be read.
    """
    from gpserver.eql import read_select  # few layers need it, and sqlglot takes long to load

    names = ", ".join(map(quoted, columns))
    order = quoted(info.id_attribute)
    text = f"SELECT {names} FROM {source_of(info)} ORDER BY {order}"  # noqa: S608 - it is parsed and checked
    return read_select(text, default_parameters(info))


def quoted_name(name: str) -> str:
    """The name of a layer as SQL has it."""
    return ".".join(quoted(part) for part in name.split("."))


def quoted(name: str) -> str:
    """An identifier as SQL has it."""
    return '"{}"'.format(name.replace('"', '""'))
