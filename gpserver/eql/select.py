"""The second query language: one SELECT of PostgreSQL over named layers, checked and never pasted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from sqlglot import exp

from gpserver.eql.blocks import expand
from gpserver.eql.checks import check
from gpserver.eql.embedded import embedded
from gpserver.eql.grammar import Engine, is_plain, read_tree, write
from gpserver.eql.remote import for_psycopg, remote
from gpserver.eql.titles import name_columns
from gpserver.errors import InvalidRequest

_WHERE = re.compile(r"\s*where\b", re.IGNORECASE)
_VALUES = (str, int, float, bool, date, datetime, type(None))


@dataclass(frozen=True, slots=True)
class Select:
    """A SELECT that was checked.

    Attributes:
        layers: The names of the layers that it reads, each once, as written: ``("user.layer",)``.
        parameters: The values that are bound to it, by name without ``@``.
    """

    layers: tuple[str, ...]
    parameters: Mapping[str, Any]
    _tree: Any = field(repr=False)

    def sql(
        self,
        engine: Engine,
        tables: Mapping[str, str] | None = None,
        *,
        limit: int | None = None,
        offset: int = 0,
    ) -> tuple[str, dict[str, Any]]:
        """The statement for an engine, and the values to bind to it.

        DuckDB's has ``$name`` where a value is bound, PostgreSQL's ``%(name)s`` and ``%%`` (psycopg).

        Args:
            engine: Which one.
            tables: What each layer is called there, as ``schema.table``; without it a layer is a table of
                that very name.
            limit: How many rows at most, of those that the statement gives.
            offset: How many of them to leave out first.

        Raises:
            InvalidRequest: The engine has no form of a part of it.
        """
        tree = _paged(self._tree.copy(), limit, offset)
        for table in list(tree.find_all(exp.Table)):
            if "." in table.name and tables is not None:
                table.set("this", _place(tables[table.name]))
        tree = (embedded if engine == "duckdb" else remote)(tree, self.parameters)
        return _bound(tree, engine, self.parameters)

    def count(self) -> "Select":
        """The SELECT of one row with one column ``count``: how many rows this one gives."""
        rows = exp.Subquery(this=self._tree.copy(), alias=exp.TableAlias(this=exp.to_identifier("counted")))
        number = exp.Anonymous(this="count", expressions=[exp.Star()])
        query = exp.Select(expressions=[exp.Alias(this=number, alias=exp.to_identifier("count"))])
        return replace(self, _tree=query.from_(rows))


def read_select(text: str, parameters: Mapping[str, Any] | None = None) -> Select:
    """Reads a SELECT.

    Args:
        text: The statement; ``@name`` stands for a parameter, ``${isset:@name, {…}}`` for text that counts
            only when the parameter is set: not null and not an empty text.
        parameters: Values by name, with ``@`` before the name or without: texts, numbers, truth values,
            dates, null, and lists of them.

    Raises:
        InvalidRequest: It is no statement, or has something in it that is not allowed; the text names it.
    """
    values = _checked_values(parameters or {})
    return _select(read_tree(expand(text, values)), values)


def read_where(condition: str | None, layer: str, parameters: Mapping[str, Any] | None = None) -> Select:
    """Reads a condition over one layer as the SELECT of its rows, with or without the word WHERE.

    Raises:
        InvalidRequest: As :func:`read_select`.
    """
    values = _checked_values(parameters or {})
    text = _WHERE.sub("", expand(condition or "", values), count=1)
    table = exp.Table(this=exp.Identifier(this=layer, quoted=True))
    query = exp.Select(expressions=[exp.Star()]).from_(table)
    if text.strip():
        query = query.where(read_tree(text, exp.Condition), copy=False)
    return _select(query, values)


def _select(tree: Any, values: Mapping[str, Any]) -> Select:
    findings = check(tree, values)
    name_columns(tree)
    used = {name: values[name] for name in findings.used}
    return Select(tuple(findings.layers), used, tree)


def _checked_values(parameters: Mapping[str, Any]) -> dict[str, Any]:
    values = {name.removeprefix("@"): value for name, value in parameters.items()}
    for name, value in values.items():
        items = value if isinstance(value, list | tuple) else [value]
        if not all(isinstance(item, _VALUES) for item in items):
            raise InvalidRequest(
                f"The parameter @{name[:60]} is a text, a number, true, false, null or a list."
            )
        if not all(is_plain(item) for item in items if isinstance(item, str)):
            raise InvalidRequest(f"The parameter @{name[:60]} has a character that stands in no text.")
        if any(isinstance(item, int) and not -(2**63) <= item < 2**63 for item in items):
            raise InvalidRequest(f"The parameter @{name[:60]} does not fit into 64 bits.")
    return values


def _paged(tree: Any, limit: int | None, offset: int) -> Any:
    if limit is None and not offset:
        return tree
    if isinstance(tree, exp.Subquery) or tree.args.get("limit") or tree.args.get("offset"):
        rows = exp.Subquery(this=tree.unnest(), alias=exp.TableAlias(this=exp.to_identifier("paged")))
        tree = exp.Select(expressions=[exp.Star()]).from_(rows)
    if limit is not None:
        tree.set("limit", exp.Limit(expression=exp.Literal.number(limit)))
    if offset:
        tree.set("offset", exp.Offset(expression=exp.Literal.number(offset)))
    return tree


def _place(name: str) -> Any:
    parts = [exp.Identifier(this=part, quoted=True) for part in name.split(".")]
    return parts[0] if len(parts) == 1 else exp.Dot.build(parts)


def _bound(tree: Any, engine: Engine, parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The text, its parameters under names that stand nowhere else in it."""
    plain, mark = write(tree, engine), "p"
    while mark in plain:
        mark += "_"
    names = {name: f"{mark}{number}z" for number, name in enumerate(parameters)}
    bound = {}
    for node in list(tree.find_all(exp.Parameter)):
        name = node.this.name
        bound[names[name]] = parameters[name]
        node.replace(exp.Placeholder(this=names[name]))
    text = write(tree, engine)
    return (for_psycopg(text, bound) if engine == "postgres" else text), bound
