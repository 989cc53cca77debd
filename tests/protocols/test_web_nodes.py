"""Two web nodes behind one name, each asked in turn: whatever one of them was told, the other knows."""

import itertools
import json
import shutil
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from cluster import Cluster, machines
from conftest import ROOT
from everpoint import Everpoint, point
from gpclient import Client, points
from secured import token_of, toml

NAME = "http://gis.test"
ENDS = ("Completed", "Error", "Interrupted", "Timeout")
FILES = '''
import time
from pathlib import Path

from gpserver import Service, task


@task(output="out_file")
def give_back(in_file: Path) -> Path:
    """Give a file back."""
    return in_file


@task(output="slept")
def nap(seconds: float = 60) -> float:
    """Sleep."""
    time.sleep(seconds)
    return seconds


files = Service("Files", tasks=[give_back, nap])
'''


class Turns(httpx.BaseTransport):
    """A balancer that remembers nothing: each request goes to the next node."""

    def __init__(self, nodes: list[str]) -> None:
        self._nodes, self._way = itertools.cycle(map(httpx.URL, nodes)), httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        node = next(self._nodes)
        request.url = request.url.copy_with(host=node.host, port=node.port)
        return self._way.handle_request(request)

    def close(self) -> None:
        self._way.close()


@pytest.fixture(scope="module")
def cluster(postgis: psycopg.Connection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("nodes")
    services = folder / "services"
    services.mkdir()
    (services / "files.py").write_text(FILES)
    for name in ("buffer.py", "evergis.py"):
        shutil.copy(ROOT / "services" / name, services)
    with machines(postgis, folder, services) as cluster:
        cluster.settings = toml()
        cluster.web()
        cluster.web()
        cluster.worker()
        yield cluster


@pytest.fixture(scope="module")
def client(cluster: Cluster) -> Iterator[Client]:
    client = Client(NAME)
    client.http.close()
    client.http = httpx.Client(transport=Turns([web.url for web in cluster.webs]), timeout=60)
    # Signed by one node with a key that is in no folder, read by the other.
    client.http.headers["x-esri-authorization"] = f"Bearer {token_of(client, 'ann')}"
    assert not (cluster.folder / "data" / "token.key").exists()
    yield client
    client.http.close()


@pytest.fixture(scope="module")
def ann(cluster: Cluster, client: Client) -> Iterator[Everpoint]:
    with Everpoint(NAME, "ann", token_of(client, "ann")) as ann:
        turns = Turns([web.url for web in cluster.webs])
        ann.http = httpx.Client(base_url=f"{NAME}/sp", transport=turns, timeout=60, headers=ann.http.headers)
        yield ann


def send(client: Client, place: str, content: bytes, **fields: Any) -> Any:
    answer = client.http.post(
        client.place(place), data={"f": "json", **fields}, files={"file": ("a", content)}
    )
    assert "error" not in answer.json(), answer.text
    return answer.json()


def test_a_file_that_comes_in_parts_goes_through_a_job(client: Client) -> None:
    uploads = "Files/GPServer/uploads"
    item = client.post(f"{uploads}/register", itemName="a.txt")["item"]["itemID"]
    for number, content in ((2, b"second"), (1, b"first "), (3, b" third")):
        assert send(client, f"{uploads}/{item}/uploadPart", content, partId=number)["success"]
    assert client.get(f"{uploads}/{item}/parts") == {"parts": [1, 2, 3]}
    assert client.post(f"{uploads}/{item}/commit")["success"]
    found = client.run("Files/GiveBack", In_File=json.dumps({"itemID": item}))["Out_File"]
    for _ in range(2):  # from each node
        assert client.http.get(found["url"]).content == b"first second third"


def test_a_job_and_its_map(client: Client) -> None:
    job = client.submit(
        "Buffer/BufferPoints", Input_Features=json.dumps(points(50)), Distance="100 Kilometers"
    )
    state = client.wait(job)
    assert state["jobStatus"] == "esriJobSucceeded", state
    assert len({client.http.get(job, params={"f": "json"}).text for _ in range(2)}) == 1
    [name] = state["results"]
    data = client.get(f"{job}/results/{name}", returnType="data")
    assert len(data["value"]["features"]) == 50
    assert client.get(f"{job}/inputs/Input_Features")["value"]
    picture = client.get(f"{job}/results/{name}")["value"]["mapImage"]
    place = job.replace("/GPServer/BufferPoints/jobs/", "/MapServer/jobs/")
    export = client.get(f"{place}/export", bbox="-180,-90,180,90", size="200,100", bboxSR="4326")
    for href in (picture["href"], export["href"]) * 2:
        assert client.http.get(href).content.startswith(b"\x89PNG")
    assert client.http.get(f"{place}/tile/0/0/0").content.startswith(b"\x89PNG")
    for _ in range(2):
        assert client.http.get(f"{job}/results/{name}", params={"f": "kmz"}).content.startswith(b"PK")
    assert client.get(f"{place}/0/query", returnCountOnly="true", where="1=1") == {"count": 50}


def test_cancel_and_execute(client: Client) -> None:
    job = client.submit("Files/Nap")
    client.wait(job, lambda state: state["jobStatus"] == "esriJobExecuting")
    client.get(f"{job}/cancel")
    assert client.wait(job)["jobStatus"] == "esriJobCancelled"
    for _ in range(2):
        asked = {"Input_Features": json.dumps(points(3)), "Distance": "1 Kilometers"}
        answer = client.post("BufferSync/GPServer/BufferPoints/execute", **asked)
        assert len(answer["results"][0]["value"]["features"]) == 3


def test_the_life_of_an_evergis_client(ann: Everpoint) -> None:
    layer = ann.layer("points", ("name", "String"))
    ann.add(layer, *[point(37.6 + n / 100, 55.7, name=name) for n, name in enumerate("abc")])
    assert [len(ann.features(layer)) for _ in range(2)] == [3, 3]
    for _ in range(2):
        assert ann.http.get(f"/vt/{layer}/0/0/0.pbf").status_code == 200
    source = {"eql": f"SELECT * FROM {layer}", "idAttribute": "gid", "geometryAttribute": "geometry"}
    copy = {"proccessingType": "copy", "sourceLayer": source, "targetLayer": {"name": "ann.copies"}}
    setting = {"order": 0, "type": "geoProcessing", "startParameters": copy}
    made = ann.post("/scheduler", {"subTaskSettings": [setting], "enabled": True})
    assert [item["id"] for item in ann.get("/scheduler")["results"]] == [made]
    run = ann.post(f"/scheduler/{made}/start")["id"]
    while (found := ann.get(f"/scheduler/task/{run}/subtasks"))[0]["status"] not in ENDS:
        time.sleep(0.02)
    assert [item["status"] for item in found] == ["Completed"], found
    assert [len(ann.features("ann.copies")) for _ in range(2)] == [3, 3]
    assert {item["id"] for item in ann.get(f"/scheduler/{made}/tasks")["results"]} == {run}


def test_what_is_due_starts_once(ann: Everpoint) -> None:
    setting = {"order": 0, "type": "geoProcessing", "startParameters": {}}
    body = {"subTaskSettings": [setting], "enabled": True, "delayDate": "2020-01-01T00:00:00Z"}
    made = [ann.post("/scheduler", body) for _ in range(4)]
    for prototype in made:
        while not (runs := ann.get(f"/scheduler/{prototype}/tasks"))["count"]:
            time.sleep(0.02)
        assert runs["count"] == 1
