"""One server, its inputs, results and uploads in an object store: the life of a job is the same."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Server, start
from gpclient import EsriError, points
from objectstore import Bucket

from gpserver.objects import Objects

SERVICES = Path(__file__).parent / "services"


@pytest.fixture(scope="module")
def node(bucket: Bucket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("node")
    (folder / "gpserver.toml").write_text("max_upload = 700_000\nmax_uploads = 1_000_000\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GPSERVER_RESULTS", bucket.url)
        patch.setenv("AWS_SESSION_TOKEN", "secret")
        server = start(folder, SERVICES)
    yield server
    assert server.stop() == 0, server.log.read_text()
    assert "Traceback" not in server.log.read_text()


@pytest.fixture(scope="module")
def job(node: Server) -> str:
    """A job of 3,000 polygons from a large input."""
    job = node.client.submit("Files/Grow", Points=json.dumps(points(3000)))
    state = node.client.wait(job)
    assert state["jobStatus"] == "esriJobSucceeded", state
    return job


def number(job: str) -> str:
    return job.rpartition("/j")[2]


def test_results_and_inputs_are_in_the_store_and_leave_the_machine(
    node: Server, job: str, bucket: Bucket
) -> None:
    kept = {name.partition(f"jobs/{number(job)}/")[2] for name in bucket.names() if number(job) in name}
    assert kept == {
        *("inputs/Points.urlencoded", "inputs/Points.json"),
        *("results-1/Grown.arrow", "results-1/listing.txt"),
    }
    assert not (node.data / "jobs" / number(job)).exists()


def test_a_result_an_input_and_a_map_are_read_from_there(node: Server, job: str) -> None:
    grown = node.client.get(f"{job}/results/Grown", returnType="data")["value"]
    assert len(grown["features"]) == 3000
    assert len(node.client.get(f"{job}/inputs/Points")["value"]["features"]) == 3000
    layer = f"Files/MapServer/jobs/j{number(job)}"
    assert node.client.get(f"{layer}/0/query", where="1=1", returnCountOnly="true")["count"] == 3000
    picture = node.client.http.get(
        f"{node.rest}/services/{layer}/export",
        params={"bbox": "-180,-90,180,90", "size": "200,100", "f": "image"},
    )
    assert picture.headers["content-type"] == "image/png", picture.text
    assert len(picture.content) > 300


def test_a_file_is_streamed_with_ranges(node: Server, job: str) -> None:
    url = node.client.get(f"{job}/results/Listing")["value"]["url"]
    whole = node.client.http.get(url)
    assert whole.text == "".join(f"{n:09}\n" for n in range(3000))
    assert whole.headers["content-length"] == "30000"
    for asked, text in [("10-19", "000000001\n"), ("-10", "000002999\n"), ("29990-", "000002999\n")]:
        part = node.client.http.get(url, headers={"range": f"bytes={asked}"})
        assert (part.status_code, part.text) == (206, text)
    assert part.headers["content-range"] == "bytes 29990-29999/30000"
    assert node.client.http.get(url, headers={"range": "bytes=30000-"}).status_code == 416


def test_a_raster_is_drawn(node: Server) -> None:
    job = node.client.submit("Files/Slope")
    assert node.client.wait(job)["jobStatus"] == "esriJobSucceeded"
    picture = node.client.http.get(
        f"{node.rest}/services/Files/MapServer/jobs/j{number(job)}/export",
        params={"bbox": "0,0,60,60", "size": "200,200", "f": "image", "bboxSR": "4326"},
    )
    assert picture.headers["content-type"] == "image/png", picture.text


def test_a_map_of_a_raster_costs_the_bytes_that_it_shows(node: Server, bucket: Bucket) -> None:
    job = node.client.submit("Files/Noise")
    assert node.client.wait(job)["jobStatus"] == "esriJobSucceeded"
    layer = f"Files/MapServer/jobs/j{number(job)}"
    assert Objects(bucket.url).size(f"jobs/{number(job)}/results-1/Cells.tif") > 15_000_000
    asked = {"f": "image", "format": "png32", "bboxSR": "4326", "imageSR": "4326", "size": "200,200"}
    for box, most, size in [
        ("0,0,60,60", 4, 500_000),  # the head, the overviews' heads, one overview
        ("0,0,60,60", 0, 0),
        ("20,20,22,22", 2, 1_000_000),  # at most four tiles of the finest level
    ]:
        bucket.proxy.exchanges.clear()
        picture = node.client.http.get(
            f"{node.rest}/services/{layer}/export",
            params={**asked, "bbox": box, "dpi": "96" if most else "97"},
        )
        assert picture.headers["content-type"] == "image/png", picture.text
        gets = bucket.proxy.gets("Cells.tif")
        assert len(gets) <= most, gets
        assert sum(item.sent for item in gets) <= size
    bucket.proxy.exchanges.clear()
    found = node.client.get(
        f"{layer}/identify",
        geometry="40,40", geometryType="esriGeometryPoint", sr="4326", tolerance="1",
        mapExtent="0,0,60,60", imageDisplay="200,200,96",
    )  # fmt: skip
    assert len(found["results"]) == 1
    assert len(bucket.proxy.gets("Cells.tif")) == 1


def test_an_upload_reaches_a_job(node: Server, bucket: Bucket) -> None:
    place = f"{node.rest}/services/Files/GPServer/uploads"
    sent = node.client.http.post(
        f"{place}/upload", data={"f": "json"}, files={"file": ("a.txt", b"hello from afar")}
    )
    item = sent.json()["item"]["itemID"]
    assert f"uploads/{item}/content" in bucket.names()
    asked = json.dumps({"itemID": item})
    assert node.client.run("Files/ReadFile", File=asked)["Text"] == "hello from afar"
    validated = node.client.post("Files/GPServer/ReadFile/validate", File=asked)
    assert validated["additionalMessages"] == [], validated
    node.client.post(f"{place}/{item}/delete")
    assert not [name for name in bucket.names() if item in name]


def test_uploads_have_their_limits_in_the_store(node: Server, bucket: Bucket) -> None:
    place = f"{node.rest}/services/Files/GPServer/uploads"

    def upload(size: int) -> dict[str, Any]:
        files = {"file": ("a.txt", bytes(size))}
        return node.client.http.post(f"{place}/upload", params={"f": "json"}, files=files).json()

    assert "takes up to 700000" in str(upload(700_001)["error"])
    first = upload(600_000)["item"]["itemID"]
    error = upload(600_000)["error"]
    assert (error["code"], "1,000,000 bytes" in error["message"]) == (503, True)
    assert [name for name in bucket.names() if name.startswith("uploads/") and first not in name] == []
    item = node.client.post(f"{place}/register", itemName="b.txt")["item"]["itemID"]
    part = {"data": {"f": "json", "partId": "1"}, "files": {"file": ("p", bytes(600_000))}}
    assert node.client.http.post(f"{place}/{item}/uploadPart", **part).json()["error"]["code"] == 503
    node.client.post(f"{place}/{first}/delete")
    assert node.client.http.post(f"{place}/{item}/uploadPart", **part).json()["success"]
    node.client.post(f"{place}/{item}/delete")


def test_an_upload_in_parts(node: Server) -> None:
    place = f"{node.rest}/services/Files/GPServer/uploads"
    item = node.client.post(f"{place}/register", itemName="b.txt")["item"]["itemID"]
    for part, text in [("2", b"world"), ("1", b"hello ")]:
        node.client.http.post(
            f"{place}/{item}/uploadPart", data={"f": "json", "partId": part}, files={"file": ("p", text)}
        )
    assert node.client.get(f"{place}/{item}/parts")["parts"] == [1, 2]
    node.client.post(f"{place}/{item}/commit")
    assert node.client.http.get(f"{place}/{item}/download").text == "hello world"


def test_a_task_does_not_see_the_keys_of_the_store(node: Server) -> None:
    assert node.client.run("Files/Environment")["Names"] == ""


def test_results_that_the_store_does_not_take_fail_the_job_and_nothing_of_them_is_there(
    node: Server, bucket: Bucket
) -> None:
    bucket.proxy.fault = lambda method, path: (
        "busy" if "listing" in path and method in ("PUT", "POST") else None
    )
    try:
        job = node.client.submit("Files/Grow", Points=json.dumps(points(10)))
        state = node.client.wait(job, seconds=90)
    finally:
        bucket.proxy.fault = lambda method, path: None
    assert state["jobStatus"] == "esriJobFailed"
    [reason] = [m["description"] for m in state["messages"] if "could not be stored" in m["description"]]
    assert "503" in reason
    assert "secret" not in reason
    assert "127.0.0.1" not in reason
    with pytest.raises(EsriError):
        node.client.get(f"{job}/results/Grown")
    deadline = time.monotonic() + 30  # they go after the job was told of its end
    while [name for name in bucket.names() if number(job) in name and "results" in name]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_cancel_while_results_are_stored_is_heeded_at_once(node: Server, bucket: Bucket) -> None:
    bucket.proxy.fault = lambda method, path: (
        "busy" if "listing" in path and method in ("PUT", "POST") else None
    )
    try:
        job = node.client.submit("Files/Grow", Points=json.dumps(points(10)))
        node.client.wait(
            job, lambda _: any(f"{number(job)}/results-1/Grown" in name for name in bucket.names())
        )
        node.client.get(f"{job}/cancel")
        state = node.client.wait(job, seconds=2)
    finally:
        bucket.proxy.fault = lambda method, path: None
    assert state["jobStatus"] == "esriJobCancelled"


def test_what_a_job_that_is_forgotten_had_is_gone(node: Server, bucket: Bucket, job: str) -> None:
    kept = node.client.submit("Files/Grow", Points=json.dumps(points(3000)))
    node.client.wait(kept)
    node.client.post(f"{node.url}/arcgis/admin/services/Files.GPServer/jobs/j{number(kept)}/delete")
    assert not [name for name in bucket.names() if number(kept) in name]
    assert [name for name in bucket.names() if number(job) in name]
