"""Named layers: what is written is read, names are names, and a write is all or nothing."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely import MultiPolygon, Point, Polygon, box

from gpserver.eql import read_condition
from gpserver.errors import Conflict, InvalidValue, NotFound
from gpserver.layers import Attribute, LayerInfo, Layers

EVERY_TYPE = (
    Attribute("text"),
    Attribute("small", "Int32"),
    Attribute("big", "Int64"),
    Attribute("real", "Double"),
    Attribute("moment", "DateTime"),
    Attribute("truth", "Boolean"),
    Attribute("document", "Json"),
    Attribute("envelope", "Polygon"),
)
MOMENT = datetime(1899, 12, 31, 23, 59, 59, 123456)
ROWS = {
    "text": ["Ёж \"'\\\n;,", "", None, "NULL"],
    "small": [-(2**31), 2**31 - 1, None, 0],
    "big": [2**62 + 1, -(2**63), None, 0],
    "real": [0.1 + 0.2, -1e-300, None, 0.0],
    "moment": [MOMENT, datetime(9999, 1, 1), None, datetime(1970, 1, 1)],
    "truth": [True, False, None, True],
    "document": [{"a": [1, None, "ü"]}, [], None, "text"],
    "envelope": [box(0, 0, 1, 1), Polygon(), None, box(1, 1, 2, 2)],
}
POINTS = [Point(37.6, 55.7), Point(), None, Point(-180, 90)]


def plain(values: Iterable[Any]) -> list[Any]:
    """Python values, None for null, geometries as text."""
    values = values if isinstance(values, list) else values.tolist()
    return [
        None
        if value is None or value is pd.NA or value is pd.NaT or value != value
        else getattr(value, "wkt", value)
        for value in values
    ]


def full() -> gpd.GeoDataFrame:
    columns = {
        name: pd.array(values, {"small": "Int32", "big": "Int64", "truth": "boolean"}[name])
        if name in ("small", "big", "truth")
        else values
        for name, values in ROWS.items()
    }
    return gpd.GeoDataFrame(columns, geometry=POINTS, crs=4326)


def squares(count: int = 3) -> gpd.GeoDataFrame:
    shapes = [box(n, 0, n + 1, 1) for n in range(count)]
    return gpd.GeoDataFrame(
        {"n": range(count), "name": [f"s{n}" for n in range(count)]}, geometry=shapes, crs=3857
    )


def test_every_value_survives(layers: Layers) -> None:
    info = LayerInfo("u.all", EVERY_TYPE, geometry_type="Point", sr_id=4326)
    assert layers.create(info).count == 0
    assert list(layers.append("u.all", full())) == [1, 2, 3, 4]
    frame = layers.read("u.all")
    assert list(frame.columns) == ["gid", *ROWS, "geometry"]
    assert frame.crs == 4326
    for name, sent in ROWS.items():
        assert plain(frame[name]) == plain(sent), name
    assert plain(frame.geometry) == plain(POINTS)
    assert (frame["small"].dtype, frame["big"].dtype, frame["truth"].dtype) == ("Int32", "Int64", "boolean")


def test_an_empty_layer_keeps_its_types(layers: Layers) -> None:
    layers.create(LayerInfo("u.empty", EVERY_TYPE, geometry_type="Point", sr_id=3857))
    frame = layers.read("u.empty")
    assert (len(frame), frame.crs) == (0, 3857)
    kinds = dict(frame.dtypes.astype(str))
    assert (kinds["small"], kinds["big"], kinds["real"], kinds["truth"]) == (
        "int32",
        "int64",
        "float64",
        "bool",
    )
    assert kinds["moment"] == "datetime64[us]"
    assert layers.find("u.empty").names == ("gid", *ROWS, "geometry")
    assert layers.extent("u.empty") is None
    assert list(layers.append("u.empty", frame)) == []


def test_a_table_has_no_geometry(layers: Layers) -> None:
    info = layers.write("u.table", pd.DataFrame({"a": [1, 2]}))
    assert (info.kind, info.geometry_attribute, info.sr_id, info.count) == ("table", None, None, 2)
    frame = layers.read("u.table")
    assert not isinstance(frame, gpd.GeoDataFrame)
    assert frame.to_dict("list") == {"gid": [1, 2], "a": [1, 2]}
    assert layers.extent("u.table") is None


def test_a_layer_of_a_frame_infers_its_types(layers: Layers) -> None:
    frame = (
        full()
        .drop(columns="envelope")
        .assign(document=[{}, [], None, {"a": 1}])
        .rename(columns={"text": "gid", "small": "Имя колонки"})
    )
    frame = frame.assign(GID=[1, 2, 3, 4], day=pd.Timestamp("2024-01-01").date()).rename_geometry("shape")
    info = layers.write("u.inferred", frame)
    types = {item.name: item.type for item in info.attributes}
    assert types == {
        "gid": "Int64",
        "Имя колонки": "Int32",
        "big": "Int64",
        "real": "Double",
        "moment": "DateTime",
        "truth": "Boolean",
        "document": "Json",
        "GID_1": "Int64",
        "day": "DateTime",
        "geometry": "Point",
    }
    assert (info.geometry_type, info.sr_id, info.count) == ("Point", 4326, 4)


def test_a_second_geometry_is_an_attribute(layers: Layers) -> None:
    columns = {
        "centre": gpd.GeoSeries([Point(0, 0)], crs=4326),
        "any": gpd.GeoSeries([Point(1, 1)], crs=3857),
    }
    columns["any"] = pd.concat(
        [columns["any"], gpd.GeoSeries([box(0, 0, 1, 1)], crs=3857)], ignore_index=True
    )
    info = layers.write("u.two", gpd.GeoDataFrame(columns, geometry=[box(0, 0, 1, 1), None], crs=3857))
    assert [item.type for item in info.attributes] == ["Int64", "Point", "GeometryCollection", "MultiPolygon"]
    frame = layers.read("u.two")
    assert frame["centre"].crs == frame["any"].crs == frame.crs == 3857
    assert list(frame["any"].geom_type) == ["Point", "Polygon"]


def test_odd_frames(layers: Layers) -> None:
    assert layers.write("u.plain", gpd.GeoDataFrame({"a": [1]})).kind == "table"
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    assert layers.write("u.twice", twice).names == ("gid", "a", "a_1")
    layers.append("u.twice", twice)
    assert list(layers.read("u.twice")["a"]) == [1, 1]
    lambert = gpd.GeoDataFrame(geometry=[Point(0, 0)], crs="+proj=laea +lat_0=50 +lon_0=10")
    assert layers.write("u.lambert", lambert).sr_id == 4326
    assert layers.extent("u.lambert") == pytest.approx((10, 50, 10, 50))
    assert layers.write("u.empty", gpd.GeoDataFrame({"a": []}, geometry=[], crs=4326)).geometry_type is None
    with pytest.raises(InvalidValue, match="bytes"):
        layers.write("u.bytes", pd.DataFrame({"a": [b"x"]}))


def test_what_a_layer_inherits(layers: Layers) -> None:
    first = layers.write("u.first", squares())
    renamed = tuple(replace(item, alias=item.name.upper()) for item in first.attributes)
    first = layers.change("u.first", alias="First", description="All", attributes=renamed)
    assert first.version == layers.find("u.first").version
    heir = layers.write("u.heir", squares(1), like=first)
    assert (heir.alias, heir.description, heir.attribute("name").alias) == ("First", "All", "NAME")
    assert len(layers.read("u.first")) == 3


def test_rows_are_found_by_id_and_condition(layers: Layers) -> None:
    layers.write("u.squares", squares(10))
    assert list(layers.read("u.squares", ["name"], ids=[7, 2, 99])["name"]) == ["s1", "s6"]
    assert list(layers.read("u.squares", ["geometry"]).columns) == ["gid", "geometry"]
    condition = read_condition("n > 7 && name != 's9'")
    assert list(layers.read("u.squares", [], condition).columns) == ["gid"]
    assert list(layers.read("u.squares", ["n"], condition)["n"]) == [8]
    assert layers.extent("u.squares") == (0, 0, 10, 1)
    for ids in (["x"], [2**63], [None]):
        with pytest.raises(InvalidValue, match="whole numbers of 64 bits"):
            layers.delete("u.squares", ids)
    with pytest.raises(InvalidValue, match="no attribute 'x'; it has gid, n, name, geometry"):
        layers.read("u.squares", ["x"])


def test_rows_are_changed_and_removed(layers: Layers) -> None:
    layers.write("u.squares", squares(5))
    change = gpd.GeoDataFrame(
        {"gid": [4, 2, 77], "name": ["four", None, "?"]}, geometry=[box(9, 9, 10, 10)] * 3
    )
    assert list(layers.update("u.squares", change)) == [2, 4]
    assert list(layers.delete("u.squares", [1, 5, 5, 88])) == [1, 5]
    assert list(layers.append("u.squares", squares(1))) == [6]
    frame = layers.read("u.squares")
    assert list(frame["gid"]) == [2, 3, 4, 6]
    assert list(frame["n"]) == [1, 2, 3, 0]
    assert list(frame["name"].fillna("-")) == ["-", "s2", "four", "s0"]
    assert layers.find("u.squares").count == 4
    assert layers.extent("u.squares") == (0, 0, 10, 10)
    assert list(layers.update("u.squares", pd.DataFrame({"gid": [3, 1]}))) == [3]
    for wrong in ({"name": ["a"]}, {"gid": [2, 2]}, {"gid": pd.array([2, None], "Int64")}):
        with pytest.raises(InvalidValue, match="ids"):
            layers.update("u.squares", pd.DataFrame(wrong))


def test_attributes_come_and_go(layers: Layers) -> None:
    info = layers.write("u.squares", squares())
    attributes = (*info.attributes, Attribute("area", "Double"), Attribute("label"))
    attributes = tuple(item for item in attributes if item.name not in ("n", "name"))
    number = Attribute("number", "String", alias="N")
    info = layers.change("u.squares", attributes=(*attributes, number), renamed={"number": "n"})
    assert info.names == ("gid", "area", "label", "number", "geometry")
    assert layers.find("u.squares") == info
    frame = layers.read("u.squares")
    assert list(frame["number"]) == ["0", "1", "2"]
    assert frame["area"].isna().all()
    layers.update("u.squares", pd.DataFrame({"gid": [1], "area": [1.5]}))
    assert list(layers.read("u.squares")["area"].dropna()) == [1.5]
    bad = tuple(replace(item, type="Boolean") if item.name == "number" else item for item in info.attributes)
    with pytest.raises(InvalidValue, match="'2' is neither true nor false"):
        layers.change("u.squares", attributes=bad)
    assert layers.find("u.squares").attribute("number").type == "String"


def test_facts_are_changed_and_names_are_unique(layers: Layers) -> None:
    layers.write("u.a", squares())
    layers.write("u.b", squares(1))
    with pytest.raises(Conflict, match=r"u\.b already exists"):
        layers.change("u.a", name="u.b")
    with pytest.raises(Conflict, match=r"u\.b already exists"):
        layers.write("u.b", squares())
    configuration = {"clientStyle": {"color": "#fff"}, "nested": [1, None]}
    layers.change("u.a", name="u.c", configuration=configuration, shared=True)
    assert [info.name for info in layers.all()] == ["u.b", "u.c"]
    assert layers.find("u.c").configuration == configuration
    assert not layers.exists("u.a")
    layers.drop("u.c")
    for lost in (layers.find, layers.drop, layers.read):
        with pytest.raises(NotFound, match=r"There is no layer u\.c"):
            lost("u.c")
    with pytest.raises(InvalidValue, match="count cannot be changed"):
        layers.change("u.b", count=7)


@pytest.mark.parametrize(
    "name",
    [
        "roads",
        "u.",
        ".u",
        "u..a",
        "../u.a",
        "u./etc/passwd",
        "u.a b",
        "u.a\n",
        "u." + "x" * 300,
        "u.a;--",
        "u.\x00",
    ],
)
def test_names_that_cannot_be(layers: Layers, name: str) -> None:
    with pytest.raises(InvalidValue, match="cannot be named"):
        layers.write(name, squares())
    assert not layers.exists(name)
    assert layers.all() == []


def test_names_of_all_alphabets(layers: Layers) -> None:
    for name in ("анна.дороги", "u.café-1_$", "a@b.c.道路"):
        layers.write(name, squares(1))
        assert layers.find(name).count == 1


@pytest.mark.parametrize("name", ["", "a" * 64, "tab\t", "N"])
def test_attributes_that_cannot_be(layers: Layers, name: str) -> None:
    with pytest.raises(InvalidValue, match="attribute"):
        layers.create(LayerInfo("u.a", (Attribute("n"), Attribute(name))))


def test_attribute_names_are_never_code(layers: Layers) -> None:
    names = ['"; DROP TABLE gpserver.layers; --', "select", "a%s", "имя", "geometry; --", "{}", "$1"]
    layers.write("u.names", gpd.GeoDataFrame({name: [1] for name in names}, geometry=[Point(1, 2)], crs=4326))
    layers.update("u.names", pd.DataFrame({"gid": [1], names[0]: [5]}))
    frame = layers.read("u.names", names)
    assert [frame[name][0] for name in names] == [5, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("kind", "shape", "there"),
    [
        ("MultiPolygon", box(0, 0, 1, 1), MultiPolygon([box(0, 0, 1, 1)])),
        ("Polygon", MultiPolygon([box(0, 0, 1, 1)]), box(0, 0, 1, 1)),
        ("MultiPoint", Point(1, 2), shapely.MultiPoint([(1, 2)])),
        ("MultiPolygon", Polygon(), MultiPolygon()),
        ("Polygon", shapely.GeometryCollection(), Polygon()),
        (
            "LineString",
            shapely.LinearRing([(0, 0), (1, 0), (1, 1)]),
            shapely.LineString([(0, 0), (1, 0), (1, 1), (0, 0)]),
        ),
        ("Point", Point(1, 2, 3), Point(1, 2)),
        (None, Point(1, 2), Point(1, 2)),
        ("GeometryCollection", box(0, 0, 1, 1), box(0, 0, 1, 1)),
    ],
)
def test_geometries_fit_their_layer(layers: Layers, kind: str | None, shape: object, there: object) -> None:
    layers.create(LayerInfo("u.shapes", geometry_type=kind, sr_id=3857))
    layers.append("u.shapes", gpd.GeoDataFrame(geometry=[None, shape], crs=3857))
    assert plain(layers.read("u.shapes").geometry) == plain([None, there])


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("MultiPolygon", Point(1, 2)),
        ("Polygon", MultiPolygon([box(0, 0, 1, 1), box(2, 2, 3, 3)])),
        ("MultiPolygon", shapely.GeometryCollection([box(0, 0, 1, 1)])),
    ],
)
def test_other_geometries_are_refused(layers: Layers, kind: str, shape: object) -> None:
    layers.create(LayerInfo("u.shapes", geometry_type=kind, sr_id=3857))
    with pytest.raises(InvalidValue, match=f"of the type {kind}, but row 2 is a {shape.geom_type}"):
        layers.append("u.shapes", gpd.GeoDataFrame(geometry=[None, shape], crs=3857))
    assert layers.find("u.shapes").count == 0


def test_geometries_are_reprojected(layers: Layers) -> None:
    layers.create(LayerInfo("u.web", geometry_type="Point", sr_id=102100))
    assert layers.find("u.web").sr_id == 3857
    layers.append("u.web", gpd.GeoDataFrame(geometry=[Point(180, 0)], crs=4326))
    layers.append("u.web", gpd.GeoDataFrame(geometry=[Point(7, 7)]))  # silent: as it stands
    points = layers.read("u.web").geometry
    assert points.x.tolist() == pytest.approx([20037508.342789, 7])
    with pytest.raises(InvalidValue, match=r"1 geometries have no place in .*EPSG:3857.* row 2"):
        layers.append("u.web", gpd.GeoDataFrame(geometry=[Point(0, 0), Point(0, 91)], crs=4326))
    layers.create(LayerInfo("u.old", geometry_type="Point", sr_id=84))
    assert layers.find("u.old").sr_id == 4326
    with pytest.raises(InvalidValue, match="Unknown spatial reference"):
        layers.create(LayerInfo("u.none", geometry_type="Point", sr_id=123456))


@pytest.mark.parametrize(
    ("kind", "sent", "there"),
    [
        ("String", [1, 2.5, True, datetime(2024, 1, 1)], ["1", "2.5", "true", "2024-01-01T00:00:00"]),
        ("Int64", ["12", " 7 ", "", 3.0], [12, 7, None, 3]),
        ("Int32", [True, False], [1, 0]),
        ("Double", ["1e3", "", "7"], [1000, None, 7]),
        ("Boolean", [1, 0, None], [True, False, None]),
        ("Boolean", ["True", "f", "1", ""], [True, False, True, None]),
        (
            "DateTime",
            ["2024-05-01T10:00:00+03:00", "2024-05-01", "", None],
            [datetime(2024, 5, 1, 7), datetime(2024, 5, 1), None, None],
        ),
        ("DateTime", [0, 1_500], [datetime(1970, 1, 1), datetime(1970, 1, 1, 0, 0, 1, 500_000)]),
        ("DateTime", [datetime(2024, 1, 1, 3, tzinfo=UTC)], [datetime(2024, 1, 1, 3)]),
        ("Json", [np.array([1, 2]), 5, "x"], [[1, 2], 5, "x"]),
    ],
)
def test_values_are_converted_to_their_type(
    folder_layers: Layers, kind: str, sent: list[object], there: list[object]
) -> None:
    folder_layers.create(LayerInfo("u.t", (Attribute("a", kind),), geometry_attribute=None))
    folder_layers.append("u.t", pd.DataFrame({"a": pd.Series(sent, dtype=object)}))
    assert plain(folder_layers.read("u.t")["a"]) == there


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("Int64", 1.5),
        ("Int32", 2**31),
        ("Int64", "x"),
        ("Double", "x"),
        ("Boolean", "maybe"),
        ("DateTime", "soon"),
    ],
)
def test_values_that_do_not_fit_are_named(folder_layers: Layers, kind: str, value: object) -> None:
    folder_layers.create(LayerInfo("u.t", (Attribute("a", kind),), geometry_attribute=None))
    with pytest.raises(InvalidValue, match=f"the attribute a does not fit its type {kind}"):
        folder_layers.append("u.t", pd.DataFrame({"a": [None, value]}))
