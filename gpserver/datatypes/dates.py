"""GPDate: a moment, in UTC; on the wire the milliseconds since 1970."""

import re
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from gpserver.datatypes.base import DataType
from gpserver.datatypes.raw import members, number, quote, unquoted
from gpserver.errors import InvalidValue

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

# Esri's date format tokens (ArcGIS Pro, Convert Time Field) and what strptime calls them.
_TOKENS = {
    "yyyy": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%m", "dddd": "%A", "ddd": "%a",
    "dd": "%d", "d": "%d", "HH": "%H", "H": "%H", "hh": "%I", "h": "%I", "mm": "%M", "m": "%M", "ss": "%S",
    "s": "%S", "tt": "%p",
}  # fmt: skip
_TOKEN = re.compile("|".join(_TOKENS))


class GPDate(DataType):
    """A moment in time; a date without a time zone is taken as UTC."""

    name = "GPDate"
    python = (datetime,)

    def read(self, value: object) -> datetime | None:
        """Read epoch milliseconds, ISO 8601, ``{"date", "format"}`` or ``Tue Jan 01 00:00:00 UTC 2008``."""
        parts = members(value)
        if "date" in parts:
            return self._formatted(parts["date"], str(parts.get("format") or ""))
        try:
            return _moment(value)
        except (ValueError, OverflowError, InvalidValue) as error:
            raise InvalidValue(f"{quote(value)} is not a date.") from error

    def _formatted(self, value: object, pattern: str) -> datetime | None:
        if not pattern:
            return self.decode(value) if not isinstance(value, dict) else None
        try:
            return _utc(datetime.strptime(str(value), _TOKEN.sub(lambda token: _TOKENS[token[0]], pattern)))
        except (ValueError, re.error) as error:
            raise InvalidValue(f"{quote(value)} is not a date of the form {quote(pattern)}.") from error

    def write(self, value: Any) -> int:
        """Give the milliseconds since 1970; a plain date is its midnight."""
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=UTC)
        if not isinstance(value, datetime):
            raise InvalidValue(f"{quote(value)} is not a date.")
        return (_utc(value) - EPOCH) // MILLISECOND


def _moment(value: object) -> datetime:
    if not isinstance(value, str):
        return EPOCH + number(value) * MILLISECOND
    text = unquoted(value.strip()).strip()
    if re.fullmatch(r"[-+]?\d+(\.\d+)?(e\+?\d+)?", text, re.IGNORECASE):
        return EPOCH + number(text) * MILLISECOND
    if text[:1].isalpha():
        return _utc(parsedate_to_datetime(text))
    # Esri's own example writes the milliseconds after a colon: 2025-01-01T14:00:00:000.
    return _utc(datetime.fromisoformat(re.sub(r"(\d\d:\d\d:\d\d):(\d{1,6})", r"\1.\2", text)))


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
