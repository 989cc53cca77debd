"""What PostgreSQL calls the columns of a SELECT that have no name, so that every engine calls them so."""

from typing import Any

from sqlglot import exp

_NAMES: dict[type[exp.Expression], str] = {
    exp.Case: "case",
    exp.Exists: "exists",
    exp.Array: "array",
    exp.Extract: "extract",
    exp.Substring: "substring",
    exp.StrPosition: "position",
    exp.Trim: "btrim",
    exp.CurrentDate: "current_date",
    exp.CurrentTimestamp: "current_timestamp",
    exp.Localtimestamp: "localtimestamp",
}
_INSIDE = (exp.Paren, exp.Cast, exp.Window, exp.Filter, exp.WithinGroup, exp.Bracket)


def name_columns(tree: Any) -> None:
    """Gives every unnamed column of every SELECT in a tree its name."""
    for select in tree.find_all(exp.Select):
        for column in select.expressions:
            if not isinstance(column, exp.Alias | exp.Column | exp.Star):
                title = exp.Identifier(this=_title(column) or "?column?", quoted=True)
                column.replace(exp.Alias(this=column.copy(), alias=title))


def _title(node: Any) -> str:
    while isinstance(node, _INSIDE):
        node = node.this
    if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Select):
        return str(node.this.expressions[0].output_name)
    if isinstance(node, exp.Anonymous):
        return str(node.this)
    if isinstance(node, exp.Column | exp.Dot):
        return str(node.output_name)
    return _NAMES.get(type(node), "")
