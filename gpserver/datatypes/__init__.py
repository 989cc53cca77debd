"""The GP data types; adding one is a class in this package and its name in ``KINDS``."""

from typing import Annotated, Any, get_args, get_origin

from gpserver.datatypes.base import NO_SOURCE, DataType, Source, Stored
from gpserver.datatypes.dates import GPDate
from gpserver.datatypes.features import (
    Features,
    GPFeatureRecordSetLayer,
    GPRecordSet,
    Lines,
    MultiPoints,
    Points,
    Polygons,
    Table,
)
from gpserver.datatypes.files import GPDataFile
from gpserver.datatypes.measures import GPArealUnit, GPLinearUnit
from gpserver.datatypes.multivalue import GPMultiValue
from gpserver.datatypes.rasters import GPRasterDataLayer
from gpserver.datatypes.simple import GPBoolean, GPDouble, GPLong, GPString
from gpserver.datatypes.units import ArealUnit, LinearUnit
from gpserver.errors import NotFound

KINDS: tuple[type[DataType], ...] = (
    GPString,
    GPLong,
    GPDouble,
    GPBoolean,
    GPDate,
    GPLinearUnit,
    GPArealUnit,
    GPFeatureRecordSetLayer,
    GPRecordSet,
    GPDataFile,
    GPRasterDataLayer,
)
_BY_NAME = {kind.name: kind for kind in KINDS}
# The first Python type of a kind is the annotation that means it; of two kinds the one above means it.
_BY_ANNOTATION = {kind.python[0]: kind for kind in reversed(KINDS)}
_MULTIVALUE = "GPMultiValue:"


def data_type(name: str) -> DataType:
    """Give the data type of a wire name, such as ``GPString`` or ``GPMultiValue:GPString``.

    Raises:
        NotFound: There is no such data type.
    """
    if name.startswith(_MULTIVALUE):
        return GPMultiValue(data_type(name.removeprefix(_MULTIVALUE)))
    if name not in _BY_NAME:
        raise NotFound(f"There is no data type {name}.")
    return _BY_NAME[name]()


def data_type_of(annotation: Any) -> DataType:
    """Give the data type that an annotation means: ``int``, ``list[str]``, ``Points``.

    A ``DataType`` inside ``Annotated`` decides by itself.

    Raises:
        NotFound: None is meant.
    """
    if get_origin(annotation) is Annotated:
        base, *notes = get_args(annotation)
        named = [note for note in notes if isinstance(note, DataType)]
        return named[0] if named else data_type_of(base)
    if get_origin(annotation) is list:
        return GPMultiValue(data_type_of(*get_args(annotation)))
    kind = _BY_ANNOTATION.get(annotation) if isinstance(annotation, type) else None
    if kind is None:
        raise NotFound(f"There is no data type for {annotation}.")
    return kind()


__all__ = [
    "KINDS",
    "NO_SOURCE",
    "ArealUnit",
    "DataType",
    "Features",
    "GPArealUnit",
    "GPBoolean",
    "GPDataFile",
    "GPDate",
    "GPDouble",
    "GPFeatureRecordSetLayer",
    "GPLinearUnit",
    "GPLong",
    "GPMultiValue",
    "GPRasterDataLayer",
    "GPRecordSet",
    "GPString",
    "LinearUnit",
    "Lines",
    "MultiPoints",
    "Points",
    "Polygons",
    "Source",
    "Stored",
    "Table",
    "data_type",
    "data_type_of",
]
