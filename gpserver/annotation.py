"""What one annotation says of a parameter: its data type, choices, and whether it is optional."""

import types
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from gpserver.datatypes import KINDS, DataType, GPMultiValue, data_type_of
from gpserver.errors import NotFound, PublishingError
from gpserver.parameter import Param

KNOWN_TYPES = (
    ", ".join(kind.python[0].__name__ for kind in KINDS)
    + ", Points, MultiPoints, Lines, Polygons, Features, Table, "
    + "Literal of text or numbers, or a list of one of these"
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
        if len(members) == 1:
            return replace(read_annotation(members[0]), optional=True)
    if get_origin(hint) is Literal:
        return _literal(get_args(hint))
    if get_origin(hint) is list:
        item = read_annotation(get_args(hint)[0])
        return Declared(GPMultiValue(item.data_type), item.param, item.choices)
    return Declared(_plain(hint))


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
