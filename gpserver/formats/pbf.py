"""Features, their count, ids and extent as Esri's FeatureCollection protocol buffer; all else stays JSON."""

import numpy as np

from gpserver.features import pbf
from gpserver.formats import json
from gpserver.formats.resource import Body, Resource

_MEDIA_TYPE = "application/x-protobuf"


def write(resource: Resource) -> Body:
    """A FeatureCollectionPBuffer."""
    if resource.features is not None:
        return Body(pbf.write(resource.features), _MEDIA_TYPE)
    match resource.value:
        case {"count": count, "extent": extent}:
            return Body(pbf.extent(count, extent), _MEDIA_TYPE)
        case {"count": count}:
            return Body(pbf.count(count), _MEDIA_TYPE)
        case {"objectIdFieldName": field, "objectIds": ids}:
            return Body(pbf.ids(field, np.array(ids, np.int64)), _MEDIA_TYPE)
    return json.write(resource)
