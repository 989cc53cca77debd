"""Checks the tree of a SELECT: what is not listed in ``shapes`` and ``functions`` is refused, by name."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from gpserver.eql.functions import known_functions
from gpserver.eql.geographies import check_geographies
from gpserver.eql.grammar import constant, shown, too_deep
from gpserver.eql.shapes import JOINS, NOTES, SHAPES, TYPES, UNITS
from gpserver.errors import InvalidRequest

_DEEPEST = 150  # levels of a tree; a chain of one operator is one level
_WIDEST = 1000  # characters that a text may be filled up to
_BARE = re.compile(r"[^\W\d][\w$]*")
_QUERIES = (exp.Select, exp.Subquery, exp.SetOperation)
_COMPARE = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)

_Visible = frozenset[str]
_Children = Iterator[tuple[Any, _Visible]]


@dataclass
class Findings:
    """What a tree names.

    Attributes:
        parameters: The values there are, by name without ``@``.
        layers: The layers that it reads.
        used: The parameters that it uses.
        references: Columns that name their layer in full.
    """

    parameters: Mapping[str, Any]
    layers: dict[str, None] = field(default_factory=dict)
    used: dict[str, None] = field(default_factory=dict)
    references: list[Any] = field(default_factory=list)


def check(tree: Any, parameters: Mapping[str, Any]) -> Findings:
    """Checks a tree; names of layers become one quoted identifier each, names of functions lower case.

    Raises:
        InvalidRequest: Something in it is not allowed; the text names it.
    """
    if not isinstance(tree, _QUERIES):
        raise InvalidRequest(f"{shown(tree)!r} is no SELECT: {tree.key.upper()} is not allowed here.")
    findings = Findings(parameters)
    stack: list[tuple[Any, _Visible, int]] = [(tree, frozenset(), 0)]
    while stack:
        node, visible, depth = stack.pop()
        if depth > _DEEPEST:
            raise too_deep()
        for child, seen in reversed(list(_children(node, visible, findings))):
            same = type(child) is type(node) and isinstance(node, exp.Connector | exp.SetOperation)
            stack.append((child, seen, depth if same else depth + 1))
    for column in findings.references:
        _resolve(column, findings)
    check_geographies(tree)
    return findings


def _children(node: Any, visible: _Visible, findings: Findings) -> _Children:
    """The nodes below one that is allowed, each with the names of the WITH queries that it can read."""
    if isinstance(node, _QUERIES):
        yield from _query(node, visible)
        return
    if type(node) in _FORMS:
        for child in _FORMS[type(node)](node, visible, findings):
            yield child, visible
        return
    for name in _allowed(node):
        for child in _parts(node, name):
            yield child, visible


def _query(node: Any, visible: _Visible) -> _Children:
    allowed = _allowed(node)
    if isinstance(node, exp.Select) and not node.expressions:
        raise InvalidRequest(f"{shown(node)!r}: a SELECT names its columns, or * for all.")
    if with_ := node.args.get("with_"):
        _refuse_others(with_, ("expressions", "recursive"))
        for query in with_.expressions:
            _refuse_others(query, ("this", "alias", "materialized"))
            name = folded(query.args["alias"].this)
            if "." in name:
                raise InvalidRequest(f"{name}: the name of a WITH query has no dot.")
            yield query.args["alias"], visible
            yield query.this, visible | {name} if with_.recursive else visible
            visible |= {name}
    for name in allowed:
        if name != "with_":
            for child in _parts(node, name):
                yield child, visible


def folded(identifier: Any) -> str:
    """A name as PostgreSQL compares it."""
    return str(identifier.name if identifier.args.get("quoted") else identifier.name.lower())


def _allowed(node: Any) -> tuple[str, ...]:
    if type(node) not in SHAPES:
        raise InvalidRequest(f"{shown(node)!r}: {node.key.upper()} is not allowed in a query.")
    _refuse_others(node, SHAPES[type(node)])
    return SHAPES[type(node)]


def _refuse_others(node: Any, allowed: tuple[str, ...]) -> None:
    others = [
        name for name, value in node.args.items() if value and name not in NOTES and name not in allowed
    ]
    if others:
        part = others[0].rstrip("_").replace("_", " ").upper()
        raise InvalidRequest(f"{shown(node)!r}: {part} of {node.key.upper()} is not allowed in a query.")


def _parts(node: Any, name: str) -> Iterator[Any]:
    value = node.args.get(name)
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, exp.Expression):
            yield part


def _identifier(node: Any, visible: _Visible, findings: Findings) -> Iterator[Any]:
    if not node.args.get("quoted") and not _BARE.fullmatch(node.name):
        raise InvalidRequest(f"{node.name[:60]!r} is no name: put it into double quotes.")
    return iter(())


def _table(node: Any, visible: _Visible, findings: Findings) -> Iterator[Any]:
    _refuse_others(node, ("this", "db", "catalog", "alias", "joins"))
    if isinstance(node.this, exp.Anonymous):
        _must_be_table(node.this)
    elif not isinstance(node.this, exp.Identifier):
        raise InvalidRequest(f"{shown(node)!r} is no layer.")
    elif node.args.get("db") or folded(node.this) not in visible:
        _name_layer(node, findings)
    return iter([*_parts(node, "this"), *_parts(node, "alias"), *_parts(node, "joins")])


def _name_layer(node: Any, findings: Findings) -> None:
    """Makes one identifier of the parts of a layer's name; unless it has an alias, the last part is it."""
    name, last = ".".join(part.name for part in node.parts), node.this
    if "." not in name:
        raise InvalidRequest(f"There is no layer {name[:60]!r}: a layer is named user.layer.")
    findings.layers[name] = None
    if not node.args.get("alias") and last.name != name:
        node.set("alias", exp.TableAlias(this=last.copy()))
    node.set("this", exp.Identifier(this=name, quoted=True))
    node.set("db", None)
    node.set("catalog", None)


def _column(node: Any, visible: _Visible, findings: Findings) -> Iterator[Any]:
    _refuse_others(node, ("this", "table", "db", "catalog"))
    if node.args.get("db"):
        findings.references.append(node)
    return iter(node.args[name] for name in ("this", "table") if node.args.get(name))


def _resolve(column: Any, findings: Findings) -> None:
    name = ".".join(part.name for part in column.parts[:-1])
    if name not in findings.layers:
        raise InvalidRequest(f"{shown(column)!r}: {name} is not in FROM.")
    column.set("db", None)
    column.set("catalog", None)


def _call(node: Any, visible: _Visible, findings: Findings) -> Iterator[Any]:
    _refuse_others(node, ("this", "expressions"))
    name = node.this.lower() if isinstance(node.this, str) else ""
    function = known_functions().get(name)
    if function is None:
        raise InvalidRequest(f"{shown(node)!r}: there is no function {str(node.name)[:60]} in a query.")
    arguments = _arguments(node)
    if not function.takes(len(arguments)):
        raise InvalidRequest(f"{shown(node)!r}: {name} is called {name}{function.signature}.")
    if name in ("lpad", "rpad"):
        _check_width(arguments[1], findings)
    node.set("this", name)
    return iter(node.expressions)


def _arguments(node: Any) -> list[Any]:
    """Of ``string_agg(DISTINCT a, ',' ORDER BY a)`` the two."""
    arguments: list[Any] = node.expressions
    if len(arguments) != 1:
        return arguments
    inner = arguments[0].this if isinstance(arguments[0], exp.Order) else arguments[0]
    return inner.expressions if isinstance(inner, exp.Distinct) else arguments


def _check_width(node: Any, findings: Findings) -> None:
    value = constant(node, findings.parameters)
    if not isinstance(value, int) or value > _WIDEST:
        raise InvalidRequest(
            f"{shown(node)!r}: a text is filled up to a number of characters, {_WIDEST} at most."
        )


def _must_be_table(node: Any) -> None:
    function = known_functions().get(str(node.this).lower())
    if function is None or function.kind != "table":
        raise InvalidRequest(f"{shown(node)!r} cannot stand behind FROM.")


def _lateral(node: Any, visible: _Visible, findings: Findings) -> Iterator[Any]:
    _refuse_others(node, SHAPES[exp.Lateral])
    if isinstance(node.this, exp.Anonymous):
        _must_be_table(node.this)
    return iter([node.this, *_parts(node, "alias")])


def _join(node: Any, visible: _Visible, findings: Findings) -> Iterator[Any]:
    _refuse_others(node, SHAPES[exp.Join])
    for name in ("side", "kind", "method"):
        if (word := str(node.args.get(name) or "").upper()) not in JOINS:
            raise InvalidRequest(f"{word} JOIN is not allowed in a query.")
    return iter([*_parts(node, "this"), *_parts(node, "on"), *_parts(node, "using")])


def _parameter(node: Any, visible: _Visible, findings: Findings) -> Iterator[Any]:
    _refuse_others(node, ("this",))
    name = str(node.this.name)
    if name not in findings.parameters:
        raise InvalidRequest(f"The parameter @{name[:60]} has no value.")
    findings.used[name] = None
    return iter(())


def _cast(node: Any, visible: _Visible, findings: Findings) -> Iterator[Any]:
    _refuse_others(node, ("this", "to"))
    _check_type(node.args["to"])
    return iter([node.this])


def _check_type(kind: Any) -> None:
    is_type = isinstance(kind, exp.DataType)
    if not is_type or kind.this not in TYPES:
        raise InvalidRequest(f"{shown(kind)!r} is no type that a value can be cast to.")
    if kind.this == exp.DataType.Type.ARRAY:
        _refuse_others(kind, ("this", "nested", "expressions"))
        for inner in kind.expressions:
            _check_type(inner)
        return
    _refuse_others(kind, ("this", "expressions", "nested"))
    sized = kind.this not in (exp.DataType.Type.GEOMETRY, exp.DataType.Type.GEOGRAPHY)
    if not all(sized and size.name.isdecimal() and len(size.name) < 5 for size in kind.expressions):
        raise InvalidRequest(f"{shown(kind)!r}: write the type without what stands in parentheses.")


def _interval(node: Any, visible: _Visible, findings: Findings) -> Iterator[Any]:
    _refuse_others(node, ("this", "unit"))
    unit = node.args.get("unit")
    if not isinstance(node.this, exp.Literal) or (unit is not None and not _is_unit(unit)):
        raise InvalidRequest(f"{shown(node)!r}: write an interval like INTERVAL '7 days'.")
    return iter([node.this])


def _is_unit(node: Any) -> bool:
    return isinstance(node, exp.Var) and node.name.upper().removesuffix("S") in UNITS | {"CENTURIE"}


def _extract(node: Any, visible: _Visible, findings: Findings) -> Iterator[Any]:
    _refuse_others(node, ("this", "expression"))
    if not _is_unit(node.this):
        raise InvalidRequest(f"{shown(node)!r}: EXTRACT knows {', '.join(sorted(UNITS)).lower()}.")
    return iter([node.expression])


def _dot(node: Any, visible: _Visible, findings: Findings) -> Iterator[Any]:
    """Only a part of a dump: ``(ST_Dump(geometry)).geom``."""
    inner = node.this.unnest()
    is_dump = isinstance(inner, exp.Anonymous) and str(inner.this).lower() == "st_dump"
    if not is_dump or node.expression.name.lower() not in ("geom", "path"):
        raise InvalidRequest(f"{shown(node)!r}: only (ST_Dump(…)).geom and .path have parts.")
    return iter([node.this, node.expression])


def _compare(node: Any, visible: _Visible, findings: Findings) -> Iterator[Any]:
    if isinstance(node.this, _COMPARE):
        raise InvalidRequest(f"{shown(node)!r}: comparisons make no chain: join them with AND.")
    return iter([node.this, node.expression])


_FORMS: Mapping[type[exp.Expression], Callable[[Any, _Visible, Findings], Iterator[Any]]] = {
    exp.Identifier: _identifier,
    exp.Table: _table,
    exp.Column: _column,
    exp.Anonymous: _call,
    exp.Lateral: _lateral,
    exp.Join: _join,
    exp.Parameter: _parameter,
    exp.Cast: _cast,
    exp.Interval: _interval,
    exp.Extract: _extract,
    exp.Dot: _dot,
    **dict.fromkeys(_COMPARE, _compare),
}
