"""generateRenderer: classification definitions as Esri documents them."""

import numpy as np
import pyarrow as pa
import pytest

from gpserver.errors import InvalidRequest
from gpserver.maps.classification import generate_renderer
from gpserver.maps.renderer import classify

POLYGON, POINT, POLYLINE = "esriGeometryPolygon", "esriGeometryPoint", "esriGeometryPolyline"


def columns(**values):
    arrays = {
        name: value if isinstance(value, pa.Array) else pa.array(value) for name, value in values.items()
    }
    return arrays.__getitem__


def generate(definition, geometry_type=POLYGON, **values):
    return generate_renderer(definition, columns(**values), geometry_type)


def breaks(method="esriClassifyNaturalBreaks", **more):
    return {"type": "classBreaksDef", "classificationField": "A", "classificationMethod": method, **more}


def unique(*fields, **more):
    return {"type": "uniqueValueDef", "uniqueValueFields": fields, **more}


def upper(renderer):
    return [info["classMaxValue"] for info in renderer["classBreakInfos"]]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("esriClassifyNaturalBreaks", [4, 12, 50]),
        ("esriClassifyQuantile", [3, 11, 50]),
        ("esriClassifyEqualInterval", [pytest.approx(1 + 49 / 3), pytest.approx(1 + 98 / 3), 50]),
        ("esriClassifyGeometricalInterval", [pytest.approx(50 ** (1 / 3)), pytest.approx(50 ** (2 / 3)), 50]),
    ],
)
def test_class_breaks(method, expected):
    renderer = generate(breaks(method, breakCount=3), A=[1, 2, 3, 4, 10, 11, 12, 50, None])
    assert (
        renderer.items()
        >= {
            "type": "classBreaks",
            "field": "A",
            "classificationMethod": method,
            "minValue": 1,
        }.items()
    )
    assert upper(renderer) == expected


@pytest.mark.parametrize(("interval", "width"), [(1, 2.0), (0.5, 1.0)])
def test_standard_deviations_make_their_own_number_of_classes(interval, width):
    values = np.tile([8.0, 12.0], 50)  # mean 10, deviation 2
    renderer = generate(
        breaks("esriClassifyStandardDeviation", standardDeviationInterval=interval, breakCount=2), A=values
    )
    inner = upper(renderer)[:-1]
    np.testing.assert_allclose(np.diff(inner), width)
    assert 10 - width / 2 in inner
    assert 10 + width / 2 in inner


def test_normalized_values_are_those_that_are_drawn():
    values = {"A": [10.0, 20.0, 90.0, 5.0], "B": [10, 10, 30, 0]}
    renderer = generate(
        breaks(breakCount=3, normalizationType="esriNormalizeByField", normalizationField="B"), **values
    )
    assert (renderer["normalizationField"], upper(renderer)) == ("B", [1, 2, 3])
    assert classify(renderer, columns(**values), 4).which.tolist() == [0, 1, 2, -1]
    share = generate(breaks(breakCount=2, normalizationType="esriNormalizeByPercentOfTotal"), **values)
    assert (share["normalizationTotal"], upper(share)[-1]) == (125, 72)
    logarithm = generate(breaks(breakCount=2, normalizationType="esriNormalizeByLog"), **values)
    assert upper(logarithm)[-1] == pytest.approx(np.log10(90))


@pytest.mark.parametrize("method", ["NaturalBreaks", "Quantile", "EqualInterval", "GeometricalInterval"])
def test_every_value_is_in_a_class_that_it_made(method):
    values = np.random.default_rng(4).lognormal(3, 2, 5000).astype(np.float32)
    renderer = generate(breaks(f"esriClassify{method}", breakCount=7), A=pa.array(values))
    classes = classify(renderer, columns(A=pa.array(values)), len(values))
    assert (classes.which >= 0).all()
    if method != "EqualInterval":  # it may leave classes empty
        assert set(classes.which.tolist()) == set(range(7))


def test_unique_values_with_counts():
    renderer = generate(unique("A"), A=["b", "a", "b", None])
    assert renderer.items() >= {"type": "uniqueValue", "field1": "A", "field2": "", "field3": ""}.items()
    found = [(info["value"], info["label"], info["count"]) for info in renderer["uniqueValueInfos"]]
    assert found == [("a", "a", 1), ("b", "b", 2), ("<Null>", "<Null>", 1)]


def test_unique_values_of_several_fields_find_their_rows_again():
    values = {"A": ["x", "x", "y", None], "B": [1.0, 2.5, 1.0, None], "C": [1, 1, 2, 3]}
    renderer = generate(unique("A", "B", "C", fieldDelimiter=" | "), **values)
    assert [info["value"] for info in renderer["uniqueValueInfos"]] == [
        "x | 1 | 1",
        "x | 2.5 | 1",
        "y | 1 | 2",
        "<Null> | <Null> | 3",
    ]
    assert classify(renderer, columns(**values), 4).which.tolist() == [0, 1, 2, 3]


def test_dates_are_unique_values():
    dates = pa.array([0, 86_400_000], pa.timestamp("ms"))
    renderer = generate(unique("A"), A=dates)
    assert [info["value"] for info in renderer["uniqueValueInfos"]] == ["0", "86400000"]
    assert classify(renderer, columns(A=dates), 2).which.tolist() == [0, 1]


def test_only_the_most_frequent_values_are_kept():
    renderer = generate(unique("A"), A=[*range(5000), *range(4000, 5000)])
    infos = renderer["uniqueValueInfos"]
    assert [info["value"] for info in infos] == [str(number) for number in range(4000, 5000)]


@pytest.mark.parametrize(
    ("geometry_type", "symbol"), [(POINT, "esriSMS"), (POLYLINE, "esriSLS"), (POLYGON, "esriSFS")]
)
def test_symbols_fit_the_layer(geometry_type, symbol):
    for definition in (breaks(), unique("A")):
        renderer = generate(definition, geometry_type, A=[1, 2, 3])
        infos = renderer.get("classBreakInfos") or renderer["uniqueValueInfos"]
        assert {info["symbol"]["type"] for info in infos} == {symbol}
        assert len({tuple(info["symbol"]["color"]) for info in infos}) == 3


def test_a_table_has_classes_without_symbols():
    for definition in (breaks(), unique("A")):
        renderer = generate(definition, None, A=[1, 2, 3])
        infos = renderer.get("classBreakInfos") or renderer["uniqueValueInfos"]
        assert len(infos) == 3
        assert not any("symbol" in info for info in infos)


def test_the_base_symbol_takes_the_colours():
    base = {"type": "esriSLS", "style": "esriSLSDash", "width": 2}
    infos = generate(unique("A", baseSymbol=base), POLYLINE, A=[1, 2])["uniqueValueInfos"]
    assert all(info["symbol"].items() >= base.items() for info in infos)
    assert infos[0]["symbol"]["color"] != infos[1]["symbol"]["color"]


def ramp(start, end, algorithm="esriCIELabAlgorithm"):
    return {"type": "algorithmic", "fromColor": start, "toColor": end, "algorithm": algorithm}


def colors(color_ramp, count):
    infos = generate(unique("A", colorRamp=color_ramp), POLYLINE, A=list(range(count)))["uniqueValueInfos"]
    return [info["symbol"]["color"] for info in infos]


def test_colour_ramps():
    red, green, blue = [255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255]
    assert colors(ramp(red, blue), 3) == [red, [128, 0, 128, 255], [*blue, 255]]
    assert colors(ramp(red, green, "esriHSVAlgorithm"), 3) == [red, [255, 255, 0, 255], green]
    assert colors(ramp(red, blue, "esriHSVAlgorithm"), 3)[1] == [255, 0, 255, 255]
    two = {"type": "multipart", "colorRamps": [ramp(red, green), ramp(green, blue)]}
    assert colors(two, 3) == [red, green, [*blue, 255]]
    assert colors(two, 1) == [red]


def test_without_values_there_are_no_classes():
    empty = pa.array([], pa.float64())
    assert generate(breaks(), A=empty)["classBreakInfos"] == []
    assert generate(unique("A"), A=empty)["uniqueValueInfos"] == []


@pytest.mark.parametrize(
    ("definition", "text"),
    [
        ({}, "'classificationDef' parameter is invalid: type None is not classBreaksDef"),
        ({"type": "classBreaksDef"}, "its classificationField is missing"),
        ({"type": "uniqueValueDef"}, "its uniqueValueFields is missing"),
        (unique("A", "A", "A", "A"), "a list of one to three fields"),
        ({"type": "uniqueValueDef", "uniqueValueFields": "A"}, "a list of one to three fields"),
        ({"type": "uniqueValueDef", "uniqueValueFields": 5}, "a list of one to three fields"),
        (breaks("esriClassifyMagic"), "'esriClassifyMagic' is not known: use esriClassifyNaturalBreaks"),
        (breaks(breakCount=0.5), "breakCount 0.5 is not a number from 1 to 256"),
        (breaks(breakCount="5"), "breakCount '5' is not a number"),
        (breaks(breakCount=1e9), "breakCount 1000000000.0 is not"),
        (breaks(normalizationType="esriNormalizeByLuck"), "esriNormalizeByLuck"),
        (breaks(normalizationType="esriNormalizeByField"), "esriNormalizeByField' is not known, or lacks"),
        (unique("A", colorRamp={"type": "multipart"}), "has no colorRamps"),
        (unique("A", colorRamp=ramp([0, 0, 0], "red")), "toColor is not a colour"),
        (unique("A", colorRamp=ramp(["a", "b", "c"], [0, 0, 0])), "fromColor is not a colour"),
        (unique("A", colorRamp=5), "colorRamp"),
        (unique("A", baseSymbol=5), "baseSymbol"),
    ],
)
def test_what_cannot_be_read_is_refused(definition, text):
    with pytest.raises(InvalidRequest, match=text):
        generate(definition, A=[1, 2])


def test_class_breaks_of_text_are_refused():
    with pytest.raises(InvalidRequest, match="values of A are not numbers"):
        generate(breaks(), A=["x"])
