"""The output formats: one table from ``f`` to the function that writes a resource in that format."""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import cast

from gpserver.errors import InvalidRequest
from gpserver.formats import html, json
from gpserver.formats.names import FEATURES, FILES, names_for
from gpserver.formats.resource import Body, JSONText, Resource

__all__ = ["FILES", "Body", "JSONText", "Resource", "format_for", "format_named", "names_for", "plain_name"]

Writer = Callable[[Resource], Body]


def _late(name: str) -> Writer:
    """The writer of a format that is seldom asked for: its module is loaded when it is."""

    def write(resource: Resource) -> Body:
        return cast("Body", import_module(f"gpserver.formats.{name}").write(resource))

    return write


FORMATS: Mapping[str, Writer] = {
    "json": json.write,
    "pjson": json.write_pretty,
    "html": html.write,
    "geojson": _late("geojson"),
    "pbf": _late("pbf"),
    "kmz": _late("kmz"),
    "kml": _late("kml"),
    "csv": _late("csv"),
    "shapefile": _late("shapefile"),
    "gpkg": _late("gpkg"),
    "amf": _late("amf"),
}


def format_named(name: str) -> Writer:
    """The writer of a format, by its name in any case; quotes around it are forgiven, as R clients send them.

    Raises:
        InvalidRequest: There is no such format.
    """
    writer = FORMATS.get(plain_name(name))
    if writer is None:
        raise _unsupported(name, FORMATS)
    return writer


def format_for(name: str, resource: Resource) -> Writer:
    """The writer of a format for a resource; what formats of features cannot say of it, they say in JSON.

    Raises:
        InvalidRequest: There is no such format, or the resource is nothing that it could show.
    """
    key, known = plain_name(name), names_for(resource)
    if key not in (*known, *FEATURES):
        raise _unsupported(name, known)
    return FORMATS[key]


def plain_name(name: str) -> str:
    """The name of a format as the table has it."""
    return name.strip('"').lower()


def _unsupported(name: str, known: Iterable[str]) -> InvalidRequest:
    return InvalidRequest(f"Output format not supported: {name}. Use one of {', '.join(known)}.")
