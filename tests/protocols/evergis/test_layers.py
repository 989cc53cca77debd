"""Layers over HTTP: published, described, changed, dropped; views; statistics of their rows."""

from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Server
from everpoint import Everpoint, check_attributes, check_layer, features_of, point


@pytest.fixture
def caller(server: Server) -> Iterator[Everpoint]:
    with Everpoint(server.url) as caller:
        yield caller


@pytest.fixture
def towns(caller: Everpoint) -> str:
    layer = caller.layer("towns", ("name", "String"), ("size", "Int64"), ("rate", "Double"))
    rows = [("Aa", 3, 0.5), ("Bb", 1, 1.5), ("Aa", 2, None), ("Cc", None, 2.5)]
    features = [
        point(10 + i, 50 + i, name=name, size=size, rate=rate) for i, (name, size, rate) in enumerate(rows)
    ]
    caller.add(layer, *features)
    return layer


def test_layer_is_told_in_the_keys_of_the_sdk(caller: Everpoint, towns: str) -> None:
    info = caller.get(f"/layers/{towns}")
    configuration = check_layer(info)
    assert (info["name"], info["permissions"]) == (towns, "read,write,configure")
    assert configuration["srId"] == 4326
    assert configuration["geometryType"] == "Point"
    listed = configuration["attributesConfiguration"]["attributes"]
    assert {item["attributeName"]: item["type"] for item in listed} == {
        "gid": "Int64",
        "name": "String",
        "size": "Int64",
        "rate": "Double",
        "geometry": "Point",
    }
    assert caller.get("/layers/batchInfo", layerNames=f"{towns},nobody.none") == [info]
    assert caller.get(f"/layers/{towns}/exists") is True
    assert caller.get("/layers/nobody.none/exists") is False


def test_name_is_taken_once(caller: Everpoint, towns: str) -> None:
    message = caller.problem("POST", "/layers", 409, json={"configuration": {"name": towns}})
    assert "already exists" in message


@pytest.mark.parametrize(
    ("configuration", "place"),
    [
        ({}, "name"),
        ({"name": 3}, "$.name"),
        ({"name": "u.x", "attributesConfiguration": {"attributes": [{"type": 3}]}}, "attributes[0].type"),
        ({"name": "../x"}, "namespace.name"),
        ({"name": "u.x", "createTable": True, "srId": 999999, "geometryType": "Point"}, "999999"),
    ],
)
def test_wrong_configuration_is_named(caller: Everpoint, configuration: dict[str, Any], place: str) -> None:
    assert place in caller.problem("POST", "/layers", 400, json={"configuration": configuration})


def test_missing_layer_is_404(caller: Everpoint) -> None:
    for place in ("", "/features", "/features/count", "/extent", "/features/1", "/dependencies"):
        caller.problem("GET", f"/layers/nobody.none{place}", 404)


def test_patch_changes_what_it_says(caller: Everpoint, towns: str) -> None:
    style = {"items": [{"type": "circle"}]}
    configuration = check_layer(caller.patch(f"/layers/{towns}", {"alias": "Towns", "clientStyle": style}))
    assert (configuration["alias"], configuration["clientStyle"]) == ("Towns", style)
    listed = configuration["attributesConfiguration"]
    listed["attributes"].append({"attributeName": "mayor", "type": "String", "alias": "Who"})
    configuration = check_layer(caller.patch(f"/layers/{towns}", {"attributesConfiguration": listed}))
    assert configuration["attributesConfiguration"]["attributes"][-2]["attributeName"] == "mayor"
    assert caller.features(towns)[0]["properties"]["mayor"] is None
    listed["attributes"] = [item for item in listed["attributes"] if item["attributeName"] != "size"]
    configuration = check_layer(caller.patch(f"/layers/{towns}", {"attributesConfiguration": listed}))
    names = [item["attributeName"] for item in configuration["attributesConfiguration"]["attributes"]]
    assert "size" not in names
    assert "size" not in caller.features(towns)[0]["properties"]
    assert caller.features(towns, attributes=["size"])[0]["properties"]["size"] == 3


def test_extent_distincts_and_statistics(caller: Everpoint, towns: str) -> None:
    box = caller.get(f"/layers/{towns}/extent")
    assert box == {"coordinates": [[10, 50], [13, 53]], "srId": 4326}
    box = caller.get(f"/layers/{towns}/extent", srId=3857, condition="size > 1")
    assert box["srId"] == 3857
    assert box["coordinates"][1][0] == pytest.approx(1335833.889)
    values = caller.get(f"/layers/{towns}/distincts", attribute="name", limit=2)
    assert values == {"distincts": [{"value": "Aa", "count": 2}, {"value": "Bb", "count": 1}]}
    values = caller.get(f"/layers/{towns}/distincts", attribute="name", startsWith="C")
    assert values == {"distincts": [{"value": "Cc", "count": 1}]}
    query = {"aggregationAttributeName": "size", "aggregationFunctionName": "Sum"}
    sums = caller.get(f"/layers/{towns}/aggregate-values", groups="name", sort="-name", **query)
    assert [(item["attributes"]["name"], item["value"]) for item in sums] == [
        ("Cc", None),
        ("Bb", 1),
        ("Aa", 5),
    ]
    keys = {"attributes", "aggregationAttributeName", "aggregationFunctionName", "value"}
    assert all(set(item) == keys for item in sums)
    assert caller.get(f"/layers/{towns}/aggregate-values", **query)[0]["value"] == 6
    caller.problem("GET", f"/layers/{towns}/distincts", 400, params={"attribute": "nix"})


def test_values_are_classified(caller: Everpoint) -> None:
    layer = caller.layer("values", ("v", "Double"), ("s", "String"))
    rows = [1, 1, 2, 10, 11, 12, 100, None]
    caller.add(layer, *(point(i, i, v=value, s="xy"[i % 2]) for i, value in enumerate(rows)))

    def classes(**query: Any) -> list[tuple[Any, int]]:
        value = caller.get(f"/layers/{layer}/classify", **query)
        assert set(value) == {"classifyResult", "type"}
        return [(item["value"], item["count"]) for item in value["classifyResult"]]

    assert classes(attribute="v", classes=3, type="naturalBreaks") == [(2, 3), (12, 3), (100, 1)]
    assert classes(attribute="v", classes=3, type="equalInterval") == [(34, 6), (67, 0), (100, 1)]
    assert [count for _, count in classes(attribute="v", classes=2, type="quantile")] == [4, 3]
    assert classes(attribute="s", type="unique") == [("x", 4), ("y", 4)]
    for query in ({"type": "nix"}, {"classes": "0"}, {"attribute": "s", "type": "step"}):
        caller.problem("GET", f"/layers/{layer}/classify", 400, params={"attribute": "v"} | query)


def test_expressions_are_validated(caller: Everpoint, towns: str) -> None:
    good = caller.get(f"/layers/{towns}/validateExpression", expression="rate * 2")
    assert good == {"isValid": True, "errors": [], "returnType": "Double", "expression": "rate * 2"}
    bad = caller.get(f"/layers/{towns}/validateExpression", expression="nix + ")
    assert bad["isValid"] is False
    assert bad["errors"]


def test_view_shows_the_rows_of_a_select(caller: Everpoint, towns: str) -> None:
    view = f"{caller.name}.large"
    eql = f"SELECT gid, name, size, geometry FROM {towns} WHERE size >= @least"
    configuration = {
        "layerType": "QueryLayerService",
        "name": view,
        "eql": eql,
        "createTable": False,
        "eqlParameters": {"@least": {"type": "Int64", "default": 2}},
    }
    told = check_layer(caller.post("/layers", {"configuration": configuration}))
    assert told["geometryType"] == "Point"
    assert [feature["properties"]["size"] for feature in caller.features(view)] == [3, 2]
    assert [f["properties"]["size"] for f in caller.features(view, parameters={"least": 3})] == [3]
    assert caller.get(f"/layers/{view}/features/count") == 2
    dependents = caller.get(f"/layers/{towns}/dependencies")["dependencies"]
    assert dependents == [{"name": view, "type": "Layer"}]
    assert "SELECT" in caller.problem("POST", f"/layers/{view}/features", 400, json=[point(1, 2)])
    caller.patch(f"/layers/{view}", {"eql": f"SELECT gid, geometry FROM {towns}"})
    assert len(caller.features(view)) == 4
    caller.problem("PATCH", f"/layers/{view}", 400, json={"eql": "DROP TABLE x"})


def test_layer_of_2023_over_a_table_edits_the_table(caller: Everpoint) -> None:
    columns = [
        {"name": "gid", "type": "Int64", "autoincrement": True},
        {"name": "name", "type": "String", "maxLength": 100},
        {"name": "geometry", "type": "Polygon", "srid": 84},
    ]
    table, layer = f"{caller.name}.parcels_tbl", f"{caller.name}.parcels"
    caller.post("/tables", {"name": table, "type": "Table", "columns": columns})
    attributes = {"idAttribute": "gid", "tableName": table, "geometryAttribute": "geometry"}
    attributes["attributes"] = [
        {"attributeName": item["name"], "columnName": item["name"]} for item in columns
    ]
    body = {"name": layer, "alias": "Parcels", "attributesConfiguration": attributes}
    caller.post("/layers", body, type="PostgresLayerService")
    square = {"type": "polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]], "sr": 84}
    caller.add(layer, {"attributes": {"name": "p"}, "geometry": square})
    for name in (table, layer):
        (found,) = caller.features(name)
        assert found["properties"]["name"] == "p"
        assert found["geometry"]["type"] == "Polygon"
    caller.delete(f"/layers/{layer}")
    assert caller.get(f"/tables/{table}/exists") is True
    caller.delete(f"/tables/{table}")
    assert caller.get(f"/tables/{table}/exists") is False


def test_lists_of_2023(caller: Everpoint, towns: str) -> None:
    caller.layer("areas", geometry="MultiPolygon")
    page = caller.get("/layers", orderByField="-alias")
    assert set(page) == {"items", "totalCount", "offset", "limit"}
    assert [item["name"] for item in page["items"]] == [towns, f"{caller.name}.areas"]
    item = page["items"][0]
    assert (item["type"], item["geometryType"], item["objectCount"]) == ("PostgresLayerService", "point", 4)
    assert item["envelope"] == {"coordinates": [[10, 50], [13, 53]], "type": "envelope", "sr": 84}
    assert caller.get("/layers", geometryFilter="Polygon")["totalCount"] == 1
    assert caller.get("/layers", filter="^tow", limit=1)["items"] == [item]
    assert caller.get("/layers", names=towns, group="all")["totalCount"] == 1
    (table,) = caller.get("/tables", filter="@own")["items"]
    assert (table["rowCount"], table["geometries"]) == (4, ["point"])
    caller.problem("GET", "/layers", 400, params={"orderByField": "size"})
    caller.problem("GET", "/layers", 400, params={"group": "theirs"})


def test_select_over_layers(caller: Everpoint, towns: str) -> None:
    query = f"SELECT gid, name, geometry FROM {towns} WHERE size > @a ORDER BY size DESC"
    page = caller.post("/eql/query", {"query": query, "parameters": {"@a": 1}, "limit": 1, "offset": 0})
    assert [feature["properties"]["name"] for feature in features_of(page)] == ["Aa"]
    assert (page["totalCount"], page["limit"]) == (2, 1)
    page = caller.post("/eql/query", {"query": f"SELECT count(*) AS n FROM {towns}", "withgeom": False})
    assert features_of(page)[0]["properties"] == {"n": 4}
    columns = caller.post("/eql/description", {"query": query, "parameters": {"a": 1}})
    check_attributes(columns)
    assert [(item["attributeName"], item["type"]) for item in columns] == [
        ("gid", "Int64"),
        ("name", "String"),
        ("geometry", "Point"),
    ]
    caller.problem("POST", "/eql/query", 400, json={"query": "DELETE FROM x"})
    caller.problem("POST", "/eql/query", 404, json={"query": "SELECT * FROM nobody.none"})
