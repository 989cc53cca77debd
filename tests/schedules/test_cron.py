"""Cron expressions, against dates that a calendar tells."""

from datetime import UTC, datetime

import pytest

from gpserver.errors import InvalidValue
from gpserver.schedules import next_time, read_cron

THURSDAY = datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("cron", "then"),
    [
        ("*/5 * * * *", "2026-01-01T00:05:00"),
        ("0 3 * * MON-FRI", "2026-01-01T03:00:00"),
        ("0 0 * * 7", "2026-01-04T00:00:00"),
        ("0 0 L * ?", "2026-01-31T00:00:00"),
        ("15 10 * feb 1#2", "2026-02-09T10:15:00"),
        ("0 0 29 2 ?", "2028-02-29T00:00:00"),
        ("*/10 * * * * *", "2026-01-01T00:00:40"),
        ("0 0 12 ? * *", "2026-01-01T12:00:00"),
        (" 0  0 13 * 5 ", "2026-01-02T00:00:00"),  # a Friday, or the 13th
    ],
)
def test_the_next_time_is_that_of_the_calendar(cron: str, then: str) -> None:
    assert (
        next_time(read_cron(cron), THURSDAY) == datetime.fromisoformat(then).replace(tzinfo=UTC).timestamp()
    )


def test_the_next_time_is_a_later_one() -> None:
    first = next_time("0 * * * *", THURSDAY)
    assert next_time("0 * * * *", first) == first + 3600


@pytest.mark.parametrize(
    "text",
    [
        "",
        "daily",
        "@daily",
        "60 * * * *",
        "* * * *",
        "* * * * * * *",
        "R R * * *",
        "0 0 30 2 *",
        "* * * * x",
        "0 " * 5000,
    ],
)
def test_what_is_no_cron_expression_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="schedule"):
        read_cron(text)
