"""What a named layer is: its attributes, its geometry, who owns it; and which names it may have."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pyproj import CRS

from gpserver.errors import InvalidValue
from gpserver.features import parse_spatial_reference

GEOMETRY_TYPES = (
    *("Point", "LineString", "Polygon"),
    *("MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"),
)
ANY_GEOMETRY = "GeometryCollection"
"""The type of an attribute whose geometries are of any type."""

PLAIN_TYPES = ("String", "Int32", "Int64", "Double", "DateTime", "Boolean", "Json")
TEMPORARY = "temp"
"""The namespace of layers that live as long as jobs do; everybody has one of his own."""

_NAME = re.compile(r"[\w$@-]+(\.[\w$@-]+)+")
_LONGEST_NAME = 200
_LONGEST_ATTRIBUTE = 63  # bytes; PostgreSQL cuts longer names off, and two could become one
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Attribute:
    """One column of a layer.

    Attributes:
        name: Unique in its layer, whatever the case of the letters.
        type: One of ``PLAIN_TYPES`` or of ``GEOMETRY_TYPES`` (2-D, in the spatial reference of the layer).
            ``DateTime`` is UTC to the microsecond, ``Json`` any value that JSON can write.
        alias: The name for people; empty for ``name``.
        nullable, editable, displayed, sub_type: As EverGIS clients set them; only told again, never enforced.
    """

    name: str
    type: str = "String"
    alias: str = ""
    nullable: bool = True
    editable: bool = True
    displayed: bool = True
    sub_type: str = "None"

    @property
    def is_geometry(self) -> bool:
        """Whether its values are geometries."""
        return self.type in GEOMETRY_TYPES


@dataclass(frozen=True)
class LayerInfo:
    """A layer (or, without geometry, a table) of the catalogue.

    Attributes:
        name: ``namespace.name``.
        attributes: Every column in order, the id and the geometry included; ``fields`` are the others.
        id: 32 hexadecimal digits, given by the store.
        owner: The user who made it; empty for the operator of the server.
        geometry_attribute: None for a table.
        geometry_type: An OGC name; None where any geometry may be, or none is.
        sr_id: The EPSG (or ESRI) code of the geometries, x before y; None for a table.
        created, changed: Epoch seconds.
        count: Rows.
        version: Grows with every change of rows or facts.
        kind: ``layer``, ``table`` or ``rasters``.
        shared: Whether users besides its owner may read it.
        configuration: What a client sent of it, to be told again.
    """

    name: str
    attributes: tuple[Attribute, ...] = ()
    id: str = ""
    owner: str = ""
    alias: str = ""
    description: str = ""
    id_attribute: str = "gid"
    geometry_attribute: str | None = "geometry"
    geometry_type: str | None = None
    sr_id: int | None = None
    created: float = 0.0
    changed: float = 0.0
    count: int = 0
    version: int = 0
    kind: str = "layer"
    shared: bool = False
    configuration: dict[str, Any] = field(default_factory=dict)

    @property
    def fields(self) -> tuple[Attribute, ...]:
        """The attributes besides the id and the geometry."""
        own = (self.id_attribute, self.geometry_attribute)
        return tuple(item for item in self.attributes if item.name not in own)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all attributes."""
        return tuple(item.name for item in self.attributes)

    @property
    def namespace(self) -> str:
        """Whose layer it is by its name."""
        return self.name.rpartition(".")[0]

    @property
    def is_temporary(self) -> bool:
        """Whether it goes when jobs of its time go."""
        return self.namespace == TEMPORARY

    def attribute(self, name: str) -> Attribute:
        """The attribute of a name.

        Raises:
            InvalidValue: It has none of this name.
        """
        for item in self.attributes:
            if item.name == name:
                return item
        there = ", ".join(self.names)
        raise InvalidValue(f"The layer {self.name} has no attribute {name[:80]!r}; it has {there}.")


def is_name(name: str) -> bool:
    """Whether a layer may have this name."""
    return len(name) <= _LONGEST_NAME and _NAME.fullmatch(name) is not None


def checked(info: LayerInfo) -> LayerInfo:
    """The facts of a new layer, sound and whole: its id and its geometry are among the attributes.

    Raises:
        InvalidValue: The name, an attribute, or the geometry cannot be.
    """
    if not is_name(info.name):
        raise InvalidValue(
            f"A layer cannot be named {info.name[:80]!r}: write namespace.name in letters, digits, _, -, $"
            f" and @, in at most {_LONGEST_NAME} characters."
        )
    fields = [replace(item, type=_attribute_type(item)) for item in info.fields]
    key = Attribute(info.id_attribute, "Int64", nullable=False, editable=False)
    attributes = [_given(info, key), *fields]
    if info.geometry_attribute is None:
        kind = "table" if info.kind == "layer" else info.kind
        info = replace(info, geometry_type=None, sr_id=None, kind=kind)
    else:
        shape_type = _geometry_type(info.geometry_type)
        shape = Attribute(info.geometry_attribute, shape_type or ANY_GEOMETRY)
        info = replace(info, geometry_type=shape_type, sr_id=_code(info.sr_id))
        attributes.append(_given(info, shape))
    _check_names([item.name for item in attributes])
    return replace(info, attributes=tuple(attributes))


def free_names(names: Iterable[str], taken: Sequence[str] = ()) -> list[str]:
    """Names that attributes may have, one for each given name: shortened and numbered where they clash."""
    used, free = {name.lower() for name in taken}, []
    for name in names:
        stem = _CONTROL.sub("_", name).encode()[: _LONGEST_ATTRIBUTE - 6].decode("utf-8", "ignore") or "field"
        candidate, number = stem, 0
        while candidate.lower() in used:
            number += 1
            candidate = f"{stem}_{number}"
        used.add(candidate.lower())
        free.append(candidate)
    return free


def _given(info: LayerInfo, item: Attribute) -> Attribute:
    """An attribute of every layer, with what the client said of it."""
    for other in info.attributes:
        if other.name == item.name:
            return replace(other, type=item.type)
    return item


def _code(sr_id: int | None) -> int:
    """The code of the spatial reference; 84 is EverGIS' older name for 4326 with the longitude first."""
    if sr_id in (None, 0, 84):
        return 4326
    return code_of(parse_spatial_reference(sr_id)) or 4326


def code_of(crs: CRS | None) -> int | None:
    """The EPSG or ESRI code of a CRS; None where it has none."""
    known = crs.to_authority() if crs is not None else None
    return int(known[1]) if known and known[0] in ("EPSG", "ESRI") and known[1].isdecimal() else None


def _attribute_type(item: Attribute) -> str:
    kind = {"Unknown": "String", "H3Index": "String", "": "String"}.get(item.type, item.type)
    if kind not in PLAIN_TYPES and kind not in GEOMETRY_TYPES:
        raise InvalidValue(
            f"The attribute {item.name[:80]!r} cannot be of the type {item.type[:80]!r};"
            f" there are {', '.join((*PLAIN_TYPES, *GEOMETRY_TYPES))}."
        )
    return kind


def _geometry_type(name: str | None) -> str | None:
    if name is None or name in ("", "Unknown", "Geometry", "GeometryCollection"):
        return None
    if name not in GEOMETRY_TYPES:
        raise InvalidValue(f"There is no geometry type {name[:80]!r}; there are {', '.join(GEOMETRY_TYPES)}.")
    return name


def _check_names(names: Sequence[str]) -> None:
    for name in names:
        if not name or len(name.encode()) > _LONGEST_ATTRIBUTE or _CONTROL.search(name):
            raise InvalidValue(
                f"An attribute cannot be named {name[:80]!r}: a name has 1 to {_LONGEST_ATTRIBUTE} bytes"
                " and no control characters."
            )
    if len({name.lower() for name in names}) < len(names):
        raise InvalidValue(f"Two attributes have the same name: {', '.join(names)}.")
