"""SQL text to a syntax tree, within bounds."""

import logging
from itertools import accumulate
from typing import Any

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ErrorLevel, ParseError, TokenError

from gpserver.eql.grammar import is_costly
from gpserver.errors import InvalidRequest

_LONGEST = 100_000  # characters; half a second of parsing
_DEEPEST = 30  # pairs of parentheses within each other
_SHOWN = 60
_NESTING = {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}
_SQL = Dialect()

# It warns of what it does not know, with the client's text; all of that is refused here.
logging.getLogger("sqlglot").setLevel(logging.ERROR)


def read_tokens(text: str) -> list[Token]:
    """The words of an expression.

    Raises:
        InvalidRequest: The text is too long, holds a comment or a second statement, or a quote stays open.
    """
    if len(text) > _LONGEST:
        raise InvalidRequest(f"An SQL expression may have {_LONGEST} characters, this one has {len(text)}.")
    try:
        tokens: list[Token] = _SQL.tokenize(text)
    except TokenError as error:
        raise InvalidRequest(
            f"{shown(text)}: a quote stays open, or a character is none of SQL's."
        ) from error
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            raise InvalidRequest("There is a ; in the SQL expression: only one expression is allowed.")
        if token.comments:
            raise InvalidRequest(f"Comments are not allowed in an SQL expression: {shown(token.comments[0])}")
    return tokens


def split_list(text: str) -> list[str]:
    """The members of a list: what stands between its commas, except those within parentheses.

    Raises:
        InvalidRequest: As :func:`read_tokens`.
    """
    members, start, depth = [], 0, 0
    for token in read_tokens(text):
        depth += _NESTING.get(token.token_type, 0)
        if token.token_type == TokenType.COMMA and depth == 0:
            members.append(text[start : token.start])
            start = token.end + 1
    return [member.strip() for member in [*members, text[start:]] if member.strip()]


def read_tree(text: str) -> exp.Expression:
    """The syntax tree of one expression.

    Raises:
        InvalidRequest: The text is no single expression of SQL, or one too long or too deep.
    """
    tokens = read_tokens(text)
    if not tokens:
        raise InvalidRequest(f"{shown(text)} is no SQL expression.")
    if max(accumulate(_NESTING.get(token.token_type, 0) for token in tokens)) > _DEEPEST or is_costly(tokens):
        raise too_deep()
    try:
        parsed: list[Any] = _SQL.parser(error_level=ErrorLevel.IMMEDIATE).parse_into(
            exp.Condition, tokens, text
        )
    except ParseError as error:
        place = error.errors[0].get("highlight") if error.errors else None
        raise InvalidRequest(
            f"{shown(text)} is no SQL expression, it breaks at {shown(place or text)}."
        ) from error
    except RecursionError as error:
        raise too_deep() from error
    if len(parsed) != 1 or parsed[0] is None:
        raise InvalidRequest(f"{shown(text)} is no single SQL expression.")
    tree: exp.Expression = parsed[0]
    return tree


def too_deep() -> InvalidRequest:
    """The error of an expression with too many levels."""
    return InvalidRequest("The SQL expression is nested too deep: write it with fewer levels.")


def shown(source: str | exp.Expression) -> str:
    """A part of an expression as messages show it."""
    text = source if isinstance(source, str) else source.sql()
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
