"""The output formats: one table from ``f`` to the function that writes a resource in that format."""

from collections.abc import Callable, Mapping

from gpserver.errors import InvalidRequest
from gpserver.formats import geojson, html, json, pbf
from gpserver.formats.resource import Body, JSONText, Resource

__all__ = ["Body", "JSONText", "Resource", "format_named"]

Writer = Callable[[Resource], Body]

FORMATS: Mapping[str, Writer] = {
    "json": json.write,
    "pjson": json.write_pretty,
    "html": html.write,
    "geojson": geojson.write,
    "pbf": pbf.write,
}


def format_named(name: str) -> Writer:
    """The writer of a format, by its name in any case; quotes around it are forgiven, as R clients send them.

    Raises:
        InvalidRequest: There is no such format.
    """
    writer = FORMATS.get(name.strip('"').lower())
    if writer is None:
        raise InvalidRequest(f"Output format not supported: {name}. Use one of {', '.join(FORMATS)}.")
    return writer
