"""Methods of workers that are answered at once: what each one is asked, and who answers."""

from typing import Annotated, Any, NamedTuple

from msgspec import Meta, Struct

from gpserver.evergis.parameters import FileSource, Name


class Area(Struct, frozen=True, kw_only=True, rename="camel"):
    """The area that can be reached from a point within minutes."""

    provider_name: Name
    x: float
    y: float
    duration: float
    sr_in: int = 3857
    sr_out: int = 4326


class Way(Struct, frozen=True, kw_only=True, rename="camel"):
    """The fastest way from one point to another."""

    provider_name: Name
    x1: float
    y1: float
    x2: float
    y2: float
    sr_in: int = 3857
    sr_out: int = 4326


class Point(Struct, frozen=True):
    """A GeoJSON point."""

    coordinates: Annotated[tuple[float, ...], Meta(min_length=2)]


class PointFeature(Struct, frozen=True):
    """A GeoJSON feature of a point."""

    geometry: Point
    properties: dict[str, Any] = {}


class Pairs(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the ways from points to points take; both are GeoJSON features whose properties have a gid."""

    array_from: Annotated[tuple[PointFeature, ...], Meta(min_length=1)]
    array_to: Annotated[tuple[PointFeature, ...], Meta(min_length=1)]
    transport_type: Name = "car"
    epsg_code: int = 4326
    seconds: bool = True


class Functions(Struct, frozen=True, kw_only=True, rename="camel"):
    """The functions of EQL, or those whose names begin as the last word of a query does."""

    query: str | None = None
    lang: str | None = None
    offset: Annotated[int, Meta(ge=0)] | None = None
    limit: Annotated[int, Meta(ge=0)] | None = None


class Method(NamedTuple):
    """A method: what it is asked, and the function of this package that the clerk calls for an answer."""

    parameters: type[Struct]
    question: str


METHODS = {
    "importExport": {"importExport/dataSchema": Method(FileSource, "interchange:data_schema")},
    "netEngine": {
        "availabilityAreaRest": Method(Area, "directions:area"),
        "route": Method(Way, "directions:way"),
        "ODMatrix-rest": Method(Pairs, "directions:pairs"),
    },
    "EqlHelpWorker": {
        "eql-help/functions": Method(Functions, "eqlhelp:listing"),
        "eql-help/suggest": Method(Functions, "eqlhelp:listing"),
    },
}
"""The methods of each worker by their names."""
