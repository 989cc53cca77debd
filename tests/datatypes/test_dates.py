from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpserver.datatypes import GPDate
from gpserver.errors import InvalidValue

GP_DATE = GPDate()
LONG_FORMAT = "dddd, MMMM d yyyy h tt"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1199145600000", datetime(2008, 1, 1, tzinfo=UTC)),
        (1199145600000, datetime(2008, 1, 1, tzinfo=UTC)),
        (1199145600000.0, datetime(2008, 1, 1, tzinfo=UTC)),
        ("1.1991456e12", datetime(2008, 1, 1, tzinfo=UTC)),
        ("-86400000", datetime(1969, 12, 31, tzinfo=UTC)),
        ("0", datetime(1970, 1, 1, tzinfo=UTC)),
        ('"0"', datetime(1970, 1, 1, tzinfo=UTC)),
        ("2025-01-01T14:00:00", datetime(2025, 1, 1, 14, tzinfo=UTC)),
        ('"2025-01-01T14:00:00"', datetime(2025, 1, 1, 14, tzinfo=UTC)),
        ("2025-01-01 14:00:00", datetime(2025, 1, 1, 14, tzinfo=UTC)),
        ("2025-01-01T14:00:00.250", datetime(2025, 1, 1, 14, 0, 0, 250_000, tzinfo=UTC)),
        ("2025-01-01T14:00:00:250", datetime(2025, 1, 1, 14, 0, 0, 250_000, tzinfo=UTC)),
        ("2025-01-01T14:00:00Z", datetime(2025, 1, 1, 14, tzinfo=UTC)),
        ("2025-01-01T14:00:00+03:00", datetime(2025, 1, 1, 11, tzinfo=UTC)),
        ("2025-01-01", datetime(2025, 1, 1, tzinfo=UTC)),
        ('{"date": "31/12/2024 14", "format": "dd/MM/yyyy HH"}', datetime(2024, 12, 31, 14, tzinfo=UTC)),
        ({"date": "Dec 1, 24", "format": "MMM d, yy"}, datetime(2024, 12, 1, tzinfo=UTC)),
        ({"date": "Sunday, May 5 2024 2 PM", "format": LONG_FORMAT}, datetime(2024, 5, 5, 14, tzinfo=UTC)),
        ({"date": "2024-12-01T00:00:00"}, datetime(2024, 12, 1, tzinfo=UTC)),
        ({"date": 1199145600000, "format": ""}, datetime(2008, 1, 1, tzinfo=UTC)),
        ({"date": "", "format": ""}, None),
        ("Tue Jan 01 00:00:00 UTC 2008", datetime(2008, 1, 1, tzinfo=UTC)),
        ("Tue Jan 01 00:00:00 EST 2008", datetime(2008, 1, 1, 5, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_reads_what_clients_send(value: object, expected: datetime | None) -> None:
    assert GP_DATE.decode(value) == expected


def test_what_is_read_has_a_time_zone() -> None:
    assert GP_DATE.decode("2025-01-01T14:00:00+03:00").tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("tomorrow", '"tomorrow" is not a date.'),
        ("2025-13-01", '"2025-13-01" is not a date.'),
        ("1e300", '"1e300" is not a date.'),
        ([1, 2], "2 values were given where one is expected."),
        (True, '"True" is not a date.'),
        ({"day": 1}, "\"{'day': 1}\" is not a date."),
        ({"date": "1.2.2024", "format": "dd/MM/yyyy"}, '"1.2.2024" is not a date of the form "dd/MM/yyyy".'),
        ({"date": "2024", "format": "yyyy yyyy"}, '"2024" is not a date of the form "yyyy yyyy".'),
    ],
)
def test_says_what_is_no_date(value: object, text: str) -> None:
    with pytest.raises(InvalidValue) as raised:
        GP_DATE.decode(value)
    assert str(raised.value) == text


@given(st.text())
def test_any_text_is_a_date_or_an_invalid_value(text: str) -> None:
    try:
        found = GP_DATE.decode(text)
    except InvalidValue:
        return
    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        datetime(2008, 1, 1, tzinfo=UTC),
        datetime(2008, 1, 1),
        datetime(2008, 1, 1, 3, tzinfo=timezone(timedelta(hours=3))),
        date(2008, 1, 1),
        pd.Timestamp("2008-01-01"),
        pd.Timestamp("2008-01-01", tz="UTC"),
        np.datetime64("2008-01-01"),
    ],
)
def test_writes_epoch_milliseconds(value: object) -> None:
    found = GP_DATE.encode(value)
    assert (found, type(found)) == (1199145600000, int)


def test_writes_dates_before_the_epoch_exactly() -> None:
    assert GP_DATE.encode(datetime(1969, 12, 31, 23, 59, 59, 999_000)) == -1
    assert GP_DATE.encode(datetime(1, 1, 1)) == -62135596800000


@pytest.mark.parametrize("value", [None, pd.NaT, np.datetime64("NaT", "ms"), float("nan")])
def test_no_date_is_null(value: object) -> None:
    assert GP_DATE.encode(value) is None


def test_refuses_to_write_what_is_no_date() -> None:
    with pytest.raises(InvalidValue, match='"2008-01-01" is not a date'):
        GP_DATE.encode("2008-01-01")


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_date_comes_back_to_the_millisecond(moment: datetime) -> None:
    back = GP_DATE.decode(GP_DATE.encode(moment))
    assert timedelta(0) <= moment - back < timedelta(milliseconds=1)
