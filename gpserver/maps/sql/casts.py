"""From kind to kind: CAST and EXTRACT."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from gpserver.errors import InvalidRequest
from gpserver.maps.sql.operators import call
from gpserver.maps.sql.terms import Kind, Rows, Term, fit
from gpserver.maps.sql.tree import shown

_Cast = Callable[[exp.Expression, Term, list[int]], Term]


def cast(node: exp.Expression, term: Term, target: str, sizes: list[int]) -> Term:
    """CAST to a type of SQL, given its name and what stands behind it in parentheses.

    Raises:
        InvalidRequest: There is no such type here, or no way from the term's kind to it.
    """
    rule = _CASTS.get(target)
    if rule is None:
        raise InvalidRequest(f"{shown(node)}: CAST knows {', '.join(_CASTS)}, not {target}.")
    return rule(node, term, sizes)


def as_text(node: exp.Expression, term: Term) -> Term:
    """Anything that has a value, written out."""
    if term.kind == Kind.DATE:
        return call(node, Kind.TEXT, [term], _write_dates)
    if term.kind in (Kind.INTEGER, Kind.REAL):
        return call(node, Kind.TEXT, [term], lambda values: values.cast(Kind.TEXT.type))
    return fit(term, Kind.TEXT)


def _write_dates(values: Any) -> Any:
    text = pc.strftime(values, format="%Y-%m-%d %H:%M:%S").cast(Kind.TEXT.type)
    return pc.replace_substring_regex(text, r"\.?0*$", "")


def _to_text(node: exp.Expression, term: Term, sizes: list[int]) -> Term:
    text = as_text(node, term)
    if not sizes:
        return text
    return call(node, Kind.TEXT, [text], lambda values: pc.utf8_slice_codeunits(values, 0, stop=sizes[0]))


def _to_integer(bits: Any) -> _Cast:
    """To whole numbers of so many bits; decimals are rounded, and halves go to the even neighbour."""

    def rule(node: exp.Expression, term: Term, sizes: list[int]) -> Term:
        def values(numbers: Any) -> Any:
            if pa.types.is_floating(numbers.type):
                numbers = pc.round(numbers, round_mode="half_to_even")
            return numbers.cast(bits).cast(Kind.INTEGER.type)

        return call(node, Kind.INTEGER, [_number(term, Kind.INTEGER)], values, fails=True)

    return rule


def _to_real(node: exp.Expression, term: Term, sizes: list[int]) -> Term:
    return call(
        node, Kind.REAL, [fit(_number(term, Kind.REAL), Kind.REAL)], lambda values: values, fails=True
    )


def _to_decimal(node: exp.Expression, term: Term, sizes: list[int]) -> Term:
    real = _to_real(node, term, sizes)
    if not sizes:
        return real
    decimals = [*sizes, 0][1]
    return call(
        node,
        Kind.REAL,
        [real],
        lambda values: pc.round(values, ndigits=decimals, round_mode="half_towards_infinity"),
    )


def _number(term: Term, kind: Kind) -> Term:
    """A term that is a number or, as a text, is read as one."""
    if term.kind in (Kind.INTEGER, Kind.REAL):
        return term
    text = fit(term, Kind.TEXT)
    return call(
        term.node, kind, [text], lambda values: pc.utf8_trim_whitespace(values).cast(kind.type), fails=True
    )


def _to_date(whole_days: bool) -> _Cast:
    """To a date; a constant keeps its time of day, as ``DATE 'yyyy-mm-dd hh:mm:ss'`` does in ArcGIS."""

    def rule(node: exp.Expression, term: Term, sizes: list[int]) -> Term:
        if term.kind == Kind.DATE:
            return call(node, Kind.DATE, [term], _midnight) if whole_days else term
        if term.kind == Kind.NULL or term.constant is not None:
            return fit(term, Kind.DATE)

        def values(texts: Any) -> Any:
            dates = pc.utf8_trim_whitespace(texts).cast(Kind.DATE.type)
            return _midnight(dates) if whole_days else dates

        return call(node, Kind.DATE, [fit(term, Kind.TEXT)], values, fails=True)

    return rule


def _midnight(dates: Any) -> Any:
    return pc.floor_temporal(dates, unit="day").cast(Kind.DATE.type)


def today(node: exp.Expression) -> Term:
    """CURRENT_DATE, in UTC."""
    return Term(Kind.DATE, lambda rows: _midnight(rows.now), node)


def now(node: exp.Expression) -> Term:
    """CURRENT_TIMESTAMP, in UTC; the same for all rows of a request."""

    def values(rows: Rows) -> Any:
        return rows.now

    return Term(Kind.DATE, values, node)


def extract(node: exp.Expression, unit: str, term: Term) -> Term:
    """EXTRACT(unit FROM date).

    Raises:
        InvalidRequest: There is no such unit.
    """
    if unit not in _EXTRACTS:
        raise InvalidRequest(f"{shown(node)}: EXTRACT knows {', '.join(_EXTRACTS)}, not {unit}.")
    kind, kernel = _EXTRACTS[unit]
    return call(node, kind, [fit(term, Kind.DATE)], kernel)


def _seconds(dates: Any) -> Any:
    return pc.add(pc.second(dates).cast(pa.float64()), pc.subsecond(dates))


_EXTRACTS: dict[str, tuple[Kind, Any]] = {
    "YEAR": (Kind.INTEGER, pc.year),
    "MONTH": (Kind.INTEGER, pc.month),
    "DAY": (Kind.INTEGER, pc.day),
    "HOUR": (Kind.INTEGER, pc.hour),
    "MINUTE": (Kind.INTEGER, pc.minute),
    "SECOND": (Kind.REAL, _seconds),
}

# By the names that sqlglot gives them: REAL and FLOAT are one, NUMERIC is DECIMAL, INTEGER is INT.
_CASTS: dict[str, _Cast] = {
    "SMALLINT": _to_integer(pa.int16()),
    "INT": _to_integer(pa.int32()),
    "BIGINT": _to_integer(pa.int64()),
    "FLOAT": _to_real,
    "DOUBLE": _to_real,
    "DECIMAL": _to_decimal,
    "CHAR": _to_text,
    "VARCHAR": _to_text,
    "NCHAR": _to_text,
    "NVARCHAR": _to_text,
    "TEXT": _to_text,
    "DATE": _to_date(whole_days=True),
    "TIMESTAMP": _to_date(whole_days=False),
    "DATETIME": _to_date(whole_days=False),
}
