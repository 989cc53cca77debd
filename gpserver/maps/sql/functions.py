"""The functions that standardised queries know."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from gpserver.errors import InvalidRequest
from gpserver.maps.sql.casts import as_text
from gpserver.maps.sql.operators import call, finite
from gpserver.maps.sql.terms import Kind, Rows, Term, fit, literal, together
from gpserver.maps.sql.tree import shown

_WILDCARDS = {"%": ".*", "_": "."}  # and what they are in a regular expression


def function(takes: Kind, gives: Kind, kernel: Any, fails: bool = False) -> Callable[..., Term]:
    """The rule of a function whose arguments are all of one kind."""

    def rule(node: exp.Expression, *terms: Term) -> Term:
        checked = finite(node, kernel) if gives == Kind.REAL else kernel
        return call(node, gives, [fit(term, takes) for term in terms], checked, fails)

    return rule


def same_number(kernel: Any, fails: bool = False) -> Callable[..., Term]:
    """The rule of a function that leaves whole numbers whole."""

    def rule(node: exp.Expression, *terms: Term) -> Term:
        kind, numbers = together(terms)
        if kind not in (Kind.INTEGER, Kind.REAL):
            raise InvalidRequest(f"{shown(node)} takes numbers, not {kind.label}.")
        return call(node, kind, numbers, lambda *values: kernel(*values).cast(kind.type), fails)

    return rule


def rounded(mode: str) -> Callable[..., Term]:
    """The rule of ROUND or TRUNCATE to a constant number of decimals; halves go away from zero."""

    def rule(node: exp.Expression, term: Term, decimals: Term | None = None) -> Term:
        digits = _constant(decimals, Kind.INTEGER, 0)
        if not -15 <= digits <= 15:
            raise InvalidRequest(f"{shown(node)}: the number of decimals is -15 to 15.")
        return same_number(lambda values: pc.round(values, ndigits=digits, round_mode=mode), True)(node, term)

    return rule


def _constant(term: Term | None, kind: Kind, default: Any = None) -> Any:
    if term is None:
        return default
    constant = fit(term, kind).constant
    if constant is None:
        raise InvalidRequest(f"{shown(term.node)}: write {kind.label} as a constant here.")
    return constant


def remainder(left: Any, right: Any) -> Any:
    """MOD: what is left of a division that rounds towards zero; it has the sign of the dividend."""
    quotient = pc.divide_checked(left, right)
    whole = pc.trunc(quotient) if pa.types.is_floating(quotient.type) else quotient
    return pc.subtract_checked(left, pc.multiply_checked(whole, right))


def logarithm(node: exp.Expression, base: Term, number: Term | None = None) -> Term:
    """LOG(x), the natural one, as ArcGIS has it; LOG10(x)."""
    if number is None:
        return function(Kind.REAL, Kind.REAL, pc.ln_checked, fails=True)(node, base)
    if base.constant != 10:
        raise InvalidRequest(f"{shown(node)}: the logarithms are LOG(x), which is natural, and LOG10(x).")
    return function(Kind.REAL, Kind.REAL, pc.log10_checked, fails=True)(node, number)


def substring(node: exp.Expression, term: Term, start: Term | None, length: Term | None = None) -> Term:
    """SUBSTRING from a constant place, counted from 1, for a constant number of characters."""
    first = _constant(start, Kind.INTEGER, 1) - 1
    count = _constant(length, Kind.INTEGER)
    if count is not None and count < 0:
        raise InvalidRequest(f"{shown(node)}: a length cannot be negative.")
    begin, end = max(first, 0), None if count is None else max(first + count, 0)
    return function(Kind.TEXT, Kind.TEXT, lambda text: pc.utf8_slice_codeunits(text, begin, stop=end))(
        node, term
    )


def trim(node: exp.Expression, term: Term, characters: Term | None = None) -> Term:
    """TRIM of spaces or given characters, on one or both sides."""
    ends = {"LEADING": pc.utf8_ltrim, "TRAILING": pc.utf8_rtrim}
    kernel = ends.get(str(node.args.get("position")).upper(), pc.utf8_trim)
    dropped = _constant(characters, Kind.TEXT, " ")
    return function(Kind.TEXT, Kind.TEXT, lambda text: kernel(text, characters=dropped))(node, term)


def position(node: exp.Expression, term: Term, part: Term) -> Term:
    """POSITION of a constant text, counted in characters from 1; 0 when it is not there."""
    wanted = _constant(part, Kind.TEXT)

    def find(text: Any) -> Any:
        if not wanted:
            return pc.if_else(pc.is_valid(text), 1, pa.scalar(None, pa.int64()))
        found = pc.match_substring(text, wanted)
        before = pc.list_element(pc.split_pattern(text, wanted, max_splits=1), 0)
        return pc.if_else(found, pc.add(pc.utf8_length(before).cast(pa.int64()), 1), 0)

    return function(Kind.TEXT, Kind.INTEGER, find)(node, term)


def like(node: exp.Expression, term: Term, pattern: Term, escape: Term | None = None) -> Term:
    """LIKE a constant pattern; without ESCAPE, a backslash is a character like any other (SQL-92)."""
    if pattern.kind == Kind.NULL:
        return literal(Kind.BOOLEAN, None, node)
    escaping = _constant(escape, Kind.TEXT, "")
    if len(escaping) > 1:
        raise InvalidRequest(f"{shown(node)}: ESCAPE takes one character.")
    parts = list(_pattern_parts(_constant(pattern, Kind.TEXT), escaping, node))
    return function(Kind.TEXT, Kind.BOOLEAN, _matcher(parts))(node, term)


def _pattern_parts(pattern: str, escape: str, node: exp.Expression) -> Iterator[tuple[str, bool]]:
    """The characters of a pattern, each with whether it is a wildcard."""
    characters = iter(pattern)
    for character in characters:
        if character != escape:
            yield character, character in _WILDCARDS
        elif (following := next(characters, None)) is not None:
            yield following, False
        else:
            raise InvalidRequest(f"{shown(node)}: the pattern ends with its escape character.")


def _matcher(parts: Sequence[tuple[str, bool]]) -> Callable[[Any], Any]:
    # Arrow's LIKE is the faster one, but takes an escaped backslash next to % for two.
    if ("\\", False) in parts:
        regex = "".join(_WILDCARDS[one] if wild else re.escape(one) for one, wild in parts)
        return lambda text: pc.match_substring_regex(text, rf"(?s)\A{regex}\z")
    pattern = "".join(one if wild or one not in _WILDCARDS else "\\" + one for one, wild in parts)
    return lambda text: pc.match_like(text, pattern)


def concatenation(null_handling: str) -> Callable[..., Term]:
    """The rule of || or CONCAT: where one text is missing, there is no result, or (CONCAT) it is empty."""

    def join(*texts: Any) -> Any:
        separator = pa.scalar("", Kind.TEXT.type)
        return pc.binary_join_element_wise(
            *texts, separator, null_handling=null_handling, null_replacement=""
        )

    def rule(node: exp.Expression, *terms: Term) -> Term:
        return call(node, Kind.TEXT, [as_text(term.node, term) for term in terms], join)

    return rule


def coalesce(node: exp.Expression, *terms: Term) -> Term:
    """The first value that is not NULL; the others are not looked at."""
    kind, (first, *others) = together(terms)

    def values(rows: Rows) -> Any:
        result = first.values(rows)
        for term in others:
            result = pc.coalesce(result, term.at(rows, pc.is_null(result)))
        return result

    return Term(kind, values, node, any(term.fallible for term in terms))


def null_if(node: exp.Expression, term: Term, other: Term) -> Term:
    """The first value, or NULL where both are equal."""
    kind, pair = together([term, other])

    def values(left: Any, right: Any) -> Any:
        same = pc.fill_null(pc.equal(left, right), False)
        return pc.if_else(same, pa.scalar(None, kind.type), left)

    return call(node, kind, pair, values)


def case(node: exp.Expression, branches: Sequence[tuple[Term, Term]], default: Term) -> Term:
    """CASE: the value of the first branch whose condition holds; the others are not looked at."""
    conditions = [fit(condition, Kind.BOOLEAN) for condition, _ in branches]
    kind, (default, *results) = together([default, *(result for _, result in branches)])

    def values(rows: Rows) -> Any:
        result, undecided = pa.scalar(None, kind.type), pa.scalar(True)
        for condition, branch in zip(conditions, results, strict=True):
            taken = pc.and_(undecided, pc.fill_null(condition.at(rows, undecided), False))
            result = pc.if_else(taken, branch.at(rows, taken), result)
            undecided = pc.and_not(undecided, taken)
        return pc.if_else(undecided, default.at(rows, undecided), result)

    return Term(kind, values, node, any(term.fallible for term in [*conditions, *results, default]))
