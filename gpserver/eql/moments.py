"""Dates, periods and special values as the first query language writes them; all times are UTC."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from gpserver.errors import InvalidValue

MONTHS = {"mth": 1, "y": 12}
_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_PERIOD = re.compile(r"#(-?\d+)([a-z]+)")


def read_moment(text: str) -> datetime:
    """An instant in ISO form, a space or T before the time; without an offset it is UTC.

    Returns:
        The instant in UTC, without a time zone.

    Raises:
        InvalidValue: It is no date.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        raise InvalidValue(f'"{text[:40]}" is no date: write it like 2019-10-08 12:30:00') from None


def read_period(text: str) -> timedelta | int:
    """A period like ``#5h``; months and years, which have no fixed length, as a number of months.

    Raises:
        InvalidValue: It is longer than all time.
    """
    found = _PERIOD.fullmatch(text)
    assert found is not None, text
    amount, unit = int(found[1]), found[2]
    try:
        length = timedelta(**{_UNITS[unit]: amount}) if unit in _UNITS else amount * MONTHS[unit]
    except OverflowError:
        length = 10**9
    if isinstance(length, int) and abs(length) > 120_000:
        raise InvalidValue(f"the period {text[:40]} is longer than ten thousand years")
    return length


def special_moment(name: str, now: datetime) -> datetime:
    """What ``{today}`` and its like are at an instant in UTC."""
    return SPECIALS[name](now)


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


SPECIALS: dict[str, Callable[[datetime], datetime]] = {
    "now": lambda now: now,
    "today": _midnight,
    "this_week": lambda now: _midnight(now) - timedelta(days=now.weekday()),
    "this_month": lambda now: _midnight(now).replace(day=1),
    "this_year": lambda now: _midnight(now).replace(month=1, day=1),
}
"""By name, from an instant: dates that depend on when the question is asked."""
