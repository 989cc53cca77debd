"""Publish Python functions as ArcGIS geoprocessing services."""

from gpserver.context import JobContext
from gpserver.datatypes import (
    ArealUnit,
    Features,
    LinearUnit,
    Lines,
    MultiPoints,
    Points,
    Polygons,
    Table,
)
from gpserver.errors import TaskError
from gpserver.finding import Finding
from gpserver.rasters import Raster
from gpserver.symbology import ClassBreaks, Fill, Labels, Line, Marker, Picture, Simple, Stretch, UniqueValue
from gpserver.task import Param, Service, task

__all__ = [
    "ArealUnit",
    "ClassBreaks",
    "Features",
    "Fill",
    "Finding",
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
    "Service",
    "Simple",
    "Stretch",
    "Table",
    "TaskError",
    "UniqueValue",
    "task",
]
