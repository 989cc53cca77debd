"""What a signature says of values: choices, filters, layers to choose from, columns and alternatives."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import CRS

from gpserver import Features, Field, Hidden, Param, Points, Polygons, Raster, Table, task
from gpserver.datatypes import NO_SOURCE, Source
from gpserver.errors import InvalidValue
from gpserver.publishing import Parameter, task_of
from gpserver.rasters import write_raster

PARKS = gpd.GeoDataFrame({"name": ["a"]}, geometry=[shapely.box(0, 0, 1, 1)], crs=4326)
CENTRES = PARKS.set_geometry(shapely.centroid(PARKS.geometry.array), crs=4326)


class Files:
    """A source of files in a folder, by the last part of a URL."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.paths = [folder / name for name in names]

    def file(self, reference: Mapping[str, Any]) -> Path:
        return self.paths[0]

    def features(self, reference: Mapping[str, Any]) -> Iterator[Path]:
        return iter(self.paths)


def parameter_of(function: Any, name: str = "Value") -> Parameter:
    found = task_of(task(function))
    assert found is not None
    return next(item for item in found.parameters if item.name == name)


def of(annotation: Any) -> Parameter:
    """The parameter of a task that takes one value of this annotation."""

    def one(value):
        return None

    one.__annotations__ = {"value": annotation, "return": None}
    return parameter_of(one)


def refusal(parameter: Parameter, raw: object, source: Source = NO_SOURCE) -> str:
    with pytest.raises(InvalidValue) as raised:
        parameter.read(raw, source)
    return str(raised.value)


class Stop(NamedTuple):
    """A row."""

    place: str
    kind: Literal["bus", "tram"] = "bus"
    minutes: Annotated[float | None, Param(minimum=0, display_name="How long")] = None
    code: Hidden | None = None


def test_columns_are_described() -> None:
    limits = of(list[Stop]).limits()
    assert limits["parameterInfos"] == [
        {"name": "Place", "dataType": "GPString", "displayName": "Place"},
        {"name": "Kind", "dataType": "GPString", "displayName": "Kind", "choiceList": ["bus", "tram"]},
        {
            "name": "Minutes",
            "dataType": "GPDouble",
            "displayName": "How long",
            "filter": {"type": "range", "minimum": 0},
        },
        {"name": "Code", "dataType": "GPStringHidden", "displayName": "Code"},
    ]
    assert limits["filter"] == {
        "type": "composite",
        "list": [None, None, {"type": "range", "minimum": 0}, None],
    }


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ('[["Home", "tram", 5]]', [Stop("Home", "tram", 5.0)]),
        ('[["Home", null], ["", "bus", "7"]]', [Stop("Home"), Stop("", "bus", 7.0)]),
        ('[{"PLACE": "Home", "more": 1}]', [Stop("Home")]),
        ('{"Place": "Home"}', [Stop("Home")]),
        (['[{"Place": "Home"}]'], [Stop("Home")]),
        ([{"Place": "Home"}], [Stop("Home")]),
        (b"[{place: 'Home'}]", [Stop("Home")]),
    ],
)
def test_rows_become_named_tuples(raw: object, expected: list[Stop]) -> None:
    assert of(list[Stop]).read(raw) == expected


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("7", 'Value: "7" is not an array of rows.'),
        ('[["a", "bus", 1, "", 5]]', "is not an array or object of Place, Kind, Minutes, Code."),
        ("[5]", 'Value: Row 1: "5" is not an array or object of Place'),
        ("[[null]]", "Value: Row 1: ERROR 000735: Place: Value is required"),
        (
            '[["a"], ["a", "boat"]]',
            "Value: Row 2: ERROR 000800: Kind: The value is not a member of bus | tram.",
        ),
        ('[["a", "bus", -1]]', "Value: Row 1: Minutes: -1.0 is less than the minimum, 0."),
        ('[["a", "bus", "soon"]]', 'Value: Row 1: Minutes: "soon" is not a number.'),
        ("[]", "ERROR 000735: Value: Value is required"),
    ],
)
def test_rows_that_are_wrong(raw: str, text: str) -> None:
    assert text in refusal(of(list[Stop]), raw)


def test_secrets_in_rows_are_not_shown() -> None:
    kind = of(list[Stop]).data_type
    assert kind.shown('[["Home", "bus", 1, "p4ss"]]') == [["Home", "bus", 1, ""]]
    assert kind.shown('[["Home", "boat", 1, "p4ss"]]') == [["Home", "boat", 1, ""]]
    assert kind.shown('["p4ss"]') == []
    assert kind.shown("") is None
    assert kind.encode([Stop("Home", code="p4ss")]) == [["Home", "bus", None, "p4ss"]]
    assert of(list[Hidden]).data_type.shown('["p4ss"]') == ""


def test_rows_that_a_task_returns(tmp_path: Path) -> None:
    kind = of(list[Stop]).data_type
    assert kind.save([Stop("Home")], tmp_path, "Out").value == {
        "columns": [
            {"name": "Place", "dataType": "GPString"},
            {"name": "Kind", "dataType": "GPString"},
            {"name": "Minutes", "dataType": "GPDouble"},
            {"name": "Code", "dataType": "GPStringHidden"},
        ],
        "rows": [["Home", "bus", None, None]],
    }
    for wrong in ("Home", [("Home",)], ["Home"], 5):
        with pytest.raises(InvalidValue):
            kind.save(wrong, tmp_path, "Out")


Either = Annotated[float, Param(maximum=10)] | Literal["all"] | Points


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("5", 5.0),
        ("all", "all"),
        ('{"dataType": "gpdouble", "value": "5"}', 5.0),
        ({"dataType": "GPString", "value": "all"}, "all"),
    ],
)
def test_a_union_is_a_composite(raw: object, expected: object) -> None:
    assert of(Either).read(raw) == expected
    assert of(Either | None).read("") is None


def test_text_that_looks_like_something_else() -> None:
    assert of(float | str).read("{not JSON") == "{not JSON"
    assert of(float | str).read('{"a": 1}') == '{"a": 1}'


def test_a_value_of_no_alternative() -> None:
    text = refusal(of(Either), "50")
    assert text.startswith("Value: The value is none of GPDouble, GPString, GPFeatureRecordSetLayer.")
    assert "50.0 is more than the maximum, 10." in text
    assert "not a member of all" in text
    assert "GPString" not in refusal(of(Either), {"dataType": "GPDouble", "value": "all"}).split(".", 1)[1]


def test_alternatives_are_described() -> None:
    limits = of(Either).limits()
    assert [info["dataType"] for info in limits["parameterInfos"]] == [
        "GPDouble",
        "GPString",
        "GPFeatureRecordSetLayer",
    ]
    assert limits["filter"]["list"] == [{"type": "range", "maximum": 10}, None, None]
    assert limits["parameterInfos"][1]["choiceList"] == ["all"]


def test_outputs_of_a_composite_are_of_a_concrete_type() -> None:
    kind = of(Either).data_type
    assert kind.concrete(5.0).name == "GPDouble"
    assert kind.concrete(CENTRES).name == "GPFeatureRecordSetLayer"
    for wrong in (PARKS, CRS(4326), None):
        with pytest.raises(InvalidValue, match="is none of"):
            kind.concrete(wrong)


def test_labels_of_choices_are_coded_values() -> None:
    parameter = of(Annotated[str, Param(choices={"Do not dissolve": "NONE", "All": "ALL"})])
    assert parameter.limits() == {
        "choiceList": ["NONE", "ALL"],
        "filter": {
            "type": "codedValue",
            "list": [
                {"dataType": "GPString", "name": "Do not dissolve", "value": "NONE"},
                {"dataType": "GPString", "name": "All", "value": "ALL"},
            ],
        },
    }
    assert parameter.read("ALL") == "ALL"
    assert "000800" in refusal(parameter, "All")


def test_a_list_is_described_by_its_element() -> None:
    limits = of(list[Literal["a", "b"]]).limits()
    element = {"name": "", "dataType": "GPString", "displayName": "", "choiceList": ["a", "b"]}
    assert limits == {"choiceList": ["a", "b"], "parameterInfos": [element]}


def test_layers_to_choose_from(tmp_path: Path) -> None:
    PARKS.to_file(tmp_path / "parks.gpkg")
    choices = {"Parks": tmp_path / "parks.gpkg", "Made": lambda: PARKS, "Known": PARKS}

    def clip(
        value: Annotated[Polygons, Param(choices=choices)] = "Parks",
        several: Annotated[list[Polygons] | None, Param(choices=choices)] = None,
    ) -> None:
        """Take layers."""

    parameter, several = parameter_of(clip), parameter_of(clip, "Several")
    assert parameter.default_value == parameter.data_type.schema()
    limits = parameter.limits()
    assert limits["choiceList"] == ["Parks", "Made", "Known"]
    assert limits["filter"]["list"][0] == {
        "dataType": "GPFeatureRecordSetLayer",
        "name": "Parks",
        "value": parameter.data_type.schema(),
    }
    for raw in ("", json.dumps(parameter.default_value), "Parks", '"Made"', "Known"):
        assert parameter.read(raw)["name"].tolist() == ["a"]
    assert [len(frame) for frame in several.read('["Parks", "Known"]')] == [1, 1]
    assert several.read("") is None
    for raw in ("Roads", '{"features": []}', str(tmp_path / "parks.gpkg")):
        assert "ERROR 000800: Value: The value is not a member of Parks | Made | Known." in refusal(
            parameter, raw
        )


def test_rasters_and_files_to_choose_from(tmp_path: Path) -> None:
    write_raster(Raster(np.ones((2, 2)), (0, 0, 1, 1), 4326), tmp_path / "dem.tif")
    raster = of(Annotated[Raster, Param(choices={"Heights": tmp_path / "dem.tif"})])
    assert (raster.read("Heights").values == 1).all()
    file = of(Annotated[Path, Param(choices={"Manual": tmp_path / "manual.pdf"})])
    assert file.read("Manual") == tmp_path / "manual.pdf"


LINES = {"type": "featureClass", "list": ["esriGeometryPolyline"]}
BOXES = {"type": "featureClass", "list": ["esriGeometryPoint", "esriGeometryEnvelope"]}
DOUBLES = {"type": "field", "list": ["esriFieldTypeDouble"]}
FILES = {"type": "file", "list": ["zip", ".TXT"]}
BOX = {"xmin": 0, "ymin": 0, "xmax": 1, "ymax": 1}
TEXT_FIELD, DOUBLE_FIELD = ({"name": "a", "type": f"esriFieldType{kind}"} for kind in ("String", "Double"))


@pytest.mark.parametrize(
    ("annotation", "filter_", "raw", "text"),
    [
        (Path, FILES, {"url": "http://x/a.pdf"}, 'The file "a.pdf" is of no type that is taken: zip, .TXT.'),
        (Features, LINES, {"x": 1, "y": 2}, "are esriGeometryPoint, but esriGeometryPolyline are expected"),
        (Field, DOUBLES, TEXT_FIELD, "The field a is esriFieldTypeString"),
        (Field, DOUBLES, "a", "The field a has no type"),
        (list[int], {"type": "range", "minimum": 2}, "[3, 1]", "1 is less than the minimum, 2"),
    ],
)
def test_filters(annotation: Any, filter_: Any, raw: Any, text: str, tmp_path: Path) -> None:
    parameter = of(Annotated[annotation, Param(filter=filter_)])
    assert parameter.limits()["filter"] == filter_
    told = refusal(parameter, raw, Files(tmp_path, "a.pdf"))
    assert told.startswith("Value: ")
    assert text in told


@pytest.mark.parametrize(
    ("annotation", "filter_", "raw"),
    [
        (Path, FILES, {"url": "http://x/a"}),
        (Features, BOXES, {"x": 1, "y": 2}),
        (Features, BOXES, BOX),
        (Field, DOUBLES, DOUBLE_FIELD),
        (list[float], {"type": "range", "maximum": 5}, "5;4"),
    ],
)
def test_filters_let_pass(annotation: Any, filter_: Any, raw: Any, tmp_path: Path) -> None:
    parameter = of(Annotated[annotation, Param(filter=filter_)])
    assert parameter.read(raw, Files(tmp_path, "a.ZIP")) is not None


def test_declared_fields_are_a_schema_and_types() -> None:
    fields = {"name": str, "people": int, "since": datetime}
    parameter = of(Annotated[Points, Param(fields=fields)])
    schema = parameter.default_value
    assert [(field["name"], field["type"]) for field in schema["fields"]] == [
        ("name", "esriFieldTypeString"),
        ("people", "esriFieldTypeInteger"),
        ("since", "esriFieldTypeDate"),
    ]
    features = [{"geometry": {"x": 1, "y": 2}, "attributes": {"people": "5", "since": 0}}]
    read = parameter.read({"features": features})
    assert (read["people"].dtype, read["since"].dtype) == ("int64", "datetime64[ms]")
    assert parameter.data_type.decode(schema) is None
    table = of(Annotated[Table, Param(fields=fields)])
    assert table.default_value["fields"] == schema["fields"]
    assert table.read([{"people": "5"}])["people"].tolist() == [5]


def test_a_field_depends_on_features() -> None:
    def summarize(
        input_features: Features, value: Annotated[Field, Param(dependency="input_features")]
    ) -> None:
        """Take a field."""

    assert parameter_of(summarize).limits() == {"dependency": "Input_Features"}
    found = task_of(summarize)
    assert found is not None
    features = {"features": [{"geometry": {"x": 1, "y": 2}, "attributes": {"Area": 5}}]}
    assert found.arguments({"Input_Features": features, "Value": "AREA"})["value"] == Field("AREA")
    with pytest.raises(InvalidValue) as raised:
        found.arguments({"Input_Features": features, "Value": "height"})
    assert str(raised.value) == "ERROR 000728: Value: Field height does not exist within table"


def test_pages_of_features_become_one_frame(tmp_path: Path) -> None:
    wgs84, mercator = ({"spatialReference": {"wkid": wkid}} for wkid in (4326, 3857))
    fields = {"fields": [{"name": "a", "type": "esriFieldTypeInteger"}]}
    first, second = {"x": 1, "y": 2}, {"x": 0, "y": 0}
    third = {"type": "Point", "coordinates": [5, 6]}
    pages = {
        "0.json": {"features": [{"geometry": first, "attributes": {"a": 1}}]} | wgs84 | fields,
        "1.json": {"features": [{"geometry": second, "attributes": {"a": 2}}]} | mercator,
        "2.json": {"features": []} | wgs84 | fields,
        "3.geojson": {"type": "Feature", "geometry": third, "properties": {"a": 3}},
    }
    for name, page in pages.items():
        (tmp_path / name).write_text(json.dumps(page))
    CENTRES.drop(columns="name").assign(a=4).to_file(tmp_path / "4.gpkg")
    source = Files(tmp_path, *pages, "4.gpkg")
    read = of(Points).read({"url": "https://example.com/FeatureServer/0"}, source)
    assert read["a"].tolist() == [1, 2, 3, 4]
    assert read.crs == 4326
    assert shapely.get_coordinates(read.geometry).round(6).tolist() == [[1, 2], [0, 0], [5, 6], [0.5, 0.5]]
    table = of(Table).read({"url": "https://example.com/FeatureServer/0"}, source)
    assert type(table) is pd.DataFrame
    assert table["a"].tolist() == [1, 2, 3, 4]
    assert "geometry" not in table


def test_pages_that_do_not_know_everything(tmp_path: Path) -> None:
    """A page without values in a column, one without a reference, one without geometry."""
    fields = {
        "fields": [
            {"name": "a", "type": "esriFieldTypeString"},
            {"name": "n", "type": "esriFieldTypeInteger"},
        ]
    }
    rows = [{"a": None, "n": None}, {"a": "x", "n": 1}, {"a": "y", "n": 2}]
    geometries = [{"x": 1, "y": 2}, {"x": 3, "y": 4}, None]
    references = [{"spatialReference": {"wkid": 4326}}, {}, {"spatialReference": {"wkid": 4326}}]
    for number, (row, geometry, reference) in enumerate(zip(rows, geometries, references, strict=True)):
        page = {"features": [{"attributes": row, "geometry": geometry}]} | reference | fields
        (tmp_path / f"{number}.json").write_text(json.dumps(page))
    read = of(Points).read({"itemID": "i1"}, Files(tmp_path, "0.json", "1.json", "2.json"))
    assert read["n"].tolist() == [pd.NA, 1, 2]
    assert [*read["a"][1:]] == ["x", "y"]
    assert read.geometry.isna().tolist() == [False, False, True]
    assert read.crs == 4326


def test_files_that_are_no_features(tmp_path: Path) -> None:
    (tmp_path / "a.gpkg").write_bytes(b"SQLite format 3\x00")
    (tmp_path / "a.pbf").write_bytes(b"no")
    (tmp_path / "a.json").write_text("no")
    for name in ("a.gpkg", "a.pbf", "a.json"):
        assert refusal(of(Points), {"url": "https://example.com/a"}, Files(tmp_path, name)).startswith(
            "Value: "
        )
