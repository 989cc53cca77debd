"""A client that is as strict as EverGIS' own SDK: an answer with a key that it does not know is an error."""

from itertools import count
from typing import Any

import httpx

_NUMBERS = count()

LAYER = {
    *("name", "dataSourceType", "categories", "permissions", "createdDate", "changedDate", "resourceId"),
    *("configuration", "acl"),
}
CONFIGURATION = {
    *("layerType", "name", "alias", "description", "icon", "owner", "copyrightText", "tags", "clientData"),
    *("cardConfiguration", "editConfiguration", "parentId", "ds", "additionalDsConnections", "eql"),
    *("queryId", "eqlParameters", "srId", "geometryType", "attributesConfiguration", "clientStyle"),
    *("condition", "simplify", "clipping", "createTable"),
}
ATTRIBUTES = {
    *("isEditable", "idAttribute", "geometryAttribute", "geometryType", "srId", "titleAttribute"),
    *("orderAttribute", "tableName", "attributes", "layerReferences"),
}
ATTRIBUTE = {
    *("attributeConfigurationType", "type", "attributeName", "columnName", "alias", "description"),
    *("isEditable", "isDisplayed", "clientData", "referenceId", "layerReferenceId"),
    *("attributeSelectorType", "stringFormat", "icon"),
}
OF_ITS_KIND = {
    "Default": set[str](),
    "String": {"subType"},
    "Geometry": {"geometryType", "srId", "cellSize"},
    "Calculated": {"expression", "aggregation"},
}
FEATURE = {"type", "geometry", "properties", "id"}
GEOMETRY = {"type", "coordinates", "srId"}
PAGE = {"type", "features", "totalCount", "offset", "limit"}
UPDATE = {"layerServiceName", "boundingBox", "createdIds", "updatedIds", "deletedIds"}
RESOURCE = {
    *("resourceId", "targetResourceId", "systemName", "parentId", "type", "subtype", "geometryType"),
    *("name", "description", "size", "contentType", "preview", "isTemporary", "isSystem", "isSymlink"),
    *("owner", "updatedAt", "createdAt", "tags", "permissions", "schema", "srid", "isObservable", "icon"),
    *("acl", "inheritAcl"),
}
TABLE = {
    *("name", "systemName", "geometries", "type", "configuration", "alias", "owner", "description"),
    *("createdDate", "changedDate", "permissions", "acl", "icon", "parentId", "resourceId", "tags"),
    *("columns",),
}
PROBLEM = {"errorType", "message", "statusCode"}


class Everpoint:
    """One caller of a server's EverGIS REST, with a namespace of his own."""

    def __init__(self, url: str, name: str = "", token: str = "") -> None:
        self.name = name or f"user{next(_NUMBERS)}"
        self.http = httpx.Client(base_url=f"{url}/sp", timeout=60, trust_env=False)
        token = token or self.post("/account/login", {"username": self.name, "password": "any"})["token"]
        self.http.headers["authorization"] = f"Bearer {token}"

    def __enter__(self) -> "Everpoint":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, place: str, **query: Any) -> Any:
        return self.read(self.http.get(place, params=query))

    def post(self, place: str, body: Any = None, **query: Any) -> Any:
        return self.read(self.http.post(place, json=body, params=query))

    def patch(self, place: str, body: Any) -> Any:
        return self.read(self.http.patch(place, json=body))

    def delete(self, place: str, **query: Any) -> Any:
        return self.read(self.http.delete(place, params=query))

    @staticmethod
    def read(answer: httpx.Response) -> Any:
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.content else None

    def problem(self, method: str, place: str, status: int, **rest: Any) -> str:
        """The message of a request that is refused with this status."""
        answer = self.http.request(method, place, **rest)
        value = answer.json()
        assert answer.headers["content-type"].startswith("application/json")
        assert (answer.status_code, set(value), value["statusCode"]) == (status, PROBLEM, status), value
        return str(value["message"])

    def layer(self, name: str, *attributes: tuple[str, str], geometry: str = "Point") -> str:
        """Publish a layer with a table of its own; returns its full name."""
        full = f"{self.name}.{name}"
        listed = [{"attributeName": label, "type": kind} for label, kind in attributes]
        shape = {"attributeName": "geometry", "type": geometry, "attributeConfigurationType": "Geometry"}
        configuration = {
            "layerType": "QueryLayerService",
            "name": full,
            "createTable": True,
            "eql": f"SELECT * FROM {full}",
            "srId": 4326,
            "geometryType": geometry or None,
            "attributesConfiguration": {
                "idAttribute": "gid",
                "attributes": [
                    {"attributeName": "gid", "type": "Int64"},
                    *listed,
                    *([shape | {"geometryType": geometry}] if geometry else []),
                ],
            },
        }
        if not geometry:
            del configuration["geometryType"], configuration["srId"]
        self.post("/layers", {"configuration": configuration})
        return full

    def add(self, layer: str, *features: dict[str, Any], **query: Any) -> list[str]:
        """Add features; returns their ids."""
        answer = self.post(f"/layers/{layer}/features", list(features), **query)
        assert set(answer) <= UPDATE
        return list(answer["createdIds"])

    def features(self, layer: str, **query: Any) -> list[dict[str, Any]]:
        """The features of a query, each checked."""
        return features_of(self.post(f"/layers/{layer}/features/query", query))


def point(x: float, y: float, **properties: Any) -> dict[str, Any]:
    """A feature at a place in EPSG:4326."""
    geometry = {"type": "Point", "coordinates": [x, y], "srId": 4326}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def features_of(page: dict[str, Any]) -> list[dict[str, Any]]:
    """The features of a page, none with a key too many."""
    assert set(page) == PAGE
    for feature in page["features"]:
        assert set(feature) <= FEATURE
        assert isinstance(feature["properties"], dict)
        assert isinstance(feature.get("id", ""), str)
        if geometry := feature["geometry"]:
            assert set(geometry) <= GEOMETRY
    return list(page["features"])


def check_layer(info: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a layer, no key of it too many."""
    configuration: dict[str, Any] = info["configuration"]
    assert set(info) <= LAYER
    assert set(configuration) <= CONFIGURATION
    assert set(configuration["attributesConfiguration"]) <= ATTRIBUTES
    check_attributes(configuration["attributesConfiguration"]["attributes"])
    return configuration


def check_attributes(attributes: list[dict[str, Any]]) -> None:
    for item in attributes:
        assert set(item) <= ATTRIBUTE | OF_ITS_KIND[item["attributeConfigurationType"]], item
