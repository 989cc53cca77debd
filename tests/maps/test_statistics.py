"""Statistics by hand: names, types, groups, conditions on groups, and what is refused."""

from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from gpserver.errors import InvalidRequest
from gpserver.maps.statistics import statistics

FIELDS = [
    {"name": "OBJECTID", "type": "esriFieldTypeOID", "alias": "OBJECTID"},
    {"name": "Region", "type": "esriFieldTypeString", "alias": "The region", "length": 255},
    {"name": "POP", "type": "esriFieldTypeInteger", "alias": "POP"},
    {"name": "AREA", "type": "esriFieldTypeDouble", "alias": "AREA"},
    {"name": "seen", "type": "esriFieldTypeDate", "alias": "seen", "length": 8},
]
COLUMNS = {
    "OBJECTID": pa.array([1, 2, 3, 4, 5], pa.int64()),
    "Region": pa.array(["south", "north", "south", None, "north"], pa.large_string()),
    "POP": pa.array([2, 4, None, 8, 2**31 - 1], pa.int32()),
    "AREA": pa.array([1.5, -0.0, 0.5, 0.0, 2.5]),
    "seen": pa.array([datetime(2020, 1, 1), None, datetime(2021, 1, 1), None, None], pa.timestamp("ms")),
}


def stat(kind: str, on: str, name: str | None = None, **parameters: Any) -> dict[str, Any]:
    definition = {"statisticType": kind, "onStatisticField": on, "outStatisticFieldName": name}
    return definition | ({"statisticParameters": parameters} if parameters else {})


def ask(
    *definitions: Any, by: tuple[str, ...] = (), having: str = "", order: str = "", rows: int = 5
) -> tuple[list[dict[str, Any]], dict[str, list[Any]]]:
    """The fields, and the values by their names."""
    fields, columns = statistics(
        list(definitions), by, having, order, FIELDS, lambda name: COLUMNS[name][:rows], rows
    )
    assert len({len(column) for column in columns}) == 1
    return fields, {field["name"]: column.to_pylist() for field, column in zip(fields, columns, strict=True)}


def test_each_statistic_of_all_rows() -> None:
    _, values = ask(
        *(stat(kind, "pop", kind) for kind in ("count", "sum", "min", "max", "avg")),
        *(stat(kind, "AREA", kind) for kind in ("stddev", "var")),
        stat("percentile_cont", "AREA", "median", value=0.5),
        stat("PERCENTILE_DISC", "Region", "first", value=0),
        stat("percentile_disc", "Region", "last", value=0, orderBy="desc"),
    )
    assert values == {
        "count": [4],
        "sum": [2**31 + 13.0],
        "min": [2],
        "max": [2**31 - 1],
        "avg": [2**29 + 3.25],
        "stddev": [pytest.approx(1.0839742)],
        "var": [pytest.approx(1.175)],
        "median": [0.5],
        "first": ["north"],
        "last": ["south"],
    }


def test_fields_say_what_the_values_are() -> None:
    fields, _ = ask(
        stat("COUNT", "Region"),
        stat("sum", "POP"),
        stat("max", "objectid"),
        stat("max", "OBJECTID + 2147483648", "big"),
        stat("min", "Region", "shortest"),
        stat("max", "seen", "latest"),
        stat("avg", "POP * 2"),
        by=("region", "EXTRACT(YEAR FROM seen)"),
    )
    assert fields == [
        {"name": "Region", "type": "esriFieldTypeString", "alias": "The region", "length": 255},
        {"name": "EXPR_2", "type": "esriFieldTypeInteger", "alias": "EXTRACT(YEAR FROM seen)"},
        {"name": "COUNT_Region", "type": "esriFieldTypeInteger", "alias": "COUNT_Region"},
        {"name": "SUM_POP", "type": "esriFieldTypeDouble", "alias": "SUM_POP"},
        {"name": "MAX_OBJECTID", "type": "esriFieldTypeInteger", "alias": "MAX_OBJECTID"},
        {"name": "big", "type": "esriFieldTypeBigInteger", "alias": "big", "length": 8},
        {"name": "shortest", "type": "esriFieldTypeString", "alias": "shortest", "length": 255},
        {"name": "latest", "type": "esriFieldTypeDate", "alias": "latest", "length": 8},
        {"name": "AVG_7", "type": "esriFieldTypeDouble", "alias": "AVG_7"},
    ]


def test_groups_come_in_the_order_of_their_values() -> None:
    _, values = ask(stat("count", "POP", "n"), stat("stddev", "POP", "s"), by=("Region",))
    assert values == {
        "Region": ["north", "south", None],
        "n": [2, 1, 1],
        "s": [pytest.approx(2**30.5), None, None],
    }


def test_null_and_both_zeros_are_one_group_each() -> None:
    _, values = ask(stat("count", "OBJECTID", "n"), by=("AREA",), order="AREA")
    assert values == {"AREA": [0, 0.5, 1.5, 2.5], "n": [2, 1, 1, 1]}
    _, values = ask(stat("count", "OBJECTID", "n"), by=("seen",), order="n DESC, seen")
    assert values["n"] == [3, 1, 1]


@pytest.mark.parametrize(
    ("having", "regions"),
    [
        ("COUNT(*) > 1", ["north", "south"]),
        ("count(POP) = 1", ["south", None]),
        ("n = 2", ["north", "south"]),
        ("Region IS NULL OR MAX(POP) > 100", ["north", None]),
        ("SUM(POP + 1) / 3 = 1", ["south"]),
        ("AVG(AREA) >= 1 AND MIN(AREA) < 1", ["north", "south"]),
        ("VAR(AREA) > 1 OR STDDEV(AREA) < 0.8", ["north", "south"]),
        ("VARIANCE(AREA) = 0.5", ["south"]),
        ("", ["north", "south", None]),
    ],
)
def test_conditions_on_groups(having: str, regions: list[Any]) -> None:
    _, values = ask(stat("count", "OBJECTID", "n"), by=("Region",), having=having)
    assert values["Region"] == regions
    assert values.keys() == {"Region", "n"}


def test_no_rows() -> None:
    kinds = ("count", "sum", "min", "max", "avg", "stddev", "var")
    percentiles = (stat(f"percentile_{kind}", "AREA", kind, value=0.5) for kind in ("cont", "disc"))
    _, values = ask(*(stat(kind, "AREA", kind) for kind in kinds), *percentiles, rows=0)
    assert values.pop("count") == [0]
    assert set(map(tuple, values.values())) == {(None,)}
    _, values = ask(stat("percentile_disc", "Region", "p", value=0.5), by=("Region",), rows=0)
    assert values == {"Region": [], "p": []}


@pytest.mark.parametrize(
    ("definitions", "options", "problem"),
    [
        ([], {}, "1 to 100"),
        ([stat("sum", "POP")] * 101, {}, "1 to 100"),
        (["sum"], {}, "JSON object"),
        ([stat("median", "POP")], {}, "median"),
        ([{}], {}, "none"),
        ([stat("sum", "NOPE")], {}, "NOPE"),
        ([stat("sum", "Region")], {}, "Region"),
        ([stat("avg", "seen")], {}, "seen"),
        ([stat("sum", "(SELECT 1)")], {}, "SELECT"),
        ([stat("percentile_cont", "Region", value=0.5)], {}, "Region"),
        ([stat("percentile_cont", "POP")], {}, "0 to 1"),
        ([stat("percentile_disc", "POP", value=2)], {}, "0 to 1"),
        ([stat("percentile_disc", "POP", value="x")], {}, "0 to 1"),
        ([stat("sum", "POP", "x"), stat("avg", "POP", "X")], {}, "two fields x"),
        ([stat("sum", "POP", "region")], {"by": ("Region",)}, "two fields region"),
        ([stat("sum", "POP")], {"by": ("NOPE",)}, "NOPE"),
        ([stat("sum", "POP")], {"by": ("POP = 1",)}, "condition"),
        ([stat("sum", "POP")], {"order": "POP"}, "POP"),
        ([stat("sum", "POP")], {"having": "POP > 1"}, "POP"),
        ([stat("sum", "POP")], {"having": "SUM(POP)"}, "condition"),
        ([stat("sum", "POP")], {"having": "SUM(Region) > 1"}, "Region"),
        ([stat("sum", "POP")], {"having": "SUM(MAX(POP)) > 1"}, "MAX"),
        ([stat("sum", "POP")], {"having": "MAX(POP, AREA) > 1"}, "one argument"),
        ([stat("sum", "POP")], {"having": "COUNT(DISTINCT POP) > 1"}, "DISTINCT"),
        ([stat("sum", "POP")], {"having": "SUM(POP) > 1; DROP TABLE x"}, ";"),
        ([stat("sum", "POP")], {"having": "SUM(POP) > (SELECT 1)"}, "SELECT"),
        ([stat("sum", "1 / (POP - 2)")], {}, "divide by zero"),
    ],
)
def test_what_is_refused(definitions: list[Any], options: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        ask(*definitions, **options)
