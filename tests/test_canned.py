"""Services recorded from a real server, as clients see them."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gpclient import Client, EsriError

from gpserver import canned
from gpserver.catalog import Catalog
from gpserver.errors import PublishingError
from gpserver.testing import GPServer

ROOT = Path(__file__).resolve().parent.parent
INPUT, OUTPUT = "esriGPParameterDirectionInput", "esriGPParameterDirectionOutput"
REQUIRED, OPTIONAL, DERIVED = (f"esriGPParameterType{kind}" for kind in ("Required", "Optional", "Derived"))

POINTS = {
    "displayFieldName": "",
    "geometryType": "esriGeometryPoint",
    "spatialReference": {"wkid": 54003, "latestWkid": 54003},
    "fields": [{"name": "OBJECTID", "type": "esriFieldTypeOID", "alias": "OBJECTID"}],
    "features": [],
    "exceededTransferLimit": False,
}
AREAS = POINTS | {
    "geometryType": "esriGeometryPolygon",
    "fields": [*POINTS["fields"], {"name": "grid", "type": "esriFieldTypeInteger", "alias": "Grid"}],
}
AREA = {"attributes": {"OBJECTID": 1, "grid": 7}, "geometry": {"rings": [[[0, 0], [0, 9], [9, 9], [0, 0]]]}}


def parameter(name: str, kind: str, **facts: Any) -> dict[str, Any]:
    """A parameter as ArcGIS 10.1 and later write it."""
    known = {"name": name, "dataType": kind, "displayName": name.replace("_", " "), "description": ""}
    usual = {"direction": INPUT, "defaultValue": None, "parameterType": OPTIONAL, "category": ""}
    return known | usual | facts


def derived(name: str, kind: str, default: Any = None) -> dict[str, Any]:
    return parameter(name, kind, direction=OUTPUT, parameterType=DERIVED, defaultValue=default)


VIEWSHED = {
    "name": "Viewshed",
    "displayName": "Viewshed",
    "description": "What is seen from a point.",
    "category": "",
    "helpUrl": "https://elsewhere.example/Viewshed.htm",
    "executionType": "esriExecutionTypeAsynchronous",
    "parameters": [
        parameter("Observer", "GPFeatureRecordSetLayer", parameterType=REQUIRED, defaultValue=POINTS),
        parameter(
            "Reach",
            "GPLinearUnit",
            parameterType=REQUIRED,
            defaultValue={"distance": 15, "units": "esriMiles"},
        ),
        parameter("Colour", "GPString", defaultValue="red", choiceList=["red", "green"]),
        derived("Seen", "GPFeatureRecordSetLayer", AREAS),
    ],
}
# Before 10.1: no descriptions, an empty list of choices, two lists of fields.
OLD = {
    "name": "911 Calls Hotspot",
    "displayName": "911 Calls Hotspot",
    "category": "",
    "helpUrl": "http://elsewhere.example/hotspot.htm",
    "executionType": "esriExecutionTypeSynchronous",
    "parameters": [
        {
            "name": "Place",
            "dataType": "GPFeatureRecordSetLayer",
            "displayName": "Place",
            "direction": INPUT,
            "defaultValue": {
                "geometryType": "esriGeometryPoint",
                "spatialReference": {"wkid": 4326},
                "Fields": [{"name": "FID", "type": "esriFieldTypeOID", "alias": "FID"}],
                "fields": [{"name": "FID", "type": "esriFieldTypeOID", "alias": "FID"}],
            },
            "parameterType": REQUIRED,
            "category": "",
            "choiceList": [],
        },
        {
            "name": "Count-1",
            "dataType": "GPLong",
            "displayName": "Count",
            "direction": OUTPUT,
            "defaultValue": 0,
            "parameterType": DERIVED,
            "category": "",
            "choiceList": [],
        },
    ],
}
SCHEMA = {"dataType": "GPFeatureRecordSetLayer", "value": POINTS}
# 12.0: no schema, filters of every kind, elements.
NEW = {
    "name": "Upload",
    "displayName": "Upload",
    "description": "",
    "category": "Data",
    "helpUrl": "https://elsewhere.example/Upload.htm",
    "executionType": "esriExecutionTypeAsynchronous",
    "parameters": [
        parameter("layer", "GPFeatureRecordSetLayer", parameterType=REQUIRED, defaultValue={}),
        parameter(
            "dissolve",
            "GPString",
            defaultValue="NONE",
            choiceList=["NONE", "ALL"],
            filter={
                "type": "codedValue",
                "list": [
                    {"dataType": "GPString", "name": "No Dissolve", "value": "NONE"},
                    {"dataType": "GPString", "name": "Dissolve", "value": "ALL"},
                ],
            },
        ),
        parameter("count", "GPLong", defaultValue=3, filter={"type": "range", "minimum": 1, "maximum": 5}),
        parameter("levels", "GPMultiValue:GPLong", defaultValue=[1], choiceList=["1", "2"]),
        parameter(
            "park",
            "GPFeatureRecordSetLayer",
            defaultValue="Parks",
            choiceList=["Parks", "Woods"],
            filter={"type": "codedValue", "list": [{"name": "Parks"} | SCHEMA, {"name": "Woods"} | SCHEMA]},
        ),
        parameter(
            "field", "Field", dependency="layer", filter={"type": "field", "list": ["esriFieldTypeDouble"]}
        ),
        parameter(
            "rows",
            "GPValueTable",
            defaultValue=[["a", 1]],
            filter={"type": "composite", "list": [None, {"type": "range", "minimum": 0, "maximum": 9}]},
            parameterInfos=[
                {"name": "text", "dataType": "GPString", "displayName": "text"},
                {
                    "name": "size",
                    "dataType": "GPLong",
                    "displayName": "size",
                    "filter": {"type": "range", "minimum": 0, "maximum": 9},
                },
            ],
        ),
        parameter("later", "GPString", filter={"type": "of a version to come"}),
        derived("status", "GPBoolean"),
    ],
}


class Folder:
    """A recorded service that a test writes."""

    def __init__(self, place: Path) -> None:
        self.place = place
        place.mkdir(parents=True)

    def write(self, file: str, value: Any) -> Path:
        """Write a file so that its edit is seen at once, however coarse the clock of the file system is."""
        path = self.place / file
        path.parent.mkdir(exist_ok=True)
        before = path.stat().st_mtime_ns if path.exists() else 0
        path.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
        if path.stat().st_mtime_ns <= before:
            os.utime(path, ns=(before + 1, before + 1))
        return path


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "services" / "Land.GPServer")


@pytest.fixture
def client(gp_server: GPServer) -> Iterator[Client]:
    client = Client(gp_server.url)
    yield client
    client.http.close()


@pytest.fixture
def publish(gp_server: GPServer, folder: Folder) -> Callable[[], None]:
    return lambda: gp_server.publish(canned.read(folder.place))


def descriptions(state: dict[str, Any], kind: str = "Error") -> list[str]:
    return [m["description"] for m in state["messages"] if m["type"] == f"esriJobMessageType{kind}"]


@pytest.mark.parametrize("task", [VIEWSHED, OLD, NEW], ids=["10.3", "10.0", "12.0"])
def test_a_recorded_task_says_what_its_origin_said(
    task: dict[str, Any], folder: Folder, publish: Any, client: Client
) -> None:
    folder.write("Task.json", task)
    publish()
    said = client.get(f"Land/GPServer/{task['name']}")
    assert said["helpUrl"].startswith(client.url)
    assert {name: said[name] for name in task.keys() - {"parameters", "helpUrl"}} == {
        name: task[name] for name in task.keys() - {"parameters", "helpUrl"}
    }
    for now, then in zip(said["parameters"], task["parameters"], strict=True):
        assert {name: now[name] for name in then} == then
        assert not any(now[name] for name in now.keys() - then.keys())  # nothing was made up
    operation = "execute" if task is OLD else "submitJob"
    for place in (task["name"], f"{task['name']}/{operation}"):  # the pages
        assert client.http.get(client.place(f"Land/GPServer/{place}")).status_code == 200


def test_a_recorded_service_says_what_its_origin_said(folder: Folder, publish: Any, client: Client) -> None:
    folder.write("Viewshed.json", VIEWSHED)
    folder.write("A.json", OLD)
    origin = {
        "currentVersion": 10.91,
        "serviceDescription": "The lie of the land.",
        "tasks": ["Viewshed", "911 Calls Hotspot"],
        "executionType": "esriExecutionTypeSynchronous",
        "resultMapServerName": "Land",
        "maximumRecords": 77,
    }
    folder.write("service.json", origin | {"showMessages": "warning"})
    publish()
    said = client.get("Land/GPServer")
    assert {name: said[name] for name in origin} == origin | {"currentVersion": said["currentVersion"]}
    assert canned.read(folder.place).message_level == "Warning"


def test_every_type_comes_back_from_a_recording_as_it_was(
    folder: Folder, publish: Any, gp_server: GPServer, client: Client
) -> None:
    gp_server.publish(Catalog(ROOT / "services").service("Tools"))
    origin = "Tools/GPServer/EchoTypes"
    sent = {
        "In_String": "green",
        "In_Long": 42,
        "In_Double": 0.5,
        "In_Boolean": "false",
        "In_Date": 1709164800000,
        "In_List": '["a", "b;c"]',
        "In_Unit": '{"distance": 3, "units": "esriFeet"}',
        "In_Table": '{"features": [{"attributes": {"name": "one", "size": 1}}]}',
        "In_Area": '{"area": 3, "units": "esriHectares"}',
        "In_Time": '{"time": 3, "units": "esriTimeUnitsDays"}',
        "In_Features": json.dumps(AREAS | {"features": [AREA]}),
        "In_Field": "grid",
        "In_Reference": '{"wkid": 4326}',
        "In_System": '{"wkid": 3857}',
        "In_Extent": '{"xmin": 0, "ymin": 1, "xmax": 2, "ymax": 3, "spatialReference": {"wkid": 4326}}',
        "In_Envelope": '{"xmin": 0, "ymin": 1, "xmax": 2, "ymax": 3, "spatialReference": {"wkid": 4326}}',
        "In_Secret": "hush",
        "In_Expression": '"a" > 1',
        "In_Stops": '[["here", 2.5, 0, {"distance": 3, "units": "esriFeet"}, null], ["there"]]',
        "In_Any": '{"dataType": "GPLinearUnit", "value": {"distance": 3, "units": "esriFeet"}}',
        "In_Several": '[{"dataType": "GPString", "value": "x"}, 7]',
    }
    job = client.submit("Tools/EchoTypes", **sent)
    results = {name: client.get(f"{job}/results/{name}") for name in client.wait(job)["results"]}
    folder.write("EchoTypes.json", client.get(origin))
    for name, result in results.items():
        folder.write(f"EchoTypes/{name}.json", result)
    publish()
    again = client.get("Land/GPServer/EchoTypes")
    assert again | {"helpUrl": ""} == client.get(origin) | {"helpUrl": ""}
    replayed = client.submit("Land/EchoTypes")
    assert descriptions(client.wait(replayed)) == []
    assert {name: client.get(f"{replayed}/results/{name}") for name in results} == results


def test_files_and_rasters_lie_beside_the_recording(folder: Folder, publish: Any, client: Client) -> None:
    outputs = [derived("Report", "GPDataFile", {}), derived("Heights", "GPRasterDataLayer", {})]
    folder.write("Print.json", VIEWSHED | {"name": "Print", "parameters": outputs})
    folder.write(
        "Print/Report.json", {"paramName": "Report", "value": {"url": "https://elsewhere.example/a.pdf"}}
    )
    publish()
    job = client.submit("Land/Print")
    assert descriptions(client.wait(job))[:2] == [
        f"{name}: There is no canned file. Add Land.GPServer/Print/{name}.<ending>: the file that the answer "
        f"of …/jobs/<id>/results/{name}?f=json names."
        for name in ("Report", "Heights")
    ]
    folder.write("Print/report.pdf", b"%PDF")
    folder.write("Print/Heights.asc", b"ncols 2\nnrows 1\nxllcorner 0\nyllcorner 0\ncellsize 1\n1 2\n")
    values = client.run("Land/Print")
    assert client.http.get(values["Report"]["url"]).content == b"%PDF"
    assert client.http.get(values["Heights"]["url"]).content[:2] == b"II"


def test_results_are_the_answer_or_the_value_alone_and_may_be_none(
    folder: Folder, publish: Any, client: Client
) -> None:
    outputs = [
        derived("Seen", "GPFeatureRecordSetLayer", AREAS),
        derived("Count", "GPLong"),
        derived("File", "GPDataFile"),
    ]
    folder.write("Look.json", VIEWSHED | {"name": "Look", "parameters": outputs})
    folder.write("Look/seen.json", AREAS | {"features": [AREA]})
    folder.write("Look/Count.json", 5)
    folder.write("Look/File.json", {"paramName": "File", "dataType": "GPDataFile", "value": {}})
    publish()
    values = client.run("Land/Look")
    assert values["Seen"]["features"][0]["attributes"] == AREA["attributes"]
    assert (values["Count"], values["File"]) == (5, {})
    folder.write("Look/seen.json", AREAS)  # the schema itself
    values = client.run("Land/Look")
    assert (values["Seen"]["features"], values["Seen"]["geometryType"]) == ([], "esriGeometryPolygon")


def test_the_job_says_which_file_to_add(folder: Folder, publish: Any, client: Client) -> None:
    folder.write("Viewshed.json", VIEWSHED)
    publish()
    observer = json.dumps({"features": [{"geometry": {"x": 1, "y": 2}}]})
    missing = client.wait(client.submit("Land/Viewshed", Observer=observer))
    assert missing["jobStatus"] == "esriJobFailed"
    assert descriptions(missing)[0] == (
        "Seen: There is no canned result. Add Land.GPServer/Viewshed/Seen.json: the answer of "
        "…/jobs/<id>/results/Seen?f=json."
    )
    folder.write("Viewshed/Seen.json", b'{"features": [')
    broken = client.wait(client.submit("Land/Viewshed", Observer=observer))
    assert descriptions(broken)[0].startswith("Seen: Viewshed/Seen.json: ")


def test_inputs_are_checked_as_those_of_any_task(folder: Folder, publish: Any, client: Client) -> None:
    folder.write("Viewshed.json", VIEWSHED)
    publish()
    nothing = client.wait(client.submit("Land/Viewshed"))
    assert "ERROR 000735: Observer: Value is required" in descriptions(nothing)
    wrong = {"Colour": "blue", "Reach": "far", "Observer": json.dumps(AREAS | {"features": [AREA]})}
    observer, reach, colour, _ = descriptions(client.wait(client.submit("Land/Viewshed", **wrong)))
    assert observer.startswith("Observer: The features are esriGeometryPolygon")
    assert reach.startswith("Reach: ")
    assert colour == "ERROR 000800: Colour: The value is not a member of red | green."


def test_filters_and_choices_are_those_that_were_recorded(
    folder: Folder, publish: Any, client: Client
) -> None:
    folder.write("Upload.json", NEW)
    folder.write("Upload/status.json", {"paramName": "status", "dataType": "GPBoolean", "value": True})
    publish()
    layer = json.dumps({"features": [{"geometry": {"x": 1, "y": 2}, "attributes": {"size": 0.5}}]})
    wrong = {"dissolve": "SOME", "count": 6, "levels": "[1, 3]", "park": "Lakes", "rows": '[["a", 10]]'}
    assert descriptions(client.wait(client.submit("Land/Upload", layer=layer, **wrong)))[:-1] == [
        "ERROR 000800: dissolve: The value is not a member of NONE | ALL.",
        "count: 6 is more than the maximum, 5.",
        "ERROR 000800: levels: The value is not a member of 1 | 2.",
        "ERROR 000800: park: The value is not a member of Parks | Woods.",
        "rows: Row 1: size: 10 is more than the maximum, 9.",
    ]
    assert client.run("Land/Upload", layer=layer, park="Woods", levels="[2]") == {"status": True}


def test_recorded_messages_are_said_again_and_errors_end_the_job(
    folder: Folder, publish: Any, client: Client
) -> None:
    usual = ["Submitted.", "Executing...", "Start Time: Friday, December 16, 2022 6:05:31 PM"]
    said = [("Informative", text) for text in usual] + [("Warning", "Steep."), ("Informative", "Looking.")]
    ending = [
        ("Informative", "Succeeded at Friday, December 16, 2022 6:05:32 PM (Elapsed Time: 1.00 seconds)")
    ]
    messages = [{"type": f"esriJobMessageType{kind}", "description": text} for kind, text in said + ending]
    folder.write("Look.json", VIEWSHED | {"name": "Look", "parameters": [derived("Count", "GPLong")]})
    folder.write("Look/Count.json", 5)
    folder.write("Look/messages.json", {"jobStatus": "esriJobSucceeded", "messages": messages})
    publish()
    state = client.wait(client.submit("Land/Look"))
    assert descriptions(state, "Warning") == ["Steep."]
    texts = descriptions(state, "Informative")
    assert "Looking." in texts
    assert texts.count("Submitted.") == len([text for text in texts if text.startswith("Succeeded")]) == 1
    folder.write(
        "Look/messages.json", [*messages, {"type": "esriJobMessageTypeError", "description": "ERROR 999999"}]
    )
    state = client.wait(client.submit("Land/Look"))
    assert state["jobStatus"] == "esriJobFailed"
    assert descriptions(state)[0] == "ERROR 999999"


def test_the_example_gives_its_result(gp_server: GPServer, client: Client) -> None:
    gp_server.publish(canned.read(ROOT / "examples/testing/services/Proximity.GPServer"))
    point = '{"features": [{"geometry": {"x": 24.94, "y": 60.17}}]}'
    polygons = client.run("Proximity/BufferPoints", Input_Features=point)["Output_Polygons"]
    recorded = ROOT / "examples/testing/services/Proximity.GPServer/BufferPoints/Output_Polygons.json"
    assert polygons == json.loads(recorded.read_text("utf-8"))["value"]


def test_a_synchronous_service_is_executed(folder: Folder, publish: Any, client: Client) -> None:
    folder.write("Hot.json", OLD)
    folder.write("Hot/Count-1.json", 12)
    publish()
    place = '{"features": [{"geometry": {"x": 1, "y": 2}}]}'
    said = client.post("Land/GPServer/911 Calls Hotspot/execute", Place=place)
    assert said["results"] == [{"paramName": "Count-1", "dataType": "GPLong", "value": 12}]
    with pytest.raises(EsriError):
        client.post("Land/GPServer/911 Calls Hotspot/submitJob", Place=place)


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("Task.json", b"<html>", "Task.json: It is not JSON: "),
        (
            "Task.json",
            {"error": {"code": 499, "message": "Token Required"}},
            "instead of an answer: Token Required.",
        ),
        ("Task.json", {"name": "Task"}, "Task.json: Object missing required field `parameters`."),
        (
            "Task.json",
            {"parameters": [{"name": "A"}]},
            "Task.json, parameter A: Object missing required field",
        ),
        (
            "Task.json",
            {"parameters": [{"name": "A", "dataType": "GPFuture"}]},
            "There is no data type GPFuture.",
        ),
        ("Task.json", {"parameters": [parameter("A", "GPLong", choiceList=["x"])]}, "parameter A: "),
        ("Task.json", {"parameters": [parameter("A", "GPLong", choiceList=5)]}, "parameter A: "),
        ("Task.json", {"parameters": [parameter("A", "GPLong", filter="x")]}, "parameter A: "),
        ("service.json", b"{", "service.json: It is not JSON: "),
    ],
)
def test_a_file_that_is_no_recording_is_named(folder: Folder, file: str, content: Any, problem: str) -> None:
    folder.write("Viewshed.json", VIEWSHED)
    folder.write(file, content)
    with pytest.raises(PublishingError) as raised:
        canned.read(folder.place)
    assert problem in str(raised.value)


def test_a_folder_without_a_task_is_told_what_it_needs(folder: Folder) -> None:
    with pytest.raises(PublishingError, match=r"It has no task\. Save the answer of"):
        canned.read(folder.place)


def test_the_services_folder_has_recordings_beside_python(folder: Folder) -> None:
    root = folder.place.parent
    (root / "hello.py").write_text("from gpserver import task\n@task\ndef hello() -> None: ...\n", "utf-8")
    folder.write("Viewshed.json", VIEWSHED)
    Folder(root / "Far" / "Sea.GPServer").write("Viewshed.json", VIEWSHED)
    Folder(root / "_Old.GPServer").write("Viewshed.json", b"")
    catalog = Catalog(root)
    assert [item.full_name for item in catalog.services()] == ["Hello", "Land"]
    assert [item.full_name for item in catalog.services("Far")] == ["Far/Sea"]
    assert catalog.errors == {}


def test_a_recording_that_changes_is_read_again_and_a_broken_one_keeps_its_last_good_version(
    folder: Folder,
) -> None:
    folder.write("Viewshed.json", VIEWSHED)
    catalog = Catalog(folder.place.parent)
    assert catalog.task("Land", "Viewshed").description == "What is seen from a point."
    folder.write("Viewshed.json", VIEWSHED | {"description": "Seen."})
    folder.write("More.json", OLD)
    assert catalog.changed()
    catalog.refresh()
    assert [item.name for item in catalog.service("Land").tasks] == ["911 Calls Hotspot", "Viewshed"]
    assert catalog.task("Land", "Viewshed").description == "Seen."
    folder.write("Viewshed.json", b"{")
    catalog.refresh()
    assert catalog.task("Land", "Viewshed").description == "Seen."
    assert "Land.GPServer/Viewshed.json: It is not JSON" in catalog.error_of("Land")
    assert not catalog.changed()
    (folder.place / "Viewshed.json").unlink()
    catalog.refresh()
    assert [item.name for item in catalog.service("Land").tasks] == ["911 Calls Hotspot"]


def test_a_folder_in_the_old_spelling_names_the_service_in_its_error(tmp_path: Path) -> None:
    Folder(tmp_path / "My_Land.GPServer").write("Task.json", b"{")
    catalog = Catalog(tmp_path)
    assert catalog.services() == []
    assert "My_Land.GPServer/Task.json" in catalog.error_of("My_Land")
