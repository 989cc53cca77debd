"""Terms: parts of an expression that know their kind and compute their values by whole columns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from gpserver.errors import InvalidRequest
from gpserver.maps.sql.literals import read_instant, read_number, read_whole_number
from gpserver.maps.sql.tree import shown


class Kind(Enum):
    """What a term is, and the Arrow type that its values are brought to before anything is done with them."""

    INTEGER = "a whole number", pa.int64()
    REAL = "a number", pa.float64()
    TEXT = "a text", pa.large_string()
    DATE = "a date", pa.timestamp("ms")
    INTERVAL = "an interval", pa.duration("ms")
    MONTHS = "an interval of months", pa.int32()
    BOOLEAN = "a condition", pa.bool_()
    NULL = "NULL", pa.null()

    def __init__(self, label: str, type: Any) -> None:
        self.label, self.type = label, type


@dataclass(frozen=True, slots=True)
class Rows:
    """What terms are computed from: columns of one length by field name, and the time of the request."""

    columns: Mapping[str, Any]
    count: int
    now: Any

    def slice(self, start: int, count: int) -> "Rows":
        """Some neighbouring rows."""
        columns = {name: column.slice(start, count) for name, column in self.columns.items()}
        return replace(self, columns=columns, count=min(count, self.count - start))

    def filter(self, mask: Any) -> "Rows":
        """The rows where an array of booleans is true."""
        columns = {name: column.filter(mask) for name, column in self.columns.items()}
        return replace(self, columns=columns, count=pc.sum(mask).as_py() or 0)

    def spread(self, values: Any) -> Any:
        """An array of values, one per row, also of a constant."""
        return pa.repeat(values, self.count) if isinstance(values, pa.Scalar) else values


@dataclass(frozen=True, slots=True)
class Term:
    """A part of an expression.

    Attributes:
        kind: What it is.
        values: Computes its values: an Arrow array with one value per row, or a scalar when it is constant.
        node: Where it stands in the syntax tree, for messages.
        fallible: Whether computing it can fail, as a division by zero does.
        constant: The value of a literal.
        field: The name of the field that it is, when it is one.
    """

    kind: Kind
    values: Callable[[Rows], Any]
    node: exp.Expression
    fallible: bool = False
    constant: Any = None
    field: str | None = None

    def at(self, rows: Rows, mask: Any) -> Any:
        """The values of the rows where ``mask`` is true; any values elsewhere.

        SQL does not look at the other operand of a decided AND, nor at a branch of CASE that is not taken:
        what fails there is no failure.
        """
        if not self.fallible:
            return self.values(rows)
        chosen = pc.fill_null(rows.spread(mask), False)
        values = self.values(rows.filter(chosen))
        if isinstance(values, pa.Scalar):
            return values
        places = pc.subtract(pc.cumulative_sum(chosen.cast(pa.int64())), 1)
        return values.take(pc.if_else(chosen, places, pa.scalar(None, pa.int64())))


def literal(kind: Kind, value: Any, node: exp.Expression) -> Term:
    """The term of a constant."""
    scalar = pa.scalar(value, kind.type)
    return Term(kind, lambda rows: scalar, node, constant=value)


def fit(term: Term, kind: Kind) -> Term:
    """The same term as another kind, its values of the Arrow type of this kind.

    Whole numbers are numbers, NULL is of any kind, and a text in quotes is read as what stands opposite.

    Raises:
        InvalidRequest: The term is of a kind that does not fit.
    """
    if term.kind == Kind.NULL:
        return literal(kind, None, term.node)
    if term.kind == Kind.TEXT and kind in _READERS and term.constant is not None:
        return literal(kind, _READERS[kind](term.constant), term.node)
    if term.kind != kind and (term.kind, kind) != (Kind.INTEGER, Kind.REAL):
        raise InvalidRequest(f"{shown(term.node)} is {term.kind.label} where {kind.label} is needed.")
    if term.constant is not None:
        return term if term.kind == kind else literal(kind, float(term.constant), term.node)

    def fitting(rows: Rows) -> Any:
        values = term.values(rows)
        # Unsafe: a whole number above 2**53 is its nearest double, as in every database.
        return values if values.type == kind.type else values.cast(kind.type, safe=False)

    return replace(term, kind=kind, values=fitting)


_READERS: Mapping[Kind, Callable[[str], Any]] = {
    Kind.INTEGER: read_whole_number,
    Kind.REAL: lambda text: float(read_number(text)),
    Kind.DATE: read_instant,
}


def common_kind(terms: Sequence[Term]) -> Kind:
    """The kind in which terms can be compared, or be the values of one column.

    Raises:
        InvalidRequest: There is none.
    """
    kinds = {term.kind for term in terms if term.kind != Kind.NULL}
    strict = {term.kind for term in terms if term.kind != Kind.NULL and not _is_quoted(term)}
    kinds = strict or kinds or {Kind.TEXT}
    if kinds == {Kind.INTEGER, Kind.REAL}:
        return Kind.REAL
    if len(kinds) == 1:
        return kinds.pop()
    parts = " and ".join(f"{shown(term.node)} ({term.kind.label})" for term in terms[:3])
    raise InvalidRequest(f"{parts} cannot be compared: CAST one of them.")


def _is_quoted(term: Term) -> bool:
    return term.kind == Kind.TEXT and term.constant is not None


def together(terms: Sequence[Term]) -> tuple[Kind, list[Term]]:
    """Terms brought to one kind."""
    kind = common_kind(terms)
    return kind, [fit(term, kind) for term in terms]
