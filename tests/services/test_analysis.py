"""The portal's analysis tasks over HTTP: their names, parameters and fields, and what they find."""

import json
import math

import pytest
import shapely
from gpclient import Client, EsriError
from shapely import box

METERS = {"wkid": 32633}
NAMES = {
    "CreateBuffers": "inputLayer distances field units dissolveType ringType sideType endType outputName"
    " context > bufferLayer",
    "DissolveBoundaries": "inputLayer dissolveFields summaryFields multiPartFeatures outputName context"
    " > dissolvedLayer",
    "OverlayLayers": "inputLayer overlayLayer overlayType snapToInput outputType tolerance outputName context"
    " > outputLayer",
    "MergeLayers": "inputLayer mergeLayer mergingAttributes outputName context > mergedLayer",
    "JoinFeatures": "targetLayer joinLayer spatialRelationship spatialRelationshipDistance"
    " spatialRelationshipDistanceUnits attributeRelationship summaryFields joinOperation recordsToMatch"
    " joinType outputName context > outputLayer",
    "AggregatePoints": "pointLayer polygonLayer keepBoundariesWithNoPoints summaryFields groupByField"
    " minorityMajority percentPoints binType binSize binSizeUnit outputName context"
    " > aggregatedLayer groupSummary",
    "SummarizeWithin": "summaryLayer sumWithinLayer sumShape shapeUnits summaryFields groupByField"
    " minorityMajority percentShape binType binSize binSizeUnit outputName context"
    " > resultLayer groupBySummary",
    "FindNearest": "analysisLayer nearLayer measurementType maxCount searchCutoff searchCutoffUnits"
    " outputName context > nearestLayer connectingLinesLayer",
}


def layer(geometry_type, shapes, reference=METERS, **columns):
    """A feature set as text, each shape as Esri JSON."""
    features = [
        {"geometry": shape, "attributes": {name: values[n] for name, values in columns.items()}}
        for n, shape in enumerate(shapes)
    ]
    return json.dumps(
        {"geometryType": f"esriGeometry{geometry_type}", "spatialReference": reference, "features": features}
    )


def points(*places, **columns):
    return layer("Point", [{"x": x, "y": y} for x, y in places], **columns)


def squares(*bounds, **columns):
    """Polygons by west, south, east and north."""
    rings = [[[w, s], [w, n], [e, n], [e, s], [w, s]] for w, s, e, n in bounds]
    return layer("Polygon", [{"rings": [ring]} for ring in rings], **columns)


def rows(feature_set, *names):
    """Values of fields, feature by feature."""
    return [[feature["attributes"][name] for name in names] for feature in feature_set["features"]]


def areas(feature_set):
    """Areas by the coordinates: outer rings run clockwise, holes count against them."""
    return [
        sum(-shapely.LinearRing(ring).is_ccw * 2 * shapely.Polygon(ring).area + shapely.Polygon(ring).area
            for ring in feature["geometry"]["rings"])
        for feature in feature_set["features"]
    ]  # fmt: skip


@pytest.mark.parametrize("task", NAMES)
def test_names_and_help(task, client: Client):
    described = client.get(f"tasks/GPServer/{task}")
    inputs, outputs = (names.split() for names in NAMES[task].split(" > "))
    found = {"GPParameterDirectionInput": [], "esriGPParameterDirectionInput": []}
    for item in described["parameters"]:
        found.setdefault(item["direction"], []).append(item["name"])
    assert sorted(found["esriGPParameterDirectionInput"]) == sorted(inputs)
    assert found["esriGPParameterDirectionOutput"] == outputs
    assert described["description"]
    assert all(item["description"] for item in described["parameters"])


def test_the_service_is_asynchronous_and_has_no_map(client: Client):
    service = client.get("tasks/GPServer")
    assert set(service["tasks"]) >= set(NAMES)
    assert service["executionType"] == "esriExecutionTypeAsynchronous"
    assert service["resultMapServerName"] == ""


def test_create_buffers(client: Client):
    places = points((0, 0), (100, 0), name=["a", "b"], size=[1, 2])
    found = client.run("tasks/CreateBuffers", inputLayer=places, distances="[20,10]", ringType="Rings")[
        "bufferLayer"
    ]
    assert rows(found, "name", "BUFF_DIST") == [["a", 10], ["a", 20], ["b", 10], ["b", 20]]
    circle = 64 * math.sin(2 * math.pi / 64) / 2
    assert areas(found) == pytest.approx([100 * circle, 300 * circle] * 2, rel=1e-6)
    by_field = client.run("tasks/CreateBuffers", inputLayer=places, field="SIZE", units="Kilometers")
    assert rows(by_field["bufferLayer"], "BUFF_DIST") == [[1000], [2000]]
    united = client.run("tasks/CreateBuffers", inputLayer=places, distances=[60], dissolveType="Dissolve")
    assert len(united["bufferLayer"]["features"]) == 1


def test_create_buffers_of_lines_and_polygons(client: Client):
    line = layer("Polyline", [{"paths": [[[0, 0], [100, 0]]]}])
    left = client.run("tasks/CreateBuffers", inputLayer=line, distances=[10], sideType="Left")["bufferLayer"]
    assert areas(left) == pytest.approx([1000])
    ground = layer("Polyline", [{"paths": [[[10, 50], [10, 51]]]}], {"wkid": 4326})
    sent = {"inputLayer": ground, "distances": [5], "units": "Kilometers", "endType": "Flat"}
    found = client.run("tasks/CreateBuffers", **sent, context='{"outSR":{"wkid":32632}}')["bufferLayer"]
    assert found["spatialReference"]["wkid"] == 32632
    assert areas(found) == pytest.approx([10_000 * 111_240], rel=2e-3)
    square = squares((0, 0, 100, 100))
    outside = client.run("tasks/CreateBuffers", inputLayer=square, distances=[10], sideType="Outside")
    assert areas(outside["bufferLayer"]) == pytest.approx([4000 + 100 * math.pi], rel=1e-3)


def test_dissolve_boundaries(client: Client):
    given = squares((0, 0, 1, 1), (1, 0, 2, 1), (5, 5, 6, 6), kind=["a", "b", "a"], people=[1, 2, 4])
    found = client.run("tasks/DissolveBoundaries", inputLayer=given, summaryFields='["people Sum"]')
    assert rows(found["dissolvedLayer"], "Count", "sum_people") == [[2, 3], [1, 4]]
    assert areas(found["dissolvedLayer"]) == [2, 1]
    by_kind = {"inputLayer": given, "dissolveFields": '["kind"]', "multiPartFeatures": "false"}
    found = client.run("tasks/DissolveBoundaries", **by_kind)["dissolvedLayer"]
    assert rows(found, "kind", "Count") == [["a", 2], ["a", 2], ["b", 1]]


@pytest.mark.parametrize(("kind", "expected"), [("Intersect", [4]), ("Erase", [12]), ("Union", [4, 12, 12])])
def test_overlay_layers(kind, expected, client: Client):
    sent = {
        "inputLayer": squares((0, 0, 4, 4), name=["a"]),
        "overlayLayer": squares((2, 2, 6, 6), name=["x"]),
    }
    found = client.run("tasks/OverlayLayers", **sent, overlayType=kind)["outputLayer"]
    assert sorted(areas(found)) == expected


def test_overlay_layers_of_feature_collections_in_degrees(client: Client):
    """A feature collection's layer, longitudes beyond 180°, and an answer across them."""
    pacific = json.loads(layer("Polygon", [box_of(170, -20, 190, -10)], {"wkid": 4326}))
    collection = {
        "layerDefinition": {"geometryType": "esriGeometryPolygon", "fields": []},
        "featureSet": pacific,
    }
    fiji = layer("Polygon", [box_of(-180, -18, -178, -16)], {"wkid": 4326})
    found = client.run("tasks/OverlayLayers", inputLayer=json.dumps(collection), overlayLayer=fiji)
    assert areas(found["outputLayer"]) == [4]


def box_of(*bounds):
    return {"rings": [[list(corner) for corner in box(*bounds, ccw=False).exterior.coords]]}


def test_merge_layers(client: Client):
    sent = {
        "inputLayer": points((0, 0), name=["a"], size=[1]),
        "mergeLayer": points((1, 1), title=["b"], x=[2], y=[3]),
    }
    changes = '["title Match name", "x Rename width", "y Remove"]'
    found = client.run("tasks/MergeLayers", **sent, mergingAttributes=changes)["mergedLayer"]
    assert rows(found, "name", "size", "width") == [["a", 1, None], ["b", None, 2]]
    assert "y" not in found["features"][0]["attributes"]


def test_join_features(client: Client):
    states = squares((0, 0, 5, 5), (5, 5, 9, 9), (50, 50, 51, 51), state=["x", "y", "z"])
    cities = points((1, 1), (2, 2), (8, 8), city=["a", "b", "c"], people=[1, 2, 4], state=["x", "q", "y"])
    sent = {"targetLayer": states, "joinLayer": cities, "joinType": "LEFT"}
    summary = '[{"statisticType":"SUM","onStatisticField":"people"}]'
    found = client.run("tasks/JoinFeatures", **sent, spatialRelationship="intersects", summaryFields=summary)
    assert rows(found["outputLayer"], "state", "Join_Count", "sum_people") == [
        ["x", 2, 3],
        ["y", 1, 4],
        ["z", 0, None],
    ]
    many = {**sent, "joinType": "", "joinOperation": "JoinOneToMany"}
    pairs = '[{"targetField":"state","operator":"equal","joinField":"state"}]'
    found = client.run("tasks/JoinFeatures", **many, attributeRelationship=pairs)["outputLayer"]
    assert rows(found, "state", "city") == [["x", "a"], ["y", "c"]]
    near = {"spatialRelationship": "withindistance", "spatialRelationshipDistance": 0.1}
    found = client.run("tasks/JoinFeatures", **many, **near, spatialRelationshipDistanceUnits="Kilometers")
    assert len(found["outputLayer"]["features"]) == 9


def test_join_features_of_the_best_records(client: Client):
    states = squares((0, 0, 5, 5), (50, 50, 51, 51), state=["x", "z"])
    cities = points(
        (1, 1), (2, 2), (3, 3), (4, 4), city=["a", "b", "c", "d"], size=[1, 9, 5, None], kind=[1, 1, 2, 2]
    )
    sent = {"targetLayer": states, "joinLayer": cities, "spatialRelationship": "intersects"}

    def joined(records, **more):
        text = json.dumps(records)
        found = client.run("tasks/JoinFeatures", **sent, **more, recordsToMatch=text)["outputLayer"]
        return [city for (city,) in rows(found, "city")]

    largest = {"groupByFields": "", "orderByFields": "SIZE DESC", "topCount": 1}
    assert joined(largest) == ["b"]
    assert joined({**largest, "orderByFields": "objectid ASC", "topCount": 2}) == ["a"]
    many = {"joinOperation": "JoinOneToMany"}
    assert joined({**largest, "topCount": 2}, **many) == ["b", "c"]
    assert joined({**largest, "groupByFields": "kind"}, **many) == ["b", "c"]
    count = '[{"statisticType":"COUNT","onStatisticField":null}]'
    found = client.run("tasks/JoinFeatures", **sent, joinType="LEFT", summaryFields=count)["outputLayer"]
    assert rows(found, "state", "Join_Count") == [["x", 4], ["z", 0]]


def test_aggregate_points_into_polygons(client: Client):
    cities = points((1, 1), (2, 2), (3, 3), (8, 8), people=[1, 2, 4, 8], kind=["a", "a", "b", "b"])
    states = squares((0, 0, 5, 5), (5, 5, 9, 9), (50, 50, 51, 51), state=["x", "y", "z"])
    sent = {"pointLayer": cities, "polygonLayer": states, "summaryFields": '["people Sum", "people Max"]'}
    groups = {"groupByField": "kind", "minorityMajority": "true", "percentPoints": "true"}
    found = client.run("tasks/AggregatePoints", **sent, **groups)
    fields = ["state", "Point_Count", "sum_people", "max_people", "Minority_kind", "Majority_kind"]
    assert rows(found["aggregatedLayer"], *fields) == [
        ["x", 3, 7, 4, "b", "a"],
        ["y", 1, 8, 8, "b", "b"],
        ["z", 0, None, None, None, None],
    ]
    summary = rows(found["groupSummary"], "Join_ID", "kind", "Point_Count", "sum_people", "Percent")
    assert [row[:-1] for row in summary] == [[1, "a", 2, 3], [1, "b", 1, 4], [2, "b", 1, 8]]
    assert [row[-1] for row in summary] == pytest.approx([200 / 3, 100 / 3, 100])
    found = client.run("tasks/AggregatePoints", **sent, keepBoundariesWithNoPoints="false")
    assert len(found["aggregatedLayer"]["features"]) == 2
    assert not found["groupSummary"].get("features")


@pytest.mark.parametrize(("shape", "area"), [("Square", 1e6), ("Hexagon", 1e6 * 3**0.5 / 2)])
def test_aggregate_points_into_bins(shape, area, client: Client):
    cities = points((100, 100), (200, 200), (5100, 100))
    sent = {"pointLayer": cities, "binType": shape, "binSize": 1, "binSizeUnit": "Kilometers"}
    found = client.run("tasks/AggregatePoints", **sent, keepBoundariesWithNoPoints="false")["aggregatedLayer"]
    assert sorted(rows(found, "Point_Count")) == [[1], [2]]
    assert areas(found) == pytest.approx([area, area])


def test_summarize_within(client: Client):
    parcels = squares((0, 0, 1000, 1000), (500, 0, 2500, 1000), people=[10, 40], kind=["a", "b"])
    zones = squares((0, 0, 1000, 1000), (9000, 0, 9001, 1), zone=["x", "y"])
    sent = {"summaryLayer": parcels, "sumWithinLayer": zones, "summaryFields": '["people Sum"]'}
    found = client.run("tasks/SummarizeWithin", **sent, shapeUnits="Hectares", groupByField="kind")
    fields = ["zone", "Polygon_Count", "sum_Area_Hectares", "sum_people"]
    assert rows(found["resultLayer"], *fields) == [["x", 2, 150, 20], ["y", 0, 0, None]]
    assert rows(found["groupBySummary"], "kind", "sum_Area_Hectares") == [["a", 100], ["b", 50]]
    roads = layer("Polyline", [{"paths": [[[500, 500], [500, 2500]]]}])
    found = client.run(
        "tasks/SummarizeWithin", summaryLayer=roads, sumWithinLayer=zones, shapeUnits="Kilometers"
    )
    assert rows(found["resultLayer"], "Line_Count", "sum_Length_Kilometers") == [[1, 0.5], [0, 0]]


def test_find_nearest(client: Client):
    sent = {
        "analysisLayer": points((0, 0), name=["a"]),
        "nearLayer": points((3000, 4000), (0, 1000), kind=["x", "y"]),
    }
    found = client.run("tasks/FindNearest", **sent, searchCutoffUnits="Kilometers")
    assert rows(found["nearestLayer"], "NearRank", "kind", "Total_Kilometers") == [[1, "y", 1], [2, "x", 5]]
    assert rows(found["connectingLinesLayer"], "From_name", "To_kind") == [["a", "y"], ["a", "x"]]
    assert found["connectingLinesLayer"]["features"][1]["geometry"]["paths"] == [[[0, 0], [3000, 4000]]]
    found = client.run("tasks/FindNearest", **sent, maxCount=1, searchCutoff=2000)
    assert len(found["nearestLayer"]["features"]) == 1


def test_an_extent_chooses_features(client: Client):
    context = {"extent": {"xmin": 50, "ymin": -50, "xmax": 150, "ymax": 50, "spatialReference": METERS}}
    places = points((0, 0), (100, 0), name=["a", "b"])
    found = client.run("tasks/CreateBuffers", inputLayer=places, distances=[1], context=json.dumps(context))
    assert rows(found["bufferLayer"], "name") == [["b"]]


@pytest.mark.parametrize(
    ("task", "values", "problem"),
    [
        ("CreateBuffers", {}, "needs distances or a field"),
        ("CreateBuffers", {"distances": [0]}, "other than 0"),
        ("CreateBuffers", {"field": "size"}, 'no field "size"'),
        ("CreateBuffers", {"distances": [1], "sideType": "Left"}, "Only lines have a left side"),
        ("CreateBuffers", {"distances": [1], "context": "{"}, "context is not JSON"),
        ("CreateBuffers", {"distances": [1], "context": '{"outSR":1}'}, "no spatial reference 1"),
        ("CreateBuffers", {"distances": [1], "context": '{"extent":{"xmin":"a"}}'}, "extent"),
        ("MergeLayers", {"mergingAttributes": '["name Mend"]'}, "is none of"),
        ("JoinFeatures", {}, "none is given"),
        ("JoinFeatures", {"attributeRelationship": "[{}]"}, "attributeRelationship"),
        ("JoinFeatures", {"attributeRelationship": "[7"}, "attributeRelationship"),
        (
            "JoinFeatures",
            {"spatialRelationship": "intersects", "recordsToMatch": '{"orderByFields":"size"}'},
            'no field "size"',
        ),
        ("JoinFeatures", {"recordsToMatch": '{"topCount":"all"}'}, "topCount of recordsToMatch is all"),
        ("JoinFeatures", {"recordsToMatch": '{"topCount":-1}'}, "topCount of recordsToMatch is -1"),
        ("JoinFeatures", {"recordsToMatch": '{"topCount":Infinity}'}, "topCount of recordsToMatch is inf"),
        ("AggregatePoints", {}, "Give polygons, or binType"),
        (
            "AggregatePoints",
            {"binType": "Square", "binSize": 1, "summaryFields": '["name Cube"]'},
            "such as POP Sum",
        ),
        (
            "AggregatePoints",
            {"binType": "Square", "binSize": 1, "summaryFields": '["{"]'},
            "summaryFields is not JSON",
        ),
        (
            "AggregatePoints",
            {"binType": "Square", "binSize": 1, "summaryFields": '["name Sum"]'},
            "no numbers",
        ),
    ],
)
def test_what_is_wrong_is_said(task, values, problem, client: Client):
    names = [name for name in NAMES[task].split() if name.endswith("Layer") and name != "polygonLayer"]
    layers = {name: points((0, 0), name=["a"]) for name in names[: 2 if len(names) > 2 else 1]}
    job = client.submit(f"tasks/{task}", **layers, **values)
    state = client.wait(job)
    assert state["jobStatus"] == "esriJobFailed"
    said = " ".join(message["description"] for message in state["messages"])
    assert problem in said
    assert "Traceback" not in said
    with pytest.raises(EsriError):
        client.get(f"{job}/results/{NAMES[task].split()[-1]}")
