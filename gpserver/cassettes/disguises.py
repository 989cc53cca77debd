"""Finds a secret in a text, however it is written: percent-encoded, escaped in JSON or HTML, or several."""

import html
import re
from collections.abc import Iterator
from functools import lru_cache
from html.entities import codepoint2name
from urllib.parse import unquote_plus

_LAYERS = 6  # of encodings: a URL in JSON in a form is three
_WEAK = 8  # characters: what is shorter is only a secret where it is a word of its own
_ESCAPED = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_SHORT = {"\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}
_LONG = {short: char for char, short in _SHORT.items()}
_BACKSLASHES = r"(?:\\|%(?:25)*5[Cc])+"
_AMPERSAND = r"&(?:amp;)*"

# Before a word may stand what is no letter or digit, and an escape, which ends with one.
_BEGIN = r"(?:(?<![^\W_])|(?<=%[0-9a-fA-F]{2})|(?<=\\[nrtbf])|(?<=\\u[0-9a-fA-F]{4}))"
_END = r"(?![^\W_])"


class Disguises:
    """A secret with all its disguises.

    Args:
        secret: What nobody may read; not empty.
        word: Whether it is one only where it is a word of its own, as names are.
        any_case: Whether it is the same in capitals, as hosts are.
    """

    def __init__(self, secret: str, *, word: bool = False, any_case: bool = False) -> None:
        self._secret = secret.lower() if any_case else secret
        self._word, self._any_case = word or len(secret) < _WEAK, any_case

    def replace(self, text: str, stages: list[str], placeholder: str) -> str:
        """The text without the secret.

        Args:
            text: It.
            stages: What ``unveiled`` makes of it.
            placeholder: What stands there instead; letters, digits and ``-.@`` only.
        """
        if not self._is_in(stages):
            return text
        replaced = _pattern(self._secret, self._word, self._any_case).sub(placeholder, text)
        # What was written in yet another way must not stay either; nothing else of the text then does.
        left = not self._word and self._is_in(unveiled(replaced))
        return placeholder if left else replaced

    def _is_in(self, stages: list[str]) -> bool:
        return any(self._secret in (stage.lower() if self._any_case else stage) for stage in stages)


def unveiled(text: str) -> list[str]:
    """The text, and what it says with one encoding after the other taken off."""
    stages = [text]
    for _ in range(_LAYERS):
        found = [plain for plain in _plainer(stages[-1]) if plain not in stages]
        if not found:
            break
        stages += found
    return stages


def _plainer(text: str) -> Iterator[str]:
    if "\\" in text:
        yield _surrogates(_ESCAPED.sub(_unescaped, text))
    if "&" in text:
        yield html.unescape(text)
    if "%" in text or "+" in text:
        yield unquote_plus(text)


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else _LONG.get(found[2], found[2])


def _surrogates(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@lru_cache(maxsize=4096)
def _pattern(secret: str, word: bool, any_case: bool) -> re.Pattern[str]:
    pattern = "".join(map(_written, secret))
    flags = re.IGNORECASE if any_case else re.NOFLAG
    return re.compile(f"{_BEGIN}{pattern}{_END}" if word else pattern, flags)


@lru_cache(maxsize=1024)
def _written(char: str) -> str:
    """A pattern for all the ways in which a character is written."""
    octets = char.encode("utf-8", "surrogatepass")
    ways = [
        re.escape(char),
        "".join(f"%(?:25)*{_either_case(octet)}" for octet in octets),
        "".join(f"{_BACKSLASHES}u{_hexadecimal(unit)}" for unit in _units(char)),
        rf"{_AMPERSAND}#(?:0*{ord(char)}|[xX]0*{_hexadecimal(f'{ord(char):x}')});",
    ]
    if char in '"\\/' or char in _SHORT:
        ways.append(f"{_BACKSLASHES}{re.escape(_SHORT.get(char, char))}")
    if char == "\\":
        ways.append(_BACKSLASHES)
    if char == " ":
        ways.append(r"\+")
    if name := codepoint2name.get(ord(char)):
        ways.append(f"{_AMPERSAND}{name};")
    # The longest first, or the backslash of an escape would be taken alone.
    return f"(?:{'|'.join(reversed(ways))})"


def _units(char: str) -> list[str]:
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return [units[start : start + 4] for start in range(0, len(units), 4)]


def _either_case(octet: int) -> str:
    return _hexadecimal(f"{octet:02x}")


def _hexadecimal(digits: str) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)
