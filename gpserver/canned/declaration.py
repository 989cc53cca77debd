"""A recorded parameter as one of ours: read and checked like any, described in the words of its server."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from gpserver.datatypes import (
    DataType,
    Element,
    GPComposite,
    GPFeatureRecordSetLayer,
    GPMultiValue,
    GPRecordSet,
    GPValueTable,
    data_type,
    refuse_odd_filter,
)
from gpserver.datatypes.features import MULTIPOINT, POINT, POLYGON, POLYLINE, geometry_types
from gpserver.datatypes.raw import reference_in
from gpserver.errors import InvalidValue, NotFound, PublishingError
from gpserver.naming import display_name
from gpserver.parameter import Parameter

_MULTIVALUE = "GPMultiValue:"
_GEOMETRY_TYPES = (POINT, MULTIPOINT, POLYLINE, POLYGON)
_LIMITS = ("filter", "choiceList", "dependency", "parameterInfos")


class Declared(msgspec.Struct, frozen=True, rename="camel"):
    """The members of a recorded parameter, or of one of its ``parameterInfos``, at whatever version."""

    data_type: str
    name: str = ""
    display_name: str | None = None
    description: str | None = None
    direction: str | None = None
    default_value: Any = None
    parameter_type: str | None = None
    category: str | None = None
    dependency: str | None = None
    choice_list: list[Any] | None = None
    filter: dict[str, Any] | None = None
    parameter_infos: list["Declared"] | None = None


class _Coded(msgspec.Struct, frozen=True):
    """A choice and its label, in the list of a filter."""

    name: str
    value: Any


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Recorded(Parameter):
    """A parameter that is described as it was recorded."""

    recorded: Mapping[str, Any]
    """The parameter in the ``?f=json`` of its task."""

    @property
    def default_value(self) -> Any:
        """The recorded ``defaultValue``."""
        return self.recorded.get("defaultValue")

    @property
    def obligation(self) -> str:
        """The recorded ``parameterType``."""
        usual = "Derived" if self.direction == "output" else "Optional"
        return str(self.recorded.get("parameterType") or usual).removeprefix("esriGPParameterType")

    def meant(self, value: Any) -> Any:
        """The name of a layer as it is: a canned task has no use for what it stands for."""
        return value

    def limits(self) -> dict[str, Any]:
        """What was recorded of them, an empty ``choiceList`` too, as old servers write it."""
        return {name: self.recorded[name] for name in _LIMITS if name in self.recorded}


def parameter(recorded: Mapping[str, Any]) -> Recorded:
    """Give a parameter of the ``parameters`` of a recorded task.

    Raises:
        PublishingError: It is none; names it.
    """
    try:
        declared = msgspec.convert(recorded, Declared)
        facts = _facts(declared)
    except (InvalidValue, NotFound, msgspec.ValidationError) as error:
        raise PublishingError(
            f"{str(error).removesuffix('.')}.",
            "Record the task again, or correct what it says of this parameter.",
            parameter=str(recorded.get("name", "without a name")),
        ) from None
    needed = (declared.parameter_type or "").endswith("Required")
    return Recorded(
        **facts,
        name=declared.name,
        argument=declared.name,
        display_name=declared.display_name or display_name(declared.name),
        description=declared.description or "",
        direction="output" if _is_output(declared) else "input",
        category=declared.category or "",
        dependency=declared.dependency or "",
        required=needed and not _has_default(declared, facts["data_type"]),
        default=_default(declared, facts),
        recorded=recorded,
    )


class _Features(GPFeatureRecordSetLayer):
    """Features whose schema was recorded."""

    def __init__(self, recorded: Mapping[str, Any], any_type: bool) -> None:
        kind = recorded.get("geometryType")
        super().__init__(kind if kind in _GEOMETRY_TYPES and not any_type else None)
        self._recorded = recorded

    def concrete(self, value: object) -> DataType:
        """The type of an output: features that are none are of the geometry type that was recorded."""
        return self if geometry_types(self.rows(value)) else _Features(self._recorded, any_type=False)

    def schema(self) -> dict[str, Any]:
        """What was recorded; a client that sends it back means nothing by it."""
        return dict(self._recorded)


class _Table(GPRecordSet):
    """Rows whose schema was recorded."""

    def __init__(self, recorded: Mapping[str, Any]) -> None:
        self._recorded = recorded

    def schema(self) -> dict[str, Any]:
        """What was recorded; a client that sends it back means nothing by it."""
        return dict(self._recorded)


def _is_output(declared: Declared) -> bool:
    return (declared.direction or "").endswith("Output")


def _facts(declared: Declared) -> dict[str, Any]:
    """The data type and which of its values are allowed."""
    kind, filter_ = _data_type(declared), declared.filter
    try:
        refuse_odd_filter(filter_ or {}, kind.name)
    except PublishingError:
        filter_ = None  # made of choices or of those of its elements, or newer than we are
    return {"data_type": kind, "filter": filter_, **_choices(declared, kind)}


def _data_type(declared: Declared) -> DataType:
    name, parts = declared.data_type, declared.parameter_infos or []
    if name.startswith(_MULTIVALUE):
        return GPMultiValue(_data_type(_item(declared, name.removeprefix(_MULTIVALUE), parts)))
    if name in (GPValueTable.name, GPComposite.name):
        elements = [Element(**_facts(part), name=part.name, required=False) for part in parts]
        return GPValueTable(elements) if name == GPValueTable.name else GPComposite(elements)
    kind, default = data_type(name), declared.default_value
    schema = default if isinstance(default, Mapping) else {}
    if isinstance(kind, GPFeatureRecordSetLayer):
        # A filter may name more types than the schema, and an output's value is what it is.
        return _Features(schema, any_type=bool(declared.filter) or _is_output(declared))
    return _Table(schema) if isinstance(kind, GPRecordSet) else kind


def _item(declared: Declared, name: str, parts: list[Declared]) -> Declared:
    """What is known of the elements of a list, whose default is no schema of theirs."""
    if parts and parts[0].data_type == name:
        return parts[0]
    return Declared(data_type=name, parameter_infos=parts, filter=declared.filter)


def _choices(declared: Declared, kind: DataType) -> dict[str, Any]:
    filter_, item = declared.filter or {}, kind.item if isinstance(kind, GPMultiValue) else kind
    is_coded = filter_.get("type") == "codedValue"
    coded = msgspec.convert(filter_.get("list"), list[_Coded]) if is_coded else []
    names = tuple(each.name for each in coded) or tuple(declared.choice_list or ())
    if item.refers:
        return {"choices": names, "layers": dict.fromkeys(names)}
    values = [each.value for each in coded] or names
    return {"choices": tuple(map(item.read, values)), "labels": names if coded else ()}


def _has_default(declared: Declared, kind: DataType) -> bool:
    """Whether a client need not send it: a real server would use what cannot be had here, too."""
    value = declared.default_value
    if isinstance(kind, _Features | _Table) and isinstance(value, Mapping):
        return bool(value.get("features")) or reference_in(value) is not None
    return kind.is_given(value)


def _default(declared: Declared, facts: Mapping[str, Any]) -> Any:
    if facts.get("layers"):
        return declared.default_value or None
    try:
        return facts["data_type"].decode(declared.default_value)
    except InvalidValue:
        return None  # of another server: a canned task has no use for it
