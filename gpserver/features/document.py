"""What a document says of itself: where its features are, their type, spatial reference and fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyproj import CRS

from gpserver.errors import InvalidValue
from gpserver.features.json_geometry import kind_of
from gpserver.features.parse import read_json
from gpserver.features.shapes import LEVELS, POINT, POLYGON
from gpserver.features.spatialref import parse_spatial_reference

_GEOJSON_GEOMETRIES = (
    "Point",
    "MultiPoint",
    "LineString",
    "MultiLineString",
    "Polygon",
    "MultiPolygon",
    "GeometryCollection",
)
_DEEPEST = 4  # objects around a feature set
_SYSTEM_FIELDS = {"esriFieldTypeOID", "esriFieldTypeGlobalID"}


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """A set as it was sent, with what its parameter's schema adds.

    Attributes:
        features: Parsed features, or raw JSON text for :func:`gpserver.features.parse.chunks`.
        is_geojson: Whether they are GeoJSON features, not Esri's.
        geometry_type: The Esri type that the set declares.
        default_type: The type when neither the set nor its features tell.
        crs: The CRS that the set declares.
        default_crs: The CRS when neither the set nor its geometries tell.
        fields: Esri fields.
        only_m: Whether a third ordinate is m: hasM without hasZ.
    """

    features: Sequence[Any]
    is_geojson: bool = False
    geometry_type: str | None = None
    default_type: str = POINT
    crs: CRS | None = None
    default_crs: CRS | None = None
    fields: Sequence[Any] = ()
    only_m: bool = False


def read_feature_set(value: object, schema: Mapping[str, Any]) -> FeatureSet:
    """Find the feature set in JSON text or a parsed document.

    Raises:
        InvalidValue: The text is not JSON, or the document holds no feature set.
    """
    document = _unwrapped(read_json(value))
    if "type" in document and "features" not in document:
        document = _geojson_collection(document)
    elif "features" not in document and kind_of([document]):
        document = {"features": [{"geometry": document}]}
    features = document.get("features", ())
    if features is None or not isinstance(features, Sequence) or isinstance(features, str | bytes):
        raise InvalidValue("A feature set needs a list of features.")
    if document.get("type") == "FeatureCollection":
        return FeatureSet(features, is_geojson=True, crs=_geojson_crs(document))
    if not {"features", "fields", "Fields", "geometryType"}.intersection(document):
        raise InvalidValue(f"Not a feature set: expected features, found {_keys(document)}.")
    return _esri_set(document, features, schema)


def _esri_set(document: Mapping[str, Any], features: Sequence[Any], schema: Mapping[str, Any]) -> FeatureSet:
    own_fields = _fields(document.get("fields") or document.get("Fields"))
    lent_fields = schema.get("fields") or schema.get("Fields") or ()
    return FeatureSet(
        features,
        geometry_type=_geometry_type(document),
        default_type=_geometry_type(schema) or POINT,
        crs=_reference(document),
        default_crs=_reference(schema),
        fields=own_fields or [field for field in lent_fields if not _is_system(field)],
        only_m=bool(document.get("hasM")) and not document.get("hasZ"),
    )


def _unwrapped(document: Any, around: int = 0) -> Mapping[str, Any]:
    """The feature set inside a layer or a feature collection, with what the layer's definition adds."""
    if not isinstance(document, Mapping):
        raise InvalidValue(f"A feature set is a JSON object, not {_name_of(document)}.")
    if around > _DEEPEST:
        raise InvalidValue("A feature set is not a layer of layers.")
    layers = document.get("layers")
    if layers is not None and "featureSet" not in document and "features" not in document:
        if not isinstance(layers, list) or len(layers) != 1:
            raise InvalidValue("A feature collection must have exactly one layer here.")
        return _unwrapped(layers[0], around + 1)
    if document.get("featureSet") is None:
        return document
    definition = _object(document.get("layerDefinition"))
    extent = _object(definition.get("extent"))
    lent = {
        "geometryType": definition.get("geometryType"),
        "fields": definition.get("fields"),
        "hasZ": definition.get("hasZ"),
        "hasM": definition.get("hasM"),
        "spatialReference": definition.get("spatialReference") or extent.get("spatialReference"),
    }
    own = _unwrapped(document["featureSet"], around + 1)
    return lent | {key: value for key, value in own.items() if value is not None}


def _object(value: Any) -> Mapping[str, Any]:
    """The members of an object; of anything else, none."""
    return value if isinstance(value, Mapping) else {}


def _name_of(value: object) -> str:
    return {list: "a list", str: "text", type(None): "null"}.get(type(value), type(value).__name__)


def _keys(document: Mapping[str, Any]) -> str:
    return ", ".join(list(map(str, document))[:10]) or "nothing"


def _geometry_type(document: Mapping[str, Any]) -> str | None:
    kind = document.get("geometryType")
    if not kind:
        return None
    if kind == "esriGeometryEnvelope":
        return POLYGON
    if not isinstance(kind, str) or kind not in LEVELS:
        raise InvalidValue(f"The geometry type {kind} is not supported; known are {', '.join(LEVELS)}.")
    return kind


def _fields(value: Any) -> Sequence[Any]:
    if value and not isinstance(value, list):
        raise InvalidValue(f"The fields must be a list, not {_name_of(value)}.")
    return value or ()


def _reference(document: Mapping[str, Any]) -> CRS | None:
    return parse_spatial_reference(document.get("spatialReference") or document.get("sr"))


def _is_system(field: Any) -> bool:
    """Fields that a server fills: a schema lists them, but clients need not send them."""
    return isinstance(field, Mapping) and field.get("type") in _SYSTEM_FIELDS


def _geojson_collection(document: Mapping[str, Any]) -> Mapping[str, Any]:
    features = [document] if document["type"] == "Feature" else [{"geometry": document, "properties": {}}]
    if document["type"] == "Feature" or document["type"] in _GEOJSON_GEOMETRIES:
        return {"type": "FeatureCollection", "features": features, "crs": document.get("crs")}
    return document


def _geojson_crs(document: Mapping[str, Any]) -> CRS | None:
    """WGS84 (RFC 7946), unless a ``crs`` of the older rules names an authority's code."""
    properties = _object(_object(document.get("crs")).get("properties"))
    name = str(properties.get("name") or "")
    parts = name.replace("urn:ogc:def:crs:", "").split(":")
    if len(parts) < 2 or parts[0].upper() == "OGC":
        return parse_spatial_reference(4326)
    return parse_spatial_reference(f"{parts[0]}:{parts[-1]}")
