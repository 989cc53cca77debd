"""The scheduler's second generation as its SDK calls it: prototypes, runs, workers, task resources."""

import io
import time
import uuid
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import httpx
import pytest
import shapely
from conftest import Server, publishing
from everpoint import Everpoint, point
from secured import token_of, toml

from gpserver.layers import Layers, open_layers

# The scheduler with a copy that takes a minute where the target is called so.
SCHEDULER = '''"""Runs subtasks."""
import time
from gpserver import Service, task
from gpserver.evergis import subtasks
from gpserver.evergis.geoprocessing import copy
from gpserver.evergis.parameters import Copy
from gpserver.evergis.tasks import TASKS

def slow(job, asked, report):
    for done in range(6000 if asked.target_layer.name.endswith("slow") else 0):
        report(done, 6000)
        time.sleep(0.01)
    return copy(job, asked, report)

subtasks._WORK[Copy] = slow

@task(output="slept")
def nap(seconds: float = 60) -> float:
    """Sleep."""
    time.sleep(seconds)
    return seconds

scheduler = Service("Scheduler", folder="EverGIS", tasks=(*TASKS, subtasks.run_subtasks))
naps = Service("Naps", tasks=[nap])
'''
PROTOTYPE = {
    *("id", "user", "description", "createdAt", "subTaskSettings", "enabled", "startIfPreviousError"),
    *(
        "startIfPreviousNotFinished",
        "delayDate",
        "schedule",
        "tasksCount",
        "lastTaskStatus",
        "lastTaskFinish",
    ),
}
SETTING = {"order", "type", "description", "startParameters"}
SUBTASK = {
    *("id", "order", "type", "started", "ended", "status", "process", "max", "errorMessage", "results"),
}
RUN = {"id", "status", "started", "ended", "forceExecution"}
WORKER = {"id", "type", "activeWorkerTasks", "lastUpdateStatusDate", "isInError", "isInTimeout"}
WORKER_TASK = {"type", "methodCallType", "settingsFields", "jsonSchema"}
FIELD = {"name", "alias", "group", "nullable", "type", "lookupValues", "childrenFields"}
FIELD_TYPES = {
    *("Int32", "Int64", "Double", "String", "Boolean", "DateTime", "Point", "Geometry", "Polyline"),
    *("MultiPolygon", "Polygon", "Multipoint", "IntergerArray", "DoubleArray", "StringArray", "SourceEql"),
    *("Layer", "Table", "Folder", "Json", "Attribute", "AttributeArray"),
}
CONFIGURATION = {
    *("taskResourceSubType", "taskType", "description", "importMethod", "userConfiguration"),
    *("defaultConfiguration", "uiConfiguration"),
}
ENDS = ("Completed", "Error", "Interrupted", "Timeout")
NOBODY = str(uuid.UUID(int=1))


class Manager(Everpoint):
    """Calls the scheduler as the SDK's task manager does."""

    def prototype(self, *settings: dict[str, Any], **facts: Any) -> str:
        body = {
            "delayDate": None,
            "description": None,
            "enabled": True,
            "schedule": None,
            "startIfPreviousError": True,
            "startIfPreviousNotFinished": False,
            "subTaskSettings": list(settings),
        }
        return str(uuid.UUID(self.post("/scheduler", body | facts)))

    def start(self, prototype: str) -> str:
        answer = self.post(f"/scheduler/{prototype}/start")
        assert set(answer) == {"id", "success"}
        assert answer["success"] is True
        return str(uuid.UUID(answer["id"]))

    def subtasks(self, task: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"/scheduler/task/{task}/subtasks")
        assert found
        for item in found:
            assert set(item) == SUBTASK
            uuid.UUID(item["id"])
            assert isinstance(item["order"], int)
        return found

    def wait(self, task: str, *until: str) -> list[dict[str, Any]]:
        """The subtasks once all are over, or one is in a state."""
        deadline = time.monotonic() + 60
        while True:
            found = self.subtasks(task)
            if until and any(item["status"] in until for item in found):
                return found
            if all(item["status"] in ENDS for item in found):
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.02)

    def run(self, *settings: dict[str, Any], **facts: Any) -> list[dict[str, Any]]:
        """Create, start and wait; the subtasks."""
        return self.wait(self.start(self.prototype(*settings, **facts)))

    def done(self, *settings: dict[str, Any]) -> dict[str, Any]:
        """The results of one subtask that has to be completed."""
        [found] = self.run(*settings)
        assert found["status"] == "Completed", found
        results: dict[str, Any] = found["results"]
        assert (results["Processed"], results["Count"]) == (found["process"], found["max"])
        return results

    def worker(self, worker: str, method: str, **data: Any) -> Any:
        return self.post("/scheduler/worker", {"workerType": worker, "methodType": method, "data": data})

    def runs(self, prototype: str, **query: Any) -> list[dict[str, Any]]:
        answer = self.get(f"/scheduler/{prototype}/tasks", **query)
        assert set(answer) == {"count", "results"}
        assert all(set(item) == RUN for item in answer["results"])
        return list(answer["results"])

    def find(self, prototype: str) -> dict[str, Any]:
        listed = self.get("/scheduler", Take=1000, Desc="true")["results"]
        return next(item for item in listed if item["id"] == prototype)


def geo(
    kind: str, source: dict[str, Any], target: str, order: int | None = None, **more: Any
) -> dict[str, Any]:
    """A subtask as the SDK's wrappers write it; those for union and fix say no kind."""
    parameters = {"sourceLayer": source, "targetLayer": {"name": target}, **more}
    return {
        "order": order,
        "type": "geoProcessing",
        "startParameters": parameters if kind == "union" else {"proccessingType": kind, **parameters},
    }


def exchange(**parameters: Any) -> dict[str, Any]:
    return {"order": None, "type": "importExport", "startParameters": parameters}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("prototypes")
    with publishing(folder, {"evergis.py": SCHEDULER}, toml(slots="2")) as server:
        yield server


def manager(server: Server, name: str) -> Manager:
    login = {"username": name, "password": name[::-1]}
    token = httpx.post(f"{server.url}/sp/account/login", json=login).json()["token"]
    return Manager(server.url, name, token)


@pytest.fixture(scope="module")
def ann(server: Server) -> Iterator[Manager]:
    with manager(server, "ann") as found:
        found.layer("points", ("name", "String"), ("price", "Double"))
        places = [point(37.60 + n / 200, 55.70, name=name, price=n) for n, name in enumerate("abc")]
        found.add("ann.points", *places)
        yield found  # type: ignore[misc]


@pytest.fixture(scope="module")
def bob(server: Server) -> Iterator[Manager]:
    with manager(server, "bob") as found:
        yield found  # type: ignore[misc]


@pytest.fixture(scope="module")
def layers(server: Server) -> Layers:
    return open_layers(server.data / "layers")


ALL = {"eql": "SELECT * FROM ann.points", "idAttribute": "gid", "geometryAttribute": "geometry"}


# Prototypes.


def test_a_prototype_is_told_to_the_key(ann: Manager) -> None:
    copy = geo("copy", ALL, "ann.told", 0)
    made = ann.prototype(copy, description="nightly", startIfPreviousNotFinished=True)
    answer = ann.get("/scheduler")
    found = ann.find(made)
    assert set(answer) == {"count", "results"}
    assert set(found) == PROTOTYPE
    assert all(set(item) == SETTING for item in found["subTaskSettings"])
    assert found["subTaskSettings"] == [copy | {"description": None}]
    expected = {"user": "ann", "description": "nightly", "enabled": True, "schedule": None, "delayDate": None}
    expected |= {"startIfPreviousError": True, "startIfPreviousNotFinished": True, "tasksCount": 0}
    expected |= {"lastTaskStatus": "Unknown", "lastTaskFinish": None}
    assert {key: found[key] for key in expected} == expected
    assert datetime.fromisoformat(found["createdAt"]).tzinfo


def test_lists_are_ordered_and_cut(ann: Manager) -> None:
    made = [ann.prototype(geo("copy", ALL, "ann.x"), description=f"list {n}") for n in range(3)]
    newest = ann.get("/scheduler", Skip=1, Take=2, Desc="true", Username="ann")
    assert [item["id"] for item in newest["results"]] == [made[1], made[0]]
    assert newest["count"] >= 3
    named = ann.get("/scheduler", OrderBy="Description", Desc="true")["results"]
    assert [item["description"] for item in named if (item["description"] or "").startswith("list")] == [
        "list 2",
        "list 1",
        "list 0",
    ]
    assert "createdat" in ann.problem("GET", "/scheduler", 400, params={"OrderBy": "colour"})
    assert "Skip" in ann.problem("GET", "/scheduler", 400, params={"Skip": "-1"})


def test_a_disabled_prototype_is_not_started(ann: Manager) -> None:
    made = ann.prototype(geo("copy", ALL, "ann.disabled"))
    assert ann.post(f"/scheduler/{made}/enable/False") == made
    assert ann.post(f"/scheduler/{made}/start") == {"id": None, "success": False}
    assert ann.post(f"/scheduler/{made}/enable/True") == made
    assert ann.post(f"/scheduler/{made}/start")["success"] is True
    ann.problem("POST", f"/scheduler/{made}/enable/perhaps", 400)


def test_a_new_timing_replaces_the_old_one(ann: Manager) -> None:
    made = ann.prototype(geo("copy", ALL, "ann.timed"), schedule="0 3 * * MON-FRI")
    body = {"enabled": False, "startIfPreviousError": False, "delayDate": "2030-01-01T00:00:00.1234561Z"}
    assert ann.read(ann.http.put(f"/scheduler/{made}", json=body)) == made
    found = ann.find(made)
    assert (found["enabled"], found["startIfPreviousError"], found["schedule"]) == (False, False, None)
    assert found["delayDate"].startswith("2030-01-01T00:00:00.123456")


def test_what_is_wrong_with_a_prototype_is_said(ann: Manager) -> None:
    for body, words in (
        ({}, "subTaskSettings"),
        ({"subTaskSettings": []}, "subTaskSettings"),
        ({"subTaskSettings": [{"order": "first"}]}, "$.subTaskSettings[0].order"),
        ({"subTaskSettings": [{"type": "x"}], "schedule": "every day"}, "cron"),
        ({"subTaskSettings": [{"type": "x"}], "delayDate": "tomorrow"}, "delayDate"),
        ({"subTaskSettings": [{"type": "x"}], "delayDate": "9999-12-31T23:59:59-12:00"}, "delayDate"),
    ):
        assert words in ann.problem("POST", "/scheduler", 400, json=body)
    ann.problem("POST", "/scheduler", 400, content=b"{")


def test_what_is_not_there_is_not_found(ann: Manager) -> None:
    for method, place in (
        ("POST", f"/scheduler/{NOBODY}/start"),
        ("POST", "/scheduler/nothing/start"),
        ("GET", f"/scheduler/{NOBODY}/tasks"),
        ("DELETE", f"/scheduler/{NOBODY}"),
        ("POST", f"/scheduler/{NOBODY}/enable/True"),
        ("GET", f"/scheduler/task/{NOBODY}/subtasks"),
        ("POST", f"/scheduler/task/{NOBODY}/stop"),
        ("GET", "/scheduler/taskresource/nothing"),
    ):
        ann.problem(method, place, 404)
    ann.problem("PUT", f"/scheduler/{NOBODY}", 404, json={})


# Runs.


def test_a_run_has_its_subtasks_at_once_and_its_results_in_the_end(ann: Manager, layers: Layers) -> None:
    made = ann.prototype(geo("copy", ALL | {"condition": "price > 0"}, "ann.copied", 0))
    task = ann.start(made)
    [first] = ann.subtasks(task)
    assert first["status"] in ("InQueue", "Waiting", "Process", "Completed")
    assert (first["order"], first["type"]) == (0, "geoProcessing")
    [last] = ann.wait(task)
    assert last["id"] == first["id"]
    assert (last["status"], last["process"], last["max"], last["errorMessage"]) == ("Completed", 2, 2, None)
    assert last["results"] == {"Processed": 2, "Count": 2, "Written": 2}
    assert datetime.fromisoformat(last["started"]) <= datetime.fromisoformat(last["ended"])
    assert sorted(layers.read("ann.copied")["name"]) == ["b", "c"]
    [run] = ann.runs(made)
    assert (run["id"], run["status"], run["forceExecution"]) == (task, "Completed", True)
    found = ann.find(made)
    assert (found["tasksCount"], found["lastTaskStatus"]) == (1, "Completed")
    assert found["lastTaskFinish"] == run["ended"]


def test_a_failure_says_why_and_interrupts_what_follows(ann: Manager) -> None:
    settings = (geo("copy", ALL, "ann.f1", 0), geo("copy", ALL, "ann.f1", 1), geo("copy", ALL, "ann.f2", 2))
    made = ann.prototype(*settings, startIfPreviousError=False)
    found = ann.wait(ann.start(made))
    assert [item["status"] for item in found] == ["Completed", "Error", "Interrupted"]
    assert found[1]["errorMessage"] == "ann.f1: table already exist."
    assert ann.runs(made)[0]["status"] == "Error"
    assert ann.find(made)["lastTaskStatus"] == "Error"


def test_runs_are_filtered_as_clients_spell_it(ann: Manager) -> None:
    made = ann.prototype(geo("delete", {"eql": "SELECT gid FROM ann.points WHERE price > 99"}, "ann.points"))
    tasks = [ann.start(made) for _ in range(2)]
    for task in tasks:
        ann.wait(task)
    assert [run["id"] for run in ann.runs(made, Status="RemoteTaskStatus.COMPLETED")] == tasks
    assert [run["id"] for run in ann.runs(made, Status="Completed", Desc="true", Take=1)] == tasks[1:]
    assert ann.runs(made, Status="Error") == []
    assert len(ann.runs(made, OrderBy="started", Skip=1)) == 1
    ann.problem("GET", f"/scheduler/{made}/tasks", 400, params={"Status": "Sleepy"})


def test_a_run_may_be_given_its_id_once(ann: Manager, bob: Manager) -> None:
    made, task = ann.prototype(geo("copy", ALL, "ann.given")), str(uuid.uuid4())
    assert ann.post(f"/scheduler/{made}/start/{task}") == {"id": task, "success": True}
    assert "already" in ann.problem("POST", f"/scheduler/{made}/start/{task}", 409)
    ann.wait(task)
    ann.problem("POST", f"/scheduler/{made}/start/{task}", 409)
    ann.problem("POST", f"/scheduler/{made}/start/first", 404)
    assert len(ann.runs(made)) == 1


def test_a_run_that_is_stopped_is_interrupted(ann: Manager, layers: Layers) -> None:
    made = ann.prototype(geo("copy", ALL, "ann.slow", 0), geo("copy", ALL, "ann.after", 1))
    task = ann.start(made)
    found = ann.wait(task, "Process")
    assert [item["status"] for item in found] == ["Process", "Waiting"]
    assert ann.post(f"/scheduler/task/{task}/stop") == task
    assert [item["status"] for item in ann.wait(task)] == ["Interrupted", "Interrupted"]
    assert ann.post(f"/scheduler/task/{task}/stop") == task
    assert ann.runs(made)[0]["status"] == "Interrupted"
    assert not layers.exists("ann.slow")


def test_a_run_outlives_its_prototype(ann: Manager) -> None:
    made = ann.prototype(geo("copy", ALL, "ann.slow", 0))
    task = ann.start(made)
    ann.wait(task, "Process")
    assert ann.delete(f"/scheduler/{made}") == made
    ann.problem("GET", f"/scheduler/{made}/tasks", 404)
    assert ann.subtasks(task)[0]["status"] == "Process"
    ann.post(f"/scheduler/task/{task}/stop")
    assert ann.wait(task)[0]["status"] == "Interrupted"


def test_the_clock_starts_what_is_due(ann: Manager) -> None:
    gone = geo("delete", {"eql": "SELECT gid FROM ann.points WHERE price > 99"}, "ann.points")
    soon = datetime.now(UTC) + timedelta(milliseconds=300)
    often, once = ann.prototype(gone, schedule="* * * * * *"), ann.prototype(gone, delayDate=soon.isoformat())
    deadline = time.monotonic() + 30
    while not (ann.runs(often, Status="Completed") and ann.runs(once, Status="Completed")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    ann.delete(f"/scheduler/{often}")
    [run] = ann.runs(once)
    assert run["forceExecution"] is False


def test_what_belongs_to_others_is_not_there(ann: Manager, bob: Manager, server: Server) -> None:
    made = ann.prototype(geo("copy", ALL, "ann.hidden"))
    task = ann.start(made)
    ann.wait(task)
    assert made not in {item["id"] for item in bob.get("/scheduler")["results"]}
    bob.problem("GET", "/scheduler", 403, params={"Username": "ann"})
    bob.problem("POST", f"/scheduler/{made}/start", 404)
    bob.problem("DELETE", f"/scheduler/{made}", 404)
    bob.problem("GET", f"/scheduler/task/{task}/subtasks", 404)
    bob.problem("POST", f"/scheduler/task/{task}/stop", 404)
    with manager(server, "root") as root:
        assert root.find(made)["user"] == "ann"  # type: ignore[attr-defined]
    answer = httpx.get(f"{server.url}/sp/scheduler")
    assert answer.status_code == 401


def test_both_sides_see_each_others_jobs(ann: Manager, server: Server) -> None:
    token = token_of(server.client, "ann")
    task = ann.start(ann.prototype(geo("copy", ALL, "ann.slow", 0)))
    ann.wait(task, "Process")
    job = f"{server.rest}/services/EverGIS/Scheduler/GPServer/subtasks/jobs/j{uuid.UUID(task).hex}"
    assert server.client.get(job, token=token)["jobStatus"] == "esriJobExecuting"
    server.client.post(f"{job}/cancel", token=token)
    assert ann.wait(task)[0]["status"] == "Interrupted"
    esri = server.client
    nap = esri.submit("Naps/Nap", Seconds=60, token=token)
    theirs = str(uuid.UUID(nap.rpartition("/j")[2]))
    ann.wait(theirs, "Process")
    [seen] = ann.subtasks(theirs)
    assert seen["type"] == "Naps/Nap"
    ann.post(f"/scheduler/task/{theirs}/stop")
    assert ann.wait(theirs)[0]["status"] == "Interrupted"
    assert esri.get(nap, token=token)["jobStatus"] in ("esriJobCancelling", "esriJobCancelled")


# What the SDK's wrappers send.


def test_update_delete_union_validate_and_fix(ann: Manager, layers: Layers) -> None:
    ann.done(geo("copy", ALL, "ann.edited"))
    renamed = {"eql": "SELECT gid, upper(name) AS name FROM ann.edited WHERE price < 1"}
    assert ann.done(geo("update", renamed, "ann.edited", materializedView=True))["Processed"] == 1
    last = {
        "sourceLayer": {"eql": "SELECT gid FROM ann.edited WHERE price = 2"},
        "targetLayer": {"name": "ann.edited"},
    }
    assert ann.done({"order": None, "type": "delete", "startParameters": last})["Processed"] == 1
    assert sorted(layers.read("ann.edited")["name"]) == ["A", "b"]
    ann.done(geo("buffer", ALL, "ann.rings", radii=["100", "250"], attributeToCopy=["name"]))
    united = {"eql": "SELECT gid, name, st_multi(st_makevalid(geometry)) AS geometry FROM ann.rings"}
    assert ann.done(geo("union", united, "ann.united"))["Written"] == 1
    assert ann.done(geo("union", united, "ann.groups", groupAttribute="name"))["Written"] == 3
    assert ann.done(geo("validateGeometry", ALL, "ann.invalid"))["Invalid"] == 0
    fix = {"order": None, "type": "geoProcessing", "startParameters": {"targetLayer": {"name": "ann.rings"}}}
    assert ann.done(fix)["Fixed"] == 0
    inside = {"overlayLayer": {"layerName": "ann.rings"}, "operation": "Within"}
    assert ann.done(geo("overlay", ALL, "ann.inside", **inside))["Written"] == 3


@pytest.mark.parametrize(
    ("kind", "name"), [("csv", "stations.csv"), ("gpkg", "out.gpkg"), ("shape", "out.zip")]
)
def test_files_are_exported_and_imported(ann: Manager, layers: Layers, kind: str, name: str) -> None:
    columns = (
        {"target_coordSourceFields": ["lon", "lat"], "target_columnDelimiter": ";"} if kind == "csv" else {}
    )
    source = {"source_type": "layer", "source_layer": {"layerName": "ann.points"}, "batchCount": 50000}
    made = ann.done(exchange(**source, target_type=kind, target_fileName=name, **columns))
    file = ann.http.get(f"/resources/file/{made['ResourceId']}").content
    if kind == "csv":
        assert file.decode().splitlines()[0].split(";")[-2:] == ["lon", "lat"]
    if kind == "shape":
        assert {Path(item).suffix for item in zipfile.ZipFile(io.BytesIO(file)).namelist()} >= {
            ".shp",
            ".dbf",
        }
    read = (
        {"source_coordSourceFields": ["lon", "lat"], "source_columnDelimiter": ";"} if kind == "csv" else {}
    )
    asked = {"source_type": kind, "source_fileName": made["ResourceId"], **read}
    schema = ann.worker("importExport", "importExport/dataSchema", **asked)
    [layer] = schema["layers"]
    kinds = {item["attributeName"]: item["type"] for item in layer["attributesConfiguration"]["attributes"]}
    assert kinds["geometry"] == "Point"
    names = {attribute: attribute for attribute in kinds}
    target = {"target_type": "layer", "target_layer": {"name": f"ann.from_{kind}", "alias": "From a file"}}
    container = {} if kind == "csv" else {"source_layerName": layer["name"]}
    types = {"attributeMapping": names, "attributeTypeMapping": kinds}
    assert ann.done(exchange(**asked, **container, **target, **types))["Processed"] == 3
    frame = layers.read(f"ann.from_{kind}")
    assert sorted(frame["name"]) == ["a", "b", "c"]
    assert frame.total_bounds.tolist() == pytest.approx([37.6, 55.7, 37.61, 55.7])


# Workers.


def test_workers_are_told_to_the_key(ann: Manager) -> None:
    found = ann.get("/scheduler/worker")
    assert [item["type"] for item in found] == ["geoProcessing", "importExport", "netEngine", "EqlHelpWorker"]
    for item in found:
        assert set(item) == WORKER
        assert (item["isInError"], item["isInTimeout"]) == (False, False)
        for task in item["activeWorkerTasks"]:
            assert set(task) == WORKER_TASK
            assert task["methodCallType"] in ("Task", "Rest", "Both")
            check_fields(task["settingsFields"])
    [one] = ann.get("/scheduler/worker/netengine")
    assert [task["type"] for task in one["activeWorkerTasks"]][:2] == ["availabilityArea", "ODMatrix"]
    assert ann.get("/scheduler/worker/pythonService") == []
    [geoprocessing] = ann.get("/scheduler/worker/geoProcessing")
    overlay = next(task for task in geoprocessing["activeWorkerTasks"] if task["type"] == "overlay")
    types = {field["name"]: field["type"] for field in overlay["settingsFields"]}
    assert types["sourceLayer"] == "SourceEql"
    assert types["targetLayer"] == "Layer"
    assert types["attributesToCopy"] == "AttributeArray"
    operation = next(field for field in overlay["settingsFields"] if field["name"] == "operation")
    assert set(operation["lookupValues"]) == {"Clip", "Within", "Intersect", "Subtraction", "SymDifference"}
    assert "sourceLayer" in overlay["jsonSchema"]["$defs"]["Overlay"]["required"]


def check_fields(fields: list[dict[str, Any]]) -> None:
    for field in fields:
        assert set(field) == FIELD
        assert field["type"] in FIELD_TYPES
        for children in field["childrenFields"].values():
            check_fields(children)


def test_areas_ways_and_matrices_at_once_and_as_layers(ann: Manager, layers: Layers) -> None:
    ticks = [37.59 + n / 1000 for n in range(31)]
    streets = [shapely.LineString([(x, 55.69 + n / 1000) for x in ticks]) for n in range(21)]
    streets += [shapely.LineString([(x, 55.69 + n / 1000) for n in range(21)]) for x in ticks]
    layers.write(
        "networks.car",
        gpd.GeoDataFrame({"speed": 40.0}, index=range(len(streets)), geometry=streets, crs=4326),
    )
    here = {"providerName": "osrm_car", "srIn": 4326, "srOut": 4326}
    area = ann.worker("netEngine", "availabilityAreaRest", x=37.6, y=55.7, duration=1, **here)
    assert area["features"][0]["geometry"]["type"] in ("Polygon", "MultiPolygon")
    way = ann.worker("netEngine", "route", x1=37.6, y1=55.7, x2=37.605, y2=55.7, **here)
    assert way["features"][0]["geometry"]["type"] == "LineString"
    places = [point(37.6, 55.7, gid=0), point(37.605, 55.7, gid=1)]
    pairs = ann.worker(
        "netEngine", "ODMatrix-rest", arrayFrom=places, arrayTo=places, epsgCode=4326, seconds=False
    )
    rows = [item["properties"] for item in pairs["features"]]
    assert set(rows[0]) == {"from", "to", "distance", "transporttype", "weightparameter"}
    assert rows[1]["distance"] == pytest.approx(way["features"][0]["properties"]["distance"])
    asked = {
        "providerName": "sproute_isochrone_pedestrian",
        "durationExpression": "5",
        "proccessingType": "availabilityArea",
    }
    asked |= {"sourceLayer": ALL | {"geometryAttribute": "geom"}, "targetLayer": {"name": "ann.areas"}}
    asked |= {"durationAttributeName": "duration", "baseObjectIdAttributeName": "object_id"}
    ann.done({"order": None, "type": "netEngine", "startParameters": asked})
    assert list(layers.read("ann.areas").columns) == ["gid", "object_id", "duration", "geometry"]
    asked = {
        "proccessingType": "ODMatrix",
        "sourceFromLayer": ALL,
        "sourceToLayer": ALL,
        "transportType": "pedestrian",
    }
    ann.done({"type": "netEngine", "startParameters": asked | {"targetLayer": {"name": "ann.ways"}}})
    assert layers.find("ann.ways").count == 9


def test_what_is_wrong_with_a_method_is_said(ann: Manager) -> None:
    def problem(status: int, worker: str, method: str, **data: Any) -> str:
        body = {"workerType": worker, "methodType": method, "data": data}
        return ann.problem("POST", "/scheduler/worker", status, json=body)

    assert "importExport" in problem(404, "pythonService", "pythonrunner/run")
    assert "ODMatrix-rest" in problem(404, "netEngine", "fly")
    assert "data" in problem(400, "netEngine", "route", providerName="osrm_car")
    assert "no file" in problem(404, "importExport", "importExport/dataSchema", source_fileName="nothing.csv")
    assert (
        ann.worker("EqlHelpWorker", "eql-help/suggest", query="SELECT ST_Buf")["items"][0]["name"]
        == "st_buffer"
    )


# Task resources.


def test_task_resources_keep_their_configuration(ann: Manager, bob: Manager) -> None:
    body = {"name": "clean", "systemName": "ann.clean", "subType": "PythonTask", "parentId": None, "tags": []}
    answer = ann.http.post("/scheduler/taskresource", json=body | {"description": "Cleans."})
    key = answer.text  # as the SDK takes it
    assert (answer.status_code, len(key)) == (200, 32)
    found = ann.get(f"/scheduler/taskresource/{key}", updateDefault="false")
    assert set(found) == CONFIGURATION
    assert (found["taskResourceSubType"], found["description"]) == ("PythonTask", "Cleans.")
    assert ann.patch(f"/scheduler/taskresource/{key}", {"configuration": {"depth": 3}}) is None
    assert ann.patch(f"/scheduler/taskresource/{key}", {"uiConfiguration": [1]}) is None
    found = ann.get(f"/scheduler/taskresource/{key}")
    assert (found["userConfiguration"], found["uiConfiguration"]) == ({"depth": 3}, [1])
    assert ann.get(f"/resources/{key}")["type"] == "TaskPrototype"
    ann.post("/resources/directory", {"name": "src", "parentId": key})
    [inner] = ann.post("/resources", {"parentId": key})["items"]
    assert (inner["name"], inner["parentId"]) == ("src", key)
    bob.problem("GET", f"/scheduler/taskresource/{key}", 404)
    ann.problem("POST", "/scheduler/taskresource", 409, json=body)
    ann.problem("POST", "/scheduler/taskresource", 400, json=body | {"subType": "Spell"})
