"""What one annotation says of a parameter: its data type, choices, and whether it is optional."""

import types
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from gpserver.datatypes import (
    KINDS,
    DataType,
    Element,
    GPComposite,
    GPFeatureRecordSetLayer,
    GPMultiValue,
    GPRecordSet,
    GPValueTable,
    data_type_of,
    declared_fields,
    refuse_odd_filter,
)
from gpserver.errors import NotFound, PublishingError
from gpserver.naming import display_name, parameter_name, safe_label
from gpserver.parameter import Param

KNOWN_TYPES = (
    ", ".join(dict.fromkeys(kind.python[0].__name__ for kind in KINDS if kind.python))
    + ", GeoDataFrame, DataFrame, Points, MultiPoints, Lines, Polygons, Features, Table, "
    + "Literal of text or numbers, "
    + "a union of several of these, a list of one of these, or a list of a NamedTuple of these"
)


@dataclass(frozen=True)
class Declared:
    """What one annotation says."""

    data_type: DataType
    param: Param = field(default_factory=Param)
    choices: tuple[Any, ...] = ()
    optional: bool = False


def is_union(hint: Any) -> bool:
    """Whether an annotation is ``A | B`` or ``Optional[A]``."""
    return get_origin(hint) in (Union, types.UnionType)


def read_annotation(hint: Any) -> Declared:
    """Read one annotation.

    Raises:
        PublishingError: It means no data type.
    """
    if get_origin(hint) is Annotated:
        return _annotated(hint)
    if is_union(hint):
        members = [member for member in get_args(hint) if member is not type(None)]
        optional = len(members) < len(get_args(hint))
        if len(members) == 1:
            return replace(read_annotation(members[0]), optional=True)
        return Declared(GPComposite([_alternative(member) for member in members]), optional=optional)
    if get_origin(hint) is Literal:
        return _literal(get_args(hint))
    if get_origin(hint) is list:
        if is_row(get_args(hint)[0]):
            return Declared(_value_table(get_args(hint)[0]))
        item = read_annotation(get_args(hint)[0])
        if isinstance(item.data_type, GPMultiValue | GPValueTable):
            raise PublishingError("A list holds another list.", "Use a list of a NamedTuple for rows.")
        return Declared(GPMultiValue(item.data_type), item.param, item.choices)
    return Declared(_plain(hint))


def is_row(hint: Any) -> bool:
    """Whether an annotation is a NamedTuple: the row of a value table, or the outputs of a task."""
    return isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_fields")


def element(declared: Declared, name: str = "", label: str = "") -> dict[str, Any]:
    """What an annotation says of an ``Element``.

    Raises:
        PublishingError: It contradicts itself.
    """
    param, kind = declared.param, declared.data_type
    facts: dict[str, Any] = {"name": name, "display_name": label, "required": not declared.optional}
    if param.fields is not None:
        kind = _with_fields(kind, param.fields)
    if param.filter:
        refuse_odd_filter(param.filter, kind.name)
    return facts | {"data_type": kind, "filter": param.filter or _range(declared), **_choices(declared)}


def _choices(declared: Declared) -> dict[str, Any]:
    given = declared.param.choices or declared.choices
    kind = declared.data_type.item if isinstance(declared.data_type, GPMultiValue) else declared.data_type
    if kind.refers and given:
        if not isinstance(given, Mapping):
            raise PublishingError("Its choices are no names.", 'Write choices={"Parks": Path("parks.gpkg")}.')
        return {"choices": tuple(given), "layers": given}
    labels = tuple(map(str, given)) if isinstance(given, Mapping) else ()
    return {"choices": tuple(given.values() if isinstance(given, Mapping) else given), "labels": labels}


def _with_fields(kind: DataType, fields: Mapping[str, type]) -> DataType:
    if not isinstance(kind, GPFeatureRecordSetLayer | GPRecordSet):
        raise PublishingError("fields are for features and tables.", "Leave them out.")
    return kind.with_fields(declared_fields(fields))


def _range(declared: Declared) -> dict[str, Any] | None:
    limits = {"minimum": declared.param.minimum, "maximum": declared.param.maximum}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    if not given:
        return None
    if declared.data_type.name.removeprefix("GPMultiValue:") not in ("GPLong", "GPDouble"):
        raise PublishingError(
            "minimum and maximum are for numbers.", "Leave them out, or make it int or float."
        )
    return {"type": "range", **given}


def _alternative(hint: Any) -> Element:
    declared = read_annotation(hint)
    if isinstance(declared.data_type, GPMultiValue | GPValueTable | GPComposite):
        raise PublishingError(
            "A union holds a list.", "Use a union of plain types, or a list of such unions."
        )
    return Element(**element(declared))


def _value_table(row: Any) -> GPValueTable:
    hints = get_type_hints(row, include_extras=True)
    return GPValueTable([_column(row, name, hint) for name, hint in hints.items()], row)


def _column(row: Any, argument: str, hint: Any) -> Element:
    declared = read_annotation(hint)
    if isinstance(declared.data_type, GPMultiValue | GPValueTable | GPComposite):
        raise PublishingError(
            f"The column {argument} of {row.__name__} is a list or a union.", "Give it one plain type."
        )
    name = declared.param.name or parameter_name(argument)
    facts = element(declared, name, safe_label(declared.param.display_name) or display_name(name))
    if argument in row._field_defaults:
        facts |= {"required": False, "default": row._field_defaults[argument]}
    return Element(**facts)


def _annotated(hint: Any) -> Declared:
    base, *notes = get_args(hint)
    named = any(isinstance(note, DataType) for note in notes)
    declared = Declared(data_type_of(hint)) if named else read_annotation(base)
    params = [note for note in notes if isinstance(note, Param)]
    return replace(declared, param=params[-1]) if params else declared


def _literal(choices: tuple[Any, ...]) -> Declared:
    kinds = {type(choice) for choice in choices}
    if len(kinds) != 1 or not kinds <= {str, int, float}:
        raise PublishingError(
            f"Literal{list(choices)} mixes types or holds something else than text and numbers.",
            "Use text only or numbers only; for true and false use bool.",
        )
    return Declared(data_type_of(kinds.pop()), choices=choices)


def _plain(hint: Any) -> DataType:
    try:
        return data_type_of(hint)
    except NotFound as error:
        name = hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")
        raise PublishingError(
            f"{name} is not a type that a parameter can have.", f"Use {KNOWN_TYPES}."
        ) from error
