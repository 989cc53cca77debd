"""The first query language: as published, with SQL's nulls, and wrong in plain words."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpserver.eql import read_condition, read_expression
from gpserver.errors import InvalidValue

FRAME = pd.DataFrame(
    {
        "int_attr": [5, 15, 20],
        "str_attr": ["value one", "my value", None],
        "double_attr": [1.5, 5.0, None],
        "date_attr": pd.to_datetime(["2020-01-01 00:00", "2020-01-31 10:00", None]),
        "flag": pd.array([True, False, None], "boolean"),
        "big": pd.array([2**63 - 1, -(2**63), None], "Int64"),
        "имя": ["a'b", 'say "x"', "a\\b"],
    },
    index=[10, 20, 30],
)
NOW = datetime(2023, 12, 15, 10, 30, tzinfo=UTC)  # a Friday


def values(text: str) -> list[Any]:
    found = read_expression(text).values(FRAME, now=NOW)
    assert list(found.index) == [10, 20, 30]
    return [None if pd.isna(value) else value for value in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("str_attr is {null}", [False, False, True]),
        ("str_attr + str_attr", ["value onevalue one", "my valuemy value", None]),
        ("int_attr > 10 && int_attr < 20", [False, True, False]),
        ("int_attr * 2 + 5", [15, 35, 45]),
        ("2 + int_attr * 2", [12, 32, 42]),
        ("(2 + int_attr) * 2", [14, 34, 44]),
        ("int_attr - 1 - 1", [3, 13, 18]),
        ("-int_attr + -1", [-6, -16, -21]),
        ('date_attr == #"2020-01-01"', [True, False, None]),
        ("date_attr > #'2020-01-01 00:00:01'", [False, True, None]),
        ("date_attr == #'2020-01-01T03:00:00.000+03:00'", [True, False, None]),
        ("date_attr == #'2020-01-01T00:00:00.0000000Z'", [True, False, None]),
        ("double_attr >= 1.5 && double_attr < 5", [True, False, None]),
        ("int_attr == 5 || double_attr == 5", [True, True, None]),
        ("int_attr == 5 || int_attr == 15 && flag", [True, False, False]),
        ("flag", [True, False, None]),
        ("flag == flag", [True, True, None]),
        ('str_attr == "value%"', [True, False, None]),
        ('str_attr != "value%"', [False, True, None]),
        ('str_attr == "%value"', [False, True, None]),
        ('str_attr == "%value%"', [True, True, None]),
        ('str_attr != "%value%"', [False, False, None]),
        ('str_attr == "%"', [True, True, None]),
        ('str_attr == "VALUE%"', [False, False, None]),
        ('"value%" == str_attr', [False, False, None]),
        ("str_attr < 'n'", [False, True, None]),
        (r"имя == 'a\'b'", [True, False, False]),
        (r'имя == "say \"x\""', [False, True, False]),
        (r"имя == 'a\\b'", [False, False, True]),
        (r"имя == 'a\b'", [False, False, True]),
        ("int_attr == {null}", [None] * 3),
        ("int_attr + {null}", [None] * 3),
        ("{null} is {null}", [True] * 3),
        ("{null} && int_attr == 5", [None, False, False]),
        ("{null} || int_attr == 5", [True, None, None]),
        ("0 == 0", [True] * 3),
    ],
)
def test_what_is_published_means_what_it_says(text: str, expected: list[Any]) -> None:
    assert values(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{now}", "2023-12-15 10:30"),
        ("{today}", "2023-12-15"),
        ("{this_week}", "2023-12-11"),
        ("{this_month}", "2023-12-01"),
        ("{this_year}", "2023-01-01"),
        ("{today} - #365d", "2022-12-15"),
        ("{today} + #5h", "2023-12-15 05:00"),
        ("{today} + #5m", "2023-12-15 00:05"),
        ("{today} + #-1s", "2023-12-14 23:59:59"),
        ("#250ms + {today}", "2023-12-15 00:00:00.250"),
        ("{today} - #1y", "2022-12-15"),
        ("#'2020-01-31' + #1mth", "2020-02-29"),
        ("#'2020-03-31' - #1mth", "2020-02-29"),
        ("#'2020-02-29 12:00' - #4y", "2016-02-29 12:00"),
        ("#'2020-02-29' + #1y", "2021-02-28"),
        ("#1d + #1h + {today}", "2023-12-16 01:00"),
        ("#-1mth + #'2020-03-31'", "2020-02-29"),
    ],
)
def test_dates_and_periods(text: str, expected: str) -> None:
    assert values(text) == [pd.Timestamp(expected)] * 3


def test_a_difference_of_dates_is_a_period() -> None:
    assert values("date_attr - #'2019-12-31'") == [timedelta(days=1), timedelta(days=31, hours=10), None]
    assert values("{now} - date_attr > #1420d") == [True, False, None]


def test_months_of_a_column_are_those_of_the_calendar() -> None:
    assert values("date_attr + #1mth") == [pd.Timestamp("2020-02-01"), pd.Timestamp("2020-02-29 10:00"), None]


def test_whole_numbers_stay_exact() -> None:
    assert values("big") == [2**63 - 1, -(2**63), None]
    assert values("big == 9223372036854775807 || big == -9223372036854775808") == [True, True, None]
    assert values("int_attr / 2") == [2, 7, 10]
    assert values("-int_attr / 2") == [-2, -7, -10]
    assert values("int_attr / 2.0") == [2.5, 7.5, 10.0]


def test_what_is_divided_by_zero_is_null() -> None:
    assert values("int_attr / (int_attr - 15)") == [0, None, 4]
    assert values("double_attr / 0.0") == [None] * 3


def test_types_of_the_answer() -> None:
    kinds = {
        text: str(read_expression(text).values(FRAME).dtype) for text in ("int_attr", "big", "1.5", "flag")
    }
    assert kinds == {"int_attr": "int64", "big": "Int64", "1.5": "float64", "flag": "boolean"}
    assert str(read_expression("int_attr > 1").values(FRAME).dtype) == "bool"
    assert str(read_expression("date_attr").values(FRAME).dtype) == "datetime64[us]"


def test_a_mask_takes_what_is_true_alone() -> None:
    mask = read_condition("double_attr < 2").mask(FRAME)
    assert mask.dtype == bool
    assert mask.tolist() == [True, False, False]


@pytest.mark.parametrize("text", ["", "  ", None])
def test_an_empty_condition_is_true_of_everything(text: str | None) -> None:
    assert read_condition(text).mask(FRAME).all()
    assert read_condition(text).names == ()


def test_names_are_those_of_the_attributes() -> None:
    assert read_expression("a + b * a > 5 && имя is {null}").names == ("a", "b", "имя")


def test_a_frame_with_geometry_and_one_without_rows() -> None:
    frame = gpd.GeoDataFrame({"a": [1, 2]}, geometry=gpd.points_from_xy([0, 1], [0, 1]), crs=4326)
    assert read_condition("a > 1").mask(frame).tolist() == [False, True]
    assert read_expression("a + 1").values(frame.iloc[:0]).dtype == np.int64
    with pytest.raises(InvalidValue, match="The attribute geometry has values of a type that no expression"):
        read_condition("geometry == 1").mask(frame)


def test_times_with_a_zone_are_the_same_instants() -> None:
    times = pd.to_datetime(["2020-01-01T03:00:00+03:00"]).tz_convert("Asia/Tokyo")
    assert read_condition("t == #'2020-01-01'").mask(pd.DataFrame({"t": times})).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Position 1 of the expression: expected a value or an attribute, not the end."),
        ("int_attr ==", "Position 12 of the expression: expected a value or an attribute, not the end."),
        ("int_attr = 5", "Position 10 of the expression: expected a value or an operator"),
        ("(int_attr", "Position 10 of the expression: expected an operator or ), not the end."),
        ("int_attr 5", "Position 10 of the expression: expected an operator or the end, not 5."),
        ("1 == 1 == 1", "Position 8 of the expression: expected an operator or the end, not ==."),
        ("a is 5", "Position 6 of the expression: expected {null}, not 5."),
        ("a == {nil}", "Position 6 of the expression: expected {null} or {now} or {today}"),
        ("a == 'x", "Position 6 of the expression: the quote of 'x is never closed."),
        ("a == #5parsecs", "Position 6 of the expression: expected a date like"),
        ("a == #'yesterday'", 'Position 6 of the expression: "yesterday" is no date'),
        (
            "9223372036854775808",
            "Position 1 of the expression: 9223372036854775808 does not fit into 64 bits.",
        ),
        ("1; DROP TABLE x", "Position 2 of the expression: expected a value or an operator"),
        ("(" * 200 + "1" + ")" * 200, "nested too deep"),
        ("-" * 200 + "a", "nested too deep"),
        ("1" * 100_001, "may have 100000 characters"),
        ("{today} + #999999999999d", "longer than ten thousand years"),
    ],
)
def test_what_cannot_be_read_names_its_position(text: str, message: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        read_expression(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "int_attr > 'a'",
            "Position 10 of the expression: > does not take int_attr (a number) and 'a' (a text).",
        ),
        ("date_attr == '2020-01-01'", "does not take date_attr (a date) and '2020-01-01' (a text)"),
        ("str_attr + 1", "+ does not take str_attr (a text) and 1 (a number)"),
        ("int_attr && flag", "int_attr (a number) is not true or false"),
        ("-str_attr", "- does not take str_attr (a text)"),
        ("flag < flag", "< does not take flag (true or false) and flag (true or false)"),
        ("#1mth > #30d", "> does not take #1mth (a period of months) and #30d (a period)"),
        ("big + 1", "a value of (big + 1) is out of range"),
        ("-big", "a value of -big is out of range"),
        ("date_attr + #119000mth", "a value of (date_attr + #119000mth) is out of range"),
        ("missing > 1", "There is no attribute missing. The attributes: int_attr, str_attr"),
    ],
)
def test_what_cannot_be_computed_says_why(text: str, message: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        read_expression(text).values(FRAME)
    assert message in str(caught.value)


def test_a_value_is_no_condition() -> None:
    with pytest.raises(InvalidValue, match="is not true or false"):
        read_condition("int_attr + 1").mask(FRAME)


def test_thousands_of_operators_are_no_depth() -> None:
    text = " || ".join(f"int_attr == {number}" for number in range(4000))
    assert read_condition(text).mask(FRAME).all()


@given(st.text())
def test_any_text_is_an_expression_or_an_error_that_says_so(text: str) -> None:
    check(text)


WORDS = """a b t d == != > >= < <= && || + - * / ( ) is {null} {now} {today} {this_week} #1d #1mth #-9y 1 0
    2.5 9223372036854775807 'x%' "%" #'2020-02-29' #'9999-12-31'"""


@given(st.lists(st.sampled_from(WORDS.split()), max_size=12))
def test_any_words_are_an_expression_or_an_error_that_says_so(words: list[str]) -> None:
    check(" ".join(words))


def check(text: str) -> None:
    frame = pd.DataFrame(
        {"a": [1, 2**62], "b": [0.5, None], "t": ["x", None], "d": [datetime(1, 1, 1), None]}
    )
    with suppress(InvalidValue):
        expression = read_expression(text)
        assert len(expression.values(frame)) == 2
        expression.mask(frame)


# The same tree as both languages write it: (EQL, SQL).
NUMBERS = st.recursive(
    st.sampled_from([(name, name) for name in ("a", "b", "c")] + [(str(n), str(n)) for n in (0, 1, 2, 7)]),
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(
        lambda parts: (
            f"({parts[0][0]} {parts[1]} {parts[2][0]})",
            f"({parts[0][1]} {parts[1]} {parts[2][1]})",
        )
    ),
    max_leaves=4,
)
SIGNS = st.sampled_from([("==", "="), ("!=", "<>"), (">", ">"), ("<=", "<=")])
TESTS = st.one_of(
    st.tuples(NUMBERS, SIGNS, NUMBERS).map(
        lambda parts: tuple(" ".join(part[side] for part in parts) for side in (0, 1))
    ),
    NUMBERS.map(lambda number: (f"{number[0]} is {{null}}", f"{number[1]} IS NULL")),
)
CONDITIONS = st.recursive(
    TESTS,
    lambda inner: st.tuples(inner, st.sampled_from([("&&", "AND"), ("||", "OR")]), inner).map(
        lambda parts: tuple(f"({' '.join(part[side] for part in parts)})" for side in (0, 1))
    ),
    max_leaves=6,
)


TABLE = pd.DataFrame(
    {
        "a": pd.array([0, 1, -7, 8, None, 3], "Int64"),
        "b": pd.array([2, 0, 2, None, 1, 3], "Int64"),
        "c": [0.5, 0, -2.25, 4, None, 3],
    }
)


@pytest.fixture(scope="module")
def database() -> Iterator[Any]:
    settings = {"integer_division": True, "ieee_floating_point_ops": False}
    with duckdb.connect(":memory:", config=settings) as connection:
        connection.register("sample", TABLE)
        yield connection


@settings(max_examples=60)
@given(condition=CONDITIONS)
def test_a_database_answers_the_same(database: Any, condition: tuple[str, str]) -> None:
    expected = database.sql(f"SELECT {condition[1]} FROM sample").fetchall()
    found = read_expression(condition[0]).values(TABLE)
    assert [None if pd.isna(value) else bool(value) for value in found] == [value for (value,) in expected]
