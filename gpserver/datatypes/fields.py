"""Field: one column of a table, as a value; and the field types that Python types stand for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from gpserver.datatypes.base import DataType
from gpserver.datatypes.raw import members, quote, unquoted
from gpserver.errors import InvalidValue, PublishingError

FIELD_TYPES = tuple(
    f"esriFieldType{name}"
    for name in [
        "SmallInteger",
        "Integer",
        "Single",
        "Double",
        "String",
        "Date",
        "OID",
        "Geometry",
        "Blob",
        "Raster",
        "GUID",
        "GlobalID",
        "XML",
        "BigInteger",
        "DateOnly",
        "TimeOnly",
        "TimestampOffset",
    ]
)
_FIELD_TYPE = {kind.lower(): kind for kind in FIELD_TYPES}
_OF_PYTHON: dict[type, dict[str, Any]] = {
    str: {"type": "esriFieldTypeString", "length": 255},
    int: {"type": "esriFieldTypeInteger"},
    float: {"type": "esriFieldTypeDouble"},
    bool: {"type": "esriFieldTypeSmallInteger"},
    datetime: {"type": "esriFieldTypeDate", "length": 8},
    date: {"type": "esriFieldTypeDateOnly"},
    time: {"type": "esriFieldTypeTimeOnly"},
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a table that a client chose.

    Args:
        name: Its name.
        type: Its type, such as ``esriFieldTypeDouble``; empty where the client sent the name alone.
        alias: Its label; empty where that is the name.
        length: The most characters of a text; None where it is not known.
        nullable: Whether it may be null; None where it is not known.
        editable: Whether clients may edit it; None where it is not known.
    """

    name: str
    type: str = ""
    alias: str = ""
    length: int | None = None
    nullable: bool | None = None
    editable: bool | None = None

    def __str__(self) -> str:
        return self.name


class GPField(DataType):
    """A field, ``{"name": "area", "type": "esriFieldTypeDouble"}``, or its name alone."""

    name = "Field"
    python = (Field,)

    def read(self, value: object) -> Field:
        """Read the JSON object, or the name of a field."""
        parts = members(value)
        if not parts and isinstance(value, str):
            return Field(unquoted(value.strip()))
        name, kind = parts.get("name"), parts.get("type") or ""
        if not isinstance(name, str) or not name.strip():
            raise InvalidValue(f'{quote(value)} is not a field; send {{"name": …, "type": …}}.')
        if kind and str(kind).lower() not in _FIELD_TYPE:
            raise InvalidValue(f"{quote(kind)} is not a field type; known are {', '.join(FIELD_TYPES)}.")
        length, alias = parts.get("length"), str(parts.get("alias") or "")
        return Field(
            name,
            _FIELD_TYPE.get(str(kind).lower(), ""),
            "" if alias == name else alias,
            length if isinstance(length, int) else None,
            _truth(parts.get("nullable")),
            _truth(parts.get("editable")),
        )

    def write(self, value: Any) -> dict[str, Any]:
        """Give the JSON object; what is not known is left out."""
        if not isinstance(value, Field):
            raise InvalidValue(f"{quote(value)} is not a Field.")
        facts = {"name": value.name, "type": value.type, "alias": value.alias or value.name}
        more = {"editable": value.editable, "nullable": value.nullable, "length": value.length}
        return facts | {key: fact for key, fact in more.items() if fact is not None}


def declared_fields(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Esri fields of columns that a publisher names: ``{"name": str, "people": int}``.

    Raises:
        PublishingError: A type is no field type.
    """
    for name, kind in columns.items():
        if kind not in _OF_PYTHON:
            known = ", ".join(each.__name__ for each in _OF_PYTHON)
            raise PublishingError(f'The field "{name}" is {kind!r}.', f"Use one of {known}.")
    return [{"name": name, "alias": name} | _OF_PYTHON[kind] for name, kind in columns.items()]


def _truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else None
