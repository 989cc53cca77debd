"""Constants in SQL text: numbers, dates, intervals."""

import math
import re
from datetime import datetime

import pyarrow as pa

from gpserver.errors import InvalidRequest

_UNITS = {"DAY": 86_400_000, "HOUR": 3_600_000, "MINUTE": 60_000, "SECOND": 1000}
_MONTHS = {"YEAR": 12, "MONTH": 1}
_LONGEST = 4_000_000  # days, or years
_SEPARATOR = re.compile(r"[ :]")


def read_number(text: str) -> int | float:
    """A number as SQL writes it; whole when it is written so and has 64 bits.

    Raises:
        InvalidRequest: It is none, or has no place in a double.
    """
    try:
        number = int(text) if text.strip().lstrip("+-").isdecimal() else float(text)
    except ValueError as error:
        raise InvalidRequest(f"'{text}' is no number.") from error
    if not math.isfinite(number):
        raise InvalidRequest(f"{text} is out of the range of numbers.")
    return number if isinstance(number, float) or -(2**63) <= number < 2**63 else float(number)


def read_whole_number(text: str) -> int:
    """A whole number of 64 bits.

    Raises:
        InvalidRequest: It is none.
    """
    number = read_number(text)
    if isinstance(number, float):
        raise InvalidRequest(f"'{text}' is no whole number of 64 bits.")
    return number


def read_instant(text: str) -> datetime:
    """A date as ``yyyy-mm-dd`` or ``yyyy-mm-dd hh:mm:ss``, in UTC, with up to three decimals.

    Raises:
        InvalidRequest: It is none.
    """
    try:
        instant: datetime = pa.scalar(text.strip()).cast(pa.timestamp("ms")).as_py()
    except (pa.ArrowInvalid, ValueError, OverflowError) as error:
        raise InvalidRequest(f"'{text}' is no date: write yyyy-mm-dd or yyyy-mm-dd hh:mm:ss.") from error
    return instant


def read_interval(text: str, first: str, last: str) -> tuple[bool, int]:
    """``INTERVAL 'text' first TO last``: whether it counts months, and how many months or milliseconds.

    Raises:
        InvalidRequest: The text does not have the parts that the units ask for.
    """
    units: dict[str, int] = _MONTHS if first in _MONTHS else _UNITS
    sign, text = (-1, text.strip()[1:]) if text.strip().startswith("-") else (1, text.strip())
    names = list(units)
    try:
        wanted = names[names.index(first) : names.index(last) + 1]
        parts = text.split("-") if units is _MONTHS else _SEPARATOR.split(text)
        amount = sum(units[name] * float(part) for name, part in zip(wanted, parts, strict=True))
    except ValueError:
        amount = math.nan
    if not 0 <= amount <= _LONGEST * units[names[0]]:
        raise InvalidRequest(
            f"INTERVAL '{text}' {first}: write INTERVAL '7' DAY, or '1 12:30:00' DAY TO SECOND."
        )
    return units is _MONTHS, sign * round(amount)
