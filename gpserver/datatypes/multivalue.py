"""GPMultiValue: several values of one data type."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gpserver.datatypes.base import NO_SOURCE, DataType, Source, Stored
from gpserver.datatypes.raw import listed, quote, text_of
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
        self.hidden = item.hidden

    def decode(self, value: object, source: Source = NO_SOURCE) -> list[Any] | None:
        """Read a JSON array, the texts of a repeated key, ``a;b`` or ``a,b``, or one value.

        Values that are empty or null are left out; a list of none is one that was not given.
        """
        decoded = [self.item.decode(part, source) for part in _parts(value)]
        return [part for part in decoded if part is not None] or None

    def encode(self, value: object) -> list[Any]:
        """Give the array of the values on the wire."""
        return [] if value is None else [self.item.encode(part) for part in listed(value)]

    def holds(self, value: object) -> bool:
        """Whether it is a list of such values."""
        return isinstance(value, list) and all(self.item.holds(part) for part in value)

    def empty(self) -> list[Any]:
        """Give an empty list."""
        return []

    def save(self, value: object, folder: Path, name: str) -> Stored:
        """Keep the values inline; layers and files become ``{"layer": name}`` and ``{"file": name}``."""
        parts = [self._entry(part, folder, f"{name}_{n}") for n, part in enumerate(listed(value), 1)]
        return Stored(value=parts, rows=len(parts))

    def _entry(self, part: object, folder: Path, name: str) -> object:
        kind = self.item.concrete(part)
        entry = kind.save(part, folder, name).entry
        if kind is self.item:
            return entry
        # Only the elements of a list of composite values say what they are.
        resting = entry if isinstance(entry, Mapping) and kind.refers else {"value": entry}
        return {"dataType": kind.name, **resting}


def _parts(value: object) -> list[Any]:
    if isinstance(value, bytes | bytearray | memoryview):
        value = text_of(value)
    if isinstance(value, list | tuple) and len(value) == 1 and _is_array(value[0]):
        value = value[0]
    parts = _split(value) if isinstance(value, str | bytes) else value
    return list(parts) if isinstance(parts, list | tuple) else [parts]


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
