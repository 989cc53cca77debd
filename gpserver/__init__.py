"""Publish Python functions as ArcGIS geoprocessing services."""

from gpserver.context import JobContext
from gpserver.datatypes import (
    ArealUnit,
    CoordinateSystem,
    Envelope,
    Extent,
    Features,
    Field,
    Hidden,
    LinearUnit,
    Lines,
    MultiPoints,
    Points,
    Polygons,
    RasterData,
    SQLExpression,
    Table,
    TimeUnit,
)
from gpserver.errors import TaskError
from gpserver.finding import Finding
from gpserver.rasters import Raster
from gpserver.symbology import ClassBreaks, Fill, Labels, Line, Marker, Picture, Simple, Stretch, UniqueValue
from gpserver.task import Param, Service, task

__all__ = [
    "ArealUnit",
    "ClassBreaks",
    "CoordinateSystem",
    "Envelope",
    "Extent",
    "Features",
    "Field",
    "Fill",
    "Finding",
    "Hidden",
    "JobContext",
    "Labels",
    "Line",
    "LinearUnit",
    "Lines",
    "Marker",
    "MultiPoints",
    "Param",
    "Picture",
    "Points",
    "Polygons",
    "Raster",
    "RasterData",
    "SQLExpression",
    "Service",
    "Simple",
    "Stretch",
    "Table",
    "TaskError",
    "TimeUnit",
    "UniqueValue",
    "task",
]
