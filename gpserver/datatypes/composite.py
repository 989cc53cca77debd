"""GPComposite: a value of one of several data types."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gpserver.datatypes.base import NO_SOURCE, DataType, Source, Stored
from gpserver.datatypes.element import Element
from gpserver.datatypes.raw import as_sent, members, quote, single
from gpserver.errors import InvalidValue


class GPComposite(DataType):
    """A value of one of several data types, as ``{"dataType", "value"}`` or bare.

    Args:
        elements: The alternatives; a bare value is of the first that can read it.
    """

    name = "GPComposite"

    def __init__(self, elements: Sequence[Element] = ()) -> None:
        self.elements = tuple(elements)
        self.hidden = any(element.data_type.hidden for element in elements)

    def decode(self, value: object, source: Source = NO_SOURCE) -> Any:
        """Read a value of the data type that it names, or of the first that takes it."""
        value = single(value)
        document = as_sent(value)
        named = members(document) if isinstance(document, Mapping) else {}
        kind, elements = str(named.get("datatype", "")).lower(), self.elements
        if kind and "value" in named:
            value = named["value"]
            elements = tuple(each for each in elements if each.data_type.name.lower() == kind)
        if not self.is_given(value):
            return None
        problems = []
        for element in elements:
            try:
                return element.accept(value, source)
            except InvalidValue as error:
                problems.append(f"{element.data_type.name}: {error}")
        names = ", ".join(element.data_type.name for element in self.elements)
        raise InvalidValue(" ".join([f"The value is none of {names}.", *problems]))

    def write(self, value: Any) -> dict[str, Any]:
        """Give the value with the name of its data type, as the elements of a list need it."""
        kind = self.concrete(value)
        return {"dataType": kind.name, "value": kind.encode(value)}

    def holds(self, value: object) -> bool:
        """Whether it is a value of one of the data types."""
        return any(element.data_type.holds(value) for element in self.elements)

    def concrete(self, value: object) -> DataType:
        """Give the first data type that the value is of; ArcGIS reports outputs under that.

        Raises:
            InvalidValue: It is of none.
        """
        for element in self.elements:
            if element.data_type.holds(value):
                return element.data_type
        names = ", ".join(element.data_type.name for element in self.elements)
        raise InvalidValue(f"{quote(type(value).__name__)} is none of {names}.")

    def save(self, value: object, folder: Path, name: str) -> Stored:
        """Keep the value as its data type does."""
        return self.concrete(value).save(value, folder, name)
