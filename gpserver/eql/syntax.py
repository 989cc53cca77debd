"""Grammar of the first query language: text -> steps that a stack computes, operands before their operator.

or      := and ('||' and)*
and     := compare ('&&' compare)*
compare := sum (('==' | '!=' | '>' | '>=' | '<' | '<=') sum | 'is' '{null}')?
sum     := product (('+' | '-') product)*
product := unary (('*' | '/') unary)*
unary   := '-' unary | '(' or ')' | name | number | text | date | period | special
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from gpserver.eql.moments import SPECIALS, read_moment, read_period
from gpserver.eql.terms import CONSTANTS, Kind, Term
from gpserver.eql.tokens import Token, cut, read_tokens, unquoted
from gpserver.errors import InvalidValue

_DEEPEST = 50  # parentheses and minus signs within each other
_COMPARE = 2
# Operators by how tight they bind; of comparisons there is no chain.
_LEVELS = {"||": 0, "&&": 1, **dict.fromkeys(("==", "!=", ">", ">=", "<", "<=", "is"), _COMPARE)}
_LEVELS |= {"+": 3, "-": 3, "*": 4, "/": 4}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do with the stack.

    Attributes:
        does: ``push`` a constant, a ``column`` or a ``moment``, or take terms off and push the result of
            ``combine``, ``negate`` or ``is null``.
        what: The constant, the name or the sign.
        position: Where it stands in the text, counted from 1.
    """

    does: str
    what: Any
    position: int


def read_steps(text: str) -> tuple[Step, ...]:
    """The steps of an expression.

    Raises:
        InvalidValue: It is no expression; the text names the position and what was expected there.
    """
    parser = _Parser(list(read_tokens(text)))
    parser.expression(0, 0)
    parser.expect_end()
    return tuple(parser.steps)


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens, self._at = tokens, 0
        self.steps: list[Step] = []

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def expression(self, lowest: int, depth: int) -> None:
        """Operators of a level or above, the operators of one level from left to right."""
        self._unary(depth)
        compared = False
        while (level := _LEVELS.get(self._next.text, -1)) >= lowest and not (compared and level == _COMPARE):
            compared = compared or level == _COMPARE
            sign = self._take()
            if sign.text == "is":
                self._null(sign)
            else:
                self.expression(level + 1, depth)
                self.steps.append(Step("combine", sign.text, sign.position))

    def expect_end(self) -> None:
        if self._next.kind != "end":
            raise self._unexpected("an operator or the end")

    def _null(self, sign: Token) -> None:
        if self._next.text != "{null}":
            raise self._unexpected("{null}")
        self._take()
        self.steps.append(Step("is null", sign.text, sign.position))

    def _unary(self, depth: int) -> None:
        if depth > _DEEPEST:
            raise InvalidValue(f"Position {self._next.position} of the expression: it is nested too deep.")
        token = self._next
        if token.text == "-":
            self._minus(depth)
        elif token.text == "(":
            self._take()
            self.expression(0, depth + 1)
            if self._next.text != ")":
                raise self._unexpected("an operator or )")
            self._take()
        else:
            self.steps.append(self._operand())

    def _minus(self, depth: int) -> None:
        sign = self._take()
        if self._next.kind == "number":  # the least number has no positive
            self.steps.append(Step("push", _number("-" + self._next.text, sign.position), sign.position))
            self._take()
        else:
            self._unary(depth + 1)
            self.steps.append(Step("negate", "-", sign.position))

    def _operand(self) -> Step:
        token = self._next
        if token.kind == "name" and token.text != "is":
            return Step("column", self._take().text, token.position)
        if token.kind == "special":
            return self._special()
        if token.kind not in _LITERALS:
            raise self._unexpected("a value or an attribute")
        return Step("push", _LITERALS[token.kind](self._take().text, token.position), token.position)

    def _special(self) -> Step:
        token = self._next
        name = token.text[1:-1]
        if name == "null":
            self._take()
            return Step("push", Term(Kind.NULL, pa.scalar(None), token.text), token.position)
        if name not in SPECIALS:
            raise self._unexpected(" or ".join(["{null}", *(f"{{{special}}}" for special in SPECIALS)]))
        return Step("moment", self._take().text[1:-1], token.position)

    def _unexpected(self, expected: str) -> InvalidValue:
        token = self._next
        return InvalidValue(
            f"Position {token.position} of the expression: expected {expected}, not {token.shown}."
        )


def _number(text: str, position: int) -> Term:
    value = int(text) if text.lstrip("-").isdecimal() and len(text) < 30 else float(text)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise InvalidValue(f"Position {position} of the expression: {text} does not fit into 64 bits.")
    return Term(Kind.NUMBER, pa.scalar(value), text)


def _text(text: str, position: int) -> Term:
    inner = unquoted(text)
    return Term(Kind.TEXT, pa.scalar(inner, CONSTANTS[Kind.TEXT]), cut(text), inner)


def _date(text: str, position: int) -> Term:
    return _constant(Kind.DATE, text, position, lambda: read_moment(unquoted(text[1:])))


def _period(text: str, position: int) -> Term:
    kind = Kind.MONTHS if text.endswith(("mth", "y")) else Kind.PERIOD
    return _constant(kind, text, position, lambda: read_period(text))


def _constant(kind: Kind, text: str, position: int, read: Callable[[], Any]) -> Term:
    try:
        return Term(kind, pa.scalar(read(), CONSTANTS.get(kind)), cut(text))
    except InvalidValue as error:
        raise InvalidValue(f"Position {position} of the expression: {error}.") from None


_LITERALS: dict[str, Callable[[str, int], Term]] = {
    "number": _number,
    "text": _text,
    "date": _date,
    "period": _period,
}
