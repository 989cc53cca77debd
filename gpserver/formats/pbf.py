"""Features as Esri's FeatureCollection protocol buffer; what has no features stays JSON, as errors do."""

from gpserver.features import pbf
from gpserver.formats import json
from gpserver.formats.resource import Body, Resource

_MEDIA_TYPE = "application/x-protobuf"


def write(resource: Resource) -> Body:
    """A FeatureCollectionPBuffer."""
    if resource.features is None:
        return json.write(resource)
    return Body(pbf.write(resource.features), _MEDIA_TYPE)
