"""PostgreSQL's SELECT: text -> syntax tree within bounds, and back to text for DuckDB or PostgreSQL."""

import logging
from collections.abc import Mapping
from itertools import accumulate, pairwise
from typing import Any, Literal

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import ErrorLevel, ParseError, TokenError, UnsupportedError
from sqlglot.generators.duckdb import DuckDBGenerator
from sqlglot.generators.postgres import PostgresGenerator
from sqlglot.parsers.postgres import PostgresParser

from gpserver.errors import InvalidRequest

Engine = Literal["duckdb", "postgres"]

_LONGEST = 100_000  # characters
# Pairs within each other; one of brackets, or behind the name of a type, doubles the parser's time.
_DEEPEST, _DEEPEST_BRACKETS = 40, 5
_MOST_BRACKETS = 100  # those behind each other cost their square
_SHOWN = 60
_PARENTHESES = {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}
_BRACKETS = {TokenType.L_BRACKET: 1, TokenType.R_BRACKET: -1}
_OWN_SYNTAX = ("CAST", "EXTRACT", "SUBSTRING", "TRIM", "POSITION")

# It warns of what it does not know, with the client's text; all of that is refused here.
logging.getLogger("sqlglot").setLevel(logging.ERROR)


class _Parser(PostgresParser):
    # Every other call stays as it is written, so that one list of names decides what may be called.
    FUNCTIONS = {}  # noqa: RUF012 - as in the class above
    FUNCTION_PARSERS = {name: PostgresParser.FUNCTION_PARSERS[name] for name in _OWN_SYNTAX}  # noqa: RUF012


class _PostgresGenerator(PostgresGenerator):
    MULTI_ARG_DISTINCT = True  # string_agg(DISTINCT name, ',')


class _DuckDBGenerator(DuckDBGenerator):
    MULTI_ARG_DISTINCT = True


class _Postgres(Postgres):
    Parser = _Parser
    Generator = _PostgresGenerator


class _DuckDB(DuckDB):
    Generator = _DuckDBGenerator


_READER = _Postgres()
_WRITERS: dict[Engine, Dialect] = {"duckdb": _DuckDB(), "postgres": _READER}


def read_tree(text: str, what: Any = None) -> Any:
    """The syntax tree of one statement, or of one expression.

    Args:
        text: What to read.
        what: ``sqlglot.exp.Condition`` for an expression.

    Raises:
        InvalidRequest: The text is no single statement of SQL, or one too long or too deep.
    """
    tokens = _read_tokens(text)
    if _depth(tokens, _PARENTHESES) > _DEEPEST or is_costly(tokens):
        raise too_deep()
    if sum(token.token_type == TokenType.L_BRACKET for token in tokens) > _MOST_BRACKETS:
        raise InvalidRequest(f"A query may have {_MOST_BRACKETS} pairs of brackets.")
    try:
        parser = _READER.parser(error_level=ErrorLevel.IMMEDIATE)
        trees: list[Any] = parser.parse_into(what, tokens, text) if what else parser.parse(tokens, text)
    except ParseError as error:
        place = error.errors[0].get("highlight") if error.errors else None
        raise InvalidRequest(f"The query breaks at {shown(str(place or text))!r}: it is no SQL.") from None
    except RecursionError:
        raise too_deep() from None
    if len(trees) != 1 or trees[0] is None:
        raise InvalidRequest("The query must be a single SELECT.")
    return trees[0]


def _depth_of_types(tokens: list[Token]) -> int:
    """How many parentheses behind names of types are within each other."""
    opened, deepest = list[bool](), 0
    for before, token in pairwise(tokens):
        if token.token_type == TokenType.L_PAREN:
            opened.append(before.token_type in _Parser.TYPE_TOKENS)
            deepest = max(deepest, sum(opened))
        elif token.token_type == TokenType.R_PAREN and opened:
            opened.pop()
    return deepest


def is_plain(text: str) -> bool:
    """Whether databases can take a text: without the character 0, without halves of characters."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def is_costly(tokens: list[Token]) -> bool:
    """Whether a parser of sqlglot would try too many readings: each level of some forms doubles them."""
    return max(_depth(tokens, _BRACKETS), _depth_of_types(tokens)) > _DEEPEST_BRACKETS


def _depth(tokens: list[Token], steps: Mapping[TokenType, int]) -> int:
    return max(accumulate(steps.get(token.token_type, 0) for token in tokens))


def _read_tokens(text: str) -> list[Token]:
    if len(text) > _LONGEST:
        raise InvalidRequest(f"A query may have {_LONGEST} characters, this one has {len(text)}.")
    if not is_plain(text):
        raise InvalidRequest("There is a character in the query that stands in no text.")
    try:
        tokens: list[Token] = _READER.tokenize(text)
    except TokenError:
        raise InvalidRequest(f"A quote stays open in the query {shown(text)!r}.") from None
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens.pop()
    if not tokens:
        raise InvalidRequest("The query is empty: write a SELECT.")
    for token in tokens:
        _refuse(token)
    return tokens


def _refuse(token: Token) -> None:
    if token.token_type == TokenType.SEMICOLON:
        raise InvalidRequest("There is a ; in the query: only one statement is allowed.")
    if token.comments:
        raise InvalidRequest(f"Comments are not allowed in a query: {shown(token.comments[0])!r}.")
    if token.text == "==":
        raise InvalidRequest("There is == in the query: in SQL two values are compared with =.")


def write(tree: Any, engine: Engine) -> str:
    """The text of a checked tree.

    Raises:
        InvalidRequest: The engine has no form of it, or it is too deep.
    """
    try:
        text: str = _WRITERS[engine].generate(
            tree,
            copy=True,
            comments=False,
            identify=engine == "duckdb",
            normalize_functions=False,
            unsupported_level=ErrorLevel.IMMEDIATE,
        )
        return text
    except RecursionError:
        raise too_deep() from None
    except UnsupportedError as error:
        raise InvalidRequest(f"The query cannot be run here: {shown(str(error))}.") from None


def too_deep() -> InvalidRequest:
    """The error of a query with too many levels."""
    return InvalidRequest("The query is nested too deep: write it with fewer levels.")


def shown(source: Any) -> str:
    """A part of a query as messages show it."""
    try:
        text = source if isinstance(source, str) else write(source, "postgres")
    except InvalidRequest:
        text = str(source.key)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def constant(node: Any, parameters: Mapping[str, Any]) -> Any:
    """The value of a literal or parameter: a whole number as such, a text, or None for everything else."""
    if isinstance(node, exp.Parameter):
        return parameters.get(node.this.name)
    if not isinstance(node, exp.Literal):
        return None
    return (
        int(node.name) if not node.is_string and node.name.isdecimal() and len(node.name) < 19 else node.name
    )
