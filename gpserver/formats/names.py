"""Which formats make sense for a resource."""

from gpserver.formats import amf
from gpserver.formats.resource import Resource

ALWAYS = ("html", "json", "pjson")
FEATURES = ("geojson", "pbf")
"""Formats of features; what is no features they say in JSON."""
_TABLES = ("csv", "gpkg")
_GLOBES = ("kmz", "kml")
FILES = (*_GLOBES, *_TABLES, "shapefile")
"""Formats that are kept as a file, and hold all of a result however large it is."""


def names_for(resource: Resource) -> tuple[str, ...]:
    """The names of the formats (``f``) that have something to say of a resource."""
    features = resource.features
    names = ALWAYS if features is None else (*ALWAYS, *FEATURES, *_TABLES)
    shapefile = ("shapefile",) if features is not None and features.geometry_type else ()
    globes = _GLOBES if resource.scene else ()
    return (*names, *shapefile, *globes, *(("amf",) if amf.INSTALLED else ()))
