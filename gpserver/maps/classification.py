"""Classification definitions to renderers, as generateRenderer does (Esri: Classification objects)."""

from collections.abc import Mapping
from colorsys import hsv_to_rgb, rgb_to_hsv
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from gpserver.errors import InvalidRequest
from gpserver.maps.renderer import NULL, normalized
from gpserver.symbology.breaks import METHODS, class_breaks, standard_deviation
from gpserver.symbology.colors import Rgba, distinct, gradient
from gpserver.symbology.drawing_info import Column, class_break_infos, unique_value_infos, value_texts
from gpserver.symbology.symbols import colored

_MOST_CLASSES = 256
_MOST_VALUES = 1000  # the most frequent ones; nobody reads a longer legend
_OPACITY = 0.8


def generate_renderer(
    definition: Mapping[str, Any], column: Column, geometry_type: str | None
) -> dict[str, Any]:
    """The renderer of a classification definition.

    Args:
        definition: A classBreaksDef or a uniqueValueDef.
        column: Gives the Arrow array of a field: the rows to classify.
        geometry_type: The Esri geometry type; None for a table, whose classes have no symbols.

    Raises:
        InvalidRequest: The definition cannot be read, or names what is not known.
    """
    kind = definition.get("type")
    if kind == "classBreaksDef":
        return _class_breaks(definition, column, geometry_type)
    if kind == "uniqueValueDef":
        return _unique_values(definition, column, geometry_type)
    raise InvalidRequest(
        f"'classificationDef' parameter is invalid: type {kind!r} is not classBreaksDef or uniqueValueDef."
    )


def _class_breaks(definition: Mapping[str, Any], column: Column, geometry_type: str | None) -> dict[str, Any]:
    field = str(_given(definition, "classificationField"))
    method = str(definition.get("classificationMethod") or "esriClassifyNaturalBreaks")
    if method not in METHODS:
        raise InvalidRequest(f"The classificationMethod {method!r} is not known: use {', '.join(METHODS)}.")
    interval = _number(definition, "standardDeviationInterval", 1, 0.05, 4)
    count = int(_number(definition, "breakCount", 5, 1, _MOST_CLASSES))
    values = normalized(definition, field, column)
    compute = METHODS[method]
    if compute is standard_deviation:
        compute = partial(standard_deviation, interval=interval)
    edges = class_breaks(values, count, compute)
    symbols = _symbols(definition, geometry_type, gradient("sunset", max(0, len(edges) - 1)))
    head = {"type": "classBreaks", "field": field, "classificationMethod": method}
    infos = class_break_infos(edges.tolist(), symbols)
    least = float(edges[0]) if len(edges) else 0
    return head | _normalization(definition, field, column) | {"minValue": least, "classBreakInfos": infos}


def _normalization(definition: Mapping[str, Any], field: str, column: Column) -> dict[str, Any]:
    kind = definition.get("normalizationType")
    if kind == "esriNormalizeByField":
        return {"normalizationType": kind, "normalizationField": definition["normalizationField"]}
    if kind == "esriNormalizeByPercentOfTotal":
        total = np.nansum(normalized({}, field, column))
        return {"normalizationType": kind, "normalizationTotal": float(total)}
    return {"normalizationType": kind} if kind else {}


def _unique_values(
    definition: Mapping[str, Any], column: Column, geometry_type: str | None
) -> dict[str, Any]:
    fields = _given(definition, "uniqueValueFields")
    if not isinstance(fields, list | tuple) or not 1 <= len(fields) <= 3:
        raise InvalidRequest("uniqueValueFields must be a list of one to three fields.")
    delimiter = str(definition.get("fieldDelimiter") or ",")
    names = [f"field{number}" for number in range(1, len(fields) + 1)]
    table = pa.table({name: column(str(field)) for name, field in zip(names, fields, strict=True)})
    groups = table.group_by(names).aggregate([([], "count_all")])
    groups = groups.sort_by([("count_all", "descending")])[:_MOST_VALUES]
    groups = groups.sort_by([(name, "ascending") for name in names])
    texts = [_texts(groups[name].combine_chunks()) for name in names]
    joined = [delimiter.join(parts) for parts in zip(*texts, strict=True)]
    symbols = _symbols(definition, geometry_type, distinct("vivid", len(joined)))
    infos = unique_value_infos(joined, joined, symbols)
    counted = [
        info | {"count": count} for info, count in zip(infos, groups["count_all"].to_pylist(), strict=True)
    ]
    head = {"type": "uniqueValue", "field1": fields[0]}
    head |= {f"field{n}": fields[n - 1] if n <= len(fields) else "" for n in (2, 3)}
    return head | {"fieldDelimiter": delimiter, "uniqueValueInfos": counted}


def _texts(values: Any) -> list[str]:
    known = value_texts(values)
    return [text if valid else NULL for text, valid in zip(known, values.is_valid().to_pylist(), strict=True)]


def _symbols(definition: Mapping[str, Any], geometry_type: str | None, colors: list[Rgba]) -> list[Any]:
    """A symbol for each colour; the colours of the definition's ramp where it has one."""
    if geometry_type is None:
        return [None] * len(colors)
    base, ramp = (_part(definition, key) for key in ("baseSymbol", "colorRamp"))
    if ramp:
        colors = _ramp_colors(ramp, len(colors))
    if base:
        return [{**base, "color": color} for color in colors]
    solid = geometry_type != "esriGeometryPolygon"
    return [
        colored(color if solid else [*color[:3], round(255 * _OPACITY)], geometry_type) for color in colors
    ]


def _ramp_colors(ramp: Mapping[str, Any], count: int) -> list[Rgba]:
    """Colours along a colour ramp: its parts follow each other, all of the same length."""
    parts = ramp.get("colorRamps") if ramp.get("type") == "multipart" else [ramp]
    if not parts or not isinstance(parts, list) or not all(isinstance(part, Mapping) for part in parts):
        raise InvalidRequest("The colorRamp has no colorRamps.")
    ends = [(_color(part, "fromColor"), _color(part, "toColor")) for part in parts]
    steps = np.linspace(0, len(parts), count) if count > 1 else np.zeros(count)
    colors = []
    for step in steps:
        number = min(int(step), len(parts) - 1)
        colors.append(_mixed(*ends[number], step - number, str(parts[number].get("algorithm"))))
    return colors


def _mixed(start: Rgba, end: Rgba, share: float, algorithm: str) -> Rgba:
    """A colour between two. The Lab algorithms are mixed in sRGB, where steps look nearly as even."""
    both = np.array([start, end], np.float64) / 255
    if algorithm == "esriHSVAlgorithm":
        both[:, :3] = [rgb_to_hsv(*color) for color in both[:, :3].tolist()]
        both[1, 0] -= np.round(both[1, 0] - both[0, 0])  # the shorter way round
    color = (both[0] + (both[1] - both[0]) * share).tolist()
    if algorithm == "esriHSVAlgorithm":
        color[:3] = hsv_to_rgb(color[0] % 1, *color[1:3])
    return [round(part * 255) for part in color]


def _color(part: Mapping[str, Any], key: str) -> Rgba:
    try:
        color = [min(255, max(0, int(channel))) for channel in part[key]]
    except (KeyError, TypeError, ValueError):
        color = []
    if len(color) not in (3, 4):
        raise InvalidRequest(f"The colorRamp's {key} is not a colour [r, g, b, a].")
    return [*color, 255][:4]


def _part(definition: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = definition.get(key) or {}
    if not isinstance(value, Mapping):
        raise InvalidRequest(f"'classificationDef' parameter is invalid: its {key} is not an object.")
    return value


def _given(definition: Mapping[str, Any], key: str) -> Any:
    if not definition.get(key):
        raise InvalidRequest(f"'classificationDef' parameter is invalid: its {key} is missing.")
    return definition[key]


def _number(definition: Mapping[str, Any], key: str, default: float, least: float, most: float) -> float:
    value = definition.get(key) or default
    if not isinstance(value, int | float) or not least <= value <= most:
        raise InvalidRequest(f"The {key} {value!r} is not a number from {least} to {most}.")
    return value
