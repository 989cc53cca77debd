"""Imports and exports: what goes out comes back, read by pandas, GeoPandas and openpyxl."""

from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from gpserver.context import JobContext
from gpserver.errors import Conflict, InvalidValue, NotFound
from gpserver.evergis.interchange import data_schema, interchange
from gpserver.evergis.parameters import read_parameters
from gpserver.evergis.queries import Tally
from gpserver.layers import Layers, open_layers

FACTS = {
    "name": ["Дом", "b", None],
    "floors": pd.array([1, None, 3], "Int32"),
    "rent": [1.5, None, -2.0],
    "built": pd.to_datetime(["2001-02-03T04:05:06", None, "1999-12-31T00:00:00"]),
}
PLACES = gpd.GeoDataFrame(
    FACTS, geometry=gpd.points_from_xy([37.6, 37.7, 37.8], [55.7, 55.8, 55.9]), crs=4326
)


@pytest.fixture
def layers(tmp_path: Path) -> Layers:
    found = open_layers(tmp_path / "layers").seen_by("u")
    found.write("u.places", PLACES)
    return found


def run(layers: Layers, tmp_path: Path, **parameters: Any) -> Tally:
    job = JobContext(layers=layers, scratch=tmp_path / "scratch")
    return interchange(job, read_parameters("importExport", parameters), lambda done, of: None)


def exported(layers: Layers, tmp_path: Path, kind: str, name: str, **more: Any) -> Path:
    source = {"source_type": "layer", "source_layer": {"layerName": "u.places"}}
    run(layers, tmp_path, **source, target_type=kind, target_fileName=name, **more)
    return layers.resources.file(name)


def uploaded(layers: Layers, tmp_path: Path, name: str, text: str) -> str:
    path = tmp_path / "incoming"
    path.write_text(text, "utf-8")
    return layers.resources.add_file(path, name).id


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("gpkg", "out.gpkg"),
        ("geojson", "out.geojson"),
        ("shape", "out.zip"),
        ("csv", "out.csv"),
        ("excel", "out.xlsx"),
    ],
)
def test_what_was_exported_is_imported_again(layers: Layers, tmp_path: Path, kind: str, name: str) -> None:
    wkt = {"target_isWkt": True, "target_coordSourceFields": ["shape"]} if kind in ("csv", "excel") else {}
    path = exported(layers, tmp_path, kind, name, **wkt)
    back = {"source_isWkt": True, "source_coordSourceFields": ["shape"]} if wkt else {}
    resource = next(item.id for item in layers.resources.listing("") if item.name == name)
    target = {"target_type": "layer", "target_layer": {"name": "u.back", "alias": "Back"}}
    tally = run(layers, tmp_path, source_type=kind, source_fileName=resource, **back, **target)
    assert tally == (3, 3, {})
    frame = layers.read("u.back")
    assert path.is_file()
    assert layers.find("u.back").alias == "Back"
    assert frame["name"].tolist()[:2] == ["Дом", "b"]
    assert frame["floors"].isna().tolist() == [False, True, False]
    assert frame["rent"].tolist()[::2] == [1.5, -2.0]
    assert frame.to_crs(4326).geometry.geom_equals_exact(PLACES.geometry, 1e-9).all()


def test_points_become_two_columns_in_the_reference_asked_for(layers: Layers, tmp_path: Path) -> None:
    more = {
        "target_coordSourceFields": ["x", "y"],
        "target_spatialReference": 3857,
        "target_columnDelimiter": ";",
    }
    table = pd.read_csv(exported(layers, tmp_path, "csv", "out.csv", **more), sep=";")
    expected = PLACES.to_crs(3857).geometry
    assert table["x"].tolist() == pytest.approx(expected.x.tolist())
    assert table["y"].tolist() == pytest.approx(expected.y.tolist())


def test_a_mapping_chooses_and_renames(layers: Layers, tmp_path: Path) -> None:
    names = {"floors": "storeys", "name": "name", "geometry": "geometry"}
    frame = gpd.read_file(exported(layers, tmp_path, "gpkg", "out.gpkg", attributeMapping=names))
    assert list(frame.columns) == ["storeys", "name", "geometry"]
    plain = exported(layers, tmp_path, "csv", "plain.csv", attributeMapping={"name": "title"})
    assert list(pd.read_csv(plain).columns) == ["title"]


def test_a_csv_with_coordinates_keeps_its_other_columns(layers: Layers, tmp_path: Path) -> None:
    file = uploaded(layers, tmp_path, "in.csv", "lon;lat;code\n37,5;55,5;007\n;;8\n")
    options = {
        "source_coordSourceFields": ["lon", "lat"],
        "source_columnDelimiter": ";",
        "source_spatialReference": 4326,
    }
    target = {"target_type": "layer", "target_layer": {"name": "u.codes", "parentId": "f" * 32}}
    run(
        layers,
        tmp_path,
        source_type="csv",
        source_fileName=file,
        **options,
        **target,
        attributeMapping={"geometry": "geometry"},
    )
    frame = layers.read("u.codes")
    assert frame["code"].tolist() == ["007", "8"]
    assert frame.geometry.isna().tolist() == [False, True]
    assert frame.geometry[0].equals(shapely.Point(37.5, 55.5))
    assert layers.find("u.codes").configuration["parentId"] == "f" * 32


def test_types_and_defaults(layers: Layers, tmp_path: Path) -> None:
    file = uploaded(layers, tmp_path, "in.csv", "n,when\n1,2020-01-01\n,2021-01-01\n")
    run(
        layers,
        tmp_path,
        source_type="csv",
        source_fileName=file,
        target_type="layer",
        target_layer={"name": "u.typed"},
        attributeMapping={"n": "number", "when": "when"},
        attributeTypeMapping={"n": "Int32", "when": "String", "geometry": "Point"},
        defaultValues={"number": 9, "scenario": "base"},
    )
    frame, info = layers.read("u.typed"), layers.find("u.typed")
    assert frame["number"].tolist() == [1, 9]
    assert frame["scenario"].tolist() == ["base", "base"]
    assert {item.name: item.type for item in info.fields} == {
        "number": "Int32",
        "when": "String",
        "scenario": "String",
    }


def test_a_value_that_does_not_fit_its_type_ends_the_import(layers: Layers, tmp_path: Path) -> None:
    file = uploaded(layers, tmp_path, "in.csv", "n\n1\nmany\n")
    target = {"target_type": "layer", "target_layer": {"name": "u.typed"}}
    with pytest.raises(InvalidValue, match="n does not fit its type Int32"):
        run(
            layers,
            tmp_path,
            source_type="csv",
            source_fileName=file,
            **target,
            attributeTypeMapping={"n": "Int32"},
        )
    assert not layers.exists("u.typed")


def test_a_layer_is_copied_through_a_condition(layers: Layers, tmp_path: Path) -> None:
    source = {"source_type": "layer", "source_layer": {"layerName": "u.places", "condition": "rent > 0"}}
    run(layers, tmp_path, **source, target_type="layer", target_layer={"name": "u.dear"})
    assert layers.read("u.dear")["name"].tolist() == ["Дом"]


def test_a_file_is_written_anew_and_a_layer_is_not(layers: Layers, tmp_path: Path) -> None:
    first = exported(layers, tmp_path, "csv", "out.csv")
    second = exported(layers, tmp_path, "csv", "out.csv")
    assert not first.exists()
    assert second.exists()
    with pytest.raises(Conflict, match="table already exist"):
        run(
            layers,
            tmp_path,
            source_type="csv",
            source_fileName="out.csv",
            target_type="layer",
            target_layer={"name": "u.places"},
        )


def test_the_files_of_others_are_not_there(layers: Layers, tmp_path: Path) -> None:
    guarded = open_layers(tmp_path / "layers")
    file = uploaded(layers, tmp_path, "in.csv", "n\n1\n")
    view = guarded.seen_by("u")
    view.resources = guarded.resources.seen_by("v")
    with pytest.raises(NotFound):
        run(
            view,
            tmp_path,
            source_type="csv",
            source_fileName=file,
            target_type="csv",
            target_fileName="x.csv",
        )


def test_the_schema_of_a_table_and_of_a_container(layers: Layers, tmp_path: Path) -> None:
    file = uploaded(layers, tmp_path, "stations.csv", "x,y,n,name\n1,2,3,a\n")
    asked = {"source_type": "csv", "source_fileName": file, "source_coordSourceFields": ["x", "y"]}
    schema = data_schema(layers, asked)
    assert schema["type"] == "csv"
    [layer] = schema["layers"]
    assert layer["name"] == "stations"
    told = {item["attributeName"]: item["type"] for item in layer["attributesConfiguration"]["attributes"]}
    assert told == {"n": "Int64", "name": "String", "geometry": "Point"}
    exported(layers, tmp_path, "gpkg", "out.gpkg", target_layerName="stations")
    [layer] = data_schema(layers, {"source_fileName": "out.gpkg"})["layers"]
    assert (layer["name"], layer["objectCount"]) == ("out", 3) or layer["name"] == "stations"
    with pytest.raises(InvalidValue, match="no layer 'trains'"):
        data_schema(layers, {"source_fileName": "out.gpkg", "source_layerName": "trains"})
