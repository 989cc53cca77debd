"""A parameter of a task: its facts, and how a raw value becomes an argument."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gpserver.datatypes import NO_SOURCE, DataType, GPMultiValue, Source
from gpserver.errors import InvalidValue
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
        choices: The values allowed, where ``Literal`` cannot say it.
        filter: An Esri filter object, passed on as it is.
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
    choices: tuple[Any, ...] = ()
    filter: Mapping[str, Any] | None = None
    symbology: Look | Mapping[str, Any] | None = None
    time_field: str = ""


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Parameter:
    """One input or output of a task."""

    name: str
    argument: str
    """The argument of the function, or the field of its result."""
    data_type: DataType
    display_name: str
    description: str = ""
    direction: Literal["input", "output"] = "input"
    required: bool = True
    default: Any = None
    category: str = ""
    choices: tuple[Any, ...] = ()
    filter: Mapping[str, Any] | None = None
    symbology: Look | Mapping[str, Any] | None = None
    time_field: str = ""

    @property
    def default_value(self) -> Any:
        """The ``defaultValue`` on the wire."""
        return self.data_type.schema() if self.default is None else self.data_type.encode(self.default)

    @property
    def choice_list(self) -> list[str]:
        """The ``choiceList`` on the wire, which knows only text."""
        return [str(choice) for choice in self.choices]

    def read(self, raw: object, source: Source = NO_SOURCE) -> Any:
        """Read what a client sent.

        Args:
            raw: Text, bytes, several texts, or parsed JSON; None for a parameter that was not sent.
            source: Where a value comes from that was sent by URL or item id.

        Returns:
            The value, or the default where none was given.

        Raises:
            InvalidValue: The value is missing, cannot be read, or is outside the choices or the range.
        """
        # A choice may look like something else: quoted text, or text with a comma in a list.
        if isinstance(raw, str) and raw in self.choices:
            return [raw] if isinstance(self.data_type, GPMultiValue) else raw
        try:
            value = self.data_type.decode(raw, source)
        except InvalidValue as error:
            raise InvalidValue(f"{self.name}: {error}") from error
        if value is None:
            if self.required:
                raise InvalidValue(f"ERROR 000735: {self.name}: Value is required")
            return self.default
        self.check(value)
        return value

    def check(self, value: Any) -> None:
        """Check a value against the choices and the range.

        Raises:
            InvalidValue: It is outside of them.
        """
        for part in value if isinstance(self.data_type, GPMultiValue) else [value]:
            if self.choices and part not in self.choices:
                choices = " | ".join(self.choice_list)
                raise InvalidValue(f"ERROR 000800: {self.name}: The value is not a member of {choices}.")
            if self.filter and self.filter.get("type") == "range":
                self._check_range(part, self.filter)

    def _check_range(self, value: Any, limits: Mapping[str, Any]) -> None:
        if "minimum" in limits and value < limits["minimum"]:
            raise InvalidValue(f"{self.name}: {value} is less than the minimum, {limits['minimum']}.")
        if "maximum" in limits and value > limits["maximum"]:
            raise InvalidValue(f"{self.name}: {value} is more than the maximum, {limits['maximum']}.")
