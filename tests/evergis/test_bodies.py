"""Bodies of the scheduler's tasks: defaults are told, wrong fields are named by their path."""

import json
from typing import Any

import pytest

from gpserver.errors import InvalidRequest
from gpserver.evergis.bodies import AGGREGATIONS, read_body, write_body


def layer(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "layerTaskDataStorage", "serviceName": name, **more}


def told(body: dict[str, Any], kind: str = "") -> Any:
    return json.loads(write_body(read_body(json.dumps(body).encode(), kind)))


def problem(body: Any, kind: str = "") -> str:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(InvalidRequest) as caught:
        read_body(text, kind)
    return str(caught.value)


SOURCE, TARGET = layer("u.a"), layer("u.b")
PAIR = {"source": SOURCE, "target": TARGET}


def test_a_copy_is_told_with_all_its_fields_as_in_the_published_answer() -> None:
    storage = {"condition": None, "createNewService": False}
    assert told(PAIR, "copy") == {
        "type": "copy",
        "condition": None,
        "attributeMapping": None,
        "source": SOURCE | storage,
        "target": TARGET | storage,
    }


@pytest.mark.parametrize(
    ("kind", "body", "defaults"),
    [
        (
            "buffer",
            PAIR | {"radii": ["radius", 250, 2.5]},
            {
                "excludeInnerBuffers": False,
                "excludeSourcePolygon": False,
                "baseObjectIdAttributeName": "base_object",
                "radiusAttributeName": "buffer_radius",
                "idAttributeName": "gid",
                "geometryAttributeName": "geometry",
            },
        ),
        (
            "route",
            PAIR | {"duration": "duration * 60", "providerType": "sp_walk"},
            {
                "durationAttributeName": None,
                "routeCenterXAttributeName": None,
                "routeCenterYAttributeName": None,
                "baseObjectIdAttributeName": "base_object",
                "idAttributeName": "gid",
                "geometryAttributeName": "geometry",
            },
        ),
        (
            "filterCopy",
            PAIR | {"geometryFilterStorage": SOURCE},
            {"reverseGeometryFilter": False, "attributeMapping": None, "condition": None},
        ),
        (
            "editAttributes",
            {"target": TARGET, "attribute": "a", "editExpression": "1"},
            {"createNewAttribute": False, "attributeType": "Unknown", "condition": None},
        ),
        ("union", PAIR, {}),
        ("overlay", PAIR | {"toolLayer": SOURCE, "operation": "symDifference"}, {}),
        ("aggregate", PAIR | {"geometry": SOURCE, "aggregationSettings": []}, {}),
    ],
)
def test_defaults_are_those_of_the_document(
    kind: str, body: dict[str, Any], defaults: dict[str, Any]
) -> None:
    found = told(body, kind)
    assert found["type"] == kind
    given = ("source", "target", "toolLayer", "geometry", "geometryFilterStorage")
    assert {name: value for name, value in found.items() if name not in (*body, "type")} == defaults
    assert {name: found[name] for name in body if name not in given} == {
        name: value for name, value in body.items() if name not in given
    }


@pytest.mark.parametrize(
    ("storage", "defaults"),
    [
        ({"type": "tableTaskDataStorage", "tableName": "u.t"}, {}),
        (
            {"type": "staticTaskDataStorage", "fileName": "a.csv"},
            {
                "layerName": None,
                "attributeNameRowNumber": None,
                "containsAliasRow": False,
                "aliasRowNumber": None,
                "firstDataRowNumber": 2,
                "columnDelimiter": None,
                "isWkt": False,
                "coordSourceFields": None,
                "spatialReference": None,
            },
        ),
        (
            {"type": "configuredLayerTaskDataStorage", "serviceName": "u.a"},
            {"attributesConfiguration": None},
        ),
        (
            {
                "type": "inMemoryTaskDataStorage",
                "features": [{"id": 1, "anything": [None]}],
                "idAttribute": "id",
                "geometryAttribute": "g",
                "geometryType": "polygon",
            },
            {"spatialReference": None},
        ),
    ],
)
def test_every_storage_is_told_with_its_defaults(storage: dict[str, Any], defaults: dict[str, Any]) -> None:
    assert told(PAIR | {"source": storage}, "copy")["source"] == storage | defaults


@pytest.mark.parametrize("name", ["tileFeatureLayerTaskDataStorage", "tilingTaskDataStorage"])
def test_a_catalogue_of_rasters_has_two_names(name: str) -> None:
    body = {"target": {"type": name, "serviceName": "u.r"}, "files": ["a.tif"]}
    assert told(body, "tiling") == {
        "type": "tiling",
        "target": {"type": name, "serviceName": "u.r", "createNewService": False},
        "files": ["a.tif"],
        "attributes": None,
        "polygonize": False,
        "useCog": False,
        "maxZoomLevel": None,
    }


def test_the_type_may_stand_in_the_body_and_unknown_fields_are_passed_over() -> None:
    assert told(PAIR | {"type": "union", "later": [1]})["type"] == "union"
    assert "later" not in told(PAIR | {"type": "union", "later": [1]})


@pytest.mark.parametrize(
    ("body", "kind", "place"),
    [
        (b"{", "copy", "The body is not JSON"),
        (b"\xff", "copy", "The body is not JSON"),
        (b"[" * 100_000, "copy", "The body"),
        ([], "copy", "The body"),
        (PAIR, "", "type: it is required"),
        (PAIR, "teleport", "type: there is no task"),
        (PAIR | {"type": "copy"}, "union", "type: "),
        ({"source": SOURCE}, "copy", "target: it is required"),
        ({"source": {"type": "layerTaskDataStorage"}}, "copy", "source.serviceName: it is required"),
        ({"source": {"serviceName": "u.a"}}, "copy", "source.type: it is required"),
        (PAIR | {"target": {"type": "inMemoryTaskDataStorage"}}, "copy", "target.type: "),
        (PAIR | {"radii": ["1", [2]]}, "buffer", "radii[1]: "),
        (PAIR | {"radii": []}, "buffer", "radii: "),
        (PAIR | {"duration": 1, "providerType": "sp_boat"}, "route", "providerType: "),
        (PAIR | {"attributeMapping": {"a": 1}}, "copy", "attributeMapping[...]: "),
        (PAIR | {"toolLayer": SOURCE, "operation": "Clip"}, "overlay", "operation: "),
        (
            PAIR | {"toolLayer": {"type": "tableTaskDataStorage"}, "operation": "union"},
            "overlay",
            "toolLayer.type: ",
        ),
        (
            PAIR
            | {
                "geometry": SOURCE,
                "aggregationSettings": [
                    {
                        "sourceAttributeName": "a",
                        "targetAttributeName": "b",
                        "aggregationFunction": "WeightedAvg",
                    }
                ],
            },
            "aggregate",
            "aggregationSettings[0]: 'WeightedAvg' needs 'additionalSourceAttribute'",
        ),
        ({"innerTasks": []}, "pipeline", "innerTasks: "),
        (PAIR | {"condition": "a >"}, "copy", "condition: position 4"),
        ({"source": layer("u.a", condition="(a"), "target": TARGET}, "union", "source.condition: position"),
        (PAIR | {"radii": [5, "a +"]}, "buffer", "radii[1]: position"),
        (PAIR | {"duration": "60 *", "providerType": "sp_car"}, "route", "duration: position"),
        ({"innerTasks": [PAIR]}, "pipeline", "innerTasks[0].type: it is required"),
        ({"innerTasks": [{"type": "copy", "source": SOURCE}]}, "pipeline", "innerTasks[0].target: "),
        ({"innerTasks": [{"type": "pipeline", "innerTasks": []}]}, "pipeline", "innerTasks[0].type: "),
    ],
)
def test_what_is_wrong_is_named_by_its_path(body: Any, kind: str, place: str) -> None:
    assert problem(body, kind).startswith(place)


def test_relaxed_json_is_read_as_in_the_published_samples() -> None:
    body = rb"""{"innerTasks": [{"type": "copy",
        "source": {"type": "layerTaskDataStorage", "serviceName": "u.a",},
        "target": {"type": "layerTaskDataStorage", "serviceName": "u.b", "createNewService": true,},
        "condition": "year >= #\'2000-01-01T00:00:00.000+03:00\' && floors >= 5"}]}"""
    condition = "year >= #'2000-01-01T00:00:00.000+03:00' && floors >= 5"
    assert read_body(body, "pipeline").inner_tasks[0].condition == condition


def test_there_are_eighteen_functions() -> None:
    assert len(AGGREGATIONS) == 18
    setting = {"sourceAttributeName": "a", "targetAttributeName": "b", "aggregationFunction": "Guess"}
    wrong = PAIR | {"geometry": SOURCE, "aggregationSettings": [setting]}
    assert "WeightedAvg" in problem(wrong, "aggregate")
