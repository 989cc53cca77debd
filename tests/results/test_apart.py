"""Machines that share a database and an object store, and no folder."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from cluster import Cluster, machines
from gpclient import points
from objectstore import Bucket

SERVICES = Path(__file__).parent / "services"


@pytest.fixture(scope="module")
def cluster(
    postgis: psycopg.Connection,
    postgis_url: str,
    bucket: Bucket,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cluster]:
    with machines(postgis, tmp_path_factory.mktemp("apart"), SERVICES) as cluster:
        cluster.apart = True
        cluster.settings = f'layers = "{postgis_url}"\nresults = "{bucket.url}"\nupload_types = ["txt"]\n'
        yield cluster


def test_a_job_goes_through_three_machines(cluster: Cluster, bucket: Bucket) -> None:
    first, second = cluster.web(), cluster.web()
    worker = cluster.worker()
    place = f"{first.rest}/services/Files/GPServer/uploads/upload"
    item = first.client.http.post(place, data={"f": "json"}, files={"file": ("a.txt", b"from afar")})
    job = first.client.submit("Files/Grow", Points=json.dumps(points(3000)))
    seen = job.replace(first.url, second.url)
    state = second.client.wait(seen)
    assert state["jobStatus"] == "esriJobSucceeded", (state, worker.log.read_text())
    grown = second.client.get(f"{seen}/results/Grown", returnType="data")["value"]
    assert len(grown["features"]) == 3000
    assert len(second.client.get(f"{seen}/inputs/Points")["value"]["features"]) == 3000
    layer = f"{second.rest}/services/Files/MapServer/jobs/{job.rpartition('/')[2]}"
    picture = second.client.http.get(
        f"{layer}/export", params={"bbox": "-180,-90,180,90", "size": "200,100", "f": "image"}
    )
    assert picture.headers["content-type"] == "image/png", picture.text
    url = second.client.get(f"{seen}/results/Listing")["value"]["url"]
    assert second.client.http.get(url, headers={"range": "bytes=10-19"}).text == "000000001\n"
    uploaded = json.dumps({"itemID": item.json()["item"]["itemID"]})
    assert second.client.run("Files/ReadFile", File=uploaded)["Text"] == "from afar"
    for machine in cluster.folder.iterdir():
        assert not list((machine / "data" / "jobs").glob("*")), "nothing of a job stays on a machine"
    second.client.post(
        f"{second.url}/arcgis/admin/services/Files.GPServer/jobs/{job.rpartition('/')[2]}/delete"
    )
    assert not [name for name in bucket.names() if job.rpartition("/j")[2] in name]
