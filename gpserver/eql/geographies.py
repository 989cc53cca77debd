"""Where a SELECT computes on the ellipsoid: told by ``::geography`` alone, no column's type is known."""

from typing import Any

from sqlglot import exp

from gpserver.eql.functions import GEODESIC
from gpserver.eql.grammar import shown
from gpserver.errors import InvalidRequest

_TYPE = exp.DataType.Type


def is_geography(node: Any) -> bool:
    """Whether an expression is a geography."""
    node = node.unnest()
    if isinstance(node, exp.Cast):
        return bool(node.to.this == _TYPE.GEOGRAPHY)
    return isinstance(node, exp.Anonymous) and node.this == "st_buffer" and is_geography(node.expressions[0])


def is_geodesic(node: Any) -> bool:
    """Whether a call or a ``<->`` computes with a geography."""
    operands = [node.this, node.expression] if isinstance(node, exp.Distance) else node.expressions
    return any(is_geography(operand) for operand in operands)


def check_geographies(tree: Any) -> None:
    """Refuses a geography that is put anywhere but into a function, a cast or the outcome.

    What computes with it must see that it is one; behind the name of a column it could not.

    Raises:
        InvalidRequest: One is put elsewhere.
    """
    for node in tree.find_all(exp.Cast, exp.Anonymous):
        if is_geography(node) and not _is_consumed(node):
            raise InvalidRequest(
                f"{shown(node)!r}: a geography is an argument of {', '.join(sorted(GEODESIC))}, or it is cast"
                " to geometry."
            )


def _is_consumed(node: Any) -> bool:
    parent = node.parent
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    if isinstance(parent, exp.Anonymous):
        return parent.this in GEODESIC
    if isinstance(parent, exp.Cast):
        return parent.to.this in (_TYPE.GEOMETRY, _TYPE.GEOGRAPHY)
    if isinstance(parent, exp.Alias):
        parent = parent.parent
    return isinstance(parent, exp.Distance) or (isinstance(parent, exp.Select) and parent.parent is None)
