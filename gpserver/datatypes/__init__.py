"""The GP data types; adding one is a class in this package and its name in ``KINDS``."""

from typing import Annotated, Any, get_args, get_origin

from pyproj import CRS

from gpserver.datatypes.base import NO_SOURCE, DataType, Source, Stored
from gpserver.datatypes.composite import GPComposite
from gpserver.datatypes.dates import GPDate
from gpserver.datatypes.element import Element
from gpserver.datatypes.extents import Extent, GPEnvelope, GPExtent
from gpserver.datatypes.features import (
    Features,
    GPFeatureRecordSetLayer,
    GPRecordSet,
    Lines,
    MultiPoints,
    Points,
    Polygons,
    Table,
    frame_types,
)
from gpserver.datatypes.fields import Field, GPField, declared_fields
from gpserver.datatypes.files import GPDataFile
from gpserver.datatypes.filters import refuse_odd_filter
from gpserver.datatypes.measures import GPArealUnit, GPLinearUnit, GPTimeUnit
from gpserver.datatypes.multivalue import GPMultiValue
from gpserver.datatypes.rasters import GPRasterData, GPRasterDataLayer
from gpserver.datatypes.simple import (
    GPBoolean,
    GPDouble,
    GPLong,
    GPSQLExpression,
    GPString,
    GPStringHidden,
)
from gpserver.datatypes.spatial_references import GPCoordinateSystem, GPSpatialReference
from gpserver.datatypes.units import ArealUnit, LinearUnit, TimeUnit
from gpserver.datatypes.value_table import GPValueTable
from gpserver.errors import NotFound
from gpserver.rasters import Raster

KINDS: tuple[type[DataType], ...] = (
    GPString,
    GPLong,
    GPDouble,
    GPBoolean,
    GPDate,
    GPLinearUnit,
    GPArealUnit,
    GPTimeUnit,
    GPFeatureRecordSetLayer,
    GPRecordSet,
    GPDataFile,
    GPRasterDataLayer,
    GPRasterData,
    GPField,
    GPSpatialReference,
    GPCoordinateSystem,
    GPExtent,
    GPEnvelope,
    GPStringHidden,
    GPSQLExpression,
    GPValueTable,
    GPComposite,
)
_BY_NAME = {kind.name: kind for kind in KINDS}
# The first Python type of a kind is the annotation that means it; of two kinds the one above means it.
_BY_ANNOTATION = {kind.python[0]: kind for kind in reversed(KINDS) if kind.python}
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
    kind = _kind_of(annotation) if isinstance(annotation, type) else None
    if kind is None:
        raise NotFound(f"There is no data type for {annotation}.")
    return kind()


def _kind_of(annotation: type) -> type[DataType] | None:
    return _BY_ANNOTATION.get(annotation) or frame_types().get(annotation)


Hidden = Annotated[str, GPStringHidden()]
SQLExpression = Annotated[str, GPSQLExpression()]
CoordinateSystem = Annotated[CRS, GPCoordinateSystem()]
Envelope = Annotated[Extent, GPEnvelope()]
RasterData = Annotated[Raster, GPRasterData()]

__all__ = [
    "KINDS",
    "NO_SOURCE",
    "ArealUnit",
    "CoordinateSystem",
    "DataType",
    "Element",
    "Envelope",
    "Extent",
    "Features",
    "Field",
    "GPArealUnit",
    "GPBoolean",
    "GPComposite",
    "GPCoordinateSystem",
    "GPDataFile",
    "GPDate",
    "GPDouble",
    "GPEnvelope",
    "GPExtent",
    "GPFeatureRecordSetLayer",
    "GPField",
    "GPLinearUnit",
    "GPLong",
    "GPMultiValue",
    "GPRasterData",
    "GPRasterDataLayer",
    "GPRecordSet",
    "GPSQLExpression",
    "GPSpatialReference",
    "GPString",
    "GPStringHidden",
    "GPTimeUnit",
    "GPValueTable",
    "Hidden",
    "LinearUnit",
    "Lines",
    "MultiPoints",
    "Points",
    "Polygons",
    "RasterData",
    "SQLExpression",
    "Source",
    "Stored",
    "Table",
    "TimeUnit",
    "data_type",
    "data_type_of",
    "declared_fields",
    "refuse_odd_filter",
]
