"""Text, numbers and truth: GPString and its kin, GPLong, GPDouble, GPBoolean."""

import json
from typing import Any

import orjson

from gpserver.datatypes.base import DataType
from gpserver.datatypes.raw import number, quote, unquoted
from gpserver.errors import InvalidValue

# The range of GPLong since ArcGIS 11.2: what a double, and so every JSON reader, holds exactly.
LONG_LIMIT = 4503599627370495


class GPString(DataType):
    """Text; text that is a JSON object or array stands raw on the wire, as ArcGIS writes it."""

    name = "GPString"
    python = (str,)

    def is_given(self, value: object) -> bool:
        """Whether there is text; blanks and the text ``{}`` are text."""
        return value is not None and value not in ("", "null", {})

    def read(self, value: object) -> str:
        """Read text; JSON that is no string is kept as its text."""
        if isinstance(value, str):
            return unquoted(value)
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def write(self, value: object) -> Any:
        """Give the text, parsed if it is a JSON object or array."""
        text = str(value)
        if text.lstrip()[:1] in ("{", "["):
            try:
                document = orjson.loads(text)
                orjson.dumps(document)  # writing does not go as deep as reading
                return document
            except (orjson.JSONDecodeError, orjson.JSONEncodeError):
                return text
        return text

    def empty(self) -> str:
        """Give empty text."""
        return ""


class GPStringHidden(GPString):
    """Text that is a secret, such as a password: what came in is never shown again."""

    name = "GPStringHidden"
    hidden = True


class GPSQLExpression(GPString):
    """An SQL expression; a quoted name is one, so quotes stay, and what leaves is never parsed as JSON."""

    name = "GPSQLExpression"

    def read(self, value: object) -> str:
        """Read text as it is."""
        return value if isinstance(value, str) else super().read(value)

    def write(self, value: object) -> str:
        """Give the text as it is."""
        return str(value)


class GPLong(DataType):
    """A whole number of at most 52 bits."""

    name = "GPLong"
    python = (int,)

    def read(self, value: object) -> int:
        """Read a whole number; 5.0 is one."""
        found = number(value)
        if found != int(found):
            raise InvalidValue(f"{quote(value)} is not a whole number.")
        return _in_range(int(found))

    def write(self, value: Any) -> int:
        """Give the number."""
        return self.read(value)


class GPDouble(DataType):
    """A floating-point number; NaN and infinity are no values."""

    name = "GPDouble"
    python = (float, int)

    def read(self, value: object) -> float:
        """Read a number."""
        return float(number(value))

    def write(self, value: Any) -> float | None:
        """Give the number; infinity, which JSON cannot hold, gives None."""
        return None if value in (float("inf"), float("-inf")) else float(number(value))


class GPBoolean(DataType):
    """True or false."""

    name = "GPBoolean"
    python = (bool,)

    def read(self, value: object) -> bool:
        """Read ``true``, ``false``, 1 or 0, in any case, quoted or not."""
        word = unquoted(str(value).strip()).strip().lower()
        if word not in ("true", "false", "1", "0"):
            raise InvalidValue(f"{quote(value)} is neither true nor false.")
        return word in ("true", "1")

    def write(self, value: Any) -> bool:
        """Give the truth value."""
        return self.read(value)


def _in_range(value: int) -> int:
    if abs(value) > LONG_LIMIT:
        raise InvalidValue(f"{value} is not between -{LONG_LIMIT} and {LONG_LIMIT}.")
    return value
