"""Uploads over the wire: whole and in parts, in every spelling of the clients, and as inputs of jobs."""

import hashlib
import html
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
from conftest import Server, publishing
from gpclient import Client, EsriError, points
from shapely import Point

from gpserver import Raster
from gpserver.rasters import write_raster

SERVICES = '''
from pathlib import Path

import pandas as pd

from gpserver import Features, JobContext, Raster, Service, Table, task


@task(output="out_file")
def give_back(in_file: Path) -> Path:
    """Give a file back."""
    return in_file


@task(output="names")
def list_files(in_files: list[Path]) -> list[str]:
    """Give the names and sizes of files."""
    return [f"{path.name} {path.stat().st_size}" for path in in_files]


@task(output="out_features")
def same(in_features: Features) -> Features:
    """Give features back."""
    return in_features


@task(output="mean")
def mean(in_raster: Raster) -> float:
    """Take the mean of a raster."""
    return float(in_raster.values.mean())


@task(output="total")
def add(number: float) -> float:
    """Take no files."""
    return number


files = Service("Files", tasks=[give_back, list_files, same, mean])
direct = Service("Direct", tasks=[give_back], synchronous=True)
sums = Service("Sums", tasks=[add])
'''
UPLOADS = "Files/GPServer/uploads"
OCTETS = bytes(range(256)) * 400


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = "max_upload = 1_500_000\nmax_body = 200_000\n"
    with publishing(tmp_path_factory.mktemp("uploads"), {"files.py": SERVICES}, settings) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Server) -> Client:
    return server.client


def send(client: Client, place: str, content: bytes, name: str = "a.zip", **fields: Any) -> Any:
    files = {"file": (name, content, "application/octet-stream")}
    answer = client.http.post(client.place(place), data={"f": "json", **fields}, files=files)
    assert answer.status_code == 200, answer.text
    value = answer.json()
    if "error" in value:
        raise EsriError(value["error"])
    return value


def upload(client: Client, content: bytes, name: str = "a.zip") -> str:
    return str(send(client, f"{UPLOADS}/upload", content, name)["item"]["itemID"])


def test_what_may_be_uploaded(client: Client) -> None:
    info = client.get(f"{UPLOADS}/info")
    assert (info["maxUploadFileSize"], info["maxUploadFileSizeUnit"]) == (1, "MB")
    assert "geojson" in info["allowedUploadFileTypes"].split(",")


def test_only_services_that_take_files_take_uploads(client: Client) -> None:
    assert "Uploads" in client.get("Files/GPServer")["capabilities"].split(",")
    assert "Uploads" in client.get("Direct/GPServer")["capabilities"].split(",")
    assert "Uploads" not in client.get("Sums/GPServer")["capabilities"].split(",")
    with pytest.raises(EsriError) as caught:
        client.get("Sums/GPServer/uploads/info")
    assert "Uploads are not supported" in caught.value.message


def test_a_whole_file(client: Client) -> None:
    answer = send(client, f"{UPLOADS}/upload", OCTETS, "Über lake.TIF", description="a lake")
    item = answer["item"]
    assert answer == {"success": True, "item": item}
    assert re.fullmatch("i[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", item["itemID"])
    assert isinstance(item["date"], int)
    assert {**item, "itemID": 0, "date": 0} == {
        "itemID": 0,
        "itemName": "Über lake.TIF",
        "description": "a lake",
        "date": 0,
        "committed": True,
    }
    assert client.get(f"{UPLOADS}/{item['itemID']}") == item
    assert client.post(f"{UPLOADS}/{item['itemID']}/") == item


def test_a_download_is_nothing_that_a_browser_opens(client: Client) -> None:
    page = b"<script>alert(1)</script>"
    item = upload(client, page, "página.xml")
    answer = client.http.get(client.place(f"{UPLOADS}/{item}/download"))
    assert (answer.status_code, answer.content) == (200, page)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''p%C3%A1gina.xml"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-length"] == str(len(page))


@pytest.mark.parametrize(
    ("number", "order"),
    [
        ("partId", {"parts": "3,1,2"}),
        ("partNumber", {"parts": ["3", "1", "2"]}),
        ("partNum", {"parts": "[3, 1, 2]"}),
        ("PARTID", {"parts": '"a.zip.3","a.zip.1","a.zip.2"'}),
        ("partNumber", {"parts": ["3,1", "2"]}),
    ],
)
def test_a_file_in_parts(client: Client, number: str, order: dict[str, Any]) -> None:
    registered = client.post(f"{UPLOADS}/register", itemName="a.zip", description="in parts")["item"]
    assert (registered["committed"], registered["itemName"]) == (False, "a.zip")
    place = f"{UPLOADS}/{registered['itemID']}"
    assert client.get(f"{place}/parts") == {"parts": []}
    for part, content in ((2, b"\xffC"), (1, b"B"), (3, b"A\x00")):
        answer = send(client, f"{place}/uploadPart", content, "blob", **{number: part})
        assert answer == {"success": True, "partID": part}
    assert client.get(f"{place}/parts") == {"parts": [1, 2, 3]}
    checksum = hashlib.md5(b"A\x00B\xffC").hexdigest()
    done = client.post(f"{place}/commit", checksum=checksum, **order)
    assert done == {"success": True, "item": registered | {"committed": True}}
    assert client.http.get(client.place(f"{place}/download")).content == b"A\x00B\xffC"


def test_parts_in_their_own_order(client: Client) -> None:
    item = client.post(f"{UPLOADS}/register", itemName="a.zip")["item"]["itemID"]
    for part in (10, 9, 0):
        send(client, f"{UPLOADS}/{item}/uploadPart", b"%d " % part, partId=part)
    assert client.post(f"{UPLOADS}/{item}/commit")["success"]
    assert client.http.get(client.place(f"{UPLOADS}/{item}/download")).content == b"0 9 10 "


@pytest.mark.parametrize(
    ("operation", "fields", "reason"),
    [
        ("upload", {}, "There is no file"),
        ("register", {}, "'itemName' is missing"),
        ("register", {"itemName": "virus.exe"}, "Files of the type 'exe' are not taken; send one of json, "),
        ("{item}/uploadPart", {"partId": "1"}, "There is no file"),
        ("{item}/commit", {"parts": "1,2"}, "The parts 2 of the item were not sent"),
        ("{item}/commit", {"parts": "one"}, "'one' is not the number of a part"),
        ("{item}/commit", {"parts": "[1"}, "JSON"),
        ("{item}/commit", {"checksum": "0" * 32}, "The MD5 of the parts is"),
        ("{item}/download", {}, "is not committed"),
        ("i0/delete", {}, "There is no uploaded item i0"),
    ],
)
def test_what_is_wrong_is_said(client: Client, operation: str, fields: dict[str, str], reason: str) -> None:
    item = client.post(f"{UPLOADS}/register", itemName="a.zip")["item"]["itemID"]
    send(client, f"{UPLOADS}/{item}/uploadPart", b"1", partId=1)
    with pytest.raises(EsriError) as caught:
        client.post(f"{UPLOADS}/{operation.format(item=item)}", **fields)
    assert reason in " ".join(caught.value.details)


@pytest.mark.parametrize("name", ["a.exe", "a.html", "a", ".."])
def test_types_that_are_not_taken(client: Client, name: str) -> None:
    with pytest.raises(EsriError, match="are not taken"):
        upload(client, b"", name)


def test_what_a_page_of_another_site_could_link_to_changes_nothing(client: Client) -> None:
    item = upload(client, b"x")
    for operation in ("upload", "register", f"{item}/delete", f"{item}/commit", f"{item}/uploadPart"):
        with pytest.raises(EsriError) as caught:
            client.get(f"{UPLOADS}/{operation}", itemName="a.zip")
        assert caught.value.code == 405
    assert client.get(f"{UPLOADS}/{item}")["committed"]


@pytest.mark.parametrize("size", [1_500_001, 2_800_000])
def test_a_file_over_the_limit(server: Server, client: Client, size: int) -> None:
    with pytest.raises(EsriError, match="this server takes up to"):
        upload(client, bytes(size))
    item = client.post(f"{UPLOADS}/register", itemName="a.zip")["item"]["itemID"]
    send(client, f"{UPLOADS}/{item}/uploadPart", bytes(1_499_999), partId=1)
    with pytest.raises(EsriError, match="this server takes up to 1500000"):
        send(client, f"{UPLOADS}/{item}/uploadPart", b"xy", partId=2)
    assert list((server.data / "incoming").iterdir()) == []


def test_a_deleted_item_is_gone(client: Client) -> None:
    item = upload(client, b"x")
    assert client.post(f"{UPLOADS}/{item}/delete") == {"success": True}
    with pytest.raises(EsriError, match="There is no uploaded item"):
        client.get(f"{UPLOADS}/{item}")


def test_an_item_belongs_to_its_service(client: Client) -> None:
    item = upload(client, b"x")
    with pytest.raises(EsriError, match="There is no uploaded item"):
        client.post(f"Direct/GPServer/uploads/{item}/delete")


def test_ids_of_items_that_nobody_owns_are_in_no_list(client: Client) -> None:
    upload(client, b"x")
    assert client.get(UPLOADS) == {"uploads": []}


def test_pages_that_upload_through_a_hidden_frame(client: Client) -> None:
    fields = {"f": "json", "callback.html": "textarea"}
    name = "</textarea><script>.txt"
    answer = client.http.post(client.place(f"{UPLOADS}/upload"), data=fields, files={"file": ("a.txt", b"x")})
    assert answer.headers["content-type"].startswith("text/html")
    inner = re.fullmatch("<textarea>(.*)</textarea>", answer.text)
    assert inner
    assert json.loads(html.unescape(inner[1]))["item"]["itemName"] == "a.txt"
    refused = client.http.post(client.place(f"{UPLOADS}/register"), data=fields | {"itemName": name + "</x>"})
    assert refused.text.count("<") == 2
    assert "are not taken" in refused.text


def test_a_person_uploads_looks_and_deletes(client: Client) -> None:
    page = client.http.get(client.place(UPLOADS)).text
    [action] = re.findall('<form class="formTable" method="post" [^>]*action="([^"]*)"', page)
    assert 'enctype="multipart/form-data"' in page
    assert 'type="file" id="file" name="file"' in page
    uploaded = client.http.post(
        f"{client.url}{action}", data={"description": "<i>mine</i>"}, files={"file": ("<b>.txt", b"x")}
    )
    assert uploaded.status_code == 302
    place = f"{client.url}{uploaded.headers['location']}"
    page = client.http.get(place).text
    assert "Item: _b_.txt" in page
    assert "&lt;i&gt;mine&lt;/i&gt;" in page
    assert f'href="{uploaded.headers["location"]}/download"' in page
    deleted = client.http.post(f"{place}/delete")
    assert (deleted.status_code, deleted.headers["location"]) == (302, action.removesuffix("/upload"))
    assert client.http.get(place).status_code == 404


@pytest.mark.parametrize("key", ["itemID", "itemId", "ItemID", "itemid"])
def test_an_item_is_the_input_of_a_job(client: Client, key: str) -> None:
    item = upload(client, OCTETS, "my file.zip")
    out = client.run("Files/GiveBack", In_File=json.dumps({key: item}))["Out_File"]
    assert out["url"].endswith("my%20file.zip")
    assert client.http.get(out["url"]).content == OCTETS


def test_an_item_is_the_input_of_a_synchronous_task(client: Client) -> None:
    item = upload(client, OCTETS)
    answer = client.post("Direct/GPServer/GiveBack/execute", In_File=json.dumps({"itemID": item}))
    assert client.http.get(answer["results"][0]["value"]["url"]).content == OCTETS


def test_several_items_at_once(client: Client) -> None:
    items = [{"itemID": upload(client, bytes(size), "same.zip")} for size in (1, 2)]
    assert client.run("Files/ListFiles", In_Files=json.dumps(items)) == {
        "Names": ["same.zip 1", "same.zip 2"]
    }


def test_a_job_that_has_begun_keeps_its_item(client: Client) -> None:
    item = upload(client, OCTETS)
    job = client.submit("Files/GiveBack", In_File=json.dumps({"itemID": item}))
    assert client.wait(job)["jobStatus"] == "esriJobSucceeded"
    client.post(f"{UPLOADS}/{item}/delete")
    assert client.http.get(client.get(f"{job}/results/Out_File")["value"]["url"]).content == OCTETS
    assert client.get(f"{job}/inputs/In_File")["value"] == {"itemID": item}


def zipped(folder: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    return packed.getvalue()


@pytest.mark.parametrize("name", ["points.json", "points.txt", "points.geojson", "points.zip"])
def test_features_from_an_item(client: Client, tmp_path: Path, name: str) -> None:
    geometry = {"type": "Point", "coordinates": [-180, -80]}
    feature = {"type": "Feature", "geometry": geometry, "properties": {"name": "p0"}}
    content = json.dumps(points(1)).encode()
    if name == "points.geojson":
        content = json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()
    if name == "points.zip":
        frame = geopandas.GeoDataFrame({"name": ["p0"]}, geometry=[Point(-180, -80)], crs=4326)
        frame.to_file(tmp_path / "points.shp")
        content = zipped(tmp_path)
    item = upload(client, content, name)
    [found] = client.run("Files/Same", In_Features=json.dumps({"itemID": item}))["Out_Features"]["features"]
    assert found["geometry"] == {"x": -180, "y": -80}
    assert found["attributes"]["name"] == "p0"


@pytest.mark.parametrize("name", ["lake.tif", "lake.zip"])
def test_a_raster_from_an_item(client: Client, tmp_path: Path, name: str) -> None:
    write_raster(Raster(np.arange(12.0).reshape(3, 4), (0, 0, 4, 3), 3857), tmp_path / "lake.tif")
    content = (tmp_path / "lake.tif").read_bytes()
    item = upload(client, zipped(tmp_path) if name == "lake.zip" else content, name)
    assert client.run("Files/Mean", In_Raster=json.dumps({"itemID": item})) == {"Mean": 5.5}


def test_an_item_that_is_not_there_fails_the_job_with_its_name(client: Client) -> None:
    job = client.submit("Files/GiveBack", In_File=json.dumps({"itemID": "i" + "0" * 36}))
    state = client.wait(job)
    assert state["jobStatus"] == "esriJobFailed"
    assert "In_File: There is no uploaded item" in json.dumps(state["messages"])
