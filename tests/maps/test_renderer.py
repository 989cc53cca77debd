"""Which symbol each row has, by the renderer objects of ArcGIS."""

import numpy as np
import pyarrow as pa
import pytest

from gpserver.errors import InvalidRequest
from gpserver.maps.renderer import classify

RED, GREEN, GRAY = ({"type": "esriSMS", "color": [n, 0, 0, 255]} for n in (1, 2, 3))


def sort(renderer, **columns):
    """The classes of rows, given as columns."""
    arrays = {name: pa.array(values) for name, values in columns.items()}
    rows = len(next(iter(arrays.values())))
    return classify(renderer, arrays.__getitem__, rows)


def unique(*infos, fields=("A",), **more):
    """A unique value renderer of (value, symbol)."""
    named = {f"field{number}": field for number, field in enumerate(fields, 1)}
    members = [{"value": value, "symbol": symbol, "label": f"is {value}"} for value, symbol in infos]
    return {"type": "uniqueValue", **named, "uniqueValueInfos": members, **more}


def breaks(*upper, **more):
    infos = [
        {"classMaxValue": value, "symbol": RED | {"size": value}, "label": f"{value}"} for value in upper
    ]
    return {"type": "classBreaks", "field": "A", "classBreakInfos": infos, **more}


def test_simple_is_one_class_for_all():
    classes = sort({"type": "simple", "symbol": RED, "label": "All"}, A=[1, None, 3])
    assert (classes.symbols, classes.labels, classes.values) == ([RED], ["All"], [None])
    assert classes.which.tolist() == [0, 0, 0]


def test_a_renderer_without_symbol_draws_nothing():
    classes = sort({"type": "simple", "symbol": None}, A=[1, 2])
    assert (classes.symbols, classes.which.tolist()) == ([], [-1, -1])


def test_text_is_compared_exactly():
    classes = sort(unique(("a", RED), ("B", GREEN)), A=["a", "A", "B", "b", "", None, "a "])
    assert classes.which.tolist() == [0, -1, 1, -1, -1, -1, -1]
    assert classes.labels == ["is a", "is B"]
    assert classes.values == [["a"], ["B"]]


@pytest.mark.parametrize("values", [("1", "20"), (1, 20), ("1.0", "2e1"), (1.0, 20.0)])
@pytest.mark.parametrize("kind", [pa.int16(), pa.int64(), pa.float32(), pa.float64()])
def test_numbers_are_compared_as_numbers(values, kind):
    column = pa.array([20, 1, None, 3], kind)
    classes = classify(
        unique((values[0], RED), (values[1], GREEN), ("x", GRAY), (1.5, GRAY), ("1e99", GRAY), ("nan", GRAY)),
        lambda _: column,
        4,
    )
    assert classes.which.tolist() == [1, 0, -1, -1]


def test_numbers_find_text():
    assert sort(unique((7, RED)), A=["7", "7.0", "07"]).which.tolist() == [0, -1, -1]


def test_large_whole_numbers_stay_exact():
    values = [2**53 + 1, 2**53]
    assert sort(unique((str(2**53 + 1), RED)), A=values).which.tolist() == [0, -1]


def test_dates_are_epoch_milliseconds():
    column = pa.array([86_400_000, 0, None], pa.timestamp("ms"))
    assert classify(unique((86_400_000, RED), ("0", GREEN)), lambda _: column, 3).which.tolist() == [0, 1, -1]


def test_null_and_nan_are_the_null_value():
    assert sort(unique(("<Null>", RED)), A=[1.5, None, float("nan")]).which.tolist() == [-1, 0, 0]
    assert sort(unique(("<Null>", RED)), A=["x", None]).which.tolist() == [-1, 0]


def test_the_default_symbol_takes_the_rest_and_comes_last():
    renderer = unique(("a", RED), defaultSymbol=GRAY, defaultLabel="others")
    classes = sort(renderer, A=["a", "b", None])
    assert classes.which.tolist() == [0, 1, 1]
    assert (classes.symbols, classes.labels, classes.values) == (
        [RED, GRAY],
        ["is a", "others"],
        [["a"], None],
    )


def test_a_value_without_symbol_is_not_drawn():
    renderer = unique(("a", None), ("b", GREEN), defaultSymbol=GRAY)
    assert sort(renderer, A=["a", "b", "c"]).which.tolist() == [-1, 0, 1]


def test_the_first_of_equal_values_counts():
    assert sort(unique(("1", RED), ("1.0", GREEN)), A=[1]).which.tolist() == [0]


@pytest.mark.parametrize("delimiter", [",", ", ", ";", "|"])
def test_several_fields(delimiter):
    infos = [
        (delimiter.join(parts), symbol) for parts, symbol in ((("a", "1"), RED), (("b", "<Null>"), GREEN))
    ]
    renderer = unique(*infos, fields=("A", "B"), fieldDelimiter=delimiter)
    classes = sort(renderer, A=["a", "a", "b", "b", None], B=[1, 2, None, 1, 1])
    assert classes.which.tolist() == [0, -1, 1, -1, -1]


def test_values_with_too_few_or_too_many_parts_match_nothing():
    renderer = unique(("a", RED), ("a,1,2", GREEN), ("a,1", GRAY), fields=("A", "B"), fieldDelimiter=",")
    assert sort(renderer, A=["a", "a"], B=[1, 2]).which.tolist() == [2, -1]


def test_groups_of_classes_with_several_values():
    classes = [
        {"symbol": RED, "label": "one", "values": [["a", 1], ["b", 2]]},
        {"symbol": GREEN, "label": "two", "values": [["c", None]]},
    ]
    renderer = {"type": "uniqueValue", "field1": "A", "field2": "B", "fieldDelimiter": ", "}
    renderer["uniqueValueGroups"] = [{"heading": "x", "classes": classes}]
    found = sort(renderer, A=["a", "b", "c", "a"], B=[1, 2, None, 2])
    assert found.which.tolist() == [0, 0, 1, -1]
    assert found.values == [["a, 1", "b, 2"], ["c, <Null>"]]


def test_upper_bounds_belong_to_their_class():
    values = [0.99, 1, 5, 5.01, 10, 10.01, None, float("nan"), float("inf")]
    assert sort(breaks(5, 10, minValue=1), A=values).which.tolist() == [-1, 0, 0, 1, 1, -1, -1, -1, -1]


def test_classes_may_come_in_any_order_and_with_gaps():
    renderer = breaks(10, 5)
    renderer["classBreakInfos"][0]["classMinValue"] = 7
    renderer["classBreakInfos"][1]["classMinValue"] = None
    classes = sort(renderer, A=[-3, 5, 6, 7, 10])
    assert classes.labels == ["5", "10"]
    assert classes.which.tolist() == [0, 0, -1, 1, 1]


def test_class_breaks_have_a_default():
    classes = sort(breaks(5, defaultSymbol=GRAY, defaultLabel="none"), A=[1, 6, None])
    assert classes.which.tolist() == [0, 1, 1]
    assert classes.labels == ["5", "none"]


@pytest.mark.parametrize(
    ("normalization", "expected"),
    [
        ({"normalizationType": "esriNormalizeByField", "normalizationField": "B"}, [0, 1, -1, -1]),
        ({"normalizationField": "B"}, [0, 1, -1, -1]),
        ({"normalizationType": "esriNormalizeByLog"}, [0, 1, -1, 0]),
        ({"normalizationType": "esriNormalizeByPercentOfTotal", "normalizationTotal": 1000}, [0, 1, 0, 0]),
        ({"normalizationType": "esriNormalizeByPercentOfTotal"}, [-1, -1, 0, -1]),
    ],
)
def test_normalization(normalization, expected):
    renderer = breaks(1, 2, **normalization)
    assert sort(renderer, A=[10.0, 20.0, 0.0, 1.0], B=[10, 10, 0, None]).which.tolist() == expected


def test_no_rows_and_no_classes():
    assert sort(breaks(), A=[1, 2]).which.tolist() == [-1, -1]
    assert sort(unique(), A=[1, 2]).which.tolist() == [-1, -1]
    assert len(sort(breaks(1), A=pa.array([], pa.int32())).which) == 0


def test_a_legend_needs_no_rows():
    classes = classify(breaks(5, 10, defaultSymbol=GRAY), None, 0)
    assert classes.labels == ["5", "10", ""]
    assert len(classes.which) == 0


def test_many_rows():
    random = np.random.default_rng(5)
    numbers = random.integers(0, 300, 100_000)
    renderer = unique(*((n, RED) for n in range(0, 300, 2)))
    which = sort(renderer, A=numbers).which
    np.testing.assert_array_equal(which, np.where(numbers % 2 == 0, numbers // 2, -1))


@pytest.mark.parametrize(
    ("renderer", "text"),
    [
        ({}, "renderer type None is not supported: use simple, uniqueValue, classBreaks"),
        ({"type": "heatmap"}, "'heatmap' is not supported"),
        ({"type": "simple", "valueExpression": "1"}, "valueExpression, which is not supported"),
        ({"type": "uniqueValue"}, "field1 is missing"),
        ({"type": "uniqueValue", "field1": "A", "uniqueValueInfos": [3]}, "renderer objects"),
        ({"type": "uniqueValue", "field1": "A", "uniqueValueGroups": 3}, "renderer objects"),
        ({"type": "classBreaks"}, "field is missing"),
        ({"type": "classBreaks", "field": "A", "classBreakInfos": [{}]}, "classMaxValue"),
        ({"type": "classBreaks", "field": "A", "classBreakInfos": [{"classMaxValue": "x"}]}, "classMaxValue"),
        (breaks(5, minValue="x"), "bound that is not a number"),
        ({"type": "classBreaks", "field": "A", "classBreakInfos": [5]}, "classMaxValue"),
        ({"type": "uniqueValue", "field1": "A", "uniqueValueInfos": {"a": 1}}, "renderer objects"),
        (breaks(5, normalizationType="esriNormalizeByLuck"), "esriNormalizeByLuck"),
    ],
)
def test_what_cannot_be_read_is_refused(renderer, text):
    with pytest.raises(InvalidRequest, match=text):
        sort(renderer, A=[1, 2])


def test_class_breaks_of_text_are_refused():
    with pytest.raises(InvalidRequest, match="values of A are not numbers"):
        sort(breaks(5), A=["x"])
