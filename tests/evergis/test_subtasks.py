"""Runs of the second scheduler: order, failures, progress, and what geoProcessing writes."""

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Geod

from gpserver.context import JobContext
from gpserver.errors import InvalidRequest, JobCancelled, TaskError
from gpserver.evergis.subtasks import run_subtasks
from gpserver.layers import LayerInfo, Layers, open_layers
from gpserver.publishing import task_of

UTM = "EPSG:32637"


@pytest.fixture
def layers(tmp_path: Path) -> Layers:
    """Two squares of 100 m and a bow tie in ``u.plots``; two overlapping squares in ``u.zones``."""
    found = open_layers(tmp_path)
    plots = [shapely.box(0, 0, 100, 100), shapely.box(200, 0, 300, 100)]
    frame = {"name": ["a", "b"], "kind": ["x", "y"], "width": [10.0, None]}
    found.write("u.plots", gpd.GeoDataFrame(frame, geometry=plots, crs=UTM))
    zones = [shapely.box(50, -50, 150, 150), shapely.box(120, -50, 210, 150)]
    found.write("u.zones", gpd.GeoDataFrame({"zone": [1, 2]}, geometry=zones, crs=UTM))
    bow = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    found.write("u.broken", gpd.GeoDataFrame({"n": [1, 2]}, geometry=[bow, plots[0]], crs=UTM))
    return found


def start(layers: Layers, *settings: dict[str, Any], go_on: bool = True) -> JobContext:
    job = JobContext(layers=layers)
    run_subtasks(job, json.dumps({"subTaskSettings": settings, "startIfPreviousError": go_on}))
    return job


def geo(kind: str, target: str, source: dict[str, Any] | str = "u.plots", **more: Any) -> dict[str, Any]:
    read = {"layerName": source} if isinstance(source, str) else source
    parameters = {"proccessingType": kind, "sourceLayer": read, "targetLayer": {"name": target}, **more}
    return {"order": 0, "type": "geoProcessing", "startParameters": parameters}


def told(job: JobContext) -> list[dict[str, Any]]:
    return job.reports[-1].detail["subtasks"]


def statuses(job: JobContext) -> list[str]:
    return [item["status"] for item in told(job)]


def test_copy_renames_what_the_mapping_names_and_keeps_the_rest(layers: Layers) -> None:
    job = start(layers, geo("copy", "u.copy", columnsMapping={"name": "title", "geometry": "geometry"}))
    frame = layers.read("u.copy")
    assert list(frame.columns) == ["gid", "title", "kind", "width", "geometry"]
    assert frame.geometry.geom_equals(layers.read("u.plots").geometry).all()
    [state] = told(job)
    assert (state["status"], state["process"], state["max"]) == ("Completed", 2, 2)
    assert state["results"] == {"Processed": 2, "Count": 2, "Written": 2}
    assert state["started"] <= state["ended"]


def test_copy_reads_eql_and_a_condition(layers: Layers) -> None:
    source = {"eql": "SELECT gid, name, geometry FROM u.plots;", "condition": "WHERE name = 'b'"}
    start(layers, geo("copy", "u.copy", source))
    assert layers.read("u.copy")["name"].tolist() == ["b"]
    start(layers, geo("copy", "u.second", {"layerName": "u.plots", "condition": "name <> 'b'"}))
    assert layers.read("u.second")["name"].tolist() == ["a"]


def test_a_layer_that_is_there_is_not_made_again(layers: Layers) -> None:
    with pytest.raises(TaskError, match=r"u\.zones: table already exist"):
        start(layers, geo("copy", "u.zones"))
    assert layers.find("u.zones").count == 2


def test_the_new_layer_has_its_alias_and_its_folder(layers: Layers) -> None:
    target = {"name": "u.copy", "alias": "A copy", "parentId": "f" * 32}
    start(
        layers,
        geo("copy", "u.copy")
        | {"startParameters": geo("copy", "u.copy")["startParameters"] | {"targetLayer": target}},
    )
    info = layers.find("u.copy")
    assert (info.alias, info.configuration["parentId"]) == ("A copy", "f" * 32)


def test_update_writes_the_values_of_equal_ids(layers: Layers) -> None:
    eql = "SELECT gid + 0 AS id, 'new' AS name, 1 AS unknown FROM u.plots WHERE gid >= 2"
    job = start(layers, geo("update", "u.plots", {"eql": eql, "idAttribute": "id"}))
    frame = layers.read("u.plots")
    assert frame["name"].tolist() == ["a", "new"]
    assert frame["kind"].tolist() == ["x", "y"]
    assert told(job)[0]["results"] == {"Processed": 1, "Count": 1}


def test_delete_takes_the_ids_of_the_source(layers: Layers) -> None:
    source = {"eql": "SELECT gid FROM u.plots WHERE name = 'a'"}
    parameters = {"sourceLayer": source, "targetLayer": {"name": "u.plots"}}
    start(layers, {"type": "delete", "startParameters": parameters})
    assert layers.read("u.plots")["name"].tolist() == ["b"]


def test_buffers_for_each_feature_and_radius(layers: Layers) -> None:
    more = {"radii": ["100", 250], "attributeRadii": ["width"], "attributeToCopy": ["name"]}
    names = {"baseObjectIdAttributeName": "src", "radAttributeName": "radius"}
    start(layers, geo("buffer", "u.buffers", **more, **names))
    frame = layers.read("u.buffers").sort_values(["src", "radius"])
    assert list(frame.columns) == ["gid", "name", "src", "radius", "geometry"]
    assert frame["radius"].tolist() == [10, 100, 250, 100, 250]
    squares = 100**2 + 400 * frame["radius"] + np.pi * frame["radius"] ** 2
    assert frame.area.to_numpy() == pytest.approx(squares.to_numpy(), rel=2e-3)


def test_ids_are_found_whatever_the_layer_calls_them(layers: Layers) -> None:
    layers.create(LayerInfo("u.other", id_attribute="number", geometry_type="Point", sr_id=32637))
    layers.append("u.other", gpd.GeoDataFrame(geometry=[shapely.Point(0, 0), shapely.Point(9, 9)], crs=UTM))
    layers.delete("u.other", [1])
    start(layers, geo("buffer", "u.around", "u.other", radii=["1"]))
    assert layers.read("u.around")["base_object"].tolist() == [2]


def test_buffers_of_longitude_and_latitude_are_metres_on_the_ground(layers: Layers) -> None:
    point = gpd.GeoDataFrame({"n": [1]}, geometry=[shapely.Point(37.6, 55.7)], crs=4326)
    layers.write("u.point", point)
    start(layers, geo("buffer", "u.circle", "u.point", radii=["1000"]))
    area, _ = Geod(ellps="WGS84").geometry_area_perimeter(layers.read("u.circle").geometry[0].geoms[0])
    assert abs(area) == pytest.approx(np.pi * 1e6, rel=5e-3)


@pytest.mark.parametrize(
    ("operation", "area", "columns"),
    [
        ("Clip", 50 * 100 + 10 * 100, ["name", "kind", "width"]),
        ("Intersect", 50 * 100 + 10 * 100, ["name", "kind", "width", "zone"]),
        ("Subtraction", 50 * 100 + 90 * 100, ["name", "kind", "width"]),
        ("SymDifference", 140 * 100 + 100 * 200 - 50 * 100 + 90 * 200 - 10 * 100, None),
        ("Within", 0, ["name", "kind", "width"]),
    ],
)
def test_overlay(layers: Layers, operation: str, area: float, columns: list[str] | None) -> None:
    start(layers, geo("overlay", "u.out", overlayLayer={"layerName": "u.zones"}, operation=operation))
    frame = layers.read("u.out")
    assert frame.area.sum() == pytest.approx(area)
    assert columns is None or list(frame.columns) == ["gid", *columns, "geometry"]


def test_overlay_copies_the_attributes_that_are_named(layers: Layers) -> None:
    more = {"overlayLayer": {"layerName": "u.zones"}, "attributesToCopy": ["zone"]}
    start(layers, geo("overlay", "u.out", operation="Intersect", **more))
    assert list(layers.read("u.out").columns) == ["gid", "zone", "geometry"]


def test_within_selects_whole_features(layers: Layers) -> None:
    more = {"overlayLayer": {"eql": "SELECT gid, ST_Buffer(geometry, 60) AS geometry FROM u.zones"}}
    start(layers, geo("overlay", "u.out", operation="Within", **more))
    assert layers.read("u.out")["name"].tolist() == ["a"]


def test_union_of_all_and_of_each_group(layers: Layers) -> None:
    source = {"sourceLayer": {"layerName": "u.zones"}, "targetLayer": {"name": "u.one"}}
    start(layers, {"type": "geoProcessing", "startParameters": source})  # clients say no kind
    frame = layers.read("u.one")
    assert (len(frame), frame.area.sum()) == (1, pytest.approx(160 * 200))
    start(layers, geo("union", "u.groups", groupAttribute="kind"))
    assert dict(zip(layers.read("u.groups")["kind"], layers.read("u.groups").area, strict=True)) == {
        "x": pytest.approx(1e4),
        "y": pytest.approx(1e4),
    }


def test_validation_writes_what_is_wrong_and_repair_mends_it_in_place(layers: Layers) -> None:
    start(layers, geo("validateGeometry", "u.wrong", "u.broken"))
    [wrong] = layers.read("u.wrong").to_dict("records")
    assert (wrong["source_object_id"], wrong["n"]) == (1, 1)
    assert wrong["validation_error"].startswith("Self-intersection")
    assert not wrong["geometry"].is_valid
    job = start(layers, {"type": "geoProcessing", "startParameters": {"targetLayer": {"name": "u.broken"}}})
    frame = layers.read("u.broken")
    assert frame.geometry.is_valid.all()
    assert frame.area.tolist() == pytest.approx([50, 1e4])
    assert frame["n"].tolist() == [1, 2]
    assert told(job)[0]["results"]["Fixed"] == 1


def test_what_falls_into_parts_stays_in_a_layer_of_single_ones(layers: Layers) -> None:
    spike = shapely.Polygon([(0, 0), (10, 0), (10, 10), (5, 10), (5, 12), (5, 10), (0, 10)])
    bow = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    info = layers.create(LayerInfo("u.single", geometry_type="Polygon", sr_id=32637))
    layers.append(info.name, gpd.GeoDataFrame(geometry=[bow, spike], crs=UTM))
    with pytest.raises(TaskError, match="1 of 2 geometries fall into parts"):
        start(layers, {"type": "geoProcessing", "startParameters": {"targetLayer": {"name": "u.single"}}})
    assert layers.read("u.single").geometry.is_valid.tolist() == [False, True]


def test_subtasks_without_an_order_do_not_mind_each_other(layers: Layers) -> None:
    bad, good = geo("copy", "u.out", "u.absent") | {"order": None}, geo("copy", "u.out") | {"order": None}
    job = JobContext(layers=layers)
    with pytest.raises(TaskError, match=r"u\.absent"):
        run_subtasks(job, json.dumps({"subTaskSettings": [bad, good], "startIfPreviousError": False}))
    assert statuses(job) == ["Error", "Completed"]
    assert layers.exists("u.out")


@pytest.mark.parametrize(("go_on", "last"), [(False, "Interrupted"), (True, "Completed")])
def test_after_a_failure_the_rest_is_interrupted_or_goes_on(layers: Layers, go_on: bool, last: str) -> None:
    settings = [
        geo("copy", "u.c") | {"order": 9},
        geo("copy", "u.a") | {"order": 1},
        geo("zoom", "u.b") | {"order": 5},
    ]
    job = JobContext(layers=layers)
    with pytest.raises(TaskError, match="zoom"):
        run_subtasks(job, json.dumps({"subTaskSettings": settings, "startIfPreviousError": go_on}))
    assert [item["order"] for item in told(job)] == [1, 5, 9]
    assert statuses(job) == ["Completed", "Error", last]
    assert "it does copy, update" in told(job)[1]["error"]


def test_every_change_of_state_is_told(layers: Layers) -> None:
    job = start(layers, geo("copy", "u.a"), geo("copy", "u.b"))
    seen = [tuple(item["status"] for item in report.detail["subtasks"]) for report in job.reports]
    assert list(dict.fromkeys(seen)) == [
        ("Process", "Waiting"),
        ("Completed", "Waiting"),
        ("Completed", "Process"),
        ("Completed", "Completed"),
    ]
    assert job.reports[-1].percent == 100


def test_a_cancel_ends_the_run(layers: Layers) -> None:
    job = JobContext(layers=layers, cancelled=lambda: True)
    with pytest.raises(JobCancelled):
        run_subtasks(job, json.dumps({"subTaskSettings": [geo("copy", "u.a")]}))


@pytest.mark.parametrize(
    "text", ["", "[]", '{"subTaskSettings": []}', '{"subTaskSettings": [{"order": "x"}]}']
)
def test_a_run_that_cannot_be_read(layers: Layers, text: str) -> None:
    with pytest.raises(InvalidRequest):
        run_subtasks(JobContext(layers=layers), text)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"radii": ["wide"]}, "numbers of metres"),
        ({"radii": ["0"]}, "greater than 0"),
        ({}, "radii or attributeRadii"),
        ({"radii": ["1"], "attributeToCopy": ["colour"]}, "no attribute 'colour'"),
        ({"radii": "1"}, "startParameters.radii"),
        ({"radii": ["1"], "sourceLayer": {}}, "needs 'layerName' or 'eql'"),
        ({"radii": ["1"], "sourceLayer": {"eql": "SELECT name FROM u.plots"}}, "no geometry"),
    ],
)
def test_what_is_wrong_is_said_in_words(layers: Layers, parameters: dict[str, Any], words: str) -> None:
    setting = geo("buffer", "u.out")
    setting["startParameters"] |= parameters
    with pytest.raises(TaskError, match=words):
        start(layers, setting)
    assert not layers.exists("u.out")


def test_a_table_has_no_geometry_to_repair(layers: Layers) -> None:
    layers.write("u.table", pd.DataFrame({"n": [1]}))
    parameters = {"targetLayer": {"name": "u.table"}}
    with pytest.raises(TaskError, match="no geometry"):
        start(layers, {"type": "geoProcessing", "startParameters": parameters})


def test_a_run_whose_server_died_is_not_run_again() -> None:
    published = task_of(run_subtasks)
    assert published
    assert not published.retry_on_loss  # what it wrote is there
