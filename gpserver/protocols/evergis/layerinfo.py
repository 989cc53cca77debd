"""What clients are told about a layer: every key is one of EverGIS' own, for its SDK takes no other."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5

from gpserver.evergis.steps import moment
from gpserver.layers import GEOMETRY_TYPES, Attribute, LayerInfo
from gpserver.protocols.evergis.rasters import SERVICE, tile_info

PERMISSIONS = "read,write,configure"

_OF_A_SERVICE = (
    *("layerType", "name", "alias", "description", "icon", "owner", "copyrightText", "tags", "clientData"),
    *("cardConfiguration", "editConfiguration", "parentId", "ds", "additionalDsConnections", "eql"),
    *("queryId", "eqlParameters", "srId", "geometryType", "attributesConfiguration", "clientStyle"),
    *("condition", "simplify", "clipping", "createTable"),
)
_OF_A_CATALOGUE = (
    *("layerType", "name", "alias", "description", "icon", "owner", "copyrightText", "tags", "clientData"),
    *("cardConfiguration", "editConfiguration", "parentId", "attributesConfiguration", "clientStyle"),
    *("condition", "minLodLevel", "maxLodLevel", "isCogLayer"),
)
_OF_ATTRIBUTES = (
    *("isEditable", "idAttribute", "geometryAttribute", "geometryType", "srId", "titleAttribute"),
    *("orderAttribute", "tableName", "attributes", "layerReferences"),
)
_OF_AN_ATTRIBUTE = (
    *("attributeConfigurationType", "type", "attributeName", "columnName", "alias", "description"),
    *("isEditable", "isDisplayed", "clientData", "referenceId", "layerReferenceId"),
    *("attributeSelectorType", "stringFormat", "icon"),
)
_OF_ITS_KIND = {
    "String": ("subType",),
    "Geometry": ("geometryType", "srId", "cellSize"),
    "Calculated": ("expression", "aggregation"),
    "Default": (),
}


def layer_info(info: LayerInfo) -> dict[str, Any]:
    """A QueryLayerServiceInfoDc; of a catalogue of rasters a TileCatalogServiceInfoDc."""
    own = {"tileInfo": tile_info()} if info.kind == "rasters" else {"dataSourceType": "Table"}
    return {
        "name": info.name,
        **own,
        "permissions": PERMISSIONS,
        "createdDate": moment(info.created),
        "changedDate": moment(info.changed),
        "resourceId": info.id,
        "configuration": configuration(info),
    }


def configuration(info: LayerInfo) -> dict[str, Any]:
    """The configuration of a layer: what the client sent, and what the layer really is."""
    if info.kind == "rasters":
        return _catalogue(info)
    facts = {
        "layerType": "QueryLayerService",
        "name": info.name,
        "alias": info.alias or info.name,
        "description": info.description,
        "owner": info.owner,
        "eql": info.configuration.get("eql") or f"SELECT * FROM {info.name}",  # noqa: S608 - only told
        "srId": info.sr_id,
        "geometryType": geometry_type(info),
        "attributesConfiguration": attributes_configuration(info),
    }
    return _known(info.configuration, _OF_A_SERVICE) | _known(facts, _OF_A_SERVICE)


def _catalogue(info: LayerInfo) -> dict[str, Any]:
    """A PostgresTileCatalogServiceConfigurationDc."""
    facts = {
        "layerType": SERVICE,
        "name": info.name,
        "alias": info.alias or info.name,
        "description": info.description,
        "owner": info.owner,
        "attributesConfiguration": attributes_configuration(info),
        "isCogLayer": True,
    }
    return _known(info.configuration, _OF_A_CATALOGUE) | _known(facts, _OF_A_CATALOGUE)


def attributes_configuration(info: LayerInfo) -> dict[str, Any]:
    """An AttributesConfigurationDc of all attributes of a layer."""
    sent = info.configuration.get("attributesConfiguration") or {}
    items = {item.get("attributeName"): item for item in sent.get("attributes") or ()}
    shown = [item for item in info.attributes if item.displayed or item.name in items]
    facts = {
        "isEditable": True,
        "idAttribute": info.id_attribute,
        "geometryAttribute": info.geometry_attribute,
        "geometryType": geometry_type(info),
        "srId": info.sr_id,
        "tableName": sent.get("tableName") or info.name,
        "attributes": [attribute(item, info.sr_id, items.get(item.name)) for item in shown],
    }
    return _known(sent, _OF_ATTRIBUTES) | _known(facts, _OF_ATTRIBUTES)


def attribute(
    item: Attribute, sr_id: int | None = None, sent: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A Default-, String- or GeometryAttributeConfigurationDc, with what the client said of it."""
    kind = "Geometry" if item.type in GEOMETRY_TYPES else "String" if item.type == "String" else "Default"
    facts = {
        "attributeConfigurationType": kind,
        "type": item.type,
        "attributeName": item.name,
        "columnName": item.name,
        "alias": item.alias or item.name,
        "isEditable": item.editable,
        "isDisplayed": item.displayed,
        "subType": item.sub_type,
        "geometryType": item.type,
        "srId": sr_id,
    }
    keys = (*_OF_AN_ATTRIBUTE, *_OF_ITS_KIND[kind])
    return _known(sent or {}, keys) | _known(facts, keys)


def geometry_type(info: LayerInfo) -> str | None:
    """The OGC name of its geometries' type; None for a table."""
    return (info.geometry_type or "GeometryCollection") if info.geometry_attribute else None


def table_id(info: LayerInfo) -> str:
    """The resource id of the table behind a layer, which has one of its own."""
    return uuid5(UUID(info.id), "table").hex


def _known(facts: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: facts[key] for key in keys if facts.get(key) is not None}
