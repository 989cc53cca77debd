"""Words and signs of the first query language, each with its place in the text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gpserver.errors import InvalidValue

_LONGEST = 100_000  # characters
_SHOWN = 40
_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_TOKEN = re.compile(
    rf"""(?P<space>\s+)
    |(?P<date>\#(?:{_QUOTED}))
    |(?P<period>\#-?\d+(?:ms|mth|s|m|h|d|y)(?!\w))
    |(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<text>{_QUOTED})
    |(?P<special>\{{\w+\}})
    |(?P<name>[^\W\d][\w$]*)
    |(?P<sign>==|!=|>=|<=|&&|\|\||[-<>+*/()])""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word or sign.

    Attributes:
        kind: ``date``, ``period``, ``number``, ``text``, ``special``, ``name``, ``sign`` or ``end``.
        text: As it is written.
        position: Its first character, counted from 1.
    """

    kind: str
    text: str
    position: int

    @property
    def shown(self) -> str:
        """How messages call it."""
        return "the end" if self.kind == "end" else cut(self.text)


def read_tokens(text: str) -> Iterator[Token]:
    """The words and signs of a text, and a last token of the kind ``end``.

    Raises:
        InvalidValue: It is too long, or has a character in it that begins no word.
    """
    if len(text) > _LONGEST:
        raise InvalidValue(f"An expression may have {_LONGEST} characters, this one has {len(text)}.")
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise InvalidValue(f"Position {at + 1} of the expression: {_stray(text[at:])}.")
        if found.lastgroup != "space":
            yield Token(str(found.lastgroup), found[0], at + 1)
        at = found.end()
    yield Token("end", "", len(text) + 1)


def unquoted(text: str) -> str:
    r"""What stands between quotes; a backslash before a quote or a backslash goes."""
    return re.sub(r"""\\(["'\\])""", r"\1", text[1:-1])


def cut(text: str) -> str:
    """A part of a text that fits into a message."""
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _stray(rest: str) -> str:
    if rest[0] in "\"'" or rest[:2] in ("#'", '#"'):
        return f"the quote of {cut(rest)} is never closed"
    if rest[0] == "#":
        return f"""expected a date like #"2019-10-08" or a period like #5h, not {cut(rest)}"""
    if rest[0] == "{":
        return f"expected a special value like {{null}}, not {cut(rest)}"
    return f"expected a value or an operator (== != > >= < <= + - * / && ||), not {cut(rest[0])}"
