"""Which rows a query means: conditions together, orders, NULL, windows, periods, distinct rows, fields."""

import re

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import Point

from gpserver.errors import InvalidRequest
from gpserver.features import Layer, write_layer
from gpserver.maps.query import Query, columns_at, distinct_rows, fields_named, rows_of

# (name, kind, size, day of 2020 when seen, x, y)
PLACES = [
    ("a", "lake", 5, 1, 0, 0),
    ("b", "town", None, 2, 90, 0),
    ("c", "lake", 1, None, 1, 1),
    ("d", None, 5, 4, 90, 90),
    ("e", "town", 3, 5, 2, 2),
    ("f", "lake", None, 6, None, None),
]
COLUMNS = ["name", "kind", "size", "seen", "x", "y"]
DAY = 86_400_000
NEW_YEAR = 1_577_836_800_000  # 2020 in epoch milliseconds


def stored(frame, path):
    write_layer(frame, path)
    return Layer.open(path)


@pytest.fixture(scope="module")
def layer(tmp_path_factory):
    table = pd.DataFrame(PLACES, columns=COLUMNS)
    table["size"] = table["size"].astype("Int32")
    table["seen"] = pd.to_datetime("2019-12-31") + pd.to_timedelta(table["seen"], unit="D")
    points = [
        None if np.isnan(x) else Point(x, y) for x, y in zip(table.pop("x"), table.pop("y"), strict=True)
    ]
    frame = gpd.GeoDataFrame(table, geometry=points, crs=4326)
    return stored(frame, tmp_path_factory.mktemp("layer") / "layer.arrow")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    frame = pd.DataFrame({"name": ["x", "y", "x"]})
    return stored(frame, tmp_path_factory.mktemp("table") / "table.arrow")


def names(layer, rows):
    return "".join(columns_at(layer, rows)("name").to_pylist())


def asked(layer, **conditions):
    return names(layer, rows_of(layer, Query(**conditions)))


def test_without_conditions_all_rows_come_in_the_order_of_the_frame(layer):
    assert asked(layer) == "abcdef"


def test_where_the_file_has_another_order_answers_keep_that_of_the_frame(tmp_path):
    random = np.random.default_rng(3)
    x, y, size = *random.uniform(0, 100, (2, 5000)), random.integers(0, 4, 5000)
    layer = stored(gpd.GeoDataFrame({"size": size}, geometry=gpd.points_from_xy(x, y)), tmp_path / "l.arrow")
    assert (np.diff(layer.order) < 0).any()

    def ids(**conditions):
        return layer.object_ids[rows_of(layer, Query(**conditions))].tolist()

    inside = (x >= 20) & (x <= 60) & (y >= 30) & (y <= 50)
    assert ids() == ids(where=("1=1",)) == list(range(1, 5001))
    assert ids(window=(20, 30, 60, 50)) == (np.flatnonzero(inside) + 1).tolist()
    assert (
        ids(window=(20, 30, 60, 50), where=("size = 2",))
        == (np.flatnonzero(inside & (size == 2)) + 1).tolist()
    )
    assert ids(order="size") == (np.argsort(size, kind="stable") + 1).tolist()
    assert ids(order="size DESC") == (np.argsort(-size, kind="stable") + 1).tolist()
    assert ids(object_ids=tuple(range(4000, 100, -7))) == sorted(range(4000, 100, -7))


def test_a_table_too(table):
    assert asked(table) == "xyx"
    assert asked(table, where=("name = 'x'",), order="OBJECTID DESC") == "xx"


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (("1=1",), "abcdef"),
        (("1=0",), ""),
        (("kind = 'lake'",), "acf"),
        (("kind <> 'lake'",), "be"),
        (("size IS NULL",), "bf"),
        (("kind = 'lake'", "size > 1"), "a"),
        (("kind = 'lake'", "", "size = 1 OR size = 3"), "c"),
    ],
)
def test_clauses_must_all_hold(layer, where, expected):
    assert asked(layer, where=where) == expected


def test_object_ids_are_counted_along_the_frame_and_keep_its_order(layer):
    assert asked(layer, object_ids=(5, 1, 3, 77)) == "ace"
    assert asked(layer, object_ids=()) == ""


def test_a_window_takes_what_touches_it(layer):
    assert asked(layer, window=(0, 0, 1, 1)) == "ac"
    assert asked(layer, window=(1.5, 1.5, 90, 90)) == "de"
    assert asked(layer, window=(-5, -5, -1, -1)) == ""


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ((NEW_YEAR, NEW_YEAR), "a"),
        ((NEW_YEAR + DAY, NEW_YEAR + 4 * DAY), "bde"),
        ((None, NEW_YEAR + DAY), "ab"),
        ((NEW_YEAR + 4 * DAY, None), "ef"),
        ((None, None), "abdef"),
        ((NEW_YEAR + 1, NEW_YEAR + DAY - 1), ""),
    ],
)
def test_a_period_has_both_its_ends_and_no_row_without_a_date(layer, period, expected):
    assert asked(layer, period=period, time_field="seen") == expected


def test_a_period_is_nothing_to_a_layer_without_a_time_field(layer):
    assert asked(layer, period=(NEW_YEAR, NEW_YEAR)) == "abcdef"


def test_conditions_narrow_each_other(layer):
    around = Point(1, 1).buffer(3)
    assert asked(layer, geometry=around) == "ace"
    assert asked(layer, geometry=around, object_ids=(1, 2, 5)) == "ae"
    assert asked(layer, window=(0, 0, 90, 0), object_ids=(2, 4)) == "b"
    assert asked(layer, window=(0, 0, 90, 90), geometry=around, where=("size >= 3",)) == "ae"
    early = {"period": (None, NEW_YEAR + 3 * DAY), "time_field": "seen"}
    assert asked(layer, where=("size = 5",), **early) == "ad"
    assert asked(layer, where=("size = 5",), geometry=around, object_ids=(1, 4), **early) == "a"


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("name DESC", "fedcba"),
        ("size", "ceadbf"),
        ("size DESC", "bfadec"),
        ("kind, size DESC", "facbed"),
        ("KIND DESC, Name DESC", "debfca"),
    ],
)
def test_an_order_has_null_above_all_and_equals_as_in_the_frame(layer, order, expected):
    assert asked(layer, order=order) == expected


def test_an_order_of_some_rows(layer):
    assert asked(layer, where=("size IS NOT NULL",), order="size DESC, name") == "adec"


@pytest.mark.parametrize(
    ("conditions", "named"),
    [
        ({"where": ("colour = 'red'",)}, "colour"),
        ({"where": ("size > ]",)}, "]"),
        ({"order": "colour"}, "colour"),
        ({"geometry": Point(0, 0), "relation": "esriSpatialRelNear"}, "esriSpatialRelNear"),
    ],
)
def test_what_cannot_be_understood_is_named(layer, conditions, named):
    with pytest.raises(InvalidRequest, match=re.escape(named)):
        rows_of(layer, Query(**conditions))


def test_a_table_has_no_place(table):
    with pytest.raises(InvalidRequest, match="geometry"):
        rows_of(table, Query(geometry=Point(0, 0)))


def test_distinct_rows_are_the_first_of_their_values_in_the_order_of_the_rows(layer):
    def distinct(text, **conditions):
        found = rows_of(layer, Query(**conditions))
        return names(layer, distinct_rows(layer, found, fields_named(layer.fields, text)))

    assert distinct("kind") == "abd"
    assert distinct("kind", order="name DESC") == "fed"
    assert distinct("size,kind") == "abcdef"
    assert distinct("size") == "abce"
    assert distinct("kind", where=("1=0",)) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*", ["OBJECTID", "name", "kind", "size", "seen"]),
        ("", []),
        (' SIZE , "name"', ["size", "name"]),
        ("kind,*", ["kind", "OBJECTID", "name", "size", "seen"]),
        ("kind,kind,", ["kind"]),
    ],
)
def test_fields_are_named_in_any_case_and_come_in_that_order_once(layer, text, expected):
    assert [field["name"] for field in fields_named(layer.fields, text)] == expected


def test_an_unknown_field_is_named(layer):
    with pytest.raises(InvalidRequest, match=r"'outFields' names colour.*size"):
        fields_named(layer.fields, "name,colour")


def test_columns_at_rows(layer):
    everything = columns_at(layer, None)("name").to_pylist()
    assert sorted(everything) == list("abcdef")
    assert columns_at(layer, np.array([3, 0]))("NAME").to_pylist() == [everything[3], everything[0]]
