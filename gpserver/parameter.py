"""A parameter of a task: its facts, and how a raw value becomes an argument."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gpserver.datatypes import Element
from gpserver.symbology import Look


@dataclass(frozen=True, slots=True)
class Param:
    """What a type cannot say of a parameter: ``Annotated[float, Param(minimum=0, category="Options")]``.

    Args:
        name: The name on the wire instead of the one made from the argument's.
        display_name: The label instead of the one made from the name.
        description: The help instead of the docstring's.
        category: The group that clients show the parameter in.
        minimum: The smallest number allowed.
        maximum: The largest number allowed.
        choices: The values allowed, where ``Literal`` cannot say it, or their labels and values:
            ``{"Do not dissolve": "NONE"}``. Of features, tables, rasters and files the names that clients may
            send, and what these stand for: a file, a function without arguments, or the value itself.
        filter: An Esri filter object: ``{"type": "file", "list": ["pdf"]}``; the other types are
            ``featureClass`` with geometry types, ``field`` with field types, and ``range``.
        fields: The fields that features or tables have, ``{"name": str, "people": int}``: clients see them
            before there are any, and values without fields of their own get these types.
        dependency: The argument that this one depends on, such as the features that a ``Field`` is one of.
        symbology: How an output is drawn on the result map: ``Simple``, ``UniqueValue``, ``ClassBreaks``, or
            an Esri drawingInfo object.
        time_field: The date field of an output by which the result map can be filtered.
    """

    name: str = ""
    display_name: str = ""
    description: str = ""
    category: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: Sequence[Any] | Mapping[str, Any] = ()
    filter: Mapping[str, Any] | None = None
    fields: Mapping[str, type] | None = None
    dependency: str = ""
    symbology: Look | Mapping[str, Any] | None = None
    time_field: str = ""


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Parameter(Element):
    """One input or output of a task."""

    argument: str
    """The argument of the function, or the field of its result."""
    description: str = ""
    direction: Literal["input", "output"] = "input"
    category: str = ""
    dependency: str = ""
    """The name of the parameter that this one depends on, such as the features of a field."""
    symbology: Look | Mapping[str, Any] | None = None
    time_field: str = ""

    @property
    def default_value(self) -> Any:
        """The ``defaultValue`` on the wire.

        ArcGIS writes the name of a layer to choose here. The ArcGIS API for Python takes that for code, and
        then no task of the service can be called: what is sent by name has the schema, which stands for
        "not given" when it comes back.
        """
        if self.default is None or self.layers:
            return self.data_type.schema()
        return self.data_type.encode(self.default)

    @property
    def obligation(self) -> str:
        """The end of the ``parameterType`` on the wire: ``Required``, ``Optional`` or ``Derived``."""
        if self.direction == "output":
            return "Derived"
        return "Required" if self.required else "Optional"

    def limits(self) -> dict[str, Any]:
        """``filter``, ``choiceList``, ``dependency`` and ``parameterInfos``, those that there are."""
        limits = Element.limits(self)
        return limits | {"dependency": self.dependency} if self.dependency else limits
