"""Columns of frames as Esri fields: what type they get, and what their values look like."""

import datetime
import decimal
import json
import uuid
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gpserver.errors import InvalidValue
from gpserver.features import encode_features

DAY = datetime.date(2020, 1, 2)
NOON = datetime.datetime(2020, 1, 2, 12)
NOON_MS = 1577966400000
ID = uuid.UUID("12345678-1234-5678-1234-567812345678")
TOKYO = datetime.datetime(2020, 1, 2, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=9)))
MOSCOW = datetime.datetime(2020, 1, 2, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=3)))
OFFSETS = ["2020-01-02T12:00:00.000+09:00", "2020-01-02T12:00:00.000+03:00"]


def encoded(frame: pd.DataFrame) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Field types by name, and the rows."""
    document = json.loads(encode_features(frame))
    types = {field["name"]: field["type"].removeprefix("esriFieldType") for field in document["fields"]}
    return types, [feature["attributes"] for feature in document["features"]]


CASES = [
    (pd.Series([1, 2], dtype="int8"), "SmallInteger", [1, 2]),
    (pd.Series([1, 255], dtype="uint8"), "SmallInteger", [1, 255]),
    (pd.Series([1, -(2**15)], dtype="int16"), "SmallInteger", [1, -(2**15)]),
    (pd.Series([1, 2**16 - 1], dtype="uint16"), "Integer", [1, 2**16 - 1]),
    (pd.Series([1, 2**31 - 1]), "Integer", [1, 2**31 - 1]),
    (pd.Series([1, 2**31]), "BigInteger", [1, 2**31]),
    (pd.Series([-(2**63), 2**63 - 1]), "BigInteger", [-(2**63), 2**63 - 1]),
    (pd.Series([1, 2**32 - 1], dtype="uint32"), "BigInteger", [1, 2**32 - 1]),
    (pd.Series([0, 2**63], dtype="uint64"), "Double", [0, 2**63]),
    (pd.Series([1, None], dtype="Int64"), "Integer", [1, None]),
    (pd.Series([1, None], dtype="Int16"), "SmallInteger", [1, None]),
    (pd.Series([None, None], dtype="Int64"), "Integer", [None, None]),
    (pd.Series([1.5, None]), "Double", [1.5, None]),
    (pd.Series([1.5, None], dtype="Float64"), "Double", [1.5, None]),
    (pd.Series([0.1, np.nan], dtype="float32"), "Single", [0.1, None]),
    (pd.Series([0.5, 2], dtype="float16"), "Single", [0.5, 2]),
    (pd.Series([True, False]), "SmallInteger", [1, 0]),
    (pd.Series([True, None], dtype="boolean"), "SmallInteger", [1, None]),
    (pd.Series([True, None], dtype="object"), "SmallInteger", [1, None]),
    (pd.Series([1, None], dtype="object"), "Integer", [1, None]),
    (pd.Series(["a", None]), "String", ["a", None]),
    (pd.Series(["a", None], dtype="object"), "String", ["a", None]),
    (pd.Series(["a", np.nan], dtype="object"), "String", ["a", None]),
    (pd.Series(["a", pd.NA], dtype="string"), "String", ["a", None]),
    (pd.Series([None, None], dtype="object"), "String", [None, None]),
    (pd.Series(["b", "a", None], dtype="category"), "String", ["b", "a", None]),
    (pd.Series([2, 1], dtype="category"), "Integer", [2, 1]),
    (pd.Series([NOON, None]), "Date", [NOON_MS, None]),
    (pd.Series([NOON, None], dtype="datetime64[ns]"), "Date", [NOON_MS, None]),
    (pd.Series([NOON]).dt.tz_localize("Asia/Tokyo"), "Date", [NOON_MS - 9 * 3600_000]),
    (pd.Series([NOON, None], dtype="object"), "Date", [NOON_MS, None]),
    (pd.Series([DAY, None], dtype="object"), "DateOnly", [str(DAY), None]),
    (pd.Series([datetime.time(1, 2), None]), "TimeOnly", ["01:02:00", None]),
    (pd.Series([TOKYO, MOSCOW, None], dtype="object"), "TimestampOffset", [*OFFSETS, None]),
    (pd.Series([pd.Timedelta(1, "h")]), "String", ["0 days 01:00:00"]),
    (pd.Series([ID, None]), "String", [str(ID), None]),
    (pd.Series([decimal.Decimal("1.50"), None]), "String", ["1.50", None]),
    (pd.Series([1, "a", None], dtype="object"), "String", ["1", "a", None]),
    (pd.Series([2**70]), "String", [str(2**70)]),
    (pd.Series([[1, 2], None]), "String", ["[1, 2]", None]),
    (pd.Series([{"a": 1}]), "String", ["{'a': 1}"]),
    (pd.Series(["lone \ud800"], dtype="object"), "String", ["lone ?"]),
    (pd.Series(pd.period_range("2020", periods=1, freq="D")), "String", ["2020-01-01"]),
]


@pytest.mark.parametrize(("series", "kind", "values"), CASES, ids=[f"{c[0].dtype}-{c[1]}" for c in CASES])
def test_types(series: "pd.Series[Any]", kind: str, values: list[Any]) -> None:
    types, rows = encoded(pd.DataFrame({"v": series}))
    assert types["v"] == kind
    assert [row["v"] for row in rows] == pytest.approx(values) if kind == "Single" else values


def test_bytes_are_refused() -> None:
    with pytest.raises(InvalidValue, match="Column v holds bytes"):
        encode_features(pd.DataFrame({"v": [b"a"]}))


def test_the_length_of_text_fits() -> None:
    document = json.loads(
        encode_features(pd.DataFrame({"short": ["ü"], "long": ["ü" * 300], "none": [None]}))
    )
    assert [field.get("length") for field in document["fields"]] == [None, 255, 300, 255]


@pytest.mark.parametrize(
    ("ids", "kept"),
    [
        ([7, 3], True),
        ([2**40, 1], True),
        ([1, 1], False),
        ([0, 1], False),
        ([-1, 1], False),
        ([1.0, 2.0], False),
        (["1", "2"], False),
        (pd.array([1, None], dtype="Int64"), False),
        (pd.array([5, 4], dtype="Int64"), True),
    ],
)
@pytest.mark.parametrize("name", ["OBJECTID", "objectid", "ObjectID"])
def test_object_ids_are_kept_when_they_can_be(ids: Any, kept: bool, name: str) -> None:
    types, rows = encoded(pd.DataFrame({"v": ["a", "b"], name: ids}))
    assert list(types.items()) == [("OBJECTID", "OID"), ("v", "String")]
    assert [row["OBJECTID"] for row in rows] == (list(ids) if kept else [1, 2])


def test_wide_object_ids_say_so() -> None:
    document = json.loads(encode_features(pd.DataFrame({"OBJECTID": [2**31]})))
    assert document["fields"][0]["length"] == 8


def test_names_are_text_and_unique() -> None:
    frame = pd.DataFrame([[1, 2, 3, 4]], columns=["a", "a", 5, "a_1"])
    assert list(encoded(frame)[0]) == ["OBJECTID", "a", "a_1", "5", "a_1_1"]


def test_an_index_with_a_name_is_a_column() -> None:
    frame = pd.DataFrame({"v": [1, 2]}, index=pd.Index(["x", "y"], name="group"))
    assert [row["group"] for row in encoded(frame)[1]] == ["x", "y"]
    assert list(encoded(pd.DataFrame({"v": [1, 2]}, index=[5, 6]))[0]) == ["OBJECTID", "v"]
