"""What the operators of the first query language compute, and for which kinds of values.

Null is SQL's: an operation with null gives null, except that false && null is false and true || null is true.
Whole numbers stay exact in 64 bits; divided by each other they give the whole part, as in PostgreSQL. What is
divided by zero is null, since one row should not fail the rest.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gpserver.eql.terms import Kind, Term, truth
from gpserver.eql.tokens import cut
from gpserver.errors import InvalidValue

_Rule = Callable[[Any, Any], Any]
_FIRST, _LAST = (pa.scalar(moment, pa.timestamp("us")).value for moment in (datetime.min, datetime.max))
_BEYOND = (pa.ArrowInvalid, OverflowError, pd.errors.OutOfBoundsDatetime)


def combined(sign: str, left: Term, right: Term) -> Term:
    """The term of an operator between two others.

    Raises:
        InvalidValue: Their kinds do not fit, or a result is out of range.
    """
    shown = cut(f"({left.shown} {sign} {right.shown})")
    if sign in _LOGIC:
        return Term(Kind.TRUTH, _LOGIC[sign](truth(left), truth(right)), shown)
    if Kind.NULL in (left.kind, right.kind):
        return Term(Kind.NULL, pa.scalar(None), shown)
    if (sign, left.kind, right.kind) not in _RULES:
        raise InvalidValue(f"{sign} does not take {left.described} and {right.described}")
    if sign in _WILD and right.literal is not None:
        return Term(Kind.TRUTH, _WILD[sign](_match(left.values, right.literal)), shown)
    kind, rule = _RULES[sign, left.kind, right.kind]
    return Term(kind, _within_range(shown, lambda: rule(left.values, right.values)), shown)


def negative(term: Term) -> Term:
    """The term of a minus before another.

    Raises:
        InvalidValue: It is neither a number nor a period, or out of range.
    """
    shown = cut(f"-{term.shown}")
    if term.kind == Kind.NULL:
        return term
    if term.kind not in (Kind.NUMBER, Kind.PERIOD, Kind.MONTHS):
        raise InvalidValue(f"- does not take {term.described}")
    if term.kind != Kind.PERIOD:
        return Term(term.kind, _within_range(shown, lambda: pc.negate_checked(term.values)), shown)
    length = pc.negate(term.values.cast(pa.int64()))
    return Term(term.kind, length.cast(term.values.type), shown)


def is_null(term: Term) -> Term:
    """The term of ``is {null}``."""
    return Term(Kind.TRUTH, pc.is_null(term.values), cut(f"({term.shown} is {{null}})"))


def _within_range(shown: str, compute: Callable[[], Any]) -> Any:
    try:
        values = compute()
    except _BEYOND:
        values = None
    if values is None or (pa.types.is_timestamp(values.type) and not _in_calendar(values)):
        raise InvalidValue(f"a value of {shown} is out of range")
    return values


def _in_calendar(dates: Any) -> bool:
    """Whether dates are of the years 1 to 9999: others nobody can write down."""
    ends = pc.min_max(dates)
    first, last = ends["min"].cast(pa.int64()).as_py(), ends["max"].cast(pa.int64()).as_py()
    return first is None or (first >= _FIRST and last <= _LAST)


def _match(values: Any, pattern: str) -> Any:
    """Which texts are a pattern, whose % at either end stands for anything."""
    starts, ends = pattern.endswith("%"), pattern.startswith("%")
    inner = pattern[ends : len(pattern) - starts]
    if starts and ends:
        return pc.match_substring(values, inner)
    if starts:
        return pc.starts_with(values, inner)
    return pc.ends_with(values, inner) if ends else pc.equal(values, pattern)


def _divided(left: Any, right: Any) -> Any:
    zero = pa.scalar(0, right.type)
    return pc.divide_checked(left, pc.if_else(pc.equal(right, zero), pa.scalar(None, right.type), right))


def _joined(left: Any, right: Any) -> Any:
    return pc.binary_join_element_wise(left, right, pa.scalar("", left.type))


def _by_months(dates: Any, months: Any) -> Any:
    """Dates so many months later, or on the last day of a month that is too short, as in PostgreSQL."""
    array = pa.array([dates.as_py()], dates.type) if isinstance(dates, pa.Scalar) else dates
    moved = array.to_pandas() + pd.DateOffset(months=months.as_py())
    later = pa.array(moved.astype("datetime64[us]"), array.type, from_pandas=True)
    return later[0] if isinstance(dates, pa.Scalar) else later


def _months_before(dates: Any, months: Any) -> Any:
    return _by_months(dates, pc.negate(months))


def _swapped(rule: _Rule) -> _Rule:
    return lambda left, right: rule(right, left)


_NUMBER, _TEXT, _DATE = Kind.NUMBER, Kind.TEXT, Kind.DATE
_PERIOD, _MONTHS = Kind.PERIOD, Kind.MONTHS
_LOGIC: dict[str, _Rule] = {"&&": pc.and_kleene, "||": pc.or_kleene}
_WILD: dict[str, Callable[[Any], Any]] = {"==": lambda found: found, "!=": pc.invert}
_EQUAL: dict[str, _Rule] = {"==": pc.equal, "!=": pc.not_equal}
_ORDER: dict[str, _Rule] = {
    ">": pc.greater,
    ">=": pc.greater_equal,
    "<": pc.less,
    "<=": pc.less_equal,
}
_RULES: dict[tuple[str, Kind, Kind], tuple[Kind, _Rule]] = {
    ("+", _NUMBER, _NUMBER): (_NUMBER, pc.add_checked),
    ("-", _NUMBER, _NUMBER): (_NUMBER, pc.subtract_checked),
    ("*", _NUMBER, _NUMBER): (_NUMBER, pc.multiply_checked),
    ("/", _NUMBER, _NUMBER): (_NUMBER, _divided),
    ("+", _TEXT, _TEXT): (_TEXT, _joined),
    ("+", _DATE, _PERIOD): (_DATE, pc.add_checked),
    ("+", _PERIOD, _DATE): (_DATE, pc.add_checked),
    ("-", _DATE, _PERIOD): (_DATE, pc.subtract_checked),
    ("-", _DATE, _DATE): (_PERIOD, pc.subtract_checked),
    ("+", _PERIOD, _PERIOD): (_PERIOD, pc.add_checked),
    ("-", _PERIOD, _PERIOD): (_PERIOD, pc.subtract_checked),
    ("+", _DATE, _MONTHS): (_DATE, _by_months),
    ("+", _MONTHS, _DATE): (_DATE, _swapped(_by_months)),
    ("-", _DATE, _MONTHS): (_DATE, _months_before),
    **{
        (sign, kind, kind): (Kind.TRUTH, rule)
        for kind in (_NUMBER, _TEXT, _DATE, _PERIOD)
        for sign, rule in (_EQUAL | _ORDER).items()
    },
    **{(sign, Kind.TRUTH, Kind.TRUTH): (Kind.TRUTH, rule) for sign, rule in _EQUAL.items()},
}
