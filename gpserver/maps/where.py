"""Conditions, expressions and orders of SQL-92 standardised queries, over the columns of a layer.

There are the operators = <> < <= > >= AND OR NOT IS NULL IN BETWEEN LIKE + - * / ||, CASE, CAST, EXTRACT,
and the functions of :mod:`gpserver.maps.sql.rules`. Where databases differ, they mean what they do in
PostgreSQL: a quotient of whole numbers is whole, upper and lower case differ, a division by zero is an error.
LOG is natural, and a backslash in LIKE is no escape, as in ArcGIS and SQL-92. Dates are in UTC.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from sqlglot import TokenType, exp

from gpserver.errors import InvalidRequest
from gpserver.maps.sql.compiler import Compiler, find_field
from gpserver.maps.sql.terms import Kind, Rows, Term, fit
from gpserver.maps.sql.tree import read_tokens, read_tree, shown, split_list, too_deep

Columns = Callable[[str], Any]

_CHUNK = 65536  # rows at a time: what is in between stays in the processor's cache
_CACHED = 128
_TYPES = {
    Kind.INTEGER: "esriFieldTypeInteger",
    Kind.REAL: "esriFieldTypeDouble",
    Kind.DATE: "esriFieldTypeDate",
}

_DIRECTIONS = {TokenType.ASC: False, TokenType.DESC: True}

_Schema = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Where:
    """A condition.

    Attributes:
        text: How it was written.
        names: Declared names of the fields it reads.
    """

    text: str
    names: frozenset[str]
    _term: Term

    def mask(self, columns: Columns, rows: int) -> "np.ndarray[Any, Any]":
        """Which rows it holds for, as booleans; where it is unknown, it does not hold.

        Args:
            columns: The column of a field, by its declared name; all of them have ``rows`` values.
            rows: How many rows there are.

        Raises:
            InvalidRequest: It cannot be computed, as with a division by zero.
        """
        parts = [
            (part.fill_null(False) if part.null_count else part).to_numpy(zero_copy_only=False)
            for part in _evaluate(self, columns, rows)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, bool), *parts])


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression with a value.

    Attributes:
        text: How it was written.
        names: Declared names of the fields it reads.
        type: Esri type of its values.
        field: Declared name of the field, where it is nothing but a field.
    """

    text: str
    names: frozenset[str]
    type: str
    field: str | None
    _term: Term

    def values(self, columns: Columns, rows: int) -> Any:
        """Its values as an Arrow array; a field keeps its Arrow type.

        Raises:
            InvalidRequest: It cannot be computed.
        """
        if self.field is not None:
            return columns(self.field)
        parts = list(_evaluate(self, columns, rows))
        return pa.concat_arrays(parts) if parts else pa.array([], self._term.kind.type)


def compile_where(text: str | None, fields: Sequence[Mapping[str, Any]]) -> Where:
    """Read a condition; without a text, it holds for every row.

    Args:
        text: The condition in SQL.
        fields: The fields that it may name, as Esri writes them; the case of the names does not matter.

    Raises:
        InvalidRequest: It is no condition, or not all of it is allowed; the text names the offending part.
    """
    return _where((text or "").strip() or "1=1", _schema(fields))


def compile_expression(text: str, fields: Sequence[Mapping[str, Any]]) -> Expression:
    """Read an expression that has a value, at least the name of a field.

    Raises:
        InvalidRequest: It has no value, or not all of it is allowed; the text names the offending part.
    """
    return _expression(text, _schema(fields))


def parse_order(text: str | None, fields: Sequence[Mapping[str, Any]]) -> list[tuple[str, bool]]:
    """Read ``NAME, POP DESC`` as declared names, each with whether it descends.

    Args:
        text: Names of fields with commas between them, each with ASC, DESC or nothing behind it.
        fields: The fields there are, as Esri writes them; the case of the names does not matter.

    Raises:
        InvalidRequest: There is no such field.
    """
    names = [str(field["name"]) for field in fields]
    return [_key(member, names) for member in split_list(text or "")]


def _key(text: str, names: Sequence[str]) -> tuple[str, bool]:
    tokens = read_tokens(text)
    if not tokens:  # a comment alone
        return find_field(text, names), False
    descends = _DIRECTIONS.get(tokens[-1].token_type) if len(tokens) > 1 else None
    tokens = tokens if descends is None else tokens[:-1]
    quoted = len(tokens) == 1 and tokens[0].token_type == TokenType.IDENTIFIER
    written = tokens[0].text if quoted else text[tokens[0].start : tokens[-1].end + 1]
    return find_field(written, names), bool(descends)


def _schema(fields: Sequence[Mapping[str, Any]]) -> _Schema:
    return tuple((str(field["name"]), str(field["type"])) for field in fields)


def condition_of(tree: exp.Expression, fields: Sequence[Mapping[str, Any]]) -> Where:
    """The condition that a syntax tree is.

    Raises:
        InvalidRequest: As :func:`compile_where`.
    """
    return _condition(tree, shown(tree), _schema(fields))


def expression_of(tree: exp.Expression, fields: Sequence[Mapping[str, Any]]) -> Expression:
    """The expression that a syntax tree is.

    Raises:
        InvalidRequest: As :func:`compile_expression`.
    """
    return _value(tree, shown(tree), _schema(fields))


@lru_cache(_CACHED)
def _where(text: str, schema: _Schema) -> Where:
    return _condition(read_tree(text), text, schema)


@lru_cache(_CACHED)
def _expression(text: str, schema: _Schema) -> Expression:
    return _value(read_tree(text), text, schema)


def _condition(tree: exp.Expression, text: str, schema: _Schema) -> Where:
    names, term = _compile(tree, schema)
    return Where(text, names, fit(term, Kind.BOOLEAN))


def _value(tree: exp.Expression, text: str, schema: _Schema) -> Expression:
    names, term = _compile(tree, schema)
    if term.kind in (Kind.BOOLEAN, Kind.INTERVAL, Kind.MONTHS):
        raise InvalidRequest(f"{shown(text)} is {term.kind.label}: an expression with a value is needed.")
    type = dict(schema)[term.field] if term.field else _TYPES.get(term.kind, "esriFieldTypeString")
    return Expression(text, names, type, term.field, fit(term, Kind.TEXT) if term.kind == Kind.NULL else term)


def _compile(tree: exp.Expression, schema: _Schema) -> tuple[frozenset[str], Term]:
    fields = dict(schema)
    try:
        term = Compiler(fields).term(tree)
    except RecursionError as error:
        raise too_deep() from error
    read = {".".join(part.name for part in column.parts) for column in tree.find_all(exp.Column)}
    return frozenset(find_field(name, fields) for name in read), term


def _evaluate(compiled: Where | Expression, columns: Columns, count: int) -> Iterator[Any]:
    """The values, chunk by chunk."""
    now = pa.scalar(datetime.now(UTC).replace(tzinfo=None), pa.timestamp("ms"))
    rows = Rows({name: columns(name) for name in compiled.names}, count, now)
    try:
        for start in range(0, count, _CHUNK):
            chunk = rows.slice(start, _CHUNK)
            yield chunk.spread(compiled._term.values(chunk))
    except pa.ArrowException as error:
        raise InvalidRequest(f"{shown(compiled.text)} cannot be computed: {error}.") from error
