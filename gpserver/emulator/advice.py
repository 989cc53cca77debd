"""What would be right where a scenario is not: names of fields, and values that are allowed."""

import re
from typing import Any

from msgspec import inspect

_PLACE = re.compile(r" - at `\$([^`]*)`$")
_STEP = re.compile(r"\.(\w+)|\[[^\]]*\]")


def explained(error: Exception, kind: Any) -> str:
    """What is wrong with JSON or TOML that should have been of a type, where, and what would be right."""
    text = str(error)
    found = _PLACE.search(text)
    place = [step[1] for step in _STEP.finditer(found[1])] if found else []
    there = _at(inspect.type_info(kind), place)
    right: list[str] = []
    if "unknown field" in text:
        fields = (item.fields for item in there if isinstance(item, inspect.StructType))
        right = [field.encode_name for several in fields for field in several]
    elif "Invalid enum value" in text:
        right = [str(value) for item in there for value in _values(item)]
    return f"{text}; there are {', '.join(right)}" if right else text


def _at(kind: inspect.Type, place: list[str | None]) -> list[inspect.Type]:
    """The types that may be at a place; each of its steps is the name of a field, or None into a list."""
    if isinstance(kind, inspect.UnionType):
        return [found for one in kind.types for found in _at(one, place)]
    if not place:
        return [kind]
    name, rest = place[0], place[1:]
    if name is None:
        return _at(kind.item_type, rest) if isinstance(kind, inspect.ListType | inspect.VarTupleType) else []
    fields = kind.fields if isinstance(kind, inspect.StructType) else ()
    return [found for field in fields if field.encode_name == name for found in _at(field.type, rest)]


def _values(kind: inspect.Type) -> list[Any]:
    if isinstance(kind, inspect.EnumType):
        return [member.value for member in kind.cls]
    return [value for value in kind.values if value] if isinstance(kind, inspect.LiteralType) else []
