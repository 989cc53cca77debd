"""Blocks ``${isset:@name, { text }}`` of a SELECT: their text counts when the parameter is set."""

import re
from collections.abc import Mapping
from typing import Any

from gpserver.errors import InvalidRequest

_PIECE = re.compile(
    r"""(?P<open>\$\{\s*isset\s*:\s*@?(?P<name>\w+)\s*,\s*\{)
    |(?P<close>\}\s*\})
    |(?P<brace>\$\{|[{}])
    |'[^']*'|"[^"]*"|[^'"${}]+|.""",
    re.VERBOSE | re.DOTALL,
)


def expand(text: str, parameters: Mapping[str, Any]) -> str:
    """The text with its blocks put in or left out; they may stand within each other.

    Args:
        text: With blocks or without.
        parameters: Values by name, without ``@``; null and an empty text are not set.

    Raises:
        InvalidRequest: A brace opens or closes no block.
    """
    kept, pieces = True, list[str]()
    outer = list[tuple[bool, list[str]]]()
    for piece in _PIECE.finditer(text):
        if piece["open"]:
            outer.append((kept, pieces))
            kept, pieces = parameters.get(piece["name"]) not in (None, ""), []
        elif piece["close"] and outer:
            block = f" {''.join(pieces)} " if kept else " "
            kept, pieces = outer.pop()
            pieces.append(block)
        elif piece["close"] or piece["brace"]:
            raise _stray(text, piece.start())
        else:
            pieces.append(piece[0])
    if outer:
        raise InvalidRequest("A block ${isset:… is never closed: it ends with }}.")
    return "".join(pieces)


def _stray(text: str, at: int) -> InvalidRequest:
    return InvalidRequest(
        f"{text[at : at + 40]!r} at position {at + 1} opens or closes no block: a block is"
        " written ${isset:@name, { text }}."
    )
