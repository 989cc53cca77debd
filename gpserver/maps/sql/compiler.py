"""A syntax tree to a term: what is neither here nor in the table of rules does not exist."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp

from gpserver.errors import InvalidRequest
from gpserver.maps.sql import casts, functions, operators
from gpserver.maps.sql.literals import read_interval, read_number
from gpserver.maps.sql.rules import RULES
from gpserver.maps.sql.terms import Kind, Term, literal
from gpserver.maps.sql.tree import shown, too_deep

_DEEPEST = 100  # levels of operators and functions; AND and OR of many operands are one level
_DAY = "esriFieldTypeDateOnly"  # a text in ISO form in the layer
_KINDS = {
    "esriFieldTypeOID": Kind.INTEGER,
    "esriFieldTypeSmallInteger": Kind.INTEGER,
    "esriFieldTypeInteger": Kind.INTEGER,
    "esriFieldTypeBigInteger": Kind.INTEGER,
    "esriFieldTypeSingle": Kind.REAL,
    "esriFieldTypeDouble": Kind.REAL,
    "esriFieldTypeDate": Kind.DATE,
    _DAY: Kind.DATE,
}
# What the parser notes in a node without a difference in meaning.
_NOTES = {"safe", "coalesce", "typed", "nested", "_type"}


@dataclass(frozen=True, slots=True)
class Compiler:
    """Makes terms of trees over the fields of one layer.

    Attributes:
        fields: Esri types of the fields, by declared name.
        depth: How many levels there may still be.
    """

    fields: Mapping[str, str]
    depth: int = _DEEPEST

    def term(self, node: Any) -> Term:
        """The term of a node.

        Raises:
            InvalidRequest: Something in it is not allowed, or kinds do not fit.
        """
        if self.depth == 0:
            raise too_deep()
        inner = replace(self, depth=self.depth - 1)
        if type(node) in _FORMS:
            arguments, form = _FORMS[type(node)]
            _refuse_others(node, arguments)
            return form(inner, node)
        if type(node) not in RULES:
            raise InvalidRequest(f"{shown(node)}: {_name(node)} is not allowed in an SQL expression.")
        arguments, rule = RULES[type(node)]
        _refuse_others(node, arguments)
        return rule(node, *(inner.optional(part) for name in arguments for part in _parts(node, name)))

    def optional(self, node: Any) -> Term | None:
        """The term of an argument that may be left out."""
        return None if node is None else self.term(node)

    def terms(self, nodes: Sequence[Any]) -> list[Term]:
        """The terms of some nodes."""
        return [self.term(node) for node in nodes]


def _parts(node: Any, name: str) -> Sequence[Any]:
    value = node.args.get(name)
    return value if isinstance(value, list) else [value]


def _refuse_others(node: Any, arguments: Sequence[str]) -> None:
    """A variant of an operator or function is an argument of its node: those that no rule reads are refused.

    So is a node that lacks an argument, since the parser does not look at all of them.
    """
    others = [name for name, value in node.args.items() if value and name not in _NOTES | {*arguments}]
    if others or node.error_messages():
        raise InvalidRequest(
            f"{shown(node)}: this form of {_name(node)} is not allowed in an SQL expression."
        )


def _name(node: Any) -> str:
    return str(node.name if isinstance(node, exp.Anonymous) else node.key).upper()


def find_field(written: str, names: Collection[str]) -> str:
    """The declared name of a field, whatever the case of its letters.

    Raises:
        InvalidRequest: There is no such field.
    """
    if written in names:
        return written
    for name in names:
        if name.lower() == written.lower():
            return name
    raise InvalidRequest(
        f'There is no field "{written}" (texts stand in single quotes). The fields: {", ".join(names)}.'
    )


def _column(compiler: Compiler, node: Any) -> Term:
    name = find_field(".".join(part.name for part in node.parts), compiler.fields)
    kind = _KINDS.get(compiler.fields[name], Kind.TEXT)
    if compiler.fields[name] == _DAY:
        return Term(kind, lambda rows: rows.columns[name].cast(kind.type), node, field=name)
    return Term(kind, lambda rows: rows.columns[name], node, field=name)


def _constant(compiler: Compiler, node: Any) -> Term:
    if node.is_string:
        return literal(Kind.TEXT, node.this, node)
    number = read_number(node.this)
    return literal(Kind.INTEGER if isinstance(number, int) else Kind.REAL, number, node)


def _in(compiler: Compiler, node: Any) -> Term:
    return operators.member(node, compiler.term(node.this), compiler.terms(node.expressions))


def _like(compiler: Compiler, node: Any, escape: Any = None) -> Term:
    terms = compiler.term(node.this), compiler.term(node.expression), compiler.optional(escape)
    found = functions.like(node, *terms)
    return operators.negation(node, found) if node.args.get("negate") else found


def _escape(compiler: Compiler, node: Any) -> Term:
    if type(node.this) is not exp.Like:
        raise InvalidRequest(f"{shown(node)}: ESCAPE belongs behind LIKE.")
    return _like(compiler, node.this, node.expression)


def _case(compiler: Compiler, node: Any) -> Term:
    branches = []
    for branch in node.args["ifs"]:
        condition = exp.EQ(this=node.this, expression=branch.this) if node.this else branch.this
        branches.append((compiler.term(condition), compiler.term(branch.args["true"])))
    default = node.args.get("default") or exp.Null()
    return functions.case(node, branches, compiler.term(default))


def _cast(compiler: Compiler, node: Any) -> Term:
    _refuse_others(node.to, ["this", "expressions"])
    sizes = [size.name for size in node.to.expressions]
    if not all(size.isdecimal() and len(size) < 5 for size in sizes):
        raise InvalidRequest(f"{shown(node)}: the size of a type is a number up to 9999.")
    return casts.cast(node, compiler.term(node.this), node.to.this.name, [int(size) for size in sizes])


def _extract(compiler: Compiler, node: Any) -> Term:
    return casts.extract(node, node.this.name.upper(), compiler.term(node.expression))


def _interval(compiler: Compiler, node: Any) -> Term:
    unit = node.args.get("unit")
    first, last = (unit.this, unit.expression) if isinstance(unit, exp.IntervalSpan) else (unit, unit)
    if not isinstance(node.this, exp.Literal) or first is None:
        raise InvalidRequest(f"{shown(node)}: write an interval like INTERVAL '7' DAY.")
    names = (name.name.upper().removesuffix("S") for name in (first, last))
    of_months, amount = read_interval(node.this.name, *names)
    return literal(Kind.MONTHS if of_months else Kind.INTERVAL, amount, node)


def _trim(compiler: Compiler, node: Any) -> Term:
    return functions.trim(node, compiler.term(node.this), compiler.optional(node.args.get("expression")))


# Node type: the arguments that its form reads, and the form.
_FORMS: Mapping[type[exp.Expression], tuple[tuple[str, ...], Callable[[Compiler, Any], Term]]] = {
    exp.Column: (("this", "table", "db", "catalog"), _column),
    exp.Literal: (("this", "is_string"), _constant),
    exp.National: (("this",), lambda compiler, node: literal(Kind.TEXT, node.this, node)),
    exp.Null: ((), lambda compiler, node: literal(Kind.NULL, None, node)),
    exp.Boolean: (("this",), lambda compiler, node: literal(Kind.BOOLEAN, bool(node.this), node)),
    exp.Paren: (("this",), lambda compiler, node: compiler.term(node.this)),
    exp.And: (("this", "expression"), lambda c, node: operators.all_of(node, *c.terms(list(node.flatten())))),
    exp.Or: (("this", "expression"), lambda c, node: operators.any_of(node, *c.terms(list(node.flatten())))),
    exp.In: (("this", "expressions"), _in),
    exp.Like: (("this", "expression", "negate"), _like),
    exp.Escape: (("this", "expression"), _escape),
    exp.Case: (("this", "ifs", "default"), _case),
    exp.Cast: (("this", "to"), _cast),
    exp.Extract: (("this", "expression"), _extract),
    exp.Interval: (("this", "unit"), _interval),
    exp.Trim: (("this", "expression", "position"), _trim),
}
