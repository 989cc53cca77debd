"""One engine, three tongues: a job of either scheduler of EverGIS is a job of ArcGIS, and back."""

import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import geopandas as gpd
import numpy as np
import pytest
import shapely
from conftest import ROOT, publishing
from everpoint import Everpoint
from gpclient import Client, EsriError
from secured import QUICK

from gpserver.layers import open_layers

NAPS = '''"""Naps."""
import time
from gpserver import Points, Service, task

@task(output="same")
def nap(points: Points, seconds: float) -> Points:
    """Sleep, then give back."""
    time.sleep(seconds)
    return points

naps = Service("Naps", tasks=[nap])
'''
SERVICES = {"evergis.py": (ROOT / "services" / "evergis.py").read_text(), "naps.py": NAPS}
STATES = {
    "ended": ("esriJobSucceeded", "Completed", "Completed"),
    "cancelled": ("esriJobCancelled", "Canceled", "Interrupted"),
    "failed": ("esriJobFailed", "Failed", "Error"),
    "running": ("esriJobExecuting", "Executing", "Process"),
}
WAYS = ("arcgis", "first", "second")


@dataclass(frozen=True)
class Work:
    """A job by its names: its place at ArcGIS, its id at EverGIS."""

    place: str
    id: str


class Tongues:
    """Starts, watches and stops work in each of the three ways."""

    def __init__(self, esri: Client, everpoint: Everpoint, token: str = "") -> None:
        self.esri, self.everpoint, self.token = esri, everpoint, {"token": token} if token else {}

    def start(self, way: str, source: str, target: str, seconds: float = 0) -> Work:
        """Work over points: a nap at ArcGIS, buffers at EverGIS."""
        if way == "arcgis":
            features = [{"geometry": {"x": n, "y": n}, "attributes": {"n": n}} for n in range(5)]
            points = json.dumps({"geometryType": "esriGeometryPoint", "features": features})
            place = self.esri.submit("Naps/Nap", Points=points, Seconds=seconds, **self.token)
            return Work(place, str(UUID(place.rpartition("/j")[2])))
        make = self._first if way == "first" else self._second
        task, id_ = make(source, target)
        place = f"{self.esri.services}/EverGIS/Scheduler/GPServer/{task}/jobs/j{UUID(id_).hex}"
        return Work(place, id_)

    def _first(self, source: str, target: str) -> tuple[str, str]:
        storage = {"type": "layerTaskDataStorage"}
        body = {
            "source": {**storage, "serviceName": source},
            "target": {**storage, "serviceName": target, "createNewService": True},
            "radii": _radii(source),
        }
        return "buffer", self.everpoint.post("/scheduler/tasks", body, type="buffer")["taskId"]

    def _second(self, source: str, target: str) -> tuple[str, str]:
        parameters = {
            "proccessingType": "buffer",
            "sourceLayer": {"layerName": source},
            "targetLayer": {"name": target},
            "radii": list(map(str, _radii(source))),
        }
        subtask = {"order": 0, "type": "geoProcessing", "startParameters": parameters}
        prototype = self.everpoint.post("/scheduler", {"enabled": True, "subTaskSettings": [subtask]})
        return "subtasks", self.everpoint.post(f"/scheduler/{prototype}/start")["id"]

    def states(self, work: Work) -> tuple[str, str, str]:
        """What each of them says of a job."""
        [subtask] = self.everpoint.get(f"/scheduler/task/{work.id}/subtasks")
        return (
            self.esri.get(work.place, **self.token)["jobStatus"],
            self.everpoint.get(f"/scheduler/tasks/{work.id}/progress")["status"],
            subtask["status"],
        )

    def wait(self, work: Work, state: str) -> None:
        """Until all of them say the same."""
        deadline = time.monotonic() + 60
        while (found := self.states(work)) != STATES[state]:
            assert time.monotonic() < deadline, found
            time.sleep(0.02)

    def stop(self, way: str, work: Work) -> None:
        if way == "arcgis":
            self.esri.post(f"{work.place}/cancel", **self.token)
        elif way == "first":
            self.everpoint.post(f"/scheduler/tasks/{work.id}/cancel")
        else:
            assert self.everpoint.post(f"/scheduler/task/{work.id}/stop") == work.id


def _radii(source: str) -> list[int]:
    """Of the many points so many that nobody waits for them."""
    return [100, 200] if source.endswith(".few") else list(range(100, 140))


def fill(data: Path, name: str) -> None:
    """A layer of a user, with five points."""
    points = shapely.points(np.arange(10).reshape(5, 2) * 1000.0)
    layers = open_layers(data / "layers").seen_by(name)
    layers.write(f"{name}.few", gpd.GeoDataFrame({"n": range(5)}, geometry=points, crs=32637))


@pytest.fixture(scope="module")
def tongues(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tongues]:
    with (
        publishing(tmp_path_factory.mktemp("both"), SERVICES) as server,
        Everpoint(server.url, "ann") as everpoint,
    ):
        fill(server.data, "ann")
        many = shapely.points(np.random.default_rng(1).uniform(0, 1e5, (300_000, 2)))
        open_layers(server.data / "layers").write("ann.many", gpd.GeoDataFrame(geometry=many, crs=32637))
        yield Tongues(server.client, everpoint)


@pytest.mark.parametrize("way", WAYS)
def test_a_job_ends_alike_for_everybody(tongues: Tongues, way: str) -> None:
    work = tongues.start(way, "ann.few", f"ann.ended_{way}")
    tongues.wait(work, "ended")
    messages = tongues.esri.get(work.place)["messages"]
    assert messages[-1]["description"].startswith("Succeeded")
    info = tongues.everpoint.get(f"/scheduler/{work.id}")
    assert info["id"] == work.id
    assert info["startedDate"] <= info["completedDate"]


@pytest.mark.parametrize(("starter", "stopper"), list(itertools.permutations(WAYS, 2)))
def test_whoever_started_it_anybody_stops_it(tongues: Tongues, starter: str, stopper: str) -> None:
    target = f"ann.stopped_{starter}_{stopper}"
    work = tongues.start(starter, "ann.many", target, seconds=60)
    tongues.wait(work, "running")
    tongues.stop(stopper, work)
    tongues.wait(work, "cancelled")
    assert tongues.everpoint.get(f"/layers/{target}/exists") is False


def test_the_results_are_the_same_by_every_name(tongues: Tongues) -> None:
    first = tongues.start("first", "ann.few", "ann.of_first")
    second = tongues.start("second", "ann.few", "ann.of_second")
    for work in (first, second):
        tongues.wait(work, "ended")
    rows = tongues.esri.get(f"{first.place}/results/layer", returnType="data")["value"]["features"]
    told = tongues.everpoint.get(f"/scheduler/tasks/{first.id}/progress")["taskResult"]
    assert tongues.esri.get(f"{first.place}/results/taskResult")["value"] == told
    layers = [tongues.everpoint.features(name) for name in ("ann.of_first", "ann.of_second")]
    assert [len(features) for features in (rows, *layers)] == [10, 10, 10]
    [subtask] = tongues.everpoint.get(f"/scheduler/task/{second.id}/subtasks")
    assert subtask["results"]["Written"] == 10
    nap = tongues.start("arcgis", "", "")
    tongues.wait(nap, "ended")
    found = tongues.everpoint.get(f"/scheduler/tasks/{nap.id}/progress")["taskResult"]
    assert (found["inputObjectCount"], found["outputObjectCount"]) == (5, 5)


def users(*names: str) -> str:
    """The text of gpserver.toml; a password is the name backwards."""
    return "".join(f'[users.{name}]\npassword = "{QUICK.hash(name[::-1])}"\n' for name in names)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tongues, Tongues]]:
    """Two users of one server, each with one token for everything."""
    with publishing(tmp_path_factory.mktemp("pair"), SERVICES, users("ann", "bob")) as server:
        fill(server.data, "ann")
        fill(server.data, "bob")
        callers = []
        for name in ("ann", "bob"):
            login = {"username": name, "password": name[::-1]}
            token = server.client.http.post(f"{server.url}/sp/account/login", json=login).json()["token"]
            callers.append(Tongues(server.client, Everpoint(server.url, name, token), token))
        yield callers[0], callers[1]
        for caller in callers:
            caller.everpoint.http.close()


@pytest.mark.parametrize("way", WAYS)
def test_a_job_is_seen_by_its_owner_alone_in_every_way(pair: tuple[Tongues, Tongues], way: str) -> None:
    ann, bob = pair
    work = ann.start(way, "ann.few", f"ann.own_{way}")
    ann.wait(work, "ended")
    for path in (
        f"/scheduler/{work.id}",
        f"/scheduler/tasks/{work.id}/progress",
        f"/scheduler/task/{work.id}/subtasks",
    ):
        bob.everpoint.problem("GET", path, 404)
    for path in (f"/scheduler/tasks/{work.id}/cancel", f"/scheduler/task/{work.id}/stop"):
        bob.everpoint.problem("POST", path, 404)
    with pytest.raises(EsriError):
        bob.esri.get(work.place, **bob.token)
    with pytest.raises(EsriError):
        bob.esri.post(f"{work.place}/cancel", **bob.token)
    ann.wait(work, "ended")


@pytest.mark.parametrize("way", ["first", "second"])
def test_nobody_writes_to_another_or_reads_from_him(pair: tuple[Tongues, Tongues], way: str) -> None:
    ann, bob = pair
    for source, target in (("bob.few", f"ann.by_bob_{way}"), ("ann.few", f"bob.of_ann_{way}")):
        work = bob.start(way, source, target)
        bob.wait(work, "failed")
        assert ann.everpoint.get(f"/layers/{target}/exists") is False
