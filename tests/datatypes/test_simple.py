import math

import numpy as np
import pandas as pd
import pytest

from gpserver.datatypes import DataType, data_type
from gpserver.errors import InvalidValue, NotFound

SCALARS = ["GPLong", "GPDouble", "GPBoolean", "GPDate", "GPLinearUnit", "GPArealUnit"]


@pytest.mark.parametrize(
    "name", [*SCALARS, "GPString", "GPRecordSet", "GPFeatureRecordSetLayer", "GPDataFile"]
)
@pytest.mark.parametrize("value", [None, "", "null", b"", b"null", {}, [], [""], ()])
def test_a_value_that_was_not_given(name: str, value: object) -> None:
    assert data_type(name).decode(value) is None


@pytest.mark.parametrize("name", [*SCALARS, "GPRecordSet", "GPFeatureRecordSetLayer", "GPDataFile"])
@pytest.mark.parametrize(
    "value", ["  ", "{}", " { } ", {"url": ""}, '{"url": ""}', '{"url": null}', b'{"url":""}']
)
def test_a_blank_object_was_not_given_either(name: str, value: object) -> None:
    assert data_type(name).decode(value) is None


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("GPString", "abc", "abc"),
        ("GPString", b"\xc3\xa9t\xc3\xa9", "été"),
        ("GPString", '"abc"', "abc"),
        ("GPString", '"a\\nb"', "a\nb"),
        ("GPString", 'say "abc"', 'say "abc"'),
        ("GPString", '"', '"'),
        ("GPString", '"a" and "b"', '"a" and "b"'),
        ("GPString", "  ", "  "),
        ("GPString", "{}", "{}"),
        ("GPString", 5, "5"),
        ("GPString", True, "true"),
        ("GPString", {"a": [1]}, '{"a":[1]}'),
        ("GPString", ["abc"], "abc"),
        ("GPLong", "345", 345),
        ("GPLong", " -7 ", -7),
        ("GPLong", "+7", 7),
        ("GPLong", '"8"', 8),
        ("GPLong", "5.0", 5),
        ("GPLong", 5.0, 5),
        ("GPLong", "1e3", 1000),
        ("GPLong", "4503599627370495", 4503599627370495),
        ("GPLong", "-4503599627370495", -4503599627370495),
        ("GPDouble", "345.678", 345.678),
        ("GPDouble", b"1e-3", 0.001),
        ("GPDouble", '"2.5"', 2.5),
        ("GPDouble", 3, 3.0),
        ("GPBoolean", "true", True),
        ("GPBoolean", "True", True),
        ("GPBoolean", "FALSE", False),
        ("GPBoolean", "1", True),
        ("GPBoolean", 0, False),
        ("GPBoolean", '"true"', True),
        ("GPBoolean", False, False),
    ],
)
def test_reads_what_clients_send(name: str, value: object, expected: object) -> None:
    found = data_type(name).decode(value)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("GPString", b"\xff", "The value is not UTF-8 text."),
        ("GPString", ["a", "b"], "2 values were given where one is expected."),
        ("GPLong", "abc", '"abc" is not a number.'),
        ("GPLong", "3.5", '"3.5" is not a whole number.'),
        ("GPLong", "3,5", '"3,5" is not a number.'),
        ("GPLong", "1_000", '"1_000" is not a number.'),
        ("GPLong", "٣", '"٣" is not a number.'),
        ("GPLong", True, '"True" is not a number.'),
        (
            "GPLong",
            "4503599627370496",
            "4503599627370496 is not between -4503599627370495 and 4503599627370495.",
        ),
        ("GPLong", "9" * 5000, '"' + "9" * 57 + '..." is not a number.'),
        ("GPLong", {"a": 1}, "\"{'a': 1}\" is not a number."),
        ("GPDouble", "NaN", '"NaN" is not a number.'),
        ("GPDouble", "Infinity", '"Infinity" is not a number.'),
        ("GPDouble", 10**400, '"' + str(10**400)[:57] + '..." is not a number.'),
        ("GPBoolean", "maybe", '"maybe" is neither true nor false.'),
        ("GPBoolean", 2, '"2" is neither true nor false.'),
    ],
)
def test_says_why_a_value_cannot_be_read(name: str, value: object, text: str) -> None:
    with pytest.raises(InvalidValue) as raised:
        data_type(name).decode(value)
    assert str(raised.value) == text


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("GPString", "abc", "abc"),
        ("GPString", '{"a": 1}', {"a": 1}),
        ("GPString", " [1, 2]", [1, 2]),
        ("GPString", "['121st St S', 'WA-7']", "['121st St S', 'WA-7']"),
        ("GPString", "2850.52891882", "2850.52891882"),
        ("GPString", '"quoted"', '"quoted"'),
        ("GPString", 5, "5"),
        ("GPString", np.str_("abc"), "abc"),
        ("GPLong", np.int64(5), 5),
        ("GPLong", np.float64(5.0), 5),
        ("GPDouble", np.float32(0.5), 0.5),
        ("GPDouble", 5, 5.0),
        ("GPDouble", math.nan, None),
        ("GPDouble", np.nan, None),
        ("GPDouble", math.inf, None),
        ("GPLong", pd.NA, None),
        ("GPBoolean", np.True_, True),
        ("GPBoolean", None, None),
    ],
)
def test_writes_json(name: str, value: object, expected: object) -> None:
    found = data_type(name).encode(value)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("name", "value"), [("GPLong", 2.5), ("GPLong", "many"), ("GPDouble", [1]), ("GPBoolean", 7)]
)
def test_refuses_to_write_a_value_of_another_type(name: str, value: object) -> None:
    with pytest.raises(InvalidValue):
        data_type(name).encode(value)


def test_text_that_is_json_too_deep_to_be_written_stays_text() -> None:
    text = "[" * 300 + "]" * 300
    assert data_type("GPString").encode(text) == text


@pytest.mark.parametrize(
    ("name", "empty"),
    [
        *((name, None) for name in SCALARS),
        ("GPString", ""),
        ("GPFeatureRecordSetLayer", {}),
        ("GPRecordSet", {}),
        ("GPDataFile", {}),
        ("GPMultiValue:GPLong", []),
    ],
)
def test_an_output_that_was_not_set(name: str, empty: object) -> None:
    assert data_type(name).empty() == empty


def test_a_data_type_is_found_by_its_name() -> None:
    assert data_type("GPMultiValue:GPLinearUnit").name == "GPMultiValue:GPLinearUnit"
    assert isinstance(data_type("GPString"), DataType)
    with pytest.raises(NotFound, match="There is no data type GPTimeMachine"):
        data_type("GPTimeMachine")
