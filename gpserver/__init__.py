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
from gpserver.task import Param, Service, task

__all__ = [
    "ArealUnit",
    "Features",
    "JobContext",
    "LinearUnit",
    "Lines",
    "MultiPoints",
    "Param",
    "Points",
    "Polygons",
    "Service",
    "Table",
    "TaskError",
    "task",
]
