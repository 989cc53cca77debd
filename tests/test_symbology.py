"""Looks of outputs: their Esri drawingInfo, and what is said of a look that cannot be."""

import base64
from io import BytesIO

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from gpserver.errors import PublishingError
from gpserver.symbology import (
    PALETTES,
    ClassBreaks,
    Fill,
    Labels,
    Line,
    Marker,
    Picture,
    Simple,
    UniqueValue,
    drawing_info,
)
from gpserver.symbology.breaks import METHODS, class_breaks

POINT, MULTIPOINT = "esriGeometryPoint", "esriGeometryMultipoint"
POLYLINE, POLYGON = "esriGeometryPolyline", "esriGeometryPolygon"


def columns(**values):
    arrays = {
        name: value if isinstance(value, pa.Array) else pa.array(value) for name, value in values.items()
    }
    return arrays.__getitem__


def renderer(look, geometry_type=POLYGON, **values):
    return drawing_info(look, geometry_type, columns(**values) if values else None)["renderer"]


def picture(kind="PNG", size=(16, 8)):
    file = BytesIO()
    Image.new("RGB", size, "red").save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("geometry_type", "symbol"),
    [(POINT, "esriSMS"), (MULTIPOINT, "esriSMS"), (POLYLINE, "esriSLS"), (POLYGON, "esriSFS")],
)
def test_every_geometry_type_has_its_usual_symbol(geometry_type, symbol):
    info = drawing_info(None, geometry_type)
    assert info["renderer"]["type"] == "simple"
    assert info["renderer"]["symbol"]["type"] == symbol
    assert (info["transparency"], info["labelingInfo"]) == (0, None)


def test_the_usual_fill_lets_the_base_map_through_and_its_outline_does_not():
    symbol = drawing_info(None, POLYGON)["renderer"]["symbol"]
    assert 0.5 < symbol["color"][3] / 255 < 0.8
    assert symbol["outline"]["color"][3] == 255
    assert sum(symbol["outline"]["color"][:3]) < sum(symbol["color"][:3])


@pytest.mark.parametrize(
    ("color", "expected"),
    [
        ("tomato", [255, 99, 71, 255]),
        ("#ff000080", [255, 0, 0, 128]),
        ("#f00", [255, 0, 0, 255]),
        ((1, 2, 3), [1, 2, 3, 255]),
        ((1, 2, 3, 4), [1, 2, 3, 4]),
    ],
)
def test_colours(color, expected):
    assert Line(color).json()["color"] == expected
    assert renderer(Simple(color), POLYLINE)["symbol"]["color"] == expected


def test_a_colour_is_the_usual_symbol_in_that_colour():
    assert renderer(Simple("red"), POLYGON)["symbol"]["color"] == [255, 0, 0, 166]
    assert renderer(Simple("#ff0000ff"), POLYGON)["symbol"]["color"] == [255, 0, 0, 255]
    assert renderer(Simple("red"), POINT)["symbol"]["style"] == "esriSMSCircle"


def test_symbols_as_esri_writes_them():
    fill = Fill("red", outline=Line("black", 2, "dash"), style="diagonal-cross")
    assert renderer(Simple(fill, label="Area"))["label"] == "Area"
    assert renderer(Simple(fill))["symbol"] == {
        "type": "esriSFS",
        "style": "esriSFSDiagonalCross",
        "color": [255, 0, 0, 255],
        "outline": {"type": "esriSLS", "style": "esriSLSDash", "color": [0, 0, 0, 255], "width": 2},
    }
    assert renderer(Simple(Marker("x", "red", 10, outline=None, angle=45)), POINT)["symbol"] == {
        "type": "esriSMS",
        "style": "esriSMSX",
        "color": [255, 0, 0, 255],
        "size": 10,
        "angle": 45,
        "xoffset": 0,
        "yoffset": 0,
        "outline": None,
    }


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP"])
def test_pictures_are_markers_and_fills(kind, tmp_path):
    file = tmp_path / "pin"
    file.write_bytes(picture(kind))
    symbol = renderer(Simple(Picture(file)), POINT)["symbol"]
    assert (symbol["type"], symbol["contentType"]) == ("esriPMS", f"image/{kind.lower()}")
    assert (symbol["width"], symbol["height"]) == (12, 6)  # 16 x 8 pixels at 96 dpi
    assert base64.b64decode(symbol["imageData"]) == picture(kind)
    assert (
        renderer(Simple(Picture(picture(kind), height=12)), POLYGON)["symbol"].items()
        >= {
            "type": "esriPFS",
            "width": 24,
            "height": 12,
        }.items()
    )


def test_esri_drawing_info_is_passed_on():
    own = {"renderer": {"type": "heatmap"}, "scaleSymbols": True}
    assert drawing_info(own, POINT) == own | {"transparency": 0, "labelingInfo": None}


def test_labels():
    info = drawing_info(Simple(labels='{NAME} "({POP})"', transparency=30), POLYGON)
    assert info["transparency"] == 30
    [label] = info["labelingInfo"]
    assert label["labelExpression"] == '[NAME] CONCAT " \'(" CONCAT [POP] CONCAT ")\'"'
    assert label["symbol"].items() >= {"type": "esriTS", "haloSize": 1}.items()
    own = drawing_info(Simple(labels=Labels("[NAME]", color="red", size=12, halo=None, bold=True)), POINT)
    symbol = own["labelingInfo"][0]["symbol"]
    assert own["labelingInfo"][0]["labelExpression"] == "[NAME]"
    assert (symbol["color"], symbol["haloColor"]) == ([255, 0, 0, 255], None)
    assert (symbol["font"]["size"], symbol["font"]["weight"]) == (12, "bold")


def test_unique_values_that_are_named():
    look = UniqueValue("kind", {"park": "green", 2: Fill("blue"), 2.5: "red"}, default=None)
    found = renderer(look)
    assert (found["type"], found["field1"], found["defaultSymbol"]) == ("uniqueValue", "kind", None)
    assert [info["value"] for info in found["uniqueValueInfos"]] == ["park", "2", "2.5"]
    assert found["uniqueValueInfos"][1]["symbol"]["color"] == [0, 0, 255, 255]


def test_unique_values_that_are_found():
    found = renderer(UniqueValue("kind"), kind=["b", "a", None, "b", "c"])
    assert [info["value"] for info in found["uniqueValueInfos"]] == ["a", "b", "c"]
    colors = [tuple(info["symbol"]["color"]) for info in found["uniqueValueInfos"]]
    assert len(set(colors)) == 3
    assert found["defaultLabel"] == "<all other values>"


def test_found_values_are_written_as_renderers_do():
    def values(array):
        return [info["value"] for info in renderer(UniqueValue("a"), a=array)["uniqueValueInfos"]]

    assert values([2.0, 0.5, float("nan")]) == ["0.5", "2"]
    assert values([3, 1]) == ["1", "3"]
    assert values(pa.array([86_400_000], pa.timestamp("ms"))) == ["86400000"]


def test_only_the_most_frequent_values_get_colours_and_all_of_them_differ():
    many = [f"{number:03}" for number in range(100) for _ in range(number + 1)]
    infos = renderer(UniqueValue("a"), a=many)["uniqueValueInfos"]
    assert [info["value"] for info in infos] == [f"{number:03}" for number in range(64, 100)]
    assert len({tuple(info["symbol"]["color"]) for info in infos}) == 36


def test_class_breaks_are_found_in_the_data():
    found = renderer(ClassBreaks("a", classes=3), a=[1, 2, 2, 50, 51, 100, None])
    assert (found["type"], found["field"], found["minValue"]) == ("classBreaks", "a", 1)
    assert [info["classMaxValue"] for info in found["classBreakInfos"]] == [2, 51, 100]
    assert [info["label"] for info in found["classBreakInfos"]] == ["1 - 2", "2 - 51", "51 - 100"]
    assert found["classificationMethod"] == "esriClassifyNaturalBreaks"
    shades = [sum(info["symbol"]["color"][:3]) for info in found["classBreakInfos"]]
    assert shades == sorted(shades, reverse=True)


def test_manual_class_breaks_need_no_data():
    look = ClassBreaks("a", method="manual", breaks=(0, 0.5, 10), palette=["white", "black"])
    found = renderer(look)
    assert (found["minValue"], found["classificationMethod"]) == (0, "esriClassifyManual")
    assert [info["label"] for info in found["classBreakInfos"]] == ["0 - 0.5", "0.5 - 10"]
    assert [info["symbol"]["color"][0] for info in found["classBreakInfos"]] == [255, 0]


@pytest.mark.parametrize("look", [UniqueValue("a"), ClassBreaks("a")])
def test_without_data_there_is_the_default_symbol(look):
    found = renderer(look)
    assert found["defaultSymbol"]["type"] == "esriSFS"
    assert found.get("uniqueValueInfos", []) == found.get("classBreakInfos", []) == []


@pytest.mark.parametrize("values", [[], [None, None], [float("nan")]])
def test_without_values_there_are_no_classes(values):
    column = pa.array(values, pa.float64())
    assert renderer(ClassBreaks("a"), a=column)["classBreakInfos"] == []
    assert renderer(UniqueValue("a"), a=column)["uniqueValueInfos"] == []


@pytest.mark.parametrize("method", ["natural", "quantile", "equal"])
@pytest.mark.parametrize("values", [[5], [5, 5, 5], [1, 2], [0] * 99 + [1], [-3.5, 1e6, 2]])
def test_few_or_equal_values_make_fewer_classes(method, values):
    infos = renderer(ClassBreaks("a", method=method), a=values)["classBreakInfos"]
    upper = [info["classMaxValue"] for info in infos]
    assert upper == sorted(set(upper))
    assert upper[-1] == max(values)
    assert 1 <= len(upper) <= 5


def test_methods():
    values = np.array([1.0, 2, 3, 4, 10, 11, 12, 50])
    assert class_breaks(values, 3, METHODS["esriClassifyNaturalBreaks"]).tolist() == [1, 4, 12, 50]
    assert class_breaks(values, 4, METHODS["esriClassifyQuantile"]).tolist() == [1, 2, 4, 11, 50]
    np.testing.assert_allclose(
        class_breaks(values, 7, METHODS["esriClassifyEqualInterval"]), [1, 8, 15, 22, 29, 36, 43, 50]
    )
    powers = 2.0 ** np.arange(9)
    np.testing.assert_allclose(
        class_breaks(powers, 4, METHODS["esriClassifyGeometricalInterval"]), [1, 4, 16, 64, 256]
    )
    normal = np.random.default_rng(1).normal(10, 2, 10_000)
    inner = class_breaks(normal, 0, METHODS["esriClassifyStandardDeviation"])[1:-1]
    np.testing.assert_allclose(np.diff(inner), normal.std())
    assert (
        pytest.approx(inner[np.searchsorted(inner, 10) - 1 : np.searchsorted(inner, 10) + 1].mean(), abs=0.1)
        == 10
    )


def test_natural_breaks_of_many_values_come_from_a_sample():
    random = np.random.default_rng(2)
    groups = [random.normal(centre, 1, 100_000) for centre in (0, 30, 100)]
    found = class_breaks(np.concatenate(groups), 3, METHODS["esriClassifyNaturalBreaks"])
    assert found.tolist() == [groups[0].min(), *(group.max() for group in groups)]


def test_natural_breaks_where_one_value_is_nearly_all():
    values = np.concatenate([np.zeros(100_000), np.arange(1, 21)])
    found = class_breaks(values, 5, METHODS["esriClassifyNaturalBreaks"])
    assert len(found) == 6
    assert found[-1] == 20


def test_sequential_palettes_go_one_way_in_lightness():
    for name in ("blues", "greens", "oranges", "purples", "grays", "sunset", "ocean", "viridis"):
        rgb = [tuple(bytes.fromhex(color[1:])) for color in PALETTES[name]]
        steps = np.diff([0.299 * r + 0.587 * g + 0.114 * b for r, g, b in rgb])
        assert (steps < 0).all() or (steps > 0).all(), name


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Line("no-colour"), "'no-colour' is not a colour. Write a CSS name"),
        (lambda: Fill((1, 2)), r"\(1, 2\) is not a colour"),
        (lambda: Fill((1, 2, 300)), "is not a colour"),
        (lambda: Line(style="wavy"), "'wavy' is not a line style. Use solid, dash"),
        (lambda: Marker("star"), "'star' is not a marker style. Use circle"),
        (lambda: Fill(style="dots"), "'dots' is not a fill style. Use solid"),
        (lambda: Marker(size=0), "The size 0 is not a size. Write points"),
        (lambda: Line(width=-1), "The width -1 is not a size"),
        (lambda: Picture(b"not a picture"), "The picture is not a picture that can be read"),
        (lambda: Labels("NAME"), "The label 'NAME' names no field. Write Labels\\(\"{NAME}\"\\)"),
        (lambda: Simple(labels="NAME"), "names no field"),
        (lambda: Simple(transparency=120), "The transparency 120 is not a percentage"),
        (lambda: UniqueValue(""), "'' is not a field"),
        (lambda: UniqueValue("a", palette="rainbow"), "'rainbow' is not a palette. Use blues, greens"),
        (lambda: ClassBreaks("a", method="jenks"), "'jenks' is not a classification method. Use natural"),
        (lambda: ClassBreaks("a", classes=0), "0 is not a number of classes"),
        (lambda: ClassBreaks("a", method="manual"), r"The breaks \(\) do not fit the method 'manual'"),
        (lambda: ClassBreaks("a", method="manual", breaks=(5, 1)), r"The breaks \(5, 1\) do not fit"),
        (lambda: ClassBreaks("a", breaks=(1, 5)), "do not fit the method 'natural'"),
        (lambda: drawing_info(Simple(Fill()), POINT), "A Fill cannot draw esriGeometryPoint. Use a Marker"),
        (lambda: drawing_info(Simple(Marker()), POLYGON), "A Marker cannot draw esriGeometryPolygon"),
        (
            lambda: drawing_info(Simple(Picture(picture())), POLYLINE),
            "A Picture cannot draw esriGeometryPolyl",
        ),
        (lambda: drawing_info(UniqueValue("a", {1: Line()}), POINT), "A Line cannot draw"),
        (lambda: drawing_info({"type": "simple"}, POINT), "a mapping without a renderer"),
        (lambda: drawing_info("red", POINT), "'red' is not a symbology. Use Simple"),
        (lambda: renderer(ClassBreaks("a"), a=["x"]), "The values of a are not numbers"),
    ],
)
def test_misuse_is_told_with_its_cure(make, text):
    with pytest.raises(PublishingError, match=text):
        make()


def test_a_picture_that_is_not_there_is_named(tmp_path):
    with pytest.raises(PublishingError, match=r'none.png" is not a picture that can be read'):
        Picture(tmp_path / "none.png")
