"""Which formats make sense for a resource."""

from gpserver.formats.resource import Resource

ALWAYS = ("html", "json", "pjson")
_FEATURES = ("geojson", "pbf")
_GLOBES = ("kmz", "kml")
FILES = _GLOBES
"""Formats that are kept as a file, and hold all of a result however large it is."""


def names_for(resource: Resource) -> tuple[str, ...]:
    """The names of the formats (``f``) that have something to say of a resource."""
    features = _FEATURES if resource.features is not None else ()
    return (*ALWAYS, *features, *(_GLOBES if resource.scene else ()))
