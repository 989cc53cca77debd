"""Results, inputs, jobs and maps in the formats of files, over the wire, as third-party readers see them."""

import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import geopandas as gpd
import httpx
import pytest
from conftest import Server, publishing
from gpclient import Client, points
from lxml import etree

KML = "{http://www.opengis.net/kml/2.2}"
SERVICE = '''
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gpserver import ClassBreaks, Param, Points, Polygons, Raster, Service, Table, task
from typing import Annotated, NamedTuple


class Outputs(NamedTuple):
    near: Annotated[Polygons, Param(symbology=ClassBreaks("n", classes=3))]
    heights: Raster
    rows: Table
    text: str


@task
def make(places: Points, count: int = 5) -> Outputs:
    """Everything at once.

    Args:
        places: Not used.
        count: How many areas.
    """
    areas = shapely.buffer(shapely.points(np.arange(count) % 100, np.arange(count) // 100), 0.4, quad_segs=2)
    near = gpd.GeoDataFrame({"n": range(count), "a_very_long_name": "é"}, geometry=areas, crs=4326)
    heights = Raster(np.arange(12.0).reshape(3, 4), (10, 50, 14, 53), 4326)
    return Outputs(near, heights, pd.DataFrame({"a": [1, 2]}), "text")


@task
def circle(radius: float = 1) -> Polygons:
    """A circle.

    Args:
        radius: Its radius.
    """
    return gpd.GeoDataFrame({"radius": [radius]}, geometry=[shapely.Point(3, 4).buffer(radius)], crs=4326)


plain = Service("Plain", tasks=[make], maximum_records=100)
mapped = Service("Mapped", tasks=[make], result_map_service=True)
waiting = Service("Waiting", tasks=[circle], synchronous=True)
'''


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with publishing(tmp_path_factory.mktemp("formats"), {"made.py": SERVICE}) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Server) -> Client:
    return server.client


def run(client: Client, service: str, count: int) -> str:
    job = client.submit(f"{service}/Make", Places=json.dumps(points(3)), Count=str(count))
    assert client.wait(job)["jobStatus"] == "esriJobSucceeded"
    return job


@pytest.fixture(scope="module")
def job(client: Client) -> str:
    return run(client, "Plain", 5)


@pytest.fixture(scope="module")
def mapped(client: Client) -> str:
    return run(client, "Mapped", 5)


def got(client: Client, place: str, **parameters: Any) -> httpx.Response:
    answer = client.http.get(client.place(place), params=parameters)
    assert answer.status_code == 200, answer.text
    return answer


def unpacked(answer: httpx.Response) -> tuple[zipfile.ZipFile, etree._Element]:
    assert answer.headers["content-type"] == "application/vnd.google-earth.kmz", answer.text
    kmz = zipfile.ZipFile(BytesIO(answer.content))
    return kmz, etree.fromstring(kmz.read("doc.kml"))


def names(document: etree._Element, kind: str) -> list[str | None]:
    return [each.findtext(f"{KML}name") for each in document.iter(f"{KML}{kind}")]


def map_of(job: str) -> str:
    return f"Mapped/MapServer/jobs/{job.rpartition('/')[2]}"


def test_a_result_is_a_kmz(client: Client, job: str) -> None:
    answer = got(client, f"{job}/results/Near", f="kmz")
    assert answer.headers["content-disposition"].endswith("Near.kmz")
    _, document = unpacked(answer)
    assert names(document, "Document") == ["Near", "Near"]
    assert len(names(document, "Placemark")) == 5
    # Three classes, and the default one: the look of the output, though there is no map of the job.
    assert len(list(document.iter(f"{KML}Style"))) == 4


def test_a_result_is_a_kml(client: Client, job: str) -> None:
    answer = got(client, f"{job}/results/Near", f="kml")
    assert answer.headers["content-type"] == "application/vnd.google-earth.kml+xml"
    assert len(names(etree.fromstring(answer.content), "Placemark")) == 5


def test_a_raster_is_a_ground_overlay(client: Client, job: str) -> None:
    kmz, document = unpacked(got(client, f"{job}/results/Heights", f="kmz"))
    assert names(document, "GroundOverlay") == ["Heights"]
    box = document.find(f".//{KML}LatLonBox")
    sides = [float(box.findtext(f"{KML}{side}")) for side in ("west", "south", "east", "north")]
    assert sides == pytest.approx([10, 50, 14, 53], abs=0.01)
    assert kmz.read(document.findtext(f".//{KML}Icon/{KML}href")).startswith(b"\x89PNG")
    link = etree.fromstring(got(client, f"{job}/results/Heights", f="kml").content).findtext(f".//{KML}href")
    assert client.http.get(link).content.startswith(b"\x89PNG")


def test_a_job_links_to_its_results(client: Client, job: str) -> None:
    _, document = unpacked(got(client, job, f="kmz"))
    assert names(document, "NetworkLink") == ["Near", "Heights"]
    for link in document.iter(f"{KML}Link"):
        unpacked(client.http.get(link.findtext(f"{KML}href")))


def test_a_submit_links_to_its_job(client: Client) -> None:
    place = client.place("Plain/GPServer/Make/submitJob")
    answer = client.http.post(place, data={"Places": json.dumps(points(1)), "f": "kmz"})
    [href] = [each.text for each in unpacked(answer)[1].iter(f"{KML}href")]
    client.wait(href.partition("?")[0])
    assert names(unpacked(client.http.get(href))[1], "NetworkLink") == ["Near", "Heights"]


def test_execute_answers_with_the_results(client: Client) -> None:
    place = "Waiting/GPServer/Circle/execute"
    _, document = unpacked(got(client, place, Radius="2", f="kmz"))
    assert [each.text for each in document.iter(f"{KML}SimpleData")] == ["1", "2.0"]
    [feature] = got(client, place, Radius="2", f="geojson").json()["features"]
    assert feature["properties"]["radius"] == 2


@pytest.mark.parametrize("name", ["Rows", "Text"])
@pytest.mark.parametrize("format", ["kmz", "kml"])
def test_what_has_no_place_on_earth_is_refused(client: Client, job: str, name: str, format: str) -> None:
    answer = got(client, f"{job}/results/{name}", f=format)
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json()["error"]["code"] == 400
    assert f"not supported: {format}" in answer.json()["error"]["details"][0]


def test_a_file_has_all_of_a_result_that_is_too_large_to_answer(client: Client) -> None:
    job = run(client, "Plain", 300)
    assert got(client, f"{job}/results/Near", f="json").json()["value"]["features"] == []
    assert len(names(unpacked(got(client, f"{job}/results/Near", f="kmz"))[1], "Placemark")) == 300


def test_a_map_is_a_document_of_its_layers(client: Client, mapped: str) -> None:
    _, document = unpacked(got(client, map_of(mapped), f="kmz"))
    assert names(document, "Document") == ["Mapped", "Near"]
    assert names(document, "GroundOverlay") == ["Heights"]
    _, layer = unpacked(got(client, f"{map_of(mapped)}/0", f="kmz"))
    assert len(names(layer, "Placemark")) == 5


def test_a_query_is_a_kmz(client: Client, mapped: str) -> None:
    answer = got(client, f"{map_of(mapped)}/0/query", where="n > 2", outFields="n", f="kmz")
    document = unpacked(answer)[1]
    assert [each.text for each in document.iter(f"{KML}SimpleData")] == ["3", "4"]
    assert {each.get("name") for each in document.iter(f"{KML}SimpleData")} == {"n"}


def test_an_export_lies_on_the_ground(client: Client, mapped: str) -> None:
    box = {"bbox": "0,0,1000000,1000000", "bboxSR": "3857", "size": "200,200"}
    kmz, document = unpacked(got(client, f"{map_of(mapped)}/export", **box, f="kmz"))
    assert names(document, "GroundOverlay") == ["Mapped"]
    ground = document.find(f".//{KML}LatLonBox")
    assert float(ground.findtext(f"{KML}east")) == pytest.approx(8.98, abs=0.01)
    assert kmz.read(document.findtext(f".//{KML}Icon/{KML}href")).startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["xml", "lyr", "KMZZ", "../kmz"])
def test_an_unknown_format_is_an_error(client: Client, job: str, name: str) -> None:
    error = got(client, f"{job}/results/Near", f=name).json()["error"]
    assert error["code"] == 400
    assert error["details"][0].startswith(f"Output format not supported: {name}.")


def test_an_error_is_json_where_a_file_was_asked_for(client: Client, job: str) -> None:
    answer = got(client, f"{job}/results/Nobody", f="kmz")
    assert answer.json()["error"]["code"] == 400
    assert "content-disposition" not in answer.headers


@pytest.mark.parametrize(
    ("format", "media_type", "file"),
    [
        ("csv", "text/csv", "Near.csv"),
        ("gpkg", "application/geopackage+sqlite3", "Near.gpkg"),
        ("shapefile", "application/zip", "Near.zip"),
    ],
)
def test_features_are_downloaded(
    client: Client, job: str, tmp_path: Path, format: str, media_type: str, file: str
) -> None:
    answer = got(client, f"{job}/results/Near", f=format)
    assert answer.headers["content-type"].startswith(media_type)
    assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''{file}"
    (tmp_path / file).write_bytes(answer.content)
    back = gpd.read_file(tmp_path / file, engine="pyogrio")
    assert back["n"].astype(int).tolist() == [0, 1, 2, 3, 4]
    if format == "shapefile":
        assert "a_very_lon" in back.columns


def test_rows_are_downloaded(client: Client, job: str) -> None:
    answer = got(client, f"{job}/results/Rows", f="csv")
    assert answer.content.decode("utf-8-sig").splitlines() == ['"OBJECTID","a"', "1,1", "2,2"]
    assert "not supported" in got(client, f"{job}/results/Rows", f="shapefile").text


def test_results_are_geojson_and_pbf(client: Client, job: str) -> None:
    answer = got(client, f"{job}/results/Near", f="geojson")
    assert answer.headers["content-type"].startswith("application/geo+json")
    assert [each["properties"]["n"] for each in answer.json()["features"]] == [0, 1, 2, 3, 4]
    answer = got(client, f"{job}/results/Near", f="pbf")
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert b"a_very_long_name" in answer.content
    answer = got(client, f"{job}/results/Rows", f="pbf")
    assert answer.headers["content-type"] == "application/x-protobuf"
    rows = got(client, f"{job}/results/Rows", f="geojson").json()["features"]
    assert [(each["geometry"], each["properties"]["a"]) for each in rows] == [(None, 1), (None, 2)]


def test_a_map_is_a_picture_on_the_ground(client: Client, mapped: str) -> None:
    _, document = unpacked(got(client, f"{map_of(mapped)}/kml/mapImage.kmz"))
    assert names(document, "GroundOverlay") == ["Mapped"]


@pytest.mark.parametrize(
    ("option", "titles", "kinds"),
    [
        ("composite", ["Mapped"], {"GroundOverlay"}),
        ("separateImage", ["Near", "Heights"], {"GroundOverlay"}),
        ("nonComposite", ["Near", "Heights"], {"GroundOverlay", "Placemark"}),
    ],
)
def test_generated_kml_links_to_layers(
    client: Client, mapped: str, option: str, titles: list[str], kinds: set[str]
) -> None:
    asked = {"docName": "Mine <&>", "layers": "0,1", "layerOptions": option}
    _, document = unpacked(got(client, f"{map_of(mapped)}/generateKml", **asked))
    assert names(document, "Document") == ["Mine <&>"]
    assert names(document, "NetworkLink") == titles
    linked = [unpacked(client.http.get(each.text))[1] for each in document.iter(f"{KML}href")]
    assert {kind for each in linked for kind in ("GroundOverlay", "Placemark") if names(each, kind)} == kinds
    assert "error" in got(client, f"{map_of(mapped)}/generateKml", layers="99", layerOptions=option).text


@pytest.mark.parametrize("count", [3, 3000], ids=["short", "long"])
def test_an_input_is_there_in_every_format(client: Client, tmp_path: Path, count: int) -> None:
    job = client.submit("Plain/Make", Places=json.dumps(points(count)), Count="1")
    client.wait(job)
    place = f"{job}/inputs/Places"
    assert len(names(unpacked(got(client, place, f="kmz"))[1], "Placemark")) == count
    features = got(client, place, f="geojson").json()["features"]
    assert [each["properties"]["name"] for each in features] == [f"p{n}" for n in range(count)]
    assert got(client, place, f="csv").content.count(b"\n") == count + 1
    assert got(client, place, f="pbf").headers["content-type"] == "application/x-protobuf"
    assert len(got(client, place, f="json").json()["value"]["features"]) == count


def test_an_input_that_is_no_features_has_no_other_format(client: Client, job: str) -> None:
    assert "not supported: kmz" in got(client, f"{job}/inputs/Count", f="kmz").text
    assert got(client, f"{job}/inputs/Count", f="geojson").json()["value"] == 5


def test_an_input_that_nobody_can_read_is_an_error(client: Client) -> None:
    job = client.submit("Plain/Make", Places="nonsense")
    assert client.wait(job)["jobStatus"] == "esriJobFailed"
    assert "error" in got(client, f"{job}/inputs/Places", f="kmz").json()
    assert "nonsense" in got(client, f"{job}/inputs/Places", f="html").text


def test_ten_thousand_areas_open_in_libkml(client: Client, tmp_path: Path) -> None:
    job = run(client, "Plain", 10_000)
    answer = got(client, f"{job}/results/Near", f="kmz")
    (tmp_path / "near.kmz").write_bytes(answer.content)
    back = gpd.read_file(tmp_path / "near.kmz", layer="Near", engine="pyogrio")
    assert back["n"].tolist() == list(range(10_000))
    assert set(back["a_very_long_name"]) == {"é"}
    used = [each.text for each in unpacked(answer)[1].iter(f"{KML}styleUrl")]
    assert used == sorted(used)
    assert set(used) == {f"#style0.{number}" for number in range(3)}


def test_the_whole_world_lies_on_the_ground(client: Client, mapped: str) -> None:
    box = {"bbox": "-1000,-1000,1000,1000", "bboxSR": "4326", "size": "300,200"}
    _, document = unpacked(got(client, f"{map_of(mapped)}/export", **box, f="kmz"))
    ground = document.find(f".//{KML}LatLonBox")
    sides = [float(ground.findtext(f"{KML}{side}")) for side in ("west", "south", "east", "north")]
    assert sides == [-180, -90, 180, 90]


@pytest.mark.parametrize("box", ["1e300,0,2e300,1", "200,95,300,96"])
def test_what_is_not_on_earth_is_an_error(client: Client, mapped: str, box: str) -> None:
    answer = got(client, f"{map_of(mapped)}/export", bbox=box, bboxSR="4326", size="20,20", f="kmz")
    assert answer.json()["error"]["code"] == 400
