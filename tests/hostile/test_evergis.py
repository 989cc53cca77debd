"""Every route of EverGIS' REST, with bodies of its own kind in which something is wrong."""

import json
import re
from typing import Any, cast

import httpx
import pytest
from everpoint import PROBLEM, Everpoint, point
from hostile import wire
from hostile.conftest import Target
from hostile.test_routes import Anything
from hostile.values import PATHS, hostile
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.routing import Route

from gpserver.protocols.evergis.routes import routes

ROUTES = sorted(
    (route.path, method)
    for route in routes(cast(Any, Anything()))
    if isinstance(route, Route)
    for method in route.methods or ()
    if method != "HEAD"
)
LAYER = "anna.target"
NAMES = {
    *("limit", "offset", "srId", "sort", "ids", "id", "query", "condition", "attributes", "withGeom"),
    *("attribute", "startsWith", "groups", "aggregationAttributeName", "aggregationFunctionName"),
    *("expression", "ewktGeometry", "layerNames", "resourceId", "fileId", "cascade", "type", "_sk"),
    *("Status", "Skip", "Take", "OrderBy", "Desc", "Username", "updateDefault", "csvDelimiter"),
}
FEATURE = point(1, 2, name="a")
STORAGE = {"type": "layerTaskDataStorage", "serviceName": LAYER}
BODIES: list[Any] = [
    [FEATURE],
    [{"id": "1", "attributes": {"name": "b"}, "geometry": FEATURE["geometry"]}],
    {"conditions": ["name = 'a'"], "sort": ["name"], "ids": ["1"], "srId": 3857, "limit": 1, "offset": 0},
    {"geometries": [{"geometry": "SRID=4326;POINT(1 2)", "operation": {"name": "intersects", "buffer": 1}}]},
    {"query": f"SELECT gid, name, geometry FROM {LAYER} WHERE name = @n", "parameters": {"@n": "a"}},
    {"ids": [1], "attribute": "name", "editExpression": "name + 'x'"},
    {"configuration": {"name": "anna.new", "createTable": True, "srId": 4326, "geometryType": "Point"}},
    {"configuration": {"name": "anna.view", "eql": f"SELECT gid, geometry FROM {LAYER}"}},
    {"name": "anna.table", "columns": [{"name": "a", "type": "String"}, {"name": "g", "type": "Point"}]},
    {"name": "Folder", "parentId": "", "owner": "anna"},
    {"systemNames": [LAYER], "orderBy": ["name"], "filter": "*a*", "resourceTypes": ["Layer"]},
    {"username": "anna", "password": "wrong", "refreshToken": "x"},
    {"data": [{"role": "__public", "permissions": "read"}]},
    {"type": "buffer", "source": STORAGE, "target": {**STORAGE, "serviceName": "anna.b"}, "radii": ["10"]},
    {"subTaskSettings": [{"order": 0, "type": "geoProcessing", "startParameters": {"targetLayer": {}}}]},
    {"workerType": "EqlHelpWorker", "methodType": "eql-help/functions", "data": {}},
]
wrong = hostile | st.sampled_from(PATHS) | st.none() | st.integers() | st.floats() | st.booleans()
wrong |= st.sampled_from([{}, [], [[]], {"a": 1}, -1, 10**30, 2**63, 1e308])


@pytest.fixture(scope="module")
def authorization(target: Target) -> bytes:
    """That of a user who has a layer."""
    login = {"username": "anna", "password": "secret"}
    token = httpx.post(f"{target.server.url}/sp/account/login", json=login).json()["token"]
    with Everpoint(target.server.url, "anna", token) as anna:
        anna.layer("target", ("name", "String"), ("size", "Int64"))
        anna.add(LAYER, *(point(i, i, name="abc"[i], size=i) for i in range(3)))
    return f"Bearer {token}".encode()


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where a value could be exchanged."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in inner for place in places(each, (*path, key)))]


def exchanged(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = exchanged(value[path[0]], path[1:], new)
    return copy


@st.composite
def requests(draw: st.DrawFn, route: str) -> dict[str, Any]:
    body = draw(st.sampled_from(BODIES))
    for _ in range(draw(st.integers(0, 2))):
        body = exchanged(body, draw(st.sampled_from(places(body))), draw(wrong))
    parts = [draw(st.none() | st.none() | st.sampled_from(PATHS) | hostile) for _ in re.findall("{", route)]
    query = draw(st.lists(st.tuples(st.sampled_from(sorted(NAMES)), hostile | st.just("1")), max_size=4))
    return {"body": body, "parts": parts, "query": query}


def path_of(route: str, parts: list[str | None]) -> bytes:
    known = iter(parts)

    def part(match: re.Match[str]) -> str:
        drawn = next(known)
        if drawn is None:
            return {"name": LAYER, "id": "1", "z": "1", "x": "0", "y": "0"}.get(match[1], "x")
        return wire.encoded(drawn[:1000]).decode()

    return re.sub(r"{(\w+)[^}]*}", part, route).encode()


def test_the_routes_are_found() -> None:
    assert len(ROUTES) > 50


def test_every_route_refuses_what_is_wrong(target: Target, authorization: bytes) -> None:

    def attack(route: str, method: str, asked: dict[str, Any]) -> None:
        path = path_of(route, asked["parts"]) + b"?" + wire.form(asked["query"])[:60_000]
        headers = {b"Authorization": authorization, b"Content-Type": b"application/json"}
        body = json.dumps(asked["body"]).encode("utf-8", "surrogatepass")
        answer = wire.send(target.server.url, method, path, headers, body[: 1 << 20])
        assert answer
        assert answer.status < 500, (method, path[:300], body[:1000], answer.body[:1000])
        assert b"Traceback (most recent call last)" not in answer.body
        assert b"Error: " not in answer.body, (method, path[:300], body[:1000], answer.body[:1000])
        assert b"root:x:0" not in answer.body
        assert "x-evil" not in answer.headers
        if answer.status >= 400 and answer.status != 405 and method != "OPTIONS":
            assert set(answer.json) == PROBLEM, (path[:300], answer.body[:500])

    for route, method in ROUTES:
        settings(max_examples=3)(given(requests(route))(lambda asked: attack(route, method, asked)))()  # noqa: B023
