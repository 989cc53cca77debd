"""An element: a data type and which of its values are allowed; a parameter, a column or an alternative."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gpserver.datatypes.base import NO_SOURCE, DataType, Source
from gpserver.datatypes.filters import check_filter
from gpserver.datatypes.multivalue import GPMultiValue
from gpserver.datatypes.raw import as_sent
from gpserver.datatypes.simple import GPString
from gpserver.errors import InvalidValue

_NAMES = GPMultiValue(GPString())


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Element:
    """A data type and which of its values are allowed.

    Attributes:
        data_type: What its values are.
        name: Its name on the wire; empty for the element of a list and for an alternative.
        display_name: Its label.
        choices: The only values allowed, if there are any; the names of ``layers`` where there are such.
        labels: What people read instead of each choice.
        layers: What a name stands for that is sent instead of a value: a file, a function that gives the
            value, or the value.
        filter: An Esri filter object: range, featureClass, file or field.
        required: Whether a client must give a value.
        default: The value where none was given.
    """

    data_type: DataType
    name: str = ""
    display_name: str = ""
    choices: tuple[Any, ...] = ()
    labels: tuple[str, ...] = ()
    layers: Mapping[str, Any] = field(default_factory=dict)
    filter: Mapping[str, Any] | None = None
    required: bool = True
    default: Any = None

    @property
    def choice_list(self) -> list[str]:
        """The ``choiceList`` on the wire, which knows only text."""
        return [str(choice) for choice in self.choices]

    @property
    def parts(self) -> tuple["Element", ...]:
        """What a value is made of: the element of a list, columns, alternatives."""
        if not isinstance(self.data_type, GPMultiValue):
            return self.data_type.elements
        item = Element(
            data_type=self.data_type.item,
            choices=self.choices,
            labels=self.labels,
            layers=self.layers,
            filter=self.filter,
        )
        return (item,)

    def read(self, raw: object, source: Source = NO_SOURCE) -> Any:
        """Read what a client sent.

        Args:
            raw: Text, bytes, several texts, or parsed JSON; None for a value that was not sent.
            source: Where a value comes from that was sent by URL or item id.

        Returns:
            The value, or the default where none was given.

        Raises:
            InvalidValue: The value is missing, cannot be read, or is not allowed.
        """
        value = self.accept(raw, source)
        if value is not None:
            return value
        if self.required:
            raise InvalidValue(f"ERROR 000735: {self._named('Value is required')}")
        return self.meant(self.default)

    def accept(self, raw: object, source: Source = NO_SOURCE) -> Any:
        """Read what a client sent; None where no value was given.

        Raises:
            InvalidValue: The value cannot be read, or is not allowed.
        """
        # A choice may look like something else: quoted text, or text with a comma in a list.
        if isinstance(raw, str) and raw in self.choices:
            return self.meant([raw] if self._is_list else raw)
        if self.layers and not self.data_type.is_given(as_sent(raw)):
            return None
        kind = self.data_type
        if self.layers:
            kind = _NAMES if self._is_list else _NAMES.item
        try:
            value = kind.decode(raw, source)
        except InvalidValue as error:
            raise InvalidValue(self._named(str(error))) from error
        if value is not None:
            self.check(value)
        return self.meant(value)

    def meant(self, value: Any) -> Any:
        """The value itself, or what the name of a layer stands for."""
        if value is None or not self.layers:
            return value
        if isinstance(self.data_type, GPMultiValue):
            return [self.data_type.item.load(self.layers[name]) for name in value]
        return self.data_type.load(self.layers[value])

    def check(self, value: Any) -> None:
        """Check a value against the choices and the filter.

        Raises:
            InvalidValue: It is not allowed.
        """
        for part in value if self._is_list else [value]:
            if self.choices and part not in self.choices:
                choices = " | ".join(self.choice_list)
                raise InvalidValue(f"ERROR 000800: {self._named(f'The value is not a member of {choices}.')}")
            if self.filter:
                try:
                    check_filter(self.filter, part)
                except InvalidValue as error:
                    raise InvalidValue(self._named(str(error))) from error

    def describe(self) -> dict[str, Any]:
        """The description on the wire, as a member of ``parameterInfos``."""
        value: dict[str, Any] = {"name": self.name, "dataType": self.data_type.name}
        return value | {"displayName": self.display_name} | self.limits()

    def limits(self) -> dict[str, Any]:
        """``filter``, ``choiceList`` and ``parameterInfos``, those that there are."""
        value: dict[str, Any] = {}
        if filter_ := self._wire_filter():
            value["filter"] = filter_
        if self.choices:
            value["choiceList"] = self.choice_list
        if parts := self.parts:
            value["parameterInfos"] = [part.describe() for part in parts]
        return value

    def _wire_filter(self) -> Mapping[str, Any] | None:
        if self.filter or self.labels or self.layers:
            return self.filter or {"type": "codedValue", "list": self._coded_values()}
        filters = [part._wire_filter() for part in self.data_type.elements]
        return {"type": "composite", "list": filters} if any(filters) else None

    def _coded_values(self) -> list[dict[str, Any]]:
        kind = self.data_type.item if isinstance(self.data_type, GPMultiValue) else self.data_type
        if self.layers:
            return [{"dataType": kind.name, "name": name, "value": kind.schema()} for name in self.choices]
        pairs = zip(self.labels, self.choices, strict=True)
        return [
            {"dataType": kind.name, "name": label, "value": kind.encode(choice)} for label, choice in pairs
        ]

    @property
    def _is_list(self) -> bool:
        return isinstance(self.data_type, GPMultiValue)

    def _named(self, text: str) -> str:
        return f"{self.name}: {text}" if self.name else text
