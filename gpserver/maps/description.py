"""What maps and layers say of themselves: the resources of ArcGIS map services."""

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any

from pyproj import CRS
from pyproj.aoi import AreaOfUse

from gpserver.features import describe_spatial_reference
from gpserver.features.fields import OBJECT_ID
from gpserver.maps.document import Map, MapLayer
from gpserver.maps.view import Box, reprojected_box

MAX_RECORDS = 2000
"""Features of one page of a query."""
MAX_SIZE = 4096
"""Pixels of the width and of the height of a picture."""
IMAGE_FORMATS = "PNG32,PNG24,PNG,JPG,GIF,BMP,PNG8,SVG,PDF"
QUERY_FORMATS = "JSON, geoJSON, PBF"

_WGS84 = CRS.from_epsg(4326)
_WORLD = AreaOfUse(-180, -90, 180, 90, "")
_UNITS = {1.0: "esriMeters", 0.3048: "esriFeet", 0.3048006096012192: "esriFeet"}


def describe_extent(box: Box | None, crs: CRS | None) -> dict[str, Any]:
    """The Esri envelope of a box; where there is none, of the area that the spatial reference is made for."""
    if box is None and crs is not None:
        area = crs.area_of_use or _WORLD
        box = reprojected_box((area.west, area.south, area.east, area.north), _WGS84, crs)
    corners = dict(zip(("xmin", "ymin", "xmax", "ymax"), box or (0.0, 0.0, 1.0, 1.0), strict=True))
    return {**corners, "spatialReference": describe_spatial_reference(crs)}


def describe_map(document: Map, version: float) -> dict[str, Any]:
    """The resource of a map service."""
    extent = describe_extent(document.extent, document.crs)
    return {
        "currentVersion": version,
        "serviceDescription": document.description,
        "mapName": "Layers",
        "description": "",
        "copyrightText": "",
        "supportsDynamicLayers": True,
        "layers": [_entry(item) for item in document.layers if not item.is_table],
        "tables": [{"id": item.id, "name": item.name} for item in document.layers if item.is_table],
        "spatialReference": describe_spatial_reference(document.crs),
        "singleFusedMapCache": False,
        "initialExtent": extent,
        "fullExtent": extent,
        "minScale": 0,
        "maxScale": 0,
        "units": _units(document.crs),
        "supportedImageFormatTypes": IMAGE_FORMATS,
        "documentInfo": {"Title": document.name, "Author": "", "Comments": "", "Subject": "", "Keywords": ""},
        "capabilities": "Map,Query,Data",
        "supportedQueryFormats": QUERY_FORMATS,
        "exportTilesAllowed": False,
        "maxRecordCount": MAX_RECORDS,
        "maxImageHeight": MAX_SIZE,
        "maxImageWidth": MAX_SIZE,
        "supportedExtensions": "",
    }


def _entry(item: MapLayer) -> dict[str, Any]:
    return {
        "id": item.id,
        "name": item.name,
        "parentLayerId": -1,
        "defaultVisibility": True,
        "subLayerIds": None,  # clients take anything else for a group
        "minScale": 0,
        "maxScale": 0,
        "type": item.type,
        "supportsDynamicLegends": True,
    } | ({} if item.is_raster else {"geometryType": item.features.geometry_type})


def _units(crs: CRS | None) -> str:
    if crs is None:
        return "esriUnknownUnits"
    if crs.is_geographic:
        return "esriDecimalDegrees"
    return _UNITS.get(crs.axis_info[0].unit_conversion_factor, "esriUnknownUnits")


def describe_layer(item: MapLayer, version: float) -> dict[str, Any]:
    """The resource of a layer or table."""
    value: dict[str, Any] = {
        "currentVersion": version,
        "id": item.id,
        "name": item.name,
        "type": item.type,
        "description": "",
        "definitionExpression": "",
        "copyrightText": "",
        "parentLayer": None,
        "subLayers": [],
        "defaultVisibility": True,
        "minScale": 0,
        "maxScale": 0,
        "hasAttachments": False,
        "htmlPopupType": "esriServerHTMLPopupTypeAsHTMLText",
        "canModifyLayer": True,  # by dynamicLayers
        "canScaleSymbols": False,
        "hasLabels": bool(item.drawing.get("labelingInfo")),
        "capabilities": "Map" if item.is_raster else "Map,Query,Data",
    }
    if not item.is_table:
        value["drawingInfo"] = item.drawing
        value["extent"] = describe_extent(item.box_in(item.data.crs), item.data.crs)
    return value if item.is_raster else value | _table_facts(item) | _geometry_facts(item)


def _table_facts(item: MapLayer) -> dict[str, Any]:
    fields = item.features.fields
    return {
        "displayField": display_field(fields),
        "typeIdField": None,
        "objectIdField": OBJECT_ID,
        "fields": [{**field, "domain": None} for field in fields],
        "relationships": [],
        "maxRecordCount": MAX_RECORDS,
        "supportsStatistics": True,
        "supportsAdvancedQueries": True,
        "supportedQueryFormats": QUERY_FORMATS,
        "isDataVersioned": False,
        "ownershipBasedAccessControlForFeatures": {"allowOthersToQuery": True},
        "useStandardizedQueries": True,
        "advancedQueryCapabilities": _abilities(item),
    }


def _geometry_facts(item: MapLayer) -> dict[str, Any]:
    data = item.features
    if data.geometry_type is None:
        return {}
    facts: dict[str, Any] = {
        "geometryType": data.geometry_type,
        "hasZ": data.has_z,
        "hasM": data.has_m,
        "sourceSpatialReference": describe_spatial_reference(data.crs),
    }
    if item.time_field:
        facts["timeInfo"] = {"startTimeField": item.time_field, "endTimeField": None, "trackIdField": None}
    return facts


def _abilities(item: MapLayer) -> dict[str, bool]:
    return {
        "useStandardizedQueries": True,
        "supportsStatistics": True,
        "supportsPercentileStatistics": True,
        "supportsHavingClause": True,
        "supportsOrderBy": True,
        "supportsDistinct": True,
        "supportsCountDistinct": True,
        "supportsPagination": True,
        "supportsTrueCurve": False,
        "supportsReturningQueryExtent": not item.is_table,
        "supportsQueryWithDistance": not item.is_table,
        "supportsSqlExpression": True,
        "supportsCoordinatesQuantization": not item.is_table,
    }


def display_field(fields: Iterable[Mapping[str, Any]]) -> str:
    """The field whose values name a feature: one called name or title, else a text, else the first."""
    ranked = sorted(fields, key=_strangeness)
    return str(ranked[0]["name"]) if ranked else ""


def _strangeness(field: Mapping[str, Any]) -> float:
    name = field["name"].lower()
    if name in ("name", "title", "label"):
        return 0
    if field["type"] != "esriFieldTypeString":
        return inf
    return 1 if "name" in name else 2
