"""The scheduler's first generation over HTTP: each type of task, its answers, and how it ends."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from conftest import ROOT, Server, StartServer, publishing

from gpserver.layers import Layers, open_layers

UTM = 32637
ENDS = ("Completed", "Failed", "Canceled", "Timeout")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z")
STEP = {
    *("stepName", "inputSource", "outSource", "startedTime", "endedTime", "batchErrors", "batchCount"),
    *("inputObjectCount", "errorCount", "outputObjectCount", "resultDetails"),
}
PROGRESS = {
    *("id", "status", "taskResult", "stepCount", "currentStepId", "currentStepAlreadyDone"),
    *("currentStepObjectCount", "resultDetails"),
}
NAPS = '''"""Naps."""
import time
from gpserver import Points, Service, task

@task(output="size")
def count(points: Points) -> int:
    """Count."""
    return len(points)

@task(output="pairs")
def same(points: Points) -> Points:
    """Give back."""
    return points

@task(output="slept")
def nap(seconds: float) -> float:
    """Sleep."""
    time.sleep(seconds)
    return seconds

short = Service("Short", tasks=[nap], time_limit=0.3)
long = Service("Naps", tasks=[nap, count, same])
'''
SERVICES = {"evergis.py": (ROOT / "services" / "evergis.py").read_text(), "naps.py": NAPS}


class Scheduler:
    """Calls the scheduler of a server as the published samples do."""

    def __init__(self, server: Server) -> None:
        self.url, self.http = f"{server.url}/sp/scheduler", server.client.http

    def create(self, kind: str, **body: Any) -> str:
        answer = self.http.post(f"{self.url}/tasks", params={"type": kind}, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["taskId"]

    def progress(self, task: str) -> dict[str, Any]:
        return self.http.get(f"{self.url}/tasks/{task}/progress").json()

    def info(self, task: str) -> dict[str, Any]:
        return self.http.get(f"{self.url}/{task}").json()

    def wait(self, task: str, *states: str) -> dict[str, Any]:
        deadline = time.monotonic() + 60
        while (found := self.progress(task))["status"] not in (states or ENDS):
            assert found["status"] not in ENDS, found
            assert time.monotonic() < deadline, found
            time.sleep(0.02)
        return found

    def run(self, kind: str, **body: Any) -> dict[str, Any]:
        """The ``taskResult`` of a task that has to be completed."""
        found = self.wait(self.create(kind, **body))
        assert found["status"] == "Completed", found
        return found["taskResult"]


def layer(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "layerTaskDataStorage", "serviceName": name, **more}


def new(name: str) -> dict[str, Any]:
    return layer(name, createNewService=True)


def counts(result: dict[str, Any]) -> tuple[int, int, int]:
    return result["inputObjectCount"], result["errorCount"], result["outputObjectCount"]


def squares(count: int, size: float, x: float = 400_000, y: float = 6_200_000) -> gpd.GeoDataFrame:
    """Squares in a row, each beginning where the last one ends, with a name and a number."""
    left = x + size * np.arange(count)
    boxes = shapely.box(left, y, left + size, y + size)
    names = [f"s{n}" for n in range(count)]
    return gpd.GeoDataFrame({"name": names, "level": np.arange(count)}, geometry=boxes, crs=UTM)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with publishing(tmp_path_factory.mktemp("scheduler"), SERVICES) as server:
        yield server


@pytest.fixture(scope="module")
def scheduler(server: Server) -> Scheduler:
    return Scheduler(server)


@pytest.fixture(scope="module")
def layers(server: Server) -> Layers:
    """The layers of the server, with those that the tests read."""
    found = open_layers(server.data / "layers")
    random = np.random.default_rng(5)
    places = shapely.points(random.uniform((400_000, 6_199_000), (410_000, 6_202_000), (300, 2)))
    values = {"value": random.uniform(0, 10, 300), "weight": random.integers(1, 5, 300)}
    values["kind"] = np.where(np.arange(300) % 3, "shop", "school")
    values["reach"] = np.where(np.arange(300) % 2, 100.0, 250.0)
    found.write("u.points", gpd.GeoDataFrame(values, geometry=places, crs=UTM))
    found.write("u.squares", squares(10, 1000))
    found.write("u.shifted", squares(10, 1000, x=400_500, y=6_200_500))
    found.change("u.squares", alias="Squares", description="In a row.")
    return found


@pytest.fixture(scope="module")
def points(layers: Layers) -> gpd.GeoDataFrame:
    return layers.read("u.points")


# What answers look like.


def test_creating_a_task_answers_with_five_keys(scheduler: Scheduler, layers: Layers) -> None:
    body = {"source": layer("u.squares"), "target": new("u.created")}
    answer = scheduler.http.post(f"{scheduler.url}/tasks", params={"type": "copy"}, json=body)
    found = answer.json()
    assert re.fullmatch(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", found.pop("taskId"))
    assert found == {"type": None, "owner": None, "status": "Scheduled", "taskResult": None}


def test_info_tells_what_was_asked_for_with_its_defaults(scheduler: Scheduler, layers: Layers) -> None:
    task = scheduler.create("copy", source=layer("u.squares"), target=new("u.told"))
    scheduler.wait(task)
    found = scheduler.info(task)
    dates = [found.pop(f"{name}Date") for name in ("created", "started", "completed")]
    assert all(MOMENT.fullmatch(date) for date in dates)
    assert dates == sorted(dates)
    storage = {"condition": None, "createNewService": False}
    assert found == {
        "id": task,
        "owner": None,
        "status": "Completed",
        "parameters": {
            "type": "copy",
            "condition": None,
            "attributeMapping": None,
            "source": layer("u.squares") | storage,
            "target": layer("u.told") | storage | {"createNewService": True},
        },
    }


def test_every_place_of_a_task_answers_alike(scheduler: Scheduler, server: Server, layers: Layers) -> None:
    task = scheduler.create("copy", source=layer("u.squares"), target=new("u.places"))
    found = scheduler.wait(task)
    bare = server.url
    for place in (f"{task}/progress", f"tasks/{task}/progress", f"tasks/{task.replace('-', '')}/progress"):
        assert scheduler.http.get(f"{scheduler.url}/{place}").json() == found
        assert scheduler.http.get(f"{bare}/scheduler/{place}").json() == found
    info = scheduler.info(task)
    assert scheduler.http.get(f"{bare}/scheduler/tasks/{task}").json() == info


def test_a_copy_into_a_new_layer_has_three_steps(scheduler: Scheduler, layers: Layers) -> None:
    task = scheduler.create("copy", source=layer("u.squares"), target=new("u.three"))
    found = scheduler.wait(task)
    assert found.keys() == PROGRESS
    assert (found["id"], found["stepCount"], found["currentStepId"]) == (task, 0, 0)
    assert (found["currentStepAlreadyDone"], found["currentStepObjectCount"]) == (0, 0)
    result = found["taskResult"]
    assert result.keys() == {"message", "stepResults", "inputObjectCount", "errorCount", "outputObjectCount"}
    assert result["message"] is None
    steps = result["stepResults"]
    assert [step.keys() for step in steps] == [STEP] * 3
    assert [counts(step) for step in steps] == [(0, 0, 0), (0, 0, 0), (10, 0, 10)]
    assert [step["batchCount"] for step in steps] == [1, 1, 1]
    assert counts(result) == (10, 0, 10)
    times = [step[name] for step in steps for name in ("startedTime", "endedTime")]
    assert all(MOMENT.fullmatch(at) for at in times)
    info = scheduler.info(task)
    assert [info["startedDate"], *times, info["completedDate"]] == sorted(
        [info["startedDate"], *times, info["completedDate"]]
    )


# Each type of task.


def test_copy_inherits_and_gives_ids_anew(scheduler: Scheduler, layers: Layers) -> None:
    scheduler.run("copy", source=layer("u.squares"), target=new("u.copy"))
    info, copied = layers.find("u.copy"), layers.read("u.copy")
    assert (info.alias, info.description, info.sr_id) == ("Squares", "In a row.", UTM)
    assert copied["name"].tolist() == layers.read("u.squares")["name"].tolist()
    assert copied.geometry.area.sum() == pytest.approx(1e7)
    again = scheduler.run("copy", source=layer("u.squares"), target=layer("u.copy"))
    assert [counts(step) for step in again["stepResults"]] == [(10, 0, 10)]
    assert layers.read("u.copy")["gid"].tolist() == [*range(1, 21)]


def test_copy_by_condition_and_mapping(
    scheduler: Scheduler, layers: Layers, points: gpd.GeoDataFrame
) -> None:
    scheduler.run(
        "copy",
        source=layer("u.points", condition="value > 2 + 1"),
        target=new("u.mapped"),
        condition="kind == 'scho%' && weight <= 3",
        attributeMapping={"value": "amount", "geometry": "geometry"},
    )
    expected = points[(points["value"] > 3) & (points["kind"] == "school") & (points["weight"] <= 3)]
    found = layers.read("u.mapped")
    assert found.columns.tolist() == ["gid", "amount", "geometry"]
    assert found["amount"].tolist() == expected["value"].tolist()
    assert 0 < len(found) < len(points)


def test_copy_from_memory_in_both_spellings_of_geometry(scheduler: Scheduler, layers: Layers) -> None:
    ring = [[[0, 0], [1000, 0], [1000, 1000], [0, 0]]]
    source = {
        "type": "inMemoryTaskDataStorage",
        "features": [
            {"attributes": {"code": 7, "name": "a"}, "geometry": {"type": "polygon", "coordinates": ring}},
            {
                "type": "Feature",
                "properties": {"code": 8, "name": None},
                "geometry": {"type": "Polygon", "coordinates": ring, "srId": 3857},
            },
        ],
        "idAttribute": "code",
        "geometryAttribute": "shape",
        "geometryType": "polygon",
        "spatialReference": 3857,
    }
    assert counts(scheduler.run("copy", source=source, target=new("u.memory"))) == (2, 0, 2)
    found = layers.read("u.memory")
    assert found["name"].fillna("").tolist() == ["a", ""]
    assert found.crs.to_epsg() == 3857
    assert found.geometry.area.tolist() == pytest.approx([5e5, 5e5])


def test_a_large_body_is_told_again_as_it_came(scheduler: Scheduler, layers: Layers) -> None:
    features = [
        {"properties": {"n": n}, "geometry": {"type": "Point", "coordinates": [n, 1]}} for n in range(3000)
    ]
    source = {
        "type": "inMemoryTaskDataStorage",
        "features": features,
        "idAttribute": "n",
        "geometryAttribute": "geometry",
        "geometryType": "point",
        "spatialReference": 3857,
    }
    task = scheduler.create("copy", source=source, target=new("u.large"))
    assert counts(scheduler.wait(task)["taskResult"]) == (3000, 0, 3000)
    found = scheduler.info(task)
    assert found["parameters"]["source"] == source
    assert found["parameters"]["target"]["condition"] is None
    assert found["completedDate"]


def test_edit_attributes_changes_what_meets_the_condition(
    scheduler: Scheduler, layers: Layers, points: gpd.GeoDataFrame
) -> None:
    scheduler.run("copy", source=layer("u.points"), target=new("u.edited"))
    result = scheduler.run(
        "editAttributes",
        target=layer("u.edited"),
        attribute="height",
        attributeType="Double",
        editExpression="value * 2.7 + weight",
        createNewAttribute=True,
        condition="kind == 'shop'",
    )
    shops = (points["kind"] == "shop").to_numpy()
    assert counts(result) == (shops.sum(), 0, shops.sum())
    assert len(result["stepResults"]) == 1
    found = layers.read("u.edited")
    expected = np.where(shops, points["value"] * 2.7 + points["weight"], np.nan)
    np.testing.assert_allclose(found["height"].to_numpy(float), expected)
    scheduler.run("editAttributes", target=layer("u.edited"), attribute="kind", editExpression="kind + '!'")
    assert layers.read("u.edited")["kind"].tolist() == [f"{kind}!" for kind in points["kind"]]


def test_buffers_of_several_radii(scheduler: Scheduler, layers: Layers, points: gpd.GeoDataFrame) -> None:
    result = scheduler.run("buffer", source=layer("u.points"), target=new("u.buffers"), radii=["reach", 50])
    assert counts(result) == (300, 0, 600)
    found = layers.read("u.buffers")
    assert found.columns.tolist() == ["gid", "base_object", "buffer_radius", "geometry"]
    expected = np.column_stack([np.full(300, 50.0), points["reach"]]).ravel()
    assert found["buffer_radius"].tolist() == expected.tolist()
    assert found["base_object"].tolist() == np.repeat(points["gid"], 2).tolist()
    np.testing.assert_allclose(found.geometry.area, np.pi * expected**2, rtol=0.01)
    centres = points.geometry.to_numpy().repeat(2)
    assert shapely.distance(found.geometry.centroid.to_numpy(), centres).max() < 0.1


def test_buffers_as_rings_outside_of_polygons_with_names_of_ones_own(
    scheduler: Scheduler, layers: Layers
) -> None:
    scheduler.run(
        "buffer",
        source=layer("u.squares", condition="level < 1"),
        target=new("u.rings"),
        radii=["200", "100"],
        excludeInnerBuffers=True,
        excludeSourcePolygon=True,
        baseObjectIdAttributeName="origin",
        radiusAttributeName="metres",
        idAttributeName="number",
        geometryAttributeName="shape",
    )
    found = layers.read("u.rings")
    assert found.columns.tolist() == ["number", "origin", "metres", "shape"]
    assert found["metres"].tolist() == [100, 200]
    disk = np.pi * 100**2
    expected = [4 * 1000 * 100 + disk, 4 * 1000 * 100 + 3 * disk]
    np.testing.assert_allclose(found.geometry.area, expected, rtol=0.01)


def test_route_finds_what_can_be_reached_on_foot_in_a_grid_of_streets(
    scheduler: Scheduler, layers: Layers
) -> None:
    left, bottom, along = 400_000, 6_210_000, 50 * np.arange(41)
    lines = [shapely.LineString([(left + x, bottom + y) for x in along]) for y in along]
    lines += [shapely.LineString([(left + x, bottom + y) for y in along]) for x in along]
    layers.write("networks.sp_walk", gpd.GeoDataFrame(geometry=lines, crs=UTM))
    middle = shapely.Point(left + 1000, bottom + 1000)
    layers.write("u.starts", gpd.GeoDataFrame({"seconds": [360]}, geometry=[middle], crs=UTM))
    body = {"providerType": "sp_walk", "duration": "seconds + 0", "durationAttributeName": "within"}
    result = scheduler.run("route", source=layer("u.starts"), target=new("u.reached"), **body)
    assert counts(result) == (1, 0, 1)
    [zone] = layers.read("u.reached").itertuples()
    assert (zone.base_object, zone.within) == (1, 360)
    # Along such streets the way is the sum of both differences, so what is reached is a square on its corner.
    metres = 5000 / 3600 * 360
    corners = [(1000 + metres, 1000), (1000, 1000 + metres), (1000 - metres, 1000), (1000, 1000 - metres)]
    square = shapely.Polygon([(left + x, bottom + y) for x, y in corners])
    assert zone.geometry.symmetric_difference(square).area < 0.05 * square.area


@pytest.mark.parametrize("reverse", [False, True])
def test_filter_copy_takes_what_intersects_or_what_does_not(
    scheduler: Scheduler, layers: Layers, points: gpd.GeoDataFrame, reverse: bool
) -> None:
    result = scheduler.run(
        "filterCopy",
        source=layer("u.points"),
        target=new(f"u.filtered_{reverse}"),
        geometryFilterStorage=layer("u.squares"),
        reverseGeometryFilter=reverse,
        condition="kind == 'shop'",
        attributeMapping={"value": "amount"},
    )
    shops = points[points["kind"] == "shop"]
    inside = shops.intersects(layers.read("u.squares").union_all())
    expected = shops[inside ^ reverse]
    found = layers.read(f"u.filtered_{reverse}")
    assert counts(result) == (len(shops), 0, len(expected))
    assert found["amount"].tolist() == expected["value"].tolist()


@pytest.mark.parametrize("operation", ["union", "intersection", "subtraction", "symDifference"])
def test_overlay_against_geopandas(scheduler: Scheduler, layers: Layers, operation: str) -> None:
    name = f"u.overlay_{operation}"
    result = scheduler.run(
        "overlay",
        source=layer("u.squares"),
        target=new(name),
        toolLayer=layer("u.shifted"),
        operation=operation,
    )
    how = {"subtraction": "difference", "symDifference": "symmetric_difference"}.get(operation, operation)
    one, other = (layers.read(each)[["name", "level", "geometry"]] for each in ("u.squares", "u.shifted"))
    expected = gpd.overlay(one, other, how=how)
    found = layers.read(name)
    assert counts(result) == (10, 0, len(expected))
    assert found.geometry.area.sum() == pytest.approx(expected.area.sum())
    columns = ["name", "level"] if operation == "subtraction" else ["name", "level", "name_1", "level_1"]
    assert found.columns.tolist() == ["gid", *columns, "geometry"]
    if operation == "intersection":
        assert sorted(zip(found["name"], found["name_1"], strict=True)) == sorted(
            zip(expected["name_1"], expected["name_2"], strict=True)
        )


def test_union_unites_what_touches_and_leaves_apart_what_is_apart(
    scheduler: Scheduler, layers: Layers
) -> None:
    apart = {"condition": "level < 3"}
    scheduler.run("copy", source=layer("u.squares", **apart), target=new("u.groups"))
    scheduler.run("copy", source=layer("u.squares", condition="level > 7"), target=layer("u.groups"))
    result = scheduler.run("union", source=layer("u.groups"), target=new("u.united"))
    assert counts(result) == (5, 0, 2)
    found = layers.read("u.united")
    assert found.columns.tolist() == ["gid", "geometry"]
    assert sorted(found.geometry.area) == pytest.approx([2e6, 3e6])


def test_aggregate_against_pandas(scheduler: Scheduler, layers: Layers, points: gpd.GeoDataFrame) -> None:
    functions = {
        "Array": list,
        "Min": "min",
        "Max": "max",
        "Avg": "mean",
        "Sum": "sum",
        "Count": "count",
        "TotalCount": "size",
        "DistinctCount": "nunique",
        "First": "first",
        "Last": "last",
        "Median": "median",
        "Mod": lambda values: values.mode().iloc[0],
        "StdDeviation": "std",
    }
    of_two = {
        "SumOfProduct": lambda group: (group["value"] * group["weight"]).sum(),
        "WeightedAvg": lambda group: np.average(group["value"], weights=group["weight"]),
        "DividedSum": lambda group: group["value"].sum() / group["weight"].sum(),
        "DensityIndicators": lambda group: group["value"].sum() / 1e6,
        "Extent": lambda group: shapely.box(*group.total_bounds),
    }
    settings = [
        {
            "sourceAttributeName": "value",
            "targetAttributeName": f"v{name}",
            "aggregationFunction": name,
            **({"additionalSourceAttribute": "weight"} if name in of_two else {}),
        }
        for name in (*functions, *of_two)
    ]
    result = scheduler.run(
        "aggregate",
        source=layer("u.points"),
        geometry=layer("u.squares"),
        target=new("u.sums"),
        aggregationSettings=settings,
    )
    assert counts(result) == (300, 0, 10)
    found = layers.read("u.sums")
    assert found["name"].tolist() == [f"s{n}" for n in range(10)]
    joined = points.sjoin(layers.read("u.squares")[["name", "geometry"]], predicate="intersects")
    groups = joined.sort_values("gid").groupby("name")
    for name, function in functions.items():
        expected = groups["value"].agg(function)
        actual = found.set_index("name")[f"v{name}"]
        if name == "Array":
            assert actual.to_dict() == expected.to_dict()
        else:
            np.testing.assert_allclose(actual.astype(float), expected.astype(float), err_msg=name, rtol=1e-3)
    for name, function in of_two.items():
        expected = {key: function(group) for key, group in groups}
        actual = found.set_index("name")[f"v{name}"]
        for key, value in expected.items():
            if name == "Extent":
                assert shapely.from_wkb(actual[key]).equals(value)
            else:
                assert actual[key] == pytest.approx(value, rel=1e-2)


def test_a_pipeline_passes_results_on_in_temporary_layers(
    scheduler: Scheduler, layers: Layers, points: gpd.GeoDataFrame
) -> None:
    result = scheduler.run(
        "pipeline",
        innerTasks=[
            {
                "type": "buffer",
                "source": layer("u.squares", condition="level == 0"),
                "target": new("temp.around"),
                "radii": ["300"],
            },
            {
                "type": "filterCopy",
                "source": layer("u.points"),
                "target": new("u.near"),
                "geometryFilterStorage": layer("temp.around"),
            },
        ],
    )
    square = layers.read("u.squares").geometry.iloc[0]
    expected = points[points.intersects(square.buffer(300))]
    assert layers.read("u.near")["value"].tolist() == expected["value"].tolist()
    steps = [counts(step) for step in result["stepResults"]]
    assert steps == [*2 * [(0, 0, 0)], (1, 0, 1), *2 * [(0, 0, 0)], (300, 0, len(expected))]


# Ends that nobody wishes for.


def test_the_first_failure_stops_a_pipeline_and_says_which_it_is(
    scheduler: Scheduler, layers: Layers
) -> None:
    task = scheduler.create(
        "pipeline",
        innerTasks=[
            {"type": "copy", "source": layer("u.squares"), "target": new("u.done")},
            {"type": "union", "source": layer("u.nowhere"), "target": new("u.undone")},
            {"type": "copy", "source": layer("u.squares"), "target": new("u.undone")},
        ],
    )
    found = scheduler.wait(task)
    assert found["status"] == "Failed"
    assert found["taskResult"]["message"] == "innerTasks[1] (union): There is no layer u.nowhere."
    assert len(found["taskResult"]["stepResults"]) == 3
    assert counts(found["taskResult"]) == (10, 0, 10)
    assert layers.exists("u.done")
    assert not layers.exists("u.undone")


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        ("copy", {"source": layer("u.absent"), "target": new("u.f1")}, "There is no layer u.absent"),
        ("copy", {"source": layer("u.squares"), "target": layer("u.absent")}, "There is no layer u.absent"),
        ("copy", {"source": layer("u.squares"), "target": new("u.points")}, "u.points"),
        (
            "copy",
            {
                "source": layer("u.squares"),
                "target": new("u.f2"),
                "attributeMapping": {"nobody": "somebody"},
            },
            "attributeMapping.nobody",
        ),
        ("copy", {"source": layer("u.squares", condition="size > 1"), "target": new("u.f3")}, "size"),
        ("buffer", {"source": layer("u.squares"), "target": new("u.f4"), "radii": ["name"]}, "radii[0]"),
        (
            "editAttributes",
            {"target": layer("u.squares"), "attribute": "gid", "editExpression": "1"},
            "attribute: gid",
        ),
        (
            "route",
            {
                "source": layer("u.points"),
                "target": new("u.f5"),
                "duration": 60,
                "providerType": "sp_car",
            },
            "networks.sp_car",
        ),
    ],
)
def test_a_failure_says_why(
    scheduler: Scheduler, layers: Layers, kind: str, body: dict[str, Any], message: str
) -> None:
    found = scheduler.wait(scheduler.create(kind, **body))
    assert found["status"] == "Failed"
    assert message in found["taskResult"]["message"]
    assert found["taskResult"]["outputObjectCount"] == 0
    name = body["target"]["serviceName"]
    assert name in ("u.squares", "u.points") or not layers.exists(name)


def test_a_task_is_cancelled_at_once_and_stays_so(scheduler: Scheduler, layers: Layers) -> None:
    many = shapely.points(np.random.default_rng(1).uniform(0, 1e6, (150_000, 2)))
    layers.write("u.many", gpd.GeoDataFrame(geometry=many, crs=3857))
    task = scheduler.create("buffer", source=layer("u.many"), target=new("u.endless"), radii=[5, 6, 7])
    running = scheduler.wait(task, "Executing")
    assert running.keys() == PROGRESS
    assert running["taskResult"] is None
    answer = scheduler.http.post(f"{scheduler.url}/tasks/{task}/cancel")
    expected = {
        "id": task,
        "status": "Canceled",
        "taskResult": {
            "message": "Cancelled by external request.",
            "stepResults": None,
            "inputObjectCount": 0,
            "errorCount": 0,
            "outputObjectCount": 0,
        },
        "stepCount": 0,
        "currentStepId": 0,
        "currentStepAlreadyDone": 0,
        "currentStepObjectCount": 0,
        "resultDetails": None,
    }
    assert (answer.status_code, answer.json()) == (200, expected)
    assert scheduler.http.post(f"{scheduler.url}/{task}/cancel").json() == expected
    assert scheduler.wait(task) == expected
    assert not layers.exists("u.endless")


def test_cancelling_what_has_ended_changes_nothing(scheduler: Scheduler, layers: Layers) -> None:
    task = scheduler.create("copy", source=layer("u.squares"), target=new("u.over"))
    ended = scheduler.wait(task)
    answer = scheduler.http.post(f"{scheduler.url}/tasks/{task}/cancel")
    assert (answer.status_code, answer.json()) == (200, ended)


@pytest.mark.parametrize(
    ("parameters", "body", "place"),
    [
        ({"type": "copy"}, {"source": layer("u.squares")}, "target"),
        ({"type": "copy"}, {"source": {"type": "layerTaskDataStorage"}}, "source.serviceName"),
        (
            {"type": "copy"},
            {"source": layer("u.squares", condition="name >"), "target": new("u.b")},
            "source.condition: position 7",
        ),
        ({"type": "fly"}, {}, "type"),
        ({}, {"source": layer("u.squares")}, "type"),
        ({}, [], "The body"),
    ],
)
def test_a_wrong_body_is_refused_with_the_path(
    scheduler: Scheduler, parameters: dict[str, str], body: Any, place: str
) -> None:
    answer = scheduler.http.post(f"{scheduler.url}/tasks", params=parameters, json=body)
    assert answer.status_code == 400
    assert answer.json()["statusCode"] == 400
    assert answer.json()["message"].startswith(place)


def test_the_type_may_stand_in_the_body(scheduler: Scheduler, layers: Layers) -> None:
    body = {"type": "union", "source": layer("u.squares"), "target": new("u.by_body")}
    answer = scheduler.http.post(f"{scheduler.url}/tasks#type=union", json=body)
    assert scheduler.wait(answer.json()["taskId"])["status"] == "Completed"


@pytest.mark.parametrize("place", ["", "/progress"])
@pytest.mark.parametrize("task", ["1c8d7949-e460-4bec-8f70-958df5e88079", "nothing", "0" * 33])
def test_what_is_no_task_is_not_found(scheduler: Scheduler, task: str, place: str) -> None:
    assert scheduler.http.get(f"{scheduler.url}/{task}{place}").status_code == 404
    assert scheduler.http.post(f"{scheduler.url}/tasks/{task}/cancel").status_code == 404


# The other protocol.


def test_an_arcgis_job_is_seen_and_cancelled(scheduler: Scheduler, server: Server) -> None:
    features = [{"geometry": {"x": n, "y": 1}, "attributes": {"n": n}} for n in range(4)]
    points = {"geometryType": "esriGeometryPoint", "features": features}
    place = server.client.submit("Naps/Same", Points=json.dumps(points))
    server.client.wait(place)
    task = place.rpartition("/j")[2]
    found = scheduler.progress(task)
    assert found["status"] == "Completed"
    assert counts(found["taskResult"]) == (4, 0, 4)
    parameters = scheduler.info(task)["parameters"]
    assert (parameters["type"], len(parameters["Points"]["features"])) == ("Naps/Same", 4)
    place = server.client.submit("Naps/Nap", Seconds=60)
    task = place.rpartition("/j")[2]
    scheduler.wait(task, "Executing")
    assert scheduler.http.post(f"{scheduler.url}/tasks/{task}/cancel").json()["status"] == "Canceled"
    server.client.wait(place, lambda state: state["jobStatus"] == "esriJobCancelled")


def test_a_job_over_its_time_is_told_so(scheduler: Scheduler, server: Server) -> None:
    place = server.client.submit("Short/Nap", Seconds=60)
    found = scheduler.wait(place.rpartition("/j")[2])
    assert found["status"] == "Timeout"
    assert "time limit" in found["taskResult"]["message"]


def test_a_task_is_seen_from_arcgis(scheduler: Scheduler, server: Server, layers: Layers) -> None:
    task = scheduler.create("copy", source=layer("u.squares"), target=new("u.seen"))
    told = scheduler.wait(task)["taskResult"]
    job = f"EverGIS/Scheduler/GPServer/copy/jobs/j{task.replace('-', '')}"
    state = server.client.get(job)
    assert state["jobStatus"] == "esriJobSucceeded"
    assert server.client.get(f"{job}/results/taskResult")["value"] == told
    rows = server.client.get(f"{job}/results/layer")["value"]
    assert [feature["attributes"]["name"] for feature in rows["features"]] == [f"s{n}" for n in range(10)]
    asked = server.client.get(f"{job}/inputs/parameters")["value"]
    assert asked == scheduler.info(task)["parameters"]


def test_the_tasks_run_from_arcgis(scheduler: Scheduler, server: Server, layers: Layers) -> None:
    body = {"source": layer("u.squares"), "target": new("u.from_arcgis")}
    results = server.client.run("EverGIS/Scheduler/union", parameters=json.dumps(body))
    assert counts(results["taskResult"]) == (10, 0, 1)
    assert len(results["layer"]["features"]) == 1
    job = server.client.submit("EverGIS/Scheduler/union", parameters="{}")
    assert server.client.wait(job)["jobStatus"] == "esriJobFailed"
    assert scheduler.info(job.rpartition("/j")[2])["status"] == "Failed"


def test_after_a_restart_what_was_queued_runs_and_what_ran_has_failed(
    start_server: StartServer, tmp_path: Path
) -> None:
    services = tmp_path / "services"
    services.mkdir()
    for name, text in SERVICES.items():
        (services / name).write_text(text)
    first = start_server(services, "--slots", "1")
    found = open_layers(first.data / "layers")
    found.write("u.squares", squares(3, 1000))
    found.write("u.many", gpd.GeoDataFrame(geometry=shapely.points(np.zeros((200_000, 2))), crs=3857))
    scheduler = Scheduler(first)
    running = scheduler.create("buffer", source=layer("u.many"), target=new("u.lost"), radii=[5, 6, 7, 8])
    scheduler.wait(running, "Executing")
    waiting = scheduler.create("copy", source=layer("u.squares"), target=new("u.later"))
    assert scheduler.progress(waiting)["status"] == "Planning"
    assert scheduler.info(waiting)["startedDate"] is None
    first.kill()
    second = Scheduler(start_server(services, "--slots", "1", data=first.data))
    assert second.wait(waiting)["status"] == "Completed"
    lost = second.progress(running)
    assert (lost["status"], lost["taskResult"]["message"]) == (
        "Failed",
        "The server stopped while the job ran.",
    )
    assert len(found.read("u.later")) == 3
