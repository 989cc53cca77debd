"""The controls of a task's form: which one suits a data type, and what it sends."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from gpserver.datatypes.units import METERS, SECONDS, SQUARE_METERS
from gpserver.formats.html import FILE, LINES, UNITS
from gpserver.parameter import Parameter
from gpserver.protocols.esri.uploads import keep
from gpserver.protocols.esri.wire import Call
from gpserver.publishing import Service
from gpserver.workspace import Value

_KINDS = {
    "GPString": "text",
    "GPStringHidden": "password",
    "GPSQLExpression": "text",
    "Field": "text",
    "GPLong": "number",
    "GPDouble": "number",
    "GPBoolean": "boolean",
    "GPDate": "date",
    "GPLinearUnit": "measure",
    "GPArealUnit": "measure",
    "GPTimeUnit": "measure",
    "GPFeatureRecordSetLayer": "features",
    "GPRecordSet": "rows",
    "GPDataFile": "file",
    "GPRasterData": "file",
    "GPRasterDataLayer": "file",
}
_UNITS = {"GPLinearUnit": METERS, "GPArealUnit": SQUARE_METERS, "GPTimeUnit": SECONDS}
# What is picked at first where the input has no default.
_USUAL = {"GPLinearUnit": "esriMeters", "GPArealUnit": "esriSquareMeters", "GPTimeUnit": "esriTimeUnitsHours"}
_MULTIVALUE = "GPMultiValue:"

_EXAMPLES: Mapping[str, Any] = {
    "esriGeometryPoint": {"x": 2.35, "y": 48.86},
    "esriGeometryMultipoint": {"points": [[2.35, 48.86], [13.4, 52.52]]},
    "esriGeometryPolyline": {"paths": [[[2.35, 48.86], [13.4, 52.52]]]},
    "esriGeometryPolygon": {"rings": [[[2, 48], [2, 49], [3, 49], [2, 48]]]},
}
_CORNERS = '{"xmin": 2, "ymin": 48, "xmax": 3, "ymax": 49, "spatialReference": {"wkid": 4326}}'
_SPELLINGS = {
    "GPSpatialReference": '{"wkid": 4326}',
    "GPCoordinateSystem": '{"wkid": 4326}',
    "GPExtent": _CORNERS,
    "GPEnvelope": _CORNERS,
    "GPValueTable": '[["first", 1], ["second", 2]]',
    "GPComposite": '{"dataType": "GPLong", "value": 5}',
}


@dataclass(frozen=True, slots=True)
class Control:
    """What one input is filled in with.

    Attributes:
        kind: The part of the form page that draws it.
        value: What it holds at first.
        chosen: The choices that are made at first.
        units: (wire name, label) of each unit that can be picked.
        filter: Esri's filter object; a range limits a number.
        example: Text of a value; empty where none is needed.
    """

    parameter: Parameter
    kind: str
    value: str = ""
    choices: Sequence[str] = ()
    chosen: Sequence[str] = ()
    units: Sequence[tuple[str, str]] = ()
    filter: Mapping[str, Any] | None = None
    geometry_type: str = ""
    example: str = ""


def control(parameter: Parameter) -> Control:
    """The control of an input."""
    kind, default = parameter.data_type.name, parameter.default_value
    if kind.startswith(_MULTIVALUE):
        return _list(parameter, default)
    if parameter.choices:
        chosen = [] if default is None else [str(default)]
        return Control(parameter, "select", choices=parameter.choice_list, chosen=chosen)
    match _KINDS.get(kind, "json"):
        case "measure":
            return _measure(parameter, default)
        case "boolean":
            return Control(parameter, "boolean", chosen=[] if default is None else [str(default).lower()])
        case "date":
            return Control(parameter, "date", _moment(default))
        case "features" | "rows" as name:
            return _features(parameter, name, default)
        case name:
            example = _SPELLINGS.get(kind, "")
            return Control(parameter, name, _text(default), filter=parameter.filter, example=example)


def sent(call: Call, service: Service, name: str) -> list[Value]:
    """The values of an input; a number with its unit, lines as a list, and an uploaded file as an item.

    Raises:
        InvalidRequest: Files of its type are not taken.
        TooLarge: The file is over the limit.
    """
    if file := call.parameters.file(name + FILE):
        return [orjson.dumps({"itemID": keep(call, service, file).id}).decode()]
    values, units = call.parameters.values(name), call.parameters.text(name + UNITS)
    if units:
        return [f"{value} {units}" if isinstance(value, str) and value.strip() else value for value in values]
    if call.parameters.flag(name + LINES):
        return [_lines(value) if isinstance(value, str) else value for value in values]
    return values


def _lines(text: str) -> str:
    """A JSON array of the lines of a text; text that is one stays as it is."""
    lines = [line for line in text.splitlines() if line.strip()]
    return orjson.dumps(lines).decode() if lines and not text.lstrip().startswith("[") else text


def _list(parameter: Parameter, default: Any) -> Control:
    values = [_text(value) for value in default or []]
    if parameter.choices:
        return Control(parameter, "checks", choices=parameter.choice_list, chosen=values)
    return Control(parameter, "list", "\n".join(values))


def _measure(parameter: Parameter, default: Any) -> Control:
    name = parameter.data_type.name
    given = default if isinstance(default, Mapping) else {}
    amount = next((value for key, value in given.items() if key != "units"), None)
    units = [(unit, _label(unit)) for unit in _UNITS[name] if "Unknown" not in unit]
    chosen = given.get("units", _USUAL[name])
    return Control(parameter, "measure", _text(amount), chosen=[chosen], units=units)


def _label(unit: str) -> str:
    """``esriNauticalMiles`` as ``Nautical Miles``."""
    words = unit.removeprefix("esri").removeprefix("TimeUnits")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", words)


def _features(parameter: Parameter, kind: str, default: Any) -> Control:
    schema = parameter.data_type.schema()
    geometry_type = schema.get("geometryType", "")
    feature: dict[str, Any] = {"attributes": {"name": "first"}}
    if geometry_type in _EXAMPLES:
        feature = {"geometry": _EXAMPLES[geometry_type], **feature}
    given = parameter.default is not None
    example = orjson.dumps(schema | {"features": [feature]}, option=orjson.OPT_INDENT_2).decode()
    return Control(
        parameter, kind, _text(default) if given else "", geometry_type=geometry_type, example=example
    )


def _moment(milliseconds: Any) -> str:
    """``2024-02-29T12:00:00``, as a date control wants it."""
    if not isinstance(milliseconds, int):
        return ""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _text(value: Any) -> str:
    if value in (None, {}, []):
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
