"""The catalogue, tables, files and spatial references over HTTP."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from conftest import Server
from everpoint import RESOURCE, TABLE, Everpoint, check_attributes, point


@pytest.fixture
def caller(server: Server) -> Iterator[Everpoint]:
    with Everpoint(server.url) as caller:
        yield caller


def folder(caller: Everpoint, name: str, parent: str | None = None) -> str:
    value = caller.post("/resources/directory", {"name": name, "parentId": parent, "owner": caller.name})
    assert set(value) <= RESOURCE | {"path"}
    return str(value["resourceId"])


def test_folders_files_and_layers_are_one_tree(caller: Everpoint) -> None:
    top = folder(caller, "Projects")
    inner = folder(caller, "My data", top)
    files = {"file": ("a.txt", b"hello")}
    data = {"fileName": "a.txt", "parentId": inner, "owner": caller.name, "rewrite": "false"}
    file = caller.read(caller.http.post("/resources/file", files=files, data=data))
    assert set(file) <= RESOURCE | {"path"}
    assert (file["type"], file["size"], file["path"]) == ("File", 5, f"{caller.name}/Projects/My data/a.txt")
    caller.problem("POST", "/resources/file", 409, files=files, data=data)
    again = caller.read(
        caller.http.post(
            "/resources/file", files={"file": ("a.txt", b"again!")}, data=data | {"rewrite": "true"}
        )
    )
    assert (again["resourceId"], again["size"]) == (file["resourceId"], 6)
    assert caller.http.get(f"/resources/file/{file['resourceId']}").content == b"again!"
    assert caller.get(f"/resources/{caller.name}/Projects/My%20data")["resourceId"] == inner
    parents = caller.get(f"/resources/{file['resourceId']}/parents")
    assert [item["name"] for item in parents] == ["Projects", "My data"]
    moved = caller.post(f"/resources/move/{file['resourceId']}", {"targetResource": top})
    assert moved["parentId"] == top
    renamed = caller.patch(f"/resources/{file['resourceId']}", {"name": "b.txt", "description": "B"})
    assert (renamed["name"], renamed["description"]) == ("b.txt", "B")
    layer = caller.layer("inside")
    caller.patch(f"/layers/{layer}", {"parentId": f"{caller.name}/Projects"})
    caller.problem("PATCH", f"/layers/{layer}", 404, json={"parentId": "nix"})
    listed = caller.post("/resources", {"parentId": top}, limit=10)
    assert set(listed) == {"totalCount", "offset", "limit", "items"}
    assert all(set(item) <= RESOURCE for item in listed["items"])
    assert sorted(item["type"] for item in listed["items"]) == ["Directory", "File", "Layer", "Table"]
    caller.problem("DELETE", f"/resources/{top}", 409)
    caller.delete(f"/resources/{top}", cascade="true")
    assert caller.get(f"/resources/exists/{inner}") is False
    caller.problem("GET", f"/layers/{layer}", 404)


def test_layer_and_its_table_share_a_name(caller: Everpoint) -> None:
    layer = caller.layer("both")
    items = caller.post("/resources", {"systemNames": [layer]}, limit=50)["items"]
    assert [item["type"] for item in items] == ["Layer", "Table"]
    assert all(item["systemName"] == layer for item in items)
    for item in items:
        assert caller.get(f"/resources/{item['resourceId']}")["type"] == item["type"]
    assert caller.get(f"/layers/{layer}")["resourceId"] == items[0]["resourceId"]
    assert caller.post("/resources", {"systemNames": ["nobody.none"]})["items"] == []
    caller.delete(f"/resources/{items[0]['resourceId']}", cascade="true")
    assert caller.post("/resources", {"systemNames": [layer]})["totalCount"] == 0


def test_catalogue_is_filtered_and_ordered(caller: Everpoint) -> None:
    for name in ("alpha", "beta", "alphabet"):
        folder(caller, name)
    mine = {"ownerFilter": "My", "resourceTypes": ["Directory"]}
    names = [item["name"] for item in caller.post("/resources", mine | {"orderBy": ["-name"]})["items"]]
    assert names == ["beta", "alphabet", "alpha"]
    found = caller.post("/resources", mine | {"filter": "alpha*"})["items"]
    assert {item["name"] for item in found} == {"alpha", "alphabet"}
    page = caller.post("/resources", mine, limit=1, offset=1)
    assert (page["totalCount"], len(page["items"])) == (3, 1)
    caller.problem("POST", "/resources", 404, json={"parentId": "nix"})
    caller.problem("POST", "/resources", 400, json={"orderBy": ["__class__"]})


@pytest.mark.parametrize("name", ["", "../x", "a/b", "x" * 300, "a\x00b"])
def test_names_are_names(caller: Everpoint, name: str) -> None:
    caller.problem("POST", "/resources/directory", 400, json={"name": name})


def test_table_is_made_changed_and_dropped(caller: Everpoint) -> None:
    name = f"{caller.name}.table"
    columns = [{"name": "gid", "type": "Int64"}, {"name": "a", "type": "String"}]
    table = caller.post("/tables", {"name": name, "alias": "T", "columns": columns})
    assert set(table) <= TABLE
    caller.problem("POST", "/tables", 409, json={"name": name, "columns": columns})
    table = caller.patch(
        f"/tables/{name}", {"columnsAdd": [{"name": "b", "type": "Double"}], "columnsDelete": ["a"]}
    )
    assert [item["name"] for item in table["columns"]] == ["gid", "b"]
    assert caller.get(f"/tables/{name}") == table
    caller.problem("PATCH", f"/tables/{name}", 400, json={"columnsDelete": ["gid"]})
    kinds = [item["type"] for item in caller.post("/resources", {"systemNames": [name]})["items"]]
    assert kinds == ["Table"]
    caller.delete(f"/tables/{name}")
    caller.problem("GET", f"/tables/{name}", 404)


def test_rows_are_kept_as_they_were(caller: Everpoint) -> None:
    layer, name = caller.layer("source", ("a", "Int64")), f"{caller.name}.kept"
    caller.add(layer, point(1, 1, a=1), point(2, 2, a=2))
    asked = {
        "viewName": name,
        "eql": f"SELECT gid, a, geometry FROM {layer} WHERE a > @a",
        "parameters": {"@a": 1},
    }
    table = caller.post("/tables/fromQuery", asked)
    assert set(table) <= TABLE
    assert table["configuration"] == {
        "type": "MaterializedViewConfiguration",
        "tableName": name,
        "eql": asked["eql"],
        "eqlParameters": {"@a": 1},
    }
    caller.add(layer, point(3, 3, a=3))
    assert [feature["properties"]["a"] for feature in caller.features(name)] == [2]
    caller.problem("POST", "/tables/fromQuery", 409, json=asked)
    caller.post("/tables/fromQuery", asked | {"override": True})
    assert [feature["properties"]["a"] for feature in caller.features(name)] == [2, 3]
    other = {"viewName": f"{name}2", "layerName": layer, "conditions": ["WHERE a = 3"]}
    caller.post("/tables/fromLayer", other)
    assert [feature["properties"]["a"] for feature in caller.features(f"{name}2")] == [3]
    caller.problem("POST", "/tables/fromQuery", 400, json=asked | {"override": True, "eql": "SELECT"})
    assert len(caller.features(name)) == 2


def test_file_of_2023_is_described(caller: Everpoint, tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(
        {"cell": [1, 2], "name": ["a", None]},
        geometry=[shapely.box(37, 55, 38, 56), shapely.box(38, 55, 39, 56)],
        crs=4326,
    )
    frame.to_file(tmp_path / "cells.geojson")
    content = (tmp_path / "cells.geojson").read_bytes()
    sent = caller.http.post(
        "/upload/file", files={"file": ("cells.geojson", content)}, data={"rewrite": "True"}
    )
    assert sent.json() == {"fileId": "cells.geojson", "url": None}
    schema = caller.get("/import/dataSchema", fileId="cells.geojson")
    assert set(schema) == {"layers", "type"}
    (layer,) = schema["layers"]
    assert set(layer) == {"name", "firstRow", "objectCount", "layerDefinition", "children"}
    assert layer["objectCount"] == 2
    definition = layer["layerDefinition"]
    assert (definition["geometryType"], definition["spatialReference"]) == ("polygon", 4326)
    assert {name: item["type"] for name, item in definition["attributes"].items()} == {
        "cell": "Int32",
        "name": "String",
        "geometry": "Polygon",
    }
    assert layer["firstRow"]["geometry"][0][0].keys() == {"x", "y"}
    assert 55 <= layer["firstRow"]["geometry"][0][0]["x"] <= 56  # the latitude, in 2023


def test_story_of_2023(caller: Everpoint, tmp_path: Path) -> None:
    """Send a file, look at it, make a table and a layer over it, copy the rows into the layer."""
    shapes = [shapely.box(37 + i, 55, 38 + i, 56) for i in range(5)]
    gpd.GeoDataFrame({"cell": range(5)}, geometry=shapes, crs=4326).to_file(tmp_path / "cells.geojson")
    name = f"{caller.name}.geojson"
    sent = {"file": (name, (tmp_path / "cells.geojson").read_bytes())}
    file = caller.read(caller.http.post("/upload/file", files=sent))["fileId"]
    (found,) = caller.get("/import/dataSchema", fileId=file)["layers"]
    columns = [{"name": "gid", "type": "Int64", "autoincrement": True, "isNullable": False}]
    for label, item in found["layerDefinition"]["attributes"].items():
        code = {"srid": 84} if label == "geometry" else {}
        columns.append({"name": label, "type": item["type"], "isNullable": item["isNullable"], **code})
    table, layer = f"{caller.name}.cells_tbl", f"{caller.name}.cells_lyr"
    caller.post("/tables", {"name": table, "type": "Table", "columns": columns})
    listed = [{"attributeName": item["name"], "columnName": item["name"]} for item in columns]
    attributes = {"idAttribute": "gid", "geometryAttribute": "geometry", "tableName": table}
    body = {"name": layer, "attributesConfiguration": attributes | {"attributes": listed}}
    caller.post("/layers", body, type="PostgresLayerService")
    source = {"type": "staticTaskDataStorage", "fileName": file, "layerName": found["name"]}
    target = {"type": "layerTaskDataStorage", "serviceName": layer}
    task = caller.post("/scheduler/tasks", {"source": source, "target": target}, type="copy")["taskId"]
    while (progress := caller.get(f"/scheduler/tasks/{task}/progress"))["taskResult"] is None:
        time.sleep(0.05)
    assert progress["taskResult"]["outputObjectCount"] == 5, progress
    assert caller.get(f"/layers/{layer}/features/count") == 5
    assert caller.get(f"/layers/{table}/extent")["coordinates"] == [[37, 55], [42, 56]]


def test_file_of_2024_is_described(caller: Everpoint) -> None:
    text = "lon;lat;name\n37.6;55.7;A\n37.7;55.8;B\n"
    sent = caller.http.post("/resources/file", files={"file": ("p.csv", text.encode())}).json()
    schema = caller.get("/import/dataSchema", resourceId=sent["resourceId"])
    (layer,) = schema["layers"]
    check_attributes(layer["attributesConfiguration"]["attributes"])
    assert (layer["objectCount"], layer["coordinateFields"]) == (2, ["lon", "lat"])
    assert layer["rows"][0]["properties"]["name"] == "A"
    caller.problem("GET", "/import/dataSchema", 400)
    caller.problem("GET", "/import/dataSchema", 404, params={"resourceId": "0" * 32})
    bad = caller.http.post("/resources/file", files={"file": ("x.exe", b"MZ")}).json()["resourceId"]
    caller.problem("GET", "/import/dataSchema", 400, params={"resourceId": bad})
    caller.problem("POST", "/resources/file", 400, data={"fileName": "x"})


def test_spatial_references(caller: Everpoint) -> None:
    listed = caller.get("/srs/list")
    assert {"authName": "EPSG", "code": 3857, "name": "WGS 84 / Pseudo-Mercator"} in listed
    assert caller.get("/srs/4326/wkt").startswith('GEOGCS["WGS 84"')
    assert "proj=merc" in caller.get("/srs/EPSG:3857/proj4")
    for name in ("0", "nix", "9" * 30):
        caller.problem("GET", f"/srs/{name}/wkt", 404)


def test_body_that_is_no_json(caller: Everpoint) -> None:
    for body in (b"", b"{", b"\xff", b"[" * 100_000, json.dumps([point(0, 0)]).encode()):
        caller.problem("POST", "/layers", 400, content=body)
