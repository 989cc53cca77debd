"""Attributes as they arrive: declared types, inferred types, and values that are nearly right."""

import datetime
from typing import Any

import pandas as pd
import pytest

from gpserver.errors import InvalidValue
from gpserver.features import decode_table


def column(kind: str | None, values: list[Any]) -> "pd.Series[Any]":
    field = {"name": "a", "type": kind} if kind else "a"
    rows = [{"attributes": {"a": value}} for value in values]
    return decode_table({"fields": [field], "features": rows})["a"]


@pytest.mark.parametrize("kind", ["OID", "SmallInteger", "Integer", "BigInteger"])
def test_integers(kind: str) -> None:
    series = column(f"esriFieldType{kind}", [1, -(2**53) - 1])
    assert series.dtype == "int64"
    assert series.tolist() == [1, -(2**53) - 1]


def test_integers_with_nulls_stay_integers() -> None:
    series = column("esriFieldTypeInteger", [1, None])
    assert series.dtype == "Int64"
    assert series.tolist() == [1, pd.NA]


@pytest.mark.parametrize("kind", ["Single", "Double"])
def test_floats_have_nan_for_null(kind: str) -> None:
    series = column(f"esriFieldType{kind}", [1, 2.5, None, "NaN", "4.5"])
    assert series.dtype == "float64"
    pd.testing.assert_series_equal(series, pd.Series([1, 2.5, None, None, 4.5], name="a", dtype="float64"))


def test_dates_are_utc_without_a_zone() -> None:
    series = column("esriFieldTypeDate", [0, 1500000000123, None, -1, 1.5e12])
    assert series.dtype == "datetime64[ms]"
    assert series[1] == pd.Timestamp("2017-07-14T02:40:00.123")
    assert series[2] is pd.NaT
    assert series[3] == pd.Timestamp("1969-12-31T23:59:59.999")


@pytest.mark.parametrize("text", ["2017-07-14T02:40:00Z", "2017-07-14 04:40:00+02:00", "1500000000000"])
def test_dates_as_text(text: str) -> None:
    assert column("esriFieldTypeDate", [text, None])[0] == pd.Timestamp("2017-07-14T02:40:00")


@pytest.mark.parametrize("kind", ["String", "GUID", "GlobalID", "XML"])
def test_text(kind: str) -> None:
    series = column(f"esriFieldType{kind}", ["a", None, "ü\u2028'\"\\"])
    assert pd.api.types.is_string_dtype(series)
    assert series.isna().tolist() == [False, True, False]
    assert series[2] == "ü\u2028'\"\\"


OFFSET = datetime.timezone(datetime.timedelta(hours=-7))


@pytest.mark.parametrize(
    ("kind", "texts", "expected"),
    [
        ("DateOnly", ["8/2/2020", "2020-08-02", 1596326400000], datetime.date(2020, 8, 2)),
        ("TimeOnly", ["10:00:30 PM", "22:00:30"], datetime.time(22, 0, 30)),
        (
            "TimestampOffset",
            ["8/2/2020 10:00:00.0000 AM -07:00", "2020-08-02T10:00:00-07:00"],
            datetime.datetime(2020, 8, 2, 10, tzinfo=OFFSET),
        ),
    ],
)
def test_days_times_and_moments_with_an_offset(kind: str, texts: list[Any], expected: object) -> None:
    for text in texts:
        series = column(f"esriFieldType{kind}", [text, None, ""])
        assert [series[0], *series[1:]] == [expected, None, None]
    with pytest.raises(InvalidValue, match="not of its declared type"):
        column(f"esriFieldType{kind}", ["soon"])


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("Integer", ["5", 6.0, ""], [5, 6, pd.NA]),
        ("String", [1, True, "x"], ["1", "True", "x"]),
        ("String", ["lone \ud800"], ["lone ?"]),
    ],
)
def test_values_that_are_nearly_right(kind: str, values: list[Any], expected: list[Any]) -> None:
    assert column(f"esriFieldType{kind}", values).tolist() == expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("Integer", 1.5),
        ("Integer", "one"),
        ("Double", "one"),
        ("Double", [1]),
        ("Date", "soon"),
        ("BigInteger", 2**64),
    ],
)
def test_values_of_another_type_are_refused(kind: str, value: Any) -> None:
    with pytest.raises(InvalidValue, match="field a"):
        column(f"esriFieldType{kind}", [value])


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2], "int64"),
        ([1, None], "float64"),
        ([1.5, 2], "float64"),
        ([True, False], "bool"),
        ([{"b": 1}], "object"),
    ],
)
def test_undeclared_types_are_inferred(values: list[Any], dtype: str) -> None:
    assert column(None, values).dtype == dtype


def test_columns_are_the_declared_ones_and_then_the_others() -> None:
    rows = [
        {"attributes": {"z": 1, "late": 1}},
        {"attributes": {"a": "x", "more": 2}},
        {},
        {"attributes": None},
    ]
    fields = [
        {"name": "a", "type": "esriFieldTypeString"},
        {"name": "absent", "type": "esriFieldTypeDouble"},
        "z",
    ]
    table = decode_table({"fields": fields, "features": rows})
    assert table.columns.tolist() == ["a", "absent", "z", "late", "more"]
    assert table["late"].tolist()[0] == 1
    assert table["more"].isna().tolist() == [True, False, True, True]
    assert table["absent"].isna().all()


def test_a_column_may_first_appear_in_a_later_chunk() -> None:
    rows = [{"attributes": {"a": 1}}] * 5000 + [{"attributes": {"b": 2}}]
    table = decode_table({"features": rows})
    assert table["b"].count() == 1
    assert table["b"].iloc[-1] == 2
    assert table["a"].count() == 5000
