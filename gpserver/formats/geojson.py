"""Features as GeoJSON; what has no features stays JSON, as clients expect of counts, ids and errors."""

from gpserver.features import geojson
from gpserver.formats import json
from gpserver.formats.resource import Body, Resource

_MEDIA_TYPE = "application/geo+json;charset=UTF-8"


def write(resource: Resource) -> Body:
    """A GeoJSON feature collection in WGS84."""
    if resource.features is None:
        return json.write(resource)
    return Body(geojson.write(resource.features), _MEDIA_TYPE)
