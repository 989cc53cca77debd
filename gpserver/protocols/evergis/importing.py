"""What is in a file that a client has sent: its layers as servers of 2024 tell them, and those of 2023."""

from typing import Any

from gpserver.errors import InvalidRequest
from gpserver.layers import GEOMETRY_TYPES, Attribute
from gpserver.protocols.evergis.asking import ask
from gpserver.protocols.evergis.layerinfo import attribute
from gpserver.protocols.evergis.wire import Call, Routes

_TYPE = "gdal"
_EARLY = {
    "MultiPoint": "Multipoint",
    "LineString": "Polyline",
    "MultiLineString": "Polyline",
    "MultiPolygon": "Polygon",
}
_LATITUDE_FIRST = 4326  # in 2023


async def schema(call: Call) -> dict[str, Any]:
    """``GET /import/dataSchema``: the layers of a file, of 2024 (``resourceId``) or of 2023 (``fileId``).

    Raises:
        InvalidRequest: No file is named.
        NotFound: There is no such file.
        InvalidValue: It is of no format that can be read.
    """
    asked = call.parameters
    key = asked.text("resourceId") or asked.text("fileId")
    if not key:
        raise InvalidRequest("'resourceId' must be specified.")
    layers = await ask(call, "file_answers:schema", key=key, delimiter=asked.text("csvDelimiter"))
    tell = _layer if asked.text("resourceId") else _early_layer
    return {"layers": [tell(layer) for layer in layers], "type": _TYPE}


def _layer(layer: dict[str, Any]) -> dict[str, Any]:
    """An ImportLayerDataSchemaDc."""
    shape = _shape(layer)
    geometry = {"geometryAttribute": shape["name"], "geometryType": shape["type"], "srId": shape["srId"]}
    columns = [Attribute(item["name"], item["type"]) for item in layer["columns"]]
    return {
        "name": layer["name"],
        "rows": layer["rows"],
        "objectCount": layer["count"],
        "coordinateFields": layer["coordinates"],
        "attributesConfiguration": {
            "isEditable": True,
            "idAttribute": "gid",
            **(geometry if shape["name"] else {}),
            "attributes": [attribute(item, shape["srId"]) for item in columns],
        },
        "children": [],
    }


def _early_layer(layer: dict[str, Any]) -> dict[str, Any]:
    shape = _shape(layer)
    rows = layer["rows"]
    first = rows[0]["properties"] if rows else {}
    if shape["name"] and rows:
        first |= {shape["name"]: _early_geometry(rows[0]["geometry"], shape["srId"])}
    kind = _EARLY.get(shape["type"], shape["type"]) if shape["name"] else None
    return {
        "name": layer["name"],
        "firstRow": first,
        "objectCount": layer["count"],
        "layerDefinition": {
            "idAttribute": None,
            "titleAttribute": None,
            "geometryAttribute": shape["name"],
            "geometryType": kind and kind.lower(),
            "spatialReference": shape["srId"],
            "isEditable": True,
            "attributes": {item["name"]: _early_attribute(item["type"]) for item in layer["columns"]},
        },
        "children": None,
    }


def _early_attribute(kind: str) -> dict[str, Any]:
    return {
        "type": _EARLY.get(kind, kind),
        "alias": None,
        "isNullable": kind not in GEOMETRY_TYPES,
        "isEditable": True,
        "isDisplayed": True,
        "subType": "None",
        "isUnique": False,
        "isCalculated": False,
        "stringFormat": None,
    }


def _early_geometry(geometry: dict[str, Any] | None, sr_id: int | None) -> Any:
    """Points as ``{"x", "y"}`` in lists; of 4326 x was the latitude."""
    swapped = sr_id == _LATITUDE_FIRST

    def told(value: Any) -> Any:
        if isinstance(value[0], list):
            return [told(each) for each in value]
        x, y = reversed(value) if swapped else value
        return {"x": x, "y": y}

    if not geometry or "coordinates" not in geometry:
        return None
    several = geometry["type"] == "MultiPolygon"
    nested = (
        [ring for part in geometry["coordinates"] for ring in part] if several else geometry["coordinates"]
    )
    return told(nested)


def _shape(layer: dict[str, Any]) -> dict[str, Any]:
    """The column of geometry; one without a name where there is none."""
    nothing = {"name": None, "type": None, "srId": None}
    return next((item for item in layer["columns"] if item["type"] in GEOMETRY_TYPES), nothing)


ROUTES: Routes = ((("GET",), "/import/dataSchema", schema),)
