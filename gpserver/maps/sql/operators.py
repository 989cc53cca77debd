"""The operators: logic of three values, comparison, arithmetic."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from gpserver.errors import InvalidRequest
from gpserver.maps.sql.terms import Kind, Rows, Term, fit, literal, together
from gpserver.maps.sql.tree import shown

_DAY = 86_400_000
_LONGEST_LIST = 10_000


def call(node: exp.Expression, kind: Kind, terms: Sequence[Term], kernel: Any, fails: bool = False) -> Term:
    """The term of a kernel that takes the values of terms."""
    fallible = fails or any(term.fallible for term in terms)
    return Term(kind, lambda rows: kernel(*(term.values(rows) for term in terms)), node, fallible)


def all_of(node: exp.Expression, *terms: Term) -> Term:
    """AND; what follows a false operand is not looked at."""
    return _chain(node, terms, pc.and_kleene, lambda values: pc.fill_null(values, True))


def any_of(node: exp.Expression, *terms: Term) -> Term:
    """OR; what follows a true operand is not looked at."""
    return _chain(node, terms, pc.or_kleene, lambda values: pc.invert(pc.fill_null(values, False)))


def _chain(node: exp.Expression, terms: Sequence[Term], join: Any, undecided: Callable[[Any], Any]) -> Term:
    first, *others = [fit(term, Kind.BOOLEAN) for term in terms]

    def values(rows: Rows) -> Any:
        result = first.values(rows)
        for term in others:
            result = join(result, term.at(rows, undecided(result)))
        return result

    return Term(Kind.BOOLEAN, values, node, any(term.fallible for term in terms))


def negation(node: exp.Expression, term: Term) -> Term:
    """NOT."""
    return call(node, Kind.BOOLEAN, [fit(term, Kind.BOOLEAN)], pc.invert)


def comparison(kernel: Any) -> Callable[..., Term]:
    """The rule of a comparison; texts compare by code points, so upper and lower case differ."""

    def rule(node: exp.Expression, *terms: Term) -> Term:
        kind, pair = together(terms)
        if kind in (Kind.BOOLEAN, Kind.MONTHS):
            raise InvalidRequest(f"{shown(node)}: {kind.label} cannot be compared.")
        return call(node, Kind.BOOLEAN, pair, kernel)

    return rule


def between(node: exp.Expression, term: Term, low: Term, high: Term) -> Term:
    """BETWEEN, with both ends."""
    above, below = comparison(pc.greater_equal), comparison(pc.less_equal)
    return all_of(node, above(node, term, low), below(node, term, high))


def is_null(node: exp.Expression, term: Term, null: Term) -> Term:
    """IS NULL."""
    if null.kind != Kind.NULL:
        raise InvalidRequest(f"{shown(node)}: after IS, only NULL and NOT NULL are understood.")
    return call(node, Kind.BOOLEAN, [term], pc.is_null)


def member(node: exp.Expression, term: Term, items: Sequence[Term]) -> Term:
    """IN a list of constants; with NULL in the list, what is not found is unknown."""
    if not 0 < len(items) <= _LONGEST_LIST:
        raise InvalidRequest(f"A list after IN has 1 to {_LONGEST_LIST} members, this one has {len(items)}.")
    constants = [item for item in items if item.kind == Kind.NULL or item.constant is not None]
    if len(constants) < len(items):
        return any_of(node, *(comparison(pc.equal)(item.node, term, item) for item in items))
    kind, (term, *items) = together([term, *items])
    known = one_zero(pa.array([item.constant for item in items if item.constant is not None], kind.type))
    missing = pa.scalar(None if len(known) < len(items) else False, pa.bool_())

    def find(values: Any) -> Any:
        found = pc.if_else(pc.is_in(one_zero(values), value_set=known), True, missing)
        return pc.if_else(pc.is_valid(values), found, pa.scalar(None, pa.bool_()))

    return call(node, Kind.BOOLEAN, [term], find)


def one_zero(values: Any) -> Any:
    """Values to look up or to group by: the two zeros of floating point numbers are one."""
    return pc.add(values, pa.scalar(0, values.type)) if pa.types.is_floating(values.type) else values


def arithmetic(kernel: Any, days: Any = None) -> Callable[..., Term]:
    """The rule of + - * /: whole numbers stay whole (and a quotient loses its decimals), as in PostgreSQL.

    Args:
        kernel: Computes it, and fails on overflow and division by zero.
        days: The sign of an interval or a number of days behind a date, where they can stand there.
    """

    def rule(node: exp.Expression, left: Term, right: Term) -> Term:
        if days and Kind.DATE in (left.kind, right.kind):
            return _date_arithmetic(node, left, right, kernel, days)
        kind, pair = together([left, right])
        if kind not in (Kind.INTEGER, Kind.REAL):
            raise InvalidRequest(f"{shown(node)}: there is no such arithmetic with {kind.label}.")
        return call(node, kind, pair, finite(node, kernel), fails=True)

    return rule


def _date_arithmetic(node: exp.Expression, left: Term, right: Term, kernel: Any, sign: int) -> Term:
    if left.kind != Kind.DATE and sign > 0:
        left, right = right, left
    if right.kind == Kind.MONTHS and right.constant is not None:
        months = sign * right.constant
        return call(node, Kind.DATE, [left], lambda dates: _shift(dates, months), fails=True)
    if right.kind in (Kind.INTEGER, Kind.REAL):
        right = _days(right)
    if left.kind == right.kind == Kind.DATE and sign < 0:
        return call(node, Kind.INTERVAL, [left, right], kernel, fails=True)
    return call(node, Kind.DATE, [fit(left, Kind.DATE), fit(right, Kind.INTERVAL)], kernel, fails=True)


def _days(term: Term) -> Term:
    """A number of days as the interval that it is next to a date."""
    number = fit(term, Kind.REAL)

    def values(rows: Rows) -> Any:
        milliseconds = pc.round(pc.multiply(number.values(rows), _DAY))
        return milliseconds.cast(pa.int64()).cast(Kind.INTERVAL.type)

    return replace(number, kind=Kind.INTERVAL, values=values, fallible=True, constant=None)


def _shift(dates: Any, months: int) -> Any:
    """Dates so many months later, on the last day of the month where there is no such day."""
    if isinstance(dates, pa.Scalar):
        return _shift(pa.repeat(dates, 1), months)[0]
    instants = dates.to_numpy(zero_copy_only=False)
    days, month = instants.astype("datetime64[D]"), instants.astype("datetime64[M]")
    target = month + np.timedelta64(months, "M")
    last = (target + np.timedelta64(1, "M")).astype("datetime64[D]") - np.timedelta64(1, "D")
    shifted = np.minimum(target.astype("datetime64[D]") + (days - month), last)
    return pa.array(shifted + (instants - days), Kind.DATE.type)


def negative(node: exp.Expression, term: Term) -> Term:
    """The minus sign."""
    if term.kind in (Kind.INTEGER, Kind.REAL) and term.constant is not None:
        return literal(term.kind, -term.constant, node)
    kind, [number] = together([term])
    if kind not in (Kind.INTEGER, Kind.REAL):
        raise InvalidRequest(f"{shown(node)}: a minus sign stands before numbers, not before {kind.label}.")
    return call(node, kind, [number], pc.negate_checked, fails=True)


def finite(node: exp.Expression, kernel: Any) -> Any:
    """A kernel that fails where finite numbers give none."""

    def checked(*values: Any) -> Any:
        result = kernel(*values)
        if pa.types.is_floating(result.type):
            lost = pc.invert(pc.is_finite(result))
            for value in values:
                lost = pc.and_(lost, pc.is_finite(value))
            if pc.any(lost).as_py():
                raise InvalidRequest(f"{shown(node)} is out of the range of numbers.")
        return result

    return checked
