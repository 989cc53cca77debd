"""Files into frames and back: values survive, traps are named, and no file reads another one."""

import zipfile
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely
from pandas.testing import assert_series_equal

from gpserver.errors import InvalidValue
from gpserver.layers.files import describe_file, read_file, write_file
from gpserver.layers.options import FileOptions

MOMENTS = pd.to_datetime(["2024-05-01T12:30:00.125", None, "1969-12-31T23:59:59"], format="ISO8601")


def people() -> gpd.GeoDataFrame:
    columns = {
        "name": ["Анна", None, 'He said "hi"; \n left'],
        "big": pd.array([2**62 + 1, None, -5], "Int64"),
        "share": [0.1, None, -2.5e-9],
        "adult": pd.array([True, None, False], "boolean"),
        "born": MOMENTS,
    }
    shapes = [shapely.box(0, 0, 1, 1), None, shapely.box(2, 2, 3, 3).union(shapely.box(5, 5, 6, 6))]
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=4326)


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".csv", ".xlsx"])
def test_values_survive_a_file(tmp_path: Path, suffix: str) -> None:
    path, frame = tmp_path / f"people{suffix}", people()
    if suffix == ".xlsx":
        frame["big"] = pd.array([2**50 + 1, None, -5], "Int64")  # a cell is a double
    write_file(frame, path)
    back = read_file(path, FileOptions(coordinates=("geometry",), wkt=True))
    assert list(back["name"].where(back["name"].notna(), None)) == list(frame["name"])
    assert list(back["big"].astype("Int64").fillna(0)) == list(frame["big"].fillna(0))
    assert_series_equal(back["share"].astype(float), frame["share"])
    assert list(back["adult"].astype("boolean").fillna(False)) == [True, False, False]
    assert list(pd.to_datetime(back["born"]).dropna().astype("datetime64[ms]")) == list(MOMENTS.dropna())
    assert back.crs == 4326
    assert list(back.geometry.isna()) == [False, True, False]
    assert back.geometry.dropna().geom_equals(frame.geometry.dropna()).all()


def test_a_shapefile_comes_and_goes_in_an_archive(tmp_path: Path) -> None:
    frame = people()[["name", "share", "geometry"]].iloc[[0, 2]]
    write_file(frame, tmp_path / "people.zip")
    with zipfile.ZipFile(tmp_path / "people.zip") as archive:
        assert {".shp", ".dbf", ".shx", ".prj", ".cpg"} == {Path(name).suffix for name in archive.namelist()}
    back = read_file(tmp_path / "people.zip")
    assert back["name"][0] == "Анна"
    assert back.crs == 4326
    assert shapely.area(back.geometry).sum() == pytest.approx(3)


def test_a_shapefile_cuts_long_texts_and_names(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame({"a_rather_long_name": ["x" * 300]}, geometry=[shapely.Point(1, 2)], crs=4326)
    frame = frame.assign(document=[{"a": [1]}], moment=MOMENTS[:1])
    write_file(frame, tmp_path / "long.zip")
    back = read_file(tmp_path / "long.zip")
    assert back["a_rather_l"][0] == "x" * 254
    assert back["document"][0] == '{"a":[1]}'
    assert str(back["moment"][0]).startswith("2024-05-01")


def test_a_kmz_is_read_and_lies_on_the_globe(tmp_path: Path) -> None:
    write_file(people().iloc[[0]].to_crs(3857), tmp_path / "people.kml")
    with zipfile.ZipFile(tmp_path / "people.kmz", "w") as archive:
        archive.write(tmp_path / "people.kml", "doc.kml")
    back = read_file(tmp_path / "people.kmz")
    assert back.crs == 4326
    assert back.total_bounds == pytest.approx([0, 0, 1, 1])


@pytest.mark.parametrize("option", ["", "cp1251"])
def test_a_shapefile_of_windows(tmp_path: Path, option: str) -> None:
    folder = tmp_path / "shape"
    folder.mkdir()
    frame = gpd.GeoDataFrame({"имя": ["Привет", "Ёлка"]}, geometry=gpd.points_from_xy([37, 38], [55, 56]))
    with pytest.warns(UserWarning, match="crs"):
        pyogrio.write_dataframe(frame, folder / "old.shp", encoding="CP1251")
    if option:
        (folder / "old.cpg").unlink()
    else:
        (folder / "old.cpg").write_text("1251")
    with zipfile.ZipFile(tmp_path / "old.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"folder/{file.name}")
    back = read_file(tmp_path / "old.zip", FileOptions(encoding=option, spatial_reference=3857))
    assert list(back["имя"]) == ["Привет", "Ёлка"]
    assert back.crs == 3857  # the file does not say


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("id,x,y\n1,37.62,55.75\n", FileOptions(coordinates=("x", "y"))),
        ("id;lat;lon\n1;55,75;37,62\n", FileOptions(coordinates=("lat", "lon"), latitude_first=True)),
        ("id\tplace\n1\t55.75; 37.62\n", FileOptions(coordinates=("place",))),
        ("id,shape\n1,POINT (37.62 55.75)\n", FileOptions(coordinates=("shape",), wkt=True)),
        (
            "id,shape\n1,POINT (55.75 37.62)\n",
            FileOptions(coordinates=("shape",), wkt=True, latitude_first=True),
        ),
        ("id,Lon,Lat\n1,37.62,55.75\n", FileOptions(guess=True)),
        (
            "a title\nid,x,y\nNumber,East,North\n1,37.62,55.75\n",
            FileOptions(coordinates=("x", "y"), name_row=2, alias_row=3, first_row=4, delimiter=","),
        ),
    ],
)
def test_coordinates_of_tables(tmp_path: Path, text: str, options: FileOptions) -> None:
    (tmp_path / "places.csv").write_text(text)
    frame = read_file(tmp_path / "places.csv", options)
    assert list(frame.columns) == ["id", "geometry"]
    assert frame.geometry.iloc[0].equals(shapely.Point(37.62, 55.75))
    assert frame.crs == 4326


def test_nobody_guesses_unasked(tmp_path: Path) -> None:
    (tmp_path / "places.csv").write_text("x,y,code,name\n1,2,007,\n3,4,008,\n")
    frame = read_file(tmp_path / "places.csv")
    assert not isinstance(frame, gpd.GeoDataFrame)
    assert list(frame["code"]) == ["007", "008"]
    assert list(frame["x"]) == [1, 3]
    assert frame["name"].isna().all()


def test_a_text_of_windows(tmp_path: Path) -> None:
    (tmp_path / "places.csv").write_bytes("имя;число\nМосква;1\n".encode("cp1251"))
    assert list(read_file(tmp_path / "places.csv")["имя"]) == ["Москва"]


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("x,y\n1,2\n", FileOptions(coordinates=("lon", "lat")), "no column 'lon'"),
        ("x,y\n1,2\n5,north\n", FileOptions(coordinates=("x", "y")), "Row 2 .* y: 'north'"),
        ("p\n55\n", FileOptions(coordinates=("p",)), "Row 1 has no 'latitude;longitude'"),
        ("p\nPOINT (1\n", FileOptions(coordinates=("p",), wkt=True), "Row 1 has no well-known text"),
        ("a,b\n1,2\n1,2,3\n", FileOptions(), "cannot be read"),
        ("a\n1\n", FileOptions(name_row=5), "no row 5, which"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(
    tmp_path: Path, text: str, options: FileOptions, words: str
) -> None:
    (tmp_path / "places.csv").write_text(text)
    with pytest.raises(InvalidValue, match=words):
        read_file(tmp_path / "places.csv", options)


@pytest.mark.parametrize("suffix", [".kml", ".mif", ".tab", ".gdb"])
def test_formats_that_others_write(tmp_path: Path, suffix: str) -> None:
    drivers = {".kml": "LIBKML", ".mif": "MapInfo File", ".tab": "MapInfo File", ".gdb": "OpenFileGDB"}
    options = {"dataset_options": {"FORMAT": "MIF"}} if suffix == ".mif" else {}
    folder = tmp_path / "data"
    folder.mkdir()
    frame = people()[["name", "share", "geometry"]].iloc[[0]]
    pyogrio.write_dataframe(frame, folder / f"people{suffix}", driver=drivers[suffix], **options)
    with zipfile.ZipFile(tmp_path / "people.zip", "w") as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(folder))
    [layer] = describe_file(tmp_path / "people.zip")
    assert (layer.name, layer.count) == ("people", 1)
    back = read_file(tmp_path / "people.zip", FileOptions(layer="people"))
    assert list(back["name" if "name" in back else "Name"]) == ["Анна"]
    assert shapely.area(back.geometry).sum() == pytest.approx(1, rel=1e-6)


def test_one_layer_of_many(tmp_path: Path) -> None:
    for name in ("roads", "rivers"):
        pyogrio.write_dataframe(people().assign(kind=name), tmp_path / "map.gpkg", layer=name)
    assert [layer.name for layer in describe_file(tmp_path / "map.gpkg")] == ["roads", "rivers"]
    assert set(read_file(tmp_path / "map.gpkg", FileOptions(layer="rivers"))["kind"]) == {"rivers"}
    with pytest.raises(InvalidValue, match="no layer 'lakes'; it has roads, rivers"):
        read_file(tmp_path / "map.gpkg", FileOptions(layer="lakes"))


@pytest.mark.parametrize("suffix", [".gpkg", ".kml", ".geojson", ".shp", ".tab"])
def test_no_file_reads_another(tmp_path: Path, suffix: str) -> None:
    write_file(people(), tmp_path / "secret.gpkg")
    inner = f"<SrcDataSource>{tmp_path / 'secret.gpkg'}</SrcDataSource>"
    text = f'<OGRVRTDataSource><OGRVRTLayer name="secret">{inner}</OGRVRTLayer></OGRVRTDataSource>'
    for number, content in enumerate([text, f"<!-- kml --> {text}", '{"type": "gdal_streamed_alg"}']):
        path = tmp_path / f"bad{number}{suffix}"
        path.write_text(content)
        with pytest.raises(InvalidValue, match="not a sound file"):
            read_file(path)


@pytest.mark.parametrize("name", ["x.exe", "x.vrt", "x", "x.xls"])
def test_other_types_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("<OGRVRTDataSource/>")
    with pytest.raises(InvalidValue, match="are not read"):
        read_file(tmp_path / name)
    with pytest.raises(InvalidValue, match="are not written"):
        write_file(people(), tmp_path / name)


@pytest.mark.parametrize("name", ["x.xlsx", "x.kmz", "x.zip", "x.gpkg", "x.csv"])
def test_rubbish_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04 rubbish \xff\xfe" * 9)
    with pytest.raises(InvalidValue):
        read_file(tmp_path / name)
