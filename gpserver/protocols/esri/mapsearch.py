"""Result map services: identify what is at a place, and find what has a text."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from gpserver.errors import InvalidRequest
from gpserver.features import describe_spatial_reference, esri_json, parse_spatial_reference
from gpserver.features.selection import Selection
from gpserver.features.shapes import Array
from gpserver.formats import Resource
from gpserver.maps.description import display_field
from gpserver.maps.document import MapLayer
from gpserver.maps.query import Query, fields_named, rows_of
from gpserver.maps.query_geometry import read_geometry, reprojected_geometry
from gpserver.protocols.esri.maplayers import definitions, listed_numbers, period
from gpserver.protocols.esri.mapquery import geometry_options
from gpserver.protocols.esri.maps import map_of
from gpserver.protocols.esri.wire import Call
from gpserver.protocols.form import Parameters
from gpserver.rasters import values_at

_MOST = 1000  # results of one answer
_PIXEL = "Pixel Value"  # what ArcGIS calls the one attribute of a cell


def identify(call: Call) -> Resource:
    """``…/identify``: the features at a place, those of the uppermost layer first.

    Raises:
        InvalidRequest: ``geometry``, ``tolerance``, ``mapExtent`` or ``imageDisplay`` is missing or wrong.
    """
    asked, found = call.parameters, map_of(call)
    mode, _, listed = asked.text("layers", "top").partition(":")
    wanted = listed_numbers(listed)
    crs = parse_spatial_reference(asked.text("sr")) or found.crs
    place = read_geometry(
        asked.long_text("geometry"), asked.text("geometryType", "esriGeometryPoint"), None, crs
    )
    place = place.buffer(_reach(asked)) if _reach(asked) else place
    results: list[dict[str, Any]] = []
    for item in found.layers:
        if not item.is_table and item.id in (wanted or {item.id}):
            results += _at(asked, item, place, crs)
        if results and mode.strip().lower() == "top":
            break
    return Resource({"results": results}, "Identify", path=call.path)


def _at(asked: Parameters, item: MapLayer, place: BaseGeometry, crs: CRS | None) -> list[dict[str, Any]]:
    """What of a layer is at a place."""
    geometry = reprojected_geometry(place, crs, item.data.crs)
    if item.is_raster:
        return _cell(item, geometry, place, crs)
    asking = Query(
        where=(definitions(asked).get(item.id, ""),),
        geometry=geometry,
        period=period(asked),
        time_field=item.time_field,
    )
    return _results(asked, item, rows_of(item.features, asking)[:_MOST], crs)


def _cell(
    item: MapLayer, geometry: BaseGeometry, place: BaseGeometry, crs: CRS | None
) -> list[dict[str, Any]]:
    """The value of a raster at the middle of a place, or nothing where there is none."""
    middle, shown = geometry.centroid, place.centroid
    values = [value for value in values_at(item.file, middle.x, middle.y) if value is not None]
    if not values:
        return []
    text = ", ".join(f"{value:g}" for value in values)
    return [
        {
            "layerId": item.id,
            "layerName": item.name,
            "displayFieldName": _PIXEL,
            "value": text,
            "attributes": {_PIXEL: text},
            "geometryType": "esriGeometryPoint",
            "geometry": {"x": shown.x, "y": shown.y, "spatialReference": describe_spatial_reference(crs)},
        }
    ]


def _reach(asked: Parameters) -> float:
    """The tolerance, given in pixels, in units of the map."""
    try:
        tolerance = float(asked.text("tolerance", "0"))
        xmin, _, xmax, _ = map(float, asked.text("mapExtent").split(","))
        width = float(asked.text("imageDisplay", "400,400,96").split(",")[0])
        reach = tolerance * abs(xmax - xmin) / width
        if not isfinite(reach):
            raise ValueError
        return reach
    except (ValueError, ZeroDivisionError):
        raise InvalidRequest(
            "identify needs 'tolerance' (pixels), 'mapExtent' (xmin,ymin,xmax,ymax)"
            " and 'imageDisplay' (width,height,dpi)."
        ) from None


def find(call: Call) -> Resource:
    """``…/find``: the features of some layers that have a text in one of their fields.

    Raises:
        InvalidRequest: ``searchText`` or ``layers`` is missing, or a field or layer is not there.
    """
    asked, found = call.parameters, map_of(call)
    text, numbers = asked.text("searchText"), listed_numbers(asked.text("layers"))
    if not text or not numbers:
        raise InvalidRequest("find needs 'searchText' and 'layers', such as layers=0,1.")
    where, results = definitions(asked), list[dict[str, Any]]()
    crs = parse_spatial_reference(asked.text("sr"))
    for item in (found.layer(number) for number in sorted(numbers)):
        rows = rows_of(item.features, Query(where=(where.get(item.id, ""),)))
        for field, matching in _matches(asked, item, rows, text):
            values = _results(asked, item, matching[:_MOST], crs)
            results += [_found_in(field, value) for value in values]
    return Resource({"results": results[:_MOST]}, "Find", path=call.path)


def _found_in(field: str, value: dict[str, Any]) -> dict[str, Any]:
    return value | {"foundFieldName": field, "value": str(value["attributes"][field])}


def _matches(asked: Parameters, item: MapLayer, rows: Array, text: str) -> Iterator[tuple[str, Array]]:
    """Each field that is searched, and the rows that have the text in it."""
    for field in fields_named(item.features.fields, asked.text("searchFields", "*")):
        column = item.features.column(field["name"]).take(pa.array(rows)).cast(pa.large_string())
        if asked.flag("contains", default=True):
            mask = pc.match_substring(column, text, ignore_case=True)
        else:
            mask = pc.equal(pc.utf8_lower(column), text.lower())
        yield field["name"], rows[np.asarray(mask.fill_null(False), bool)]


def _results(asked: Parameters, item: MapLayer, rows: Array, crs: Any) -> list[dict[str, Any]]:
    """Features in the shape of identify and find: values as text, unless they are asked for as they are."""
    selection = Selection(
        item.features,
        rows,
        out_crs=crs,
        geometry=asked.flag("returnGeometry", default=True) and not item.is_table,
        **geometry_options(asked),
    )
    features = orjson.loads(b"".join(esri_json.write(selection)))["features"]
    if not asked.flag("returnUnformattedValues"):
        features = [feature | {"attributes": _texts(item, feature["attributes"])} for feature in features]
    title, reference = display_field(item.features.fields), describe_spatial_reference(selection.crs)
    return [_result(item, feature, title, reference) for feature in features]


def _texts(item: MapLayer, attributes: dict[str, Any]) -> dict[str, str]:
    """Attributes as ArcGIS shows them to people."""
    kinds = {field["name"]: field["type"] for field in item.features.fields}
    return {name: _text(value, kinds[name]) for name, value in attributes.items()}


def _text(value: Any, kind: str) -> str:
    if value is None:
        return "Null"
    if kind != "esriFieldTypeDate":
        return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)
    at = datetime(1970, 1, 1) + timedelta(milliseconds=value)
    return f"{at.month}/{at.day}/{at.year} {at.hour % 12 or 12}:{at:%M:%S %p}"


def _result(item: MapLayer, feature: dict[str, Any], title: str, reference: dict[str, Any]) -> dict[str, Any]:
    attributes = feature["attributes"]
    result = {
        "layerId": item.id,
        "layerName": item.name,
        "displayFieldName": title,
        "value": str(attributes.get(title, "")),
        "attributes": attributes,
    }
    if feature.get("geometry"):
        result |= {
            "geometryType": item.features.geometry_type,
            "geometry": feature["geometry"] | {"spatialReference": reference},
        }
    return result
