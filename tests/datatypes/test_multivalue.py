from pathlib import Path

import pytest

from gpserver import LinearUnit
from gpserver.datatypes import data_type
from gpserver.errors import InvalidValue


@pytest.mark.parametrize(
    ("item", "value", "expected"),
    [
        ("GPString", '["Parcels","Street Lights"]', ["Parcels", "Street Lights"]),
        ("GPString", ["Parcels", "Street Lights"], ["Parcels", "Street Lights"]),
        ("GPString", ['["Parcels","Street Lights"]'], ["Parcels", "Street Lights"]),
        ("GPString", b'["Parcels"]', ["Parcels"]),
        ("GPString", [b'["Parcels"]'], ["Parcels"]),
        ("GPString", "['a', 'b',]", ["a", "b"]),
        ("GPString", "a;b", ["a", "b"]),
        ("GPString", "a,b;c", ["a,b", "c"]),
        ("GPString", "a, b", ["a", "b"]),
        ("GPString", "'Main St; north';Oak", ["Main St; north", "Oak"]),
        ("GPString", "a\nb", ["a", "b"]),
        ("GPString", "alone", ["alone"]),
        ("GPString", '"alone"', ["alone"]),
        ("GPString", '"a" or so', ['"a" or so']),
        ("GPString", "{not json", ["{not json"]),
        ("GPString", "O'Brien;Smith", ["O'Brien", "Smith"]),
        ("GPString", ["a", "", None], ["a"]),
        ("GPLong", "1;2;3", [1, 2, 3]),
        ("GPLong", "[1, 2.0, null]", [1, 2]),
        ("GPLong", "7", [7]),
        ("GPLong", 7, [7]),
        ("GPLong", ["1", "2"], [1, 2]),
        ("GPLinearUnit", '[{"distance": 1}, "2 miles"]', [LinearUnit(1), LinearUnit(2, "esriMiles")]),
        ("GPLinearUnit", '{"distance": 1, "units": "esriMeters"}', [LinearUnit(1)]),
        ("GPLinearUnit", {"distance": 1}, [LinearUnit(1)]),
        ("GPLinearUnit", "1 meter;2 miles", [LinearUnit(1), LinearUnit(2, "esriMiles")]),
        ("GPBoolean", "true,False", [True, False]),
    ],
)
def test_reads_every_spelling_of_a_list(item: str, value: object, expected: list[object]) -> None:
    assert data_type(f"GPMultiValue:{item}").decode(value) == expected


@pytest.mark.parametrize("value", [None, "", "null", "[]", [], {}, "{}", [""], b"", "[null]"])
def test_a_list_that_was_not_given(value: object) -> None:
    assert data_type("GPMultiValue:GPLong").decode(value) is None


@pytest.mark.parametrize(
    ("item", "value", "text"),
    [
        ("GPLong", "[1, two]", "Not valid JSON"),
        ("GPLong", "1;two", '"two" is not a number.'),
        ("GPString", "x" * 140_000, "is not a list."),
    ],
)
def test_says_what_is_wrong(item: str, value: object, text: str) -> None:
    with pytest.raises(InvalidValue) as raised:
        data_type(f"GPMultiValue:{item}").decode(value)
    assert text in str(raised.value)


def test_writes_an_array() -> None:
    assert data_type("GPMultiValue:GPLong").encode((1, 2, float("nan"))) == [1, 2, None]
    assert data_type("GPMultiValue:GPString").encode(None) == []
    with pytest.raises(InvalidValue, match='"abc" is not a list'):
        data_type("GPMultiValue:GPString").encode("abc")


def test_keeps_values_inline_and_files_by_name(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(name)
    assert data_type("GPMultiValue:GPLong").save([1, 2], tmp_path, "Numbers").value == [1, 2]
    files = data_type("GPMultiValue:GPDataFile").save(
        [tmp_path / "a.txt", tmp_path / "b.txt"], tmp_path, "Files"
    )
    assert files.value == [{"file": "a.txt"}, {"file": "b.txt"}]
    assert files.rows == 2
