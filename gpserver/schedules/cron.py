"""Cron expressions: minute, hour, day of month, month, day of week; of six fields the first is seconds."""

import re
from datetime import UTC, datetime

from gpserver.errors import InvalidValue

_NAMES = "SUN|MON|TUE|WED|THU|FRI|SAT|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
# croniter also knows R and H, which mean some time or other, and years.
_FIELD = re.compile(rf"(?:[\d*/,?#L-]|{_NAMES})+", re.IGNORECASE)
_LONGEST = 200


def read_cron(text: str) -> str:
    """A cron expression that is sound, with single blanks.

    Seconds come first where there are six fields, as in Quartz, NCrontab and Cronos, which EverGIS' platform
    uses; ``?`` means ``*``. Where both days are given, either is enough, as in Unix.

    Raises:
        InvalidValue: It is none, or its time never comes (30 February).
    """
    fields = text[: _LONGEST + 1].split()
    if len(text) > _LONGEST or len(fields) not in (5, 6) or not all(map(_FIELD.fullmatch, fields)):
        raise InvalidValue(
            f"The schedule {text[:80]!r} is no cron expression: write 5 fields (minute hour day month"
            " weekday) or 6 (seconds first), such as '0 3 * * MON-FRI' for 3:00 UTC on working days."
        )
    cron = " ".join(fields)
    next_time(cron, datetime.now(UTC).timestamp())
    return cron


def next_time(cron: str, after: float) -> float:
    """The first time of a cron expression after ``after``; both in epoch seconds.

    Raises:
        InvalidValue: There is none.
    """
    from croniter import croniter
    from croniter.croniter import CroniterError

    try:
        times = croniter(cron, datetime.fromtimestamp(after, UTC), second_at_beginning=True)
        return float(times.get_next(float))
    except (CroniterError, ValueError, OverflowError) as error:
        raise InvalidValue(f"The schedule {cron!r} cannot be: {error}.") from None
