"""CSV, GeoPackages and shapefiles, read back by other programs."""

import csv
import io
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from features.frames import frame_of, stored

from gpserver.features import Selection
from gpserver.formats import Resource, format_for, names_for

GEOMETRIES = {
    "point": ["POINT (1.5 2)", None],
    "multipoint": ["MULTIPOINT ((1 2), (3 4))", None],
    "line": ["LINESTRING (0 0, 1 1)", "MULTILINESTRING ((0 0, 1 1), (2 2, 3 3, 4 4))"],
    "polygon": [
        "POLYGON ((0 0, 0 9, 9 9, 9 0, 0 0), (1 1, 2 1, 2 2, 1 2, 1 1))",
        "MULTIPOLYGON (((0 0, 1 1, 1 0, 0 0)), ((5 5, 5 9, 9 9, 9 5, 5 5)))",
    ],
    "heights": ["POINT Z (1 2 30)", "POINT Z (1 2 40.5)"],
    "high areas": ["POLYGON Z ((0 0 1, 0 9 1, 9 9 2, 0 0 1))", None],
    "none": [None, None],
}


def columns(count: int = 2) -> dict[str, Any]:
    return {
        "text": ['ü "quoted", \n;', None][:count],
        "whole": pd.array([-5, None][:count], "Int16"),
        "big": [2**60, 1][:count],
        "real": [0.1, np.nan][:count],
        "day": pd.to_datetime([1_577_934_245_006, None][:count], unit="ms"),
    }


def written(name: str, frame: pd.DataFrame, folder: Path, **options: Any) -> bytes:
    resource = Resource({}, features=Selection(stored(frame, folder), **options), name="Out")
    body = format_for(name, resource)(resource)
    assert body.file.startswith("Out.")
    return body.content if isinstance(body.content, bytes) else b"".join(body.content)


def table(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"))))


def test_a_table_is_csv(tmp_path):
    text = written("csv", pd.DataFrame(columns()), tmp_path)
    assert text.startswith(b'\xef\xbb\xbf"OBJECTID","text","whole","big","real","day"\n')
    first, second = table(text)
    assert first["text"] == 'ü "quoted", \n;'
    assert (first["whole"], first["big"], first["real"]) == ("-5", str(2**60), "0.1")
    assert first["day"] == "2020-01-02 03:04:05.006"
    assert second == {"OBJECTID": "2", "big": "1", **dict.fromkeys(("text", "whole", "real", "day"), "")}


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_csv_has_every_geometry(tmp_path, geometry):
    frame = frame_of(*geometry, **columns())
    rows = table(written("csv", frame, tmp_path))
    for row, shape in zip(rows, frame.geometry, strict=True):
        if "WKT" in row:
            assert shape is None or shapely.from_wkt(row["WKT"]).equals(shape)
            assert bool(row["WKT"]) == (shape is not None)
        else:
            found = [float(row[axis]) for axis in ("x", "y", "z") if row.get(axis)]
            assert found == (
                [] if shape is None else [*shapely.get_coordinates(shape, include_z=True)[0]][: len(found)]
            )
            assert shape is None or len(found) == (3 if shape.has_z else 2)


def test_csv_without_rows_has_its_names(tmp_path):
    text = written("csv", frame_of("POINT (0 0)", x=[1]), tmp_path, rows=np.zeros(0, np.int32))
    assert text == b'\xef\xbb\xbf"OBJECTID","x","x_1","y"\n'


def test_csv_is_in_the_spatial_reference_asked_for(tmp_path):
    from gpserver.features import parse_spatial_reference

    frame = frame_of("POINT (10 50)")
    [row] = table(written("csv", frame, tmp_path, out_crs=parse_spatial_reference(3857), precision=2))
    assert (row["x"], row["y"]) == ("1113194.91", "6446275.84")


def same(ours: gpd.GeoDataFrame, theirs: gpd.GeoDataFrame) -> None:
    assert len(ours) == len(theirs)
    for mine, other in zip(ours.geometry, theirs.geometry, strict=True):
        assert (other is None) if mine is None else mine.equals(other)
        assert mine is None or mine.has_z == other.has_z


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_a_geopackage_has_everything(tmp_path, geometry):
    frame = frame_of(*geometry, crs=32633, **columns())
    path = tmp_path / "read.gpkg"
    path.write_bytes(written("gpkg", frame, tmp_path))
    back = gpd.read_file(path, engine="pyogrio", fid_as_index=True)
    same(frame, back)
    assert back.crs == frame.crs
    assert back.index.tolist() == [1, 2]
    assert back["text"].isna().tolist() == [False, True]
    assert back["text"][1] == frame["text"][0]
    assert back["big"].tolist() == [2**60, 1]
    assert back["whole"][1] == -5
    assert back["day"][1] == pd.Timestamp("2020-01-02T03:04:05.006Z")
    [[name, kind]] = pyogrio.list_layers(path)
    assert name == "Out"
    assert kind in ("Point", "MultiPoint", "MultiLineString", "MultiPolygon", "Point Z", "MultiPolygon Z")


def test_a_geopackage_keeps_measures_and_tables(tmp_path):
    path = tmp_path / "read.gpkg"
    path.write_bytes(written("gpkg", frame_of("POINT ZM (1 2 3 4)"), tmp_path))
    with sqlite3.connect(path) as database:
        [[blob]] = database.execute("select geom from Out").fetchall()
    assert shapely.from_wkb(blob[40:] if blob[3] & 0x0E else blob[8:]).wkt == "POINT ZM (1 2 3 4)"
    path.write_bytes(written("gpkg", pd.DataFrame(columns()), tmp_path))
    assert gpd.read_file(path, engine="pyogrio")["big"].tolist() == [2**60, 1]


def test_names_that_differ_in_case_stay_apart(tmp_path):
    frame = frame_of("POINT (1 2)").assign(a=[1], A=[2], geom=[3], fid=[4])
    path = tmp_path / "read.gpkg"
    path.write_bytes(written("gpkg", frame, tmp_path))
    back = gpd.read_file(path, engine="pyogrio").drop(columns="geometry")
    assert back.to_dict("records") == [{"a": 1, "A_1": 2, "geom_1": 3, "fid": 4}]


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_a_shapefile_is_a_zip(tmp_path, geometry):
    frame = frame_of(*geometry, crs=32633, **columns())
    path = tmp_path / "read.zip"
    path.write_bytes(written("shapefile", frame, tmp_path))
    names = set(zipfile.ZipFile(path).namelist())
    assert names == {f"Out.{end}" for end in ("shp", "shx", "dbf", "prj", "cpg")}
    back = gpd.read_file(path, engine="pyogrio")
    same(frame, back)
    assert back.crs.to_epsg() == 32633
    assert back["text"][0] == frame["text"][0]
    assert back["day"][0] == "2020-01-02T03:04:05.006Z"  # a date of dBASE has no time
    assert back["big"].tolist() == [2**60, 1]


def test_names_too_long_for_a_shapefile_are_told(tmp_path):
    frame = frame_of("POINT (1 2)").assign(a_very_long_name=[1], a_very_long_other=[2], öööööö=[3])
    archive = zipfile.ZipFile(io.BytesIO(written("shapefile", frame, tmp_path)))
    lines = archive.read("fields.txt").decode().splitlines()
    assert lines == [
        "name\tfield",
        "OBJECTID\tOBJECTID",
        "a_very_lon\ta_very_long_name",
        "a_very_l_1\ta_very_long_other",
        "ööööö\töööööö",
    ]
    (tmp_path / "read.zip").write_bytes(written("shapefile", frame, tmp_path))
    back = gpd.read_file(tmp_path / "read.zip", engine="pyogrio")
    assert back.drop(columns="geometry").to_dict("records") == [
        {"OBJECTID": 1, "a_very_lon": 1, "a_very_l_1": 2, "ööööö": 3}
    ]


@pytest.mark.parametrize("name", ["csv", "gpkg", "shapefile"])
def test_nothing_stays_on_disk(tmp_path, monkeypatch, name):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    frame = frame_of(*["POINT (1 2)"] * 1000, n=range(1000))
    resource = Resource({}, features=Selection(stored(frame, tmp_path)), name="Out")
    pieces = iter(format_for(name, resource)(resource).content)
    next(pieces)
    assert list((tmp_path / "temporary").iterdir()) == []
    list(pieces)


def test_formats_are_offered_where_they_fit(tmp_path):
    features = Selection(stored(frame_of("POINT (0 0)"), tmp_path))
    assert set(names_for(Resource({}, features=features))) >= {"json", "html", "geojson", "csv", "shapefile"}
    rows = Selection(stored(pd.DataFrame({"a": [1]}), tmp_path))
    assert "shapefile" not in names_for(Resource({}, features=rows))
    assert "gpkg" in names_for(Resource({}, features=rows))
    assert not {"csv", "kmz", "geojson"} & set(names_for(Resource({})))


@pytest.mark.parametrize(("name", "end"), [("gpkg", "gpkg"), ("shapefile", "zip")])
def test_what_is_nowhere_is_a_file_all_the_same(tmp_path, name, end):
    path = tmp_path / f"read.{end}"
    path.write_bytes(written(name, frame_of("POINT (1 2)", crs=None), tmp_path))
    back = gpd.read_file(path, engine="pyogrio")
    assert back.geometry[0].wkt == "POINT (1 2)"
    assert back.crs.type_name == "Engineering CRS"
