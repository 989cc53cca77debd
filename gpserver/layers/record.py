"""The facts of a layer as a row of a catalogue, in whatever database that is."""

from typing import Any

import orjson

from gpserver.errors import Conflict, NotFound
from gpserver.layers.info import TEMPORARY, Attribute, LayerInfo

COLUMNS = "id, name, owner, attributes, facts, created, changed, count, version"
_COLUMNED = ("id", "name", "owner", "attributes", "created", "changed", "count", "version")


def attributes_of(info: LayerInfo) -> str:
    """The attributes as text; equal ones have equal texts."""
    return orjson.dumps(info.attributes).decode()


def facts_of(info: LayerInfo) -> str:
    """The facts that have no column of their own, as text."""
    facts = {name: value for name, value in vars(info).items() if name not in _COLUMNED}
    return orjson.dumps(facts).decode()


def layer_of(row: Any) -> LayerInfo:
    """The layer of a row of ``COLUMNS``."""
    key, name, owner, attributes, facts, created, changed, count, version = row
    return LayerInfo(
        name=name,
        id=key,
        owner=owner,
        attributes=tuple(Attribute(**item) for item in orjson.loads(attributes)),
        created=created,
        changed=changed,
        count=count,
        version=version,
        **orjson.loads(facts),
    )


def key_of(name: str, owner: str) -> str:
    """What is unique: a name, and of temporary layers each user's."""
    return f"{name}\n{owner}" if name.rpartition(".")[0] == TEMPORARY else name


def gone(info: LayerInfo) -> NotFound:
    """The error where somebody else dropped the layer."""
    return NotFound(f"There is no layer {info.name} any more.")


def taken(info: LayerInfo) -> Conflict:
    """The error where there is a layer of that name."""
    return Conflict(f"The layer {info.name} already exists.")


def changed_meanwhile(info: LayerInfo) -> Conflict:
    """The error where somebody else changed the attributes."""
    return Conflict(f"The attributes of the layer {info.name} were changed meanwhile; try again.")
