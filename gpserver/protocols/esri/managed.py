"""A service as ArcGIS' administrators see it: its instances and limits."""

from typing import Any

from gpserver.formats import Resource
from gpserver.protocols.esri.admin import administered
from gpserver.protocols.esri.version import takes_uploads
from gpserver.protocols.esri.wire import Call
from gpserver.publishing import Service

_MEGABYTE = 1_000_000


def service(call: Call) -> Resource:
    """``/arcgis/admin/services/<service>.GPServer``: the keys of ArcGIS Server's REST API for administrators.

    Times are in seconds and 0 is no limit; what has no counterpart here is left out.
    """
    found = call.site.catalog.service(administered(call))
    value = {
        "serviceName": found.name,
        "type": "GPServer",
        "description": found.description,
        "capabilities": "Uploads" if takes_uploads(found) else "",
        "minInstancesPerNode": found.min_instances,
        "maxInstancesPerNode": found.instances or 0,
        "maxUsageTime": found.time_limit or 0,
        "maxWaitTime": found.wait_limit or 0,
        "properties": _properties(call, found),
    }
    return Resource(value, f"{found.full_name} (GPServer)", path=call.path)


def _properties(call: Call, found: Service) -> dict[str, Any]:
    # All of them are texts in ArcGIS, numbers included.
    uploads = call.site.engine.uploads
    return {
        "executionType": "Synchronous" if found.synchronous else "Asynchronous",
        "maximumRecords": str(found.maximum_records),
        "resultMapServer": str(found.result_map_service).lower(),
        "showMessages": "Warn" if found.message_level == "Warning" else found.message_level,
        "allowedUploadFileTypes": ",".join(uploads.types),
        "maxUploadFileSize": str(uploads.most_bytes // _MEGABYTE),
    }
