"""GPMultiValue: several values of one data type."""

import csv
from pathlib import Path
from typing import Any

from gpserver.datatypes.base import NO_SOURCE, DataType, Source, Stored, quote, text_of
from gpserver.errors import InvalidValue
from gpserver.features.parse import read_json


class GPMultiValue(DataType):
    """A list of values of one data type.

    Args:
        item: The data type of each value.
    """

    python = (list,)

    def __init__(self, item: DataType) -> None:
        self.item = item
        self.name = f"GPMultiValue:{item.name}"

    def decode(self, value: object, source: Source = NO_SOURCE) -> list[Any] | None:
        """Read a JSON array, the texts of a repeated key, ``a;b`` or ``a,b``, or one value.

        Values that are empty or null are left out; a list of none is one that was not given.
        """
        if isinstance(value, bytes | bytearray | memoryview):
            value = text_of(value)
        if isinstance(value, list | tuple) and len(value) == 1 and _is_array(value[0]):
            value = value[0]
        parts = _split(value) if isinstance(value, str | bytes) else value
        parts = parts if isinstance(parts, list | tuple) else [parts]
        decoded = [self.item.decode(part, source) for part in parts]
        return [part for part in decoded if part is not None] or None

    def encode(self, value: object) -> list[Any]:
        """Give the array of the values on the wire."""
        return [] if value is None else [self.item.encode(part) for part in _listed(value)]

    def holds(self, value: object) -> bool:
        """Whether it is a list of such values."""
        return isinstance(value, list) and all(self.item.holds(part) for part in value)

    def empty(self) -> list[Any]:
        """Give an empty list."""
        return []

    def save(self, value: object, folder: Path, name: str) -> Stored:
        """Keep the values inline; layers and files become ``{"layer": name}`` and ``{"file": name}``."""
        parts = [self.item.save(part, folder, f"{name}_{n}") for n, part in enumerate(_listed(value), 1)]
        return Stored(value=[_entry(part) for part in parts], rows=len(parts))


def _entry(part: Stored) -> object:
    if part.layer is not None:
        return {"layer": part.layer}
    return {"file": part.file} if part.file is not None else part.value


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str | bytes | dict) or not hasattr(value, "__iter__"):
        raise InvalidValue(f"{quote(value)} is not a list.")
    return list(value)


def _is_array(value: object) -> bool:
    text = text_of(value) if isinstance(value, bytes) else value
    return isinstance(text, str) and text.strip().startswith("[")


def _split(text: str | bytes) -> Any:
    text = text_of(text) if isinstance(text, bytes) else text
    if text.strip().startswith(("[", "{", '"')):
        try:
            return read_json(text)
        except InvalidValue:
            if text.strip().startswith("["):
                raise
    separator = ";" if ";" in text else ","
    # ArcGIS puts an element that holds a separator in single quotes: 'Main St; north';Oak
    rows = csv.reader(text.splitlines(), delimiter=separator, quotechar="'", skipinitialspace=True)
    try:
        return [part for row in rows for part in row]
    except csv.Error as error:
        raise InvalidValue(f"{quote(text)} is not a list.") from error
