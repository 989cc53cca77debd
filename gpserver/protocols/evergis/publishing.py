"""From a client's configuration to a layer: attributes, geometry, and whose rows it shows."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from gpserver.errors import InvalidRequest
from gpserver.layers import GEOMETRY_TYPES, Attribute, LayerInfo
from gpserver.protocols.evergis.rasters import catalogue, is_catalogue

_OGC = {name.lower(): name for name in GEOMETRY_TYPES} | {"polyline": "MultiLineString"}
_DEFAULT_CODE = 4326
_LON_LAT = 84  # what servers of 2023 call WGS84 with the longitude first

Code = Annotated[int, Meta(ge=1, le=999_999)]


class AttributeConfiguration(msgspec.Struct, frozen=True, rename="camel"):
    """One attribute as clients describe it; also a column of a table of 2023 (``name``, ``srid``)."""

    attribute_name: str | None = None
    name: str | None = None
    type: str | None = None
    alias: str | None = None
    attribute_configuration_type: str | None = None
    is_editable: bool = True
    is_displayed: bool = True
    is_nullable: bool = True
    sub_type: str | None = None
    geometry_type: str | None = None
    sr_id: Code | None = None
    srid: Code | None = None

    @property
    def geometry(self) -> str | None:
        """The OGC type of its geometries; None where it has none."""
        kind = self.geometry_type if self.attribute_configuration_type == "Geometry" else self.type
        return _OGC.get((kind or self.type or "").lower())

    @property
    def is_column(self) -> bool:
        """Whether it has values of its own."""
        return self.attribute_configuration_type != "Calculated"


class AttributesConfiguration(msgspec.Struct, frozen=True, rename="camel"):
    """The attributes of a layer as clients describe them."""

    id_attribute: str | None = None
    geometry_attribute: str | None = None
    geometry_type: str | None = None
    sr_id: Code | None = None
    table_name: str | None = None
    attributes: tuple[AttributeConfiguration, ...] | None = None


class Configuration(msgspec.Struct, frozen=True, rename="camel"):
    """A layer as clients describe it."""

    name: str
    layer_type: str | None = None
    alias: str | None = None
    description: str | None = None
    owner: str | None = None
    eql: str | None = None
    sr_id: Code | None = None
    geometry_type: str | None = None
    create_table: bool | None = None
    attributes_configuration: AttributesConfiguration | None = None


def read_configuration(sent: Mapping[str, Any]) -> Configuration:
    """What a client sent, checked.

    Raises:
        InvalidRequest: A field is missing or of another type; the text names its place.
    """
    try:
        return msgspec.convert(sent, Configuration)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"The configuration of the layer cannot be read: {error}.") from None


def described(configuration: Configuration, sent: Mapping[str, Any]) -> LayerInfo:
    """The layer that a configuration describes; its attributes are those that the client lists."""
    all_ = configuration.attributes_configuration or AttributesConfiguration()
    columns = [
        item for item in all_.attributes or () if item.is_column and (item.attribute_name or item.name)
    ]
    geometry = next((item for item in columns if item.geometry), None)
    kinds = (configuration.geometry_type, all_.geometry_type, geometry.geometry if geometry else None)
    kind = next((_OGC[name.lower()] for name in kinds if name and name.lower() in _OGC), None)
    column = all_.geometry_attribute or (geometry and (geometry.attribute_name or geometry.name))
    codes = (configuration.sr_id, all_.sr_id, geometry and (geometry.sr_id or geometry.srid))
    code = next((code for code in codes if code), _DEFAULT_CODE)
    named = {name for name in (column, kind and "geometry") if name}
    info = LayerInfo(
        configuration.name,
        tuple(attribute(item) for item in columns),
        owner=configuration.owner or "",
        alias=configuration.alias or "",
        description=configuration.description or "",
        id_attribute=all_.id_attribute or "gid",
        geometry_attribute=column or ("geometry" if named else None),
        geometry_type=kind,
        sr_id=(_DEFAULT_CODE if code == _LON_LAT else code) if named else None,
        configuration=dict(sent),
    )
    return catalogue(info) if is_catalogue(configuration.layer_type) else info


def attribute(item: AttributeConfiguration) -> Attribute:
    """The attribute that a client describes."""
    return Attribute(
        item.attribute_name or item.name or "",
        item.geometry or item.type or "String",
        alias=item.alias or "",
        nullable=item.is_nullable,
        editable=item.is_editable,
        displayed=item.is_displayed,
        sub_type=item.sub_type or "None",
    )
