"""Features over HTTP: added, changed, asked for, deleted, as the SDK of EverGIS does it."""

from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Server
from everpoint import UPDATE, Everpoint, features_of, point


@pytest.fixture
def caller(server: Server) -> Iterator[Everpoint]:
    with Everpoint(server.url) as caller:
        yield caller


@pytest.fixture
def trees(caller: Everpoint) -> str:
    layer = caller.layer("trees", ("kind", "String"), ("height", "Double"), ("planted", "DateTime"))
    rows = [("oak", 10.5), ("ash", 7.0), ("elm", None), ("oak", 3.25)]
    caller.add(layer, *(point(i, i, kind=kind, height=height) for i, (kind, height) in enumerate(rows)))
    return layer


def kinds(features: list[dict[str, Any]]) -> list[str]:
    return [feature["properties"]["kind"] for feature in features]


def test_features_come_back_as_they_were_sent(caller: Everpoint) -> None:
    attributes = [("s", "String"), ("i", "Int64"), ("d", "Double"), ("t", "DateTime"), ("b", "Boolean")]
    layer = caller.layer("exact", *attributes, ("j", "Json"))
    values = {
        "s": 'a "quote", a \\ and a \n',
        "i": 9007199254740993,
        "d": 0.1,
        "t": "2024-02-29T12:30:01.5Z",
        "b": True,
        "j": {"list": [1, None]},
    }
    (id_,) = caller.add(layer, point(37.123456789, 55.75, **values))
    feature = caller.get(f"/layers/{layer}/features/{id_}")
    assert feature["id"] == id_
    assert feature["geometry"] == {"type": "Point", "coordinates": [37.123456789, 55.75], "srId": 4326}
    assert feature["properties"] == values | {"gid": int(id_), "t": "2024-02-29T12:30:01.500000Z"}


@pytest.mark.parametrize(
    ("kind", "coordinates"),
    [
        ("LineString", [[0, 0], [1, 1]]),
        ("Polygon", [[[0, 0], [4, 0], [4, 4], [0, 0]], [[2, 1], [3, 1], [3, 2], [2, 1]]]),
        ("MultiPoint", [[0, 0], [1, 1]]),
        ("MultiLineString", [[[0, 0], [1, 1]], [[2, 2], [3, 3]]]),
        ("MultiPolygon", [[[[0, 0], [1, 0], [1, 1], [0, 0]]], [[[5, 5], [6, 5], [6, 6], [5, 5]]]]),
    ],
)
def test_every_type_of_geometry(caller: Everpoint, kind: str, coordinates: Any) -> None:
    layer = caller.layer(kind.lower(), geometry=kind)
    geometry = {"type": kind, "coordinates": coordinates, "srId": 4326}
    caller.add(layer, {"geometry": geometry, "properties": {}}, {"geometry": None, "properties": {}})
    first, second = caller.features(layer)
    assert first["geometry"] == geometry
    assert second["geometry"] is None


def test_geometries_are_two_dimensional_and_in_the_layers_reference(caller: Everpoint) -> None:
    layer = caller.layer("flat")
    far = {"type": "Point", "coordinates": [1113194.9079327357, 6446275.841017161, 99], "srId": 3857}
    caller.add(layer, {"geometry": far, "properties": {}})
    (feature,) = caller.features(layer)
    assert feature["geometry"]["coordinates"] == pytest.approx([10, 50])
    (feature,) = caller.features(layer, srId=3857)
    assert feature["geometry"]["coordinates"] == pytest.approx(far["coordinates"][:2])
    assert feature["geometry"]["srId"] == 3857


def test_table_without_geometry(caller: Everpoint) -> None:
    layer = caller.layer("plain", ("name", "String"), geometry="")
    caller.add(layer, {"properties": {"name": "a"}})
    assert caller.features(layer)[0]["geometry"] is None
    caller.problem("GET", f"/layers/{layer}/extent", 404)
    assert "geometry" in caller.problem("POST", f"/layers/{layer}/features", 400, json=[point(0, 0)])


@pytest.mark.parametrize(
    ("features", "place"),
    [
        ({"type": "Feature"}, "array"),
        ([point(0, 0), point(0, 0, nix=1)], "nix"),
        ([point(0, 0, height="tall")], "height"),
        ([point(0, 0), {"geometry": {"type": "Point", "coordinates": [1]}}], "Feature 1"),
        ([{"geometry": {"type": "Circle", "coordinates": [1, 2]}}], "Circle"),
        ([{"geometry": {"type": "LineString", "coordinates": [[1, 2], [3, 4]]}}], "LineString"),
        ([{"geometry": {"type": "Point", "coordinates": [1, 2], "srId": 999999}}], "999999"),
        ([{"geometry": {"type": "Point", "coordinates": "here"}}], "Feature 0"),
        ([3], "$[0]"),
    ],
)
def test_wrong_features_change_nothing(caller: Everpoint, trees: str, features: Any, place: str) -> None:
    assert place in caller.problem("POST", f"/layers/{trees}/features", 400, json=features)
    assert caller.get(f"/layers/{trees}/features/count") == 4


def test_unknown_attributes_may_be_left_out(caller: Everpoint, trees: str) -> None:
    (id_,) = caller.add(trees, point(0, 0, kind="fir", nix=1), allowAdditionalAttributes="true")
    properties = caller.get(f"/layers/{trees}/features/{id_}")["properties"]
    assert (properties["kind"], "nix" in properties) == ("fir", False)


def test_change_leaves_what_it_does_not_say(caller: Everpoint, trees: str) -> None:
    moved = {"type": "Point", "coordinates": [9, 9], "srId": 4326}
    changes = [
        {"id": "1", "attributes": {"kind": "yew"}},
        {"id": "2", "attributes": {"height": 8}, "geometry": moved},
        {"id": "99", "attributes": {"height": 1}},
    ]
    answer = caller.patch(f"/layers/{trees}/features", changes)
    assert set(answer) == UPDATE
    assert answer["updatedIds"] == ["1", "2"]
    first, second, *_ = caller.features(trees)
    assert (first["properties"]["kind"], first["properties"]["height"]) == ("yew", 10.5)
    assert first["geometry"]["coordinates"] == [0, 0]
    assert (second["properties"]["kind"], second["properties"]["height"]) == ("ash", 8)
    assert second["geometry"]["coordinates"] == [9, 9]
    caller.problem("PATCH", f"/layers/{trees}/features", 400, json=[{"attributes": {"height": 1}}])


def test_attribute_gets_an_expression(caller: Everpoint, trees: str) -> None:
    body = {"ids": [1, 2, 3], "attribute": "height", "editExpression": "height * 2"}
    assert caller.post(f"/layers/{trees}/features/edit-attributes", body)["updatedIds"] == ["1", "2", "3"]
    heights = [feature["properties"]["height"] for feature in caller.features(trees)]
    assert heights == [21, 14, None, 3.25]
    body = {"ids": [1], "attribute": "nix", "editExpression": "1"}
    caller.problem("POST", f"/layers/{trees}/features/edit-attributes", 400, json=body)


def test_delete_by_id_and_condition(caller: Everpoint, trees: str) -> None:
    answer = caller.delete(f"/layers/{trees}/features/deleteByIds", ids="1,77")
    assert answer["deletedIds"] == ["1"]
    assert caller.delete(f"/layers/{trees}/features", id="2")["deletedIds"] == ["2"]
    caller.problem("DELETE", f"/layers/{trees}/features/deleteByCondition", 400)
    place = f"/layers/{trees}/features/deleteByCondition"
    assert caller.delete(place, condition="WHERE kind = 'oak'")["deletedIds"] == ["4"]
    assert kinds(caller.features(trees)) == ["elm"]
    caller.problem("GET", f"/layers/{trees}/features/1", 404)


def test_pages_count_all(caller: Everpoint, trees: str) -> None:
    page = caller.post(f"/layers/{trees}/features/query", {"limit": 3, "offset": 0, "sort": ["-height"]})
    assert (page["totalCount"], page["offset"], page["limit"]) == (4, 0, 3)
    page = caller.get(f"/layers/{trees}/features", limit=3, offset=3, attributes="kind", withGeom="false")
    (last,) = features_of(page)
    assert (last["properties"], last["geometry"], page["totalCount"]) == ({"gid": 4, "kind": "oak"}, None, 4)


@pytest.mark.parametrize("condition", ["WHERE kind = 'oak'", "kind = 'oak'", "kind == 'oa%'"])
def test_conditions_of_both_languages(caller: Everpoint, trees: str, condition: str) -> None:
    assert kinds(caller.features(trees, conditions=[condition])) == ["oak", "oak"]
    assert kinds(features_of(caller.get(f"/layers/{trees}/features", query=condition))) == ["oak", "oak"]
    assert caller.get(f"/layers/{trees}/features/count", condition=condition) == 2
    assert caller.post(f"/layers/{trees}/features/count", {"conditions": [condition, "height > 5"]}) == 1


def test_parameters_ids_and_geometries(caller: Everpoint, trees: str) -> None:
    found = caller.features(trees, conditions=["WHERE height > @h"], parameters={"@h": 5}, ids=["1", "3"])
    assert [feature["id"] for feature in found] == ["1"]
    box = {"geometry": "SRID=4326;POLYGON((0.5 0.5, 2.5 0.5, 2.5 2.5, 0.5 2.5, 0.5 0.5))"}
    assert kinds(caller.features(trees, geometries=[box])) == ["ash", "elm"]
    outside = box | {"operation": {"name": "ST_Disjoint"}}
    assert kinds(caller.features(trees, geometries=[outside], limit=1)) == ["oak"]
    near = {"geometry": "SRID=3857;POINT(0 0)", "operation": {"name": "intersects", "buffer": 1000}}
    assert kinds(caller.features(trees, geometries=[near])) == ["oak"]


@pytest.mark.parametrize(
    "query",
    [
        {"conditions": ["WHERE"], "ids": ["x"]},
        {"conditions": ["1=1) UNION SELECT 1 --"]},
        {"conditions": ["WHERE nix > 1"]},
        {"sort": ["nix"]},
        {"attributes": ["nix"]},
        {"srId": 999999},
        {"geometries": [{"geometry": "POINT"}]},
        {"geometries": [{"geometry": "POINT(1 1)", "operation": {"name": "explode"}}]},
        {"limit": "many"},
    ],
)
def test_wrong_query_is_the_users_fault(caller: Everpoint, trees: str, query: dict[str, Any]) -> None:
    caller.problem("POST", f"/layers/{trees}/features/query", 400, json=query)


def test_large_answer_is_whole(caller: Everpoint) -> None:
    layer = caller.layer("many", ("text", "String"))
    text = "ж" * 40
    for rows in (range(9000), range(9000, 9010)):  # two parts, written in two pieces
        caller.add(layer, *(point(i % 180, i % 90, text=f"{text}{i}") for i in rows))
    features = caller.features(layer)
    assert [feature["id"] for feature in features] == [str(i + 1) for i in range(9010)]
    assert features[-1]["properties"]["text"] == f"{text}9009"
