"""KML and KMZ as others read them: the published schema, and GDAL's LIBKML."""

import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import fastkml
import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from features.frames import frame_of, stored
from lxml import etree

from gpserver.errors import InvalidRequest
from gpserver.features import Selection
from gpserver.formats import Body, Resource, format_for
from gpserver.formats.scene import Features, Link, Overlay, Scene
from gpserver.maps.picture import Picture
from gpserver.maps.studio import Studio
from gpserver.symbology import ClassBreaks, Fill, Labels, Line, Marker, Simple, UniqueValue, drawing_info

KML = "{http://www.opengis.net/kml/2.2}"
HOSTILE = "<b>&amp;\"'</b>]]>\x00\x0b\r\n☃𝄞\ufffe"
SHOWN = HOSTILE.translate(dict.fromkeys((0, 0x0B, 0xFFFE)))


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    studio = Studio(tmp_path_factory.mktemp("studio") / "pictures", slots=1)
    studio.start()
    yield studio
    studio.close()


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    """OGC KML 2.2.0, as fastkml carries it."""
    return etree.XMLSchema(etree.parse(Path(fastkml.__file__).parent / "schema" / "ogckml22.xsd"))


def written(studio, name: str, *parts: Any) -> bytes:
    scene = Scene("Scene & more", parts, studio.draw, lambda path: f"http://gp.test/{path.name}?a=1&b=2")
    resource = Resource({}, scene=lambda: scene, name="Output")
    body: Body = format_for(name, resource)(resource)
    return b"".join(body.content)


def layer(frame: Any, folder: Path, look: Any = None, **options: Any) -> Features:
    data = stored(frame, folder)
    drawing = drawing_info(look, data.geometry_type, data.column)
    return Features("Output", Selection(data, **options), drawing)


def read(kmz: bytes, folder: Path) -> gpd.GeoDataFrame:
    path = folder / "read.kmz"
    path.write_bytes(kmz)
    return gpd.read_file(path, layer="Output", engine="pyogrio")


def buffers(count: int) -> gpd.GeoDataFrame:
    random = np.random.default_rng(1)
    points = shapely.points(random.uniform((400_000, 5_400_000), (600_000, 5_600_000), (count, 2)))
    columns = {
        "title": [f"Buffer {n} <&> ü" for n in range(count)],
        "kind": [f"kind {n % 5}" for n in range(count)],
        "value": np.arange(count) / 3,
        "seen": pd.to_datetime(np.arange(count) * 86_400_000, unit="ms"),
    }
    return gpd.GeoDataFrame(columns, geometry=shapely.buffer(points, 500), crs=32633)


def test_ten_thousand_buffers_open_in_libkml(studio, schema, tmp_path):
    frame = buffers(10_000)
    kmz = written(studio, "kmz", layer(frame, tmp_path, UniqueValue("kind")))
    back = read(kmz, tmp_path)
    assert len(back) == 10_000
    for name in ("title", "kind"):
        assert back[name].tolist() == frame[name].tolist()
    np.testing.assert_array_equal(back["value"], frame["value"])
    assert pd.to_datetime(back["seen"]).dt.tz_localize(None).tolist() == frame["seen"].tolist()
    apart = shapely.hausdorff_distance(back.to_crs(32633).geometry.array, frame.geometry.array)
    assert apart.max() < 0.001  # metres
    document = etree.fromstring(zipfile.ZipFile(BytesIO(kmz)).read("doc.kml"))
    schema.assertValid(document)
    styles = {style.get("id"): style for style in document.iter(f"{KML}Style")}
    used = [url.text.removeprefix("#") for url in document.iter(f"{KML}styleUrl")]
    assert len(used) == 10_000
    assert len(set(used)) == 5
    colors = {style.findtext(f"{KML}PolyStyle/{KML}color") for style in map(styles.get, used)}
    assert len(colors) == 5
    of_kind = dict(zip(frame["kind"], used, strict=True))
    assert [of_kind[kind] for kind in frame["kind"]] == used


GEOMETRIES = {
    "point": ["POINT (1 2)", None, "POINT (3 4)"],
    "multipoint": ["MULTIPOINT ((1 2), (3 4))", None, "MULTIPOINT ((5 6))"],
    "line": ["LINESTRING (0 0, 1 1)", "MULTILINESTRING ((0 0, 1 1), (2 2, 3 3, 4 4))", None],
    "polygon": [
        "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (1 1, 1 2, 2 2, 2 1, 1 1), (3 3, 3 4, 4 4, 4 3, 3 3))",
        "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 9 5, 9 9, 5 9, 5 5), (6 6, 6 7, 7 7, 6 6)))",
        None,
    ],
    "heights": ["POINT Z (1 2 30)", "POINT Z (1 2 40.5)", None],
    "none": [None, None],
}


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
@pytest.mark.parametrize("name", ["kml", "kmz"])
def test_every_geometry_comes_back(studio, schema, tmp_path, geometry, name):
    frame = frame_of(*geometry, text=[HOSTILE, None, "b"][: len(geometry)])
    text = written(studio, name, layer(frame, tmp_path, return_z=True))
    if name == "kmz":
        text = zipfile.ZipFile(BytesIO(text)).read("doc.kml")
    schema.assertValid(etree.fromstring(text))
    (tmp_path / "read.kml").write_bytes(text)
    back = gpd.read_file(tmp_path / "read.kml", engine="pyogrio")
    assert len(back) == len(frame)
    for ours, theirs in zip(frame.geometry, back.geometry, strict=True):
        assert (theirs is None) if ours is None else ours.equals(theirs)
        assert ours is None or ours.has_z == theirs.has_z
    assert back["text"].tolist()[0] == SHOWN


def test_values_that_are_not_there_are_left_out(studio, schema, tmp_path):
    frame = frame_of("POINT (0 0)", "POINT (1 1)", whole=pd.array([1, None], "Int32"), real=[np.nan, np.inf])
    document = etree.fromstring(written(studio, "kml", layer(frame, tmp_path)))
    schema.assertValid(document)
    values = [
        {each.get("name"): each.text for each in placemark.iter(f"{KML}SimpleData")}
        for placemark in document.iter(f"{KML}Placemark")
    ]
    assert values == [{"OBJECTID": "1", "whole": "1"}, {"OBJECTID": "2"}]


def test_hostile_field_names_stay_names(studio, schema, tmp_path):
    frame = frame_of("POINT (0 0)").assign(**{HOSTILE: ["x"]})
    document = etree.fromstring(written(studio, "kml", layer(frame, tmp_path)))
    schema.assertValid(document)
    names = [field.get("name") for field in document.iter(f"{KML}SimpleField")]
    assert names == ["OBJECTID", SHOWN]
    assert [data.get("name") for data in document.iter(f"{KML}SimpleData")] == names


LOOKS = {
    "marker": Simple(Marker("diamond", "#ff8000", 12), transparency=50),
    "kinds": UniqueValue("kind", values={"a": Marker(color="red"), "b": Marker("cross", color="blue")}),
    "classes": ClassBreaks("value", classes=2),
    "labels": Simple(labels=Labels("{kind}: {value}", color="red", size=18)),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_points_have_icons(studio, schema, tmp_path, look):
    frame = frame_of(*["POINT (0 0)"] * 3, kind=["a", "b", "c"], value=[1.0, 2.0, 30.0])
    kmz = zipfile.ZipFile(BytesIO(written(studio, "kmz", layer(frame, tmp_path, look))))
    assert kmz.testzip() is None
    document = etree.fromstring(kmz.read("doc.kml"))
    schema.assertValid(document)
    hrefs = [href.text for href in document.iter(f"{KML}href")]
    assert len(hrefs) == len(list(document.iter(f"{KML}Style")))
    assert set(hrefs) == set(kmz.namelist()) - {"doc.kml"}
    assert all(kmz.read(href).startswith(b"\x89PNG") for href in hrefs)


def test_what_a_renderer_does_not_draw_is_not_visible(studio, tmp_path):
    frame = frame_of(*["POINT (0 0)"] * 3, kind=["a", "b", None])
    look = {
        "renderer": drawing_info(UniqueValue("kind", values={"b": "red"}), "esriGeometryPoint")["renderer"]
    }
    look["renderer"]["defaultSymbol"] = None
    document = etree.fromstring(written(studio, "kml", layer(frame, tmp_path, look)))
    marks = list(document.iter(f"{KML}Placemark"))
    assert [mark.findtext(f"{KML}visibility") for mark in marks] == ["0", None, "0"]
    assert [mark.findtext(f"{KML}styleUrl") for mark in marks] == [None, "#style0.0", None]


def test_labels_are_names(studio, tmp_path):
    frame = frame_of("POINT (0 0)", "POINT (1 1)", kind=["a<", None], value=[1, 2])
    document = etree.fromstring(written(studio, "kml", layer(frame, tmp_path, LOOKS["labels"])))
    assert [mark.findtext(f"{KML}name") for mark in document.iter(f"{KML}Placemark")] == ["a<: 1", ": 2"]
    style = document.find(f".//{KML}LabelStyle")
    assert style.findtext(f"{KML}color") == "ff0000ff"
    assert style.findtext(f"{KML}scale") == "1.5"


def test_lines_and_areas_have_their_colors(studio, tmp_path):
    lines = layer(frame_of("LINESTRING (0 0, 1 1)"), tmp_path, Simple(Line(color="#102030", width=3)))
    document = etree.fromstring(written(studio, "kml", lines))
    assert document.findtext(f".//{KML}LineStyle/{KML}color") == "ff302010"
    assert document.findtext(f".//{KML}LineStyle/{KML}width") == "4"  # pixels
    look = Simple(Fill(color="#10203080", outline=None), transparency=50)
    area = layer(frame_of("POLYGON ((0 0, 1 0, 1 1, 0 0))"), tmp_path, look)
    document = etree.fromstring(written(studio, "kml", area))
    style = document.find(f".//{KML}PolyStyle")
    assert [style.findtext(f"{KML}{name}") for name in ("color", "fill", "outline")] == ["40302010", "1", "0"]


def test_a_scene_has_folders_pictures_and_links(studio, schema, tmp_path):
    features = layer(frame_of("POINT (0 0)"), tmp_path)
    overlay = Overlay("Map", Picture([], (-1, -2, 3, 4), 40, 30, {"wkid": 4326}, "png32"))
    link = Link("Other", "http://gp.test/results/Other?f=kmz&outSR=4326")
    kmz = zipfile.ZipFile(
        BytesIO(written(studio, "kmz", features, overlay, replace(features, name="Second"), link))
    )
    document = etree.fromstring(kmz.read("doc.kml"))
    schema.assertValid(document)
    names = [each.findtext(f"{KML}name") for each in document.iter(f"{KML}Document")]
    assert names == ["Scene & more", "Output", "Second"]
    ground = document.find(f".//{KML}GroundOverlay")
    box = {side.tag.removeprefix(KML): float(side.text) for side in ground.find(f"{KML}LatLonBox")}
    assert box == {"west": -1, "south": -2, "east": 3, "north": 4}
    assert kmz.read(ground.findtext(f"{KML}Icon/{KML}href")).startswith(b"\x89PNG")
    assert document.findtext(f".//{KML}NetworkLink/{KML}Link/{KML}href") == link.href


def test_a_place_on_earth_is_needed(studio, tmp_path):
    with pytest.raises(InvalidRequest, match="spatial reference"):
        written(studio, "kmz", layer(frame_of("POINT (0 0)", crs=None), tmp_path))


def test_every_layer_has_its_own_fields(studio, tmp_path):
    first = layer(buffers(10), tmp_path)
    (tmp_path / "b").mkdir()
    second = replace(layer(frame_of("POINT (0 0)", other=[1]), tmp_path / "b"), name="Second")
    path = tmp_path / "read.kmz"
    path.write_bytes(written(studio, "kmz", first, second))
    assert [name for name, _ in pyogrio.list_layers(path)] == ["Output", "Second"]
    assert gpd.read_file(path, layer="Second", engine="pyogrio")["other"].tolist() == [1]
    assert len(gpd.read_file(path, layer="Output", engine="pyogrio")["kind"]) == 10


def test_a_line_longer_than_any_piece_of_text_comes_back(studio, tmp_path):
    vertices = np.random.default_rng(2).uniform(-80, 80, (150_001, 2)).round(9)
    frame = gpd.GeoDataFrame(geometry=[shapely.linestrings(vertices)] * 2, crs=4326)
    back = read(written(studio, "kmz", layer(frame, tmp_path)), tmp_path)
    for line in back.geometry:
        np.testing.assert_array_equal(shapely.get_coordinates(line), vertices)
