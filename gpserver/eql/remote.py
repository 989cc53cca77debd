"""A checked SELECT for PostgreSQL, which must be told of what type a list is."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlglot import exp

_LISTS = {int: "BIGINT", float: "DOUBLE PRECISION", bool: "BOOLEAN"}


def remote(tree: Any, parameters: Mapping[str, Any]) -> Any:
    """Gives lists their types, but where they are compared: there PostgreSQL finds the type itself.

    Args:
        tree: A checked one; it is changed.
        parameters: Values by name.
    """
    for node in list(tree.find_all(exp.In)):
        if (values := _unnested(node)) is not None:
            node.replace(exp.EQ(this=node.this, expression=exp.Any(this=exp.Paren(this=values))))
    for node in list(tree.find_all(exp.Parameter)):
        value = parameters[node.this.name]
        if isinstance(value, list | tuple) and not isinstance(
            node.find_ancestor(exp.Any, exp.Select), exp.Any
        ):
            node.replace(
                exp.Cast(this=node.copy(), to=exp.DataType.build(_list_type(value), dialect="postgres"))
            )
    return tree


def _is_compared(node: Any) -> bool:
    return isinstance(node.find_ancestor(exp.Any, exp.All, exp.Select), exp.Any | exp.All)


def _unnested(node: Any) -> Any:
    """The list in ``IN (SELECT unnest(@list))``, which is ``= ANY(@list)``: an empty one is of any type."""
    query = node.args.get("query")
    select = query.this if isinstance(query, exp.Subquery) else None
    if not isinstance(select, exp.Select) or len(select.expressions) != 1:
        return None
    if any(value for name, value in select.args.items() if name != "expressions"):
        return None
    call = select.expressions[0].unalias()
    is_list = isinstance(call, exp.Anonymous) and call.this == "unnest"
    return call.expressions[0] if is_list and isinstance(call.expressions[0], exp.Parameter) else None


def _list_type(values: Iterable[Any]) -> str:
    there = {type(item) for item in values if item is not None}
    if there == {int, float}:
        return "DOUBLE PRECISION[]"
    return f"{_LISTS.get(there.pop(), 'TEXT') if len(there) == 1 else 'TEXT'}[]"


def for_psycopg(text: str, names: Iterable[str]) -> str:
    """Every percent sign doubled but those of parameters.

    Args:
        text: Where parameters are written ``%(name)s``.
        names: Of the parameters; they stand nowhere else in the text.
    """
    for name in names:
        text = text.replace(f"%({name})s", name)
    text = text.replace("%", "%%")
    for name in names:
        text = text.replace(name, f"%({name})s")
    return text
