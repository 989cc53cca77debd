"""Inputs by URL over the wire: layers, queries, results and files of a server, and what it must not reach."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Server, StartServer, publishing
from gpclient import Client
from loopback import Web, serving

SERVICES = '''
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from gpserver import Features, Points, Raster, Service, Table, task


@task(output="points")
def make(count: int = 2500) -> Points:
    """Make points on a line."""
    number = np.arange(count)
    when = pd.Timestamp("2024-01-01") + pd.to_timedelta(number, "D")
    places = gpd.points_from_xy(number / 100, number % 7)
    return gpd.GeoDataFrame({"n": number, "seen": when}, geometry=places, crs=4326)


@task(output="raster")
def ramp() -> Raster:
    """Make a raster."""
    return Raster(np.arange(12.0).reshape(3, 4), (0, 0, 4, 3), 3857)


@task(output="out_features")
def same(in_features: Features) -> Features:
    """Give features back."""
    return in_features


@task(output="out_table")
def rows(in_table: Table) -> Table:
    """Give rows back."""
    return in_table


@task(output="out_file")
def same_file(in_file: Path) -> Path:
    """Give a file back."""
    return in_file


@task(output="mean")
def mean(in_raster: Raster) -> float:
    """Take the mean of a raster."""
    return float(np.mean(in_raster.values))


maps = Service("Maps", tasks=[make, ramp], result_map_service=True, maximum_records=1000)
plain = Service("Plain", tasks=[same, rows, same_file, mean, make], maximum_records=10_000)
'''


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = 'fetch_allowed = ["127.0.0.1"]\nfetch_seconds = 60\n'
    with publishing(tmp_path_factory.mktemp("references"), {"maps.py": SERVICES}, settings) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Server) -> Client:
    return server.client


@pytest.fixture(scope="module")
def job(client: Client) -> str:
    """A job of 2500 points whose service gives a thousand at once."""
    job = client.submit("Maps/Make")
    assert client.wait(job)["jobStatus"] == "esriJobSucceeded"
    return job


@pytest.fixture(scope="module")
def layer(job: str) -> str:
    return job.replace("GPServer/Make", "MapServer") + "/0"


def numbers(client: Client, task: str = "Same", **reference: Any) -> list[int]:
    name = "In_Table" if task == "Rows" else "In_Features"
    [out] = client.run(f"Plain/{task}", **{name: json.dumps(reference)}).values()
    return [feature["attributes"]["n"] for feature in out["features"]]


def failure(client: Client, task: str, **inputs: Any) -> str:
    state = client.wait(client.submit(task, **{name: json.dumps(value) for name, value in inputs.items()}))
    assert state["jobStatus"] == "esriJobFailed"
    return json.dumps(state["messages"])


@pytest.mark.parametrize("task", ["Same", "Rows"])
def test_a_layer_comes_whole_however_little_it_gives_at_once(client: Client, layer: str, task: str) -> None:
    assert sorted(numbers(client, task, url=layer)) == list(range(2500))


def test_a_layer_through_its_filter(client: Client, layer: str) -> None:
    assert numbers(client, url=f"{layer}/", filter="n > 2 AND n < 5", token="") == [3, 4]


def test_a_query_goes_on_where_the_server_says_that_there_is_more(client: Client, layer: str) -> None:
    assert len(numbers(client, url=f"{layer}/query?where=n>=10&outFields=*&f=json")) == 2490
    assert len(numbers(client, url=f"{layer}/query?where=n<10&outFields=n&f=geojson")) == 10


def test_a_plain_url_is_a_reference(client: Client, layer: str) -> None:
    out = client.run("Plain/Same", In_Features=f"{layer}/query?where=n=7&outFields=*")["Out_Features"]
    assert out["features"][0]["geometry"]["x"] == pytest.approx(0.07)


def test_the_result_of_another_job(client: Client, job: str) -> None:
    other = client.submit("Plain/Make", Count=20)
    client.wait(other)
    assert numbers(client, url=f"{other}/results/Points") == list(range(20))
    # A thousand is the limit of that service, and a part of the points would be a wrong result.
    text = failure(client, "Plain/Same", In_Features={"url": f"{job}/results/Points"})
    assert "more features than the server of the URL gives" in text


def test_a_file_of_another_job(client: Client) -> None:
    url = client.run("Maps/Ramp")["Raster"]["url"]
    assert client.run("Plain/Mean", In_Raster=json.dumps({"url": url}))["Mean"] == 5.5
    out = client.run("Plain/SameFile", In_File=json.dumps({"url": url}))["Out_File"]["url"]
    assert out.endswith("Raster.tif")
    assert client.http.get(out).content == client.http.get(url).content


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("Maps/MapServer", "not a feature set"),
        ("Maps/MapServer/99", "says: "),
        ("Plain/GPServer/Same?f=json", "not a feature set"),
    ],
)
def test_what_is_no_layer(client: Client, path: str, problem: str) -> None:
    text = failure(client, "Plain/Same", In_Features={"url": f"{client.services}/{path}"})
    assert problem in text.lower() or "json" in text.lower()
    assert "In_Features: " in text


@pytest.mark.parametrize(
    "reference", [{"portalItemID": "0" * 32}, {"uri": "x"}, {"url": "file:///etc/passwd"}]
)
def test_references_that_are_refused(client: Client, reference: dict[str, str]) -> None:
    for task, name in (("SameFile", "In_File"), ("Same", "In_Features"), ("Mean", "In_Raster")):
        assert f"{name}: " in failure(client, f"Plain/{task}", **{name: reference})


def test_nothing_private_is_reached_unless_it_is_listed(start_server: StartServer, tmp_path: Any) -> None:
    (tmp_path / "services").mkdir()
    (tmp_path / "services/maps.py").write_text(SERVICES)
    client = start_server(tmp_path / "services").client
    with serving(Web) as web:
        for task, name in (("SameFile", "In_File"), ("Same", "In_Features"), ("Mean", "In_Raster")):
            for path in ("text", "FeatureServer/0", "0/query"):
                text = failure(client, f"Plain/{task}", **{name: {"url": f"{web.url}/{path}"}})
                assert "is not a public one" in text
        assert web.asked == []
