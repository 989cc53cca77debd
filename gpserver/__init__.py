"""Publish Python functions as ArcGIS geoprocessing services."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from gpserver.publishing import Param, Service, task
    from gpserver.rasters import Raster
    from gpserver.symbology import (
        ClassBreaks,
        Fill,
        Labels,
        Line,
        Marker,
        Picture,
        Simple,
        Stretch,
        UniqueValue,
    )

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

_PLACES = {
    "gpserver.context": ("JobContext",),
    "gpserver.datatypes": (
        "ArealUnit",
        "CoordinateSystem",
        "Envelope",
        "Extent",
        "Features",
        "Field",
        "Hidden",
        "LinearUnit",
        "Lines",
        "MultiPoints",
        "Points",
        "Polygons",
        "RasterData",
        "SQLExpression",
        "Table",
        "TimeUnit",
    ),
    "gpserver.errors": ("TaskError",),
    "gpserver.finding": ("Finding",),
    "gpserver.rasters": ("Raster",),
    "gpserver.symbology": (
        "ClassBreaks",
        "Fill",
        "Labels",
        "Line",
        "Marker",
        "Picture",
        "Simple",
        "Stretch",
        "UniqueValue",
    ),
    "gpserver.publishing": (
        "Param",
        "Service",
        "task",
    ),
}
_PLACE = {name: place for place, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    """A public name, loaded when it is used: every session of pytest that has the plugin comes by here."""
    if name not in _PLACE:
        raise AttributeError(f"module 'gpserver' has no attribute {name!r}")
    value = getattr(import_module(_PLACE[name]), name)
    globals()[name] = value
    return value
