"""A release of ArcGIS: what later ones brought is not there, and its log speaks as it did."""

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from gpserver.errors import NotFound
from gpserver.formats import Resource

# The release that brought each; the release notes of the REST API say so, under "What's new".
_PLACES = (
    (10.91, re.compile(r"/GPServer/[^/]+/metadata/?$", re.IGNORECASE)),
    (11.1, re.compile(r"/jobs/[^/]+/(inputs|results)/?$", re.IGNORECASE)),
    (11.1, re.compile(r"\.GPServer/webhooks(/|$)", re.IGNORECASE)),
    (12.0, re.compile(r"/GPServer/[^/]+/validate/?$", re.IGNORECASE)),
)
_MEMBERS = {"filter": 10.7, "progress": 10.81, "parameterInfos": 11.0}
_DATA_TYPES = {
    "GPValueTable": 11.0,
    "GPComposite": 11.2,
    "GPArealUnit": 11.3,
    "GPSpatialReference": 11.4,
    "GPCoordinateSystem": 11.4,
    "GPExtent": 11.4,
    "GPEnvelope": 11.4,
    "GPStringHidden": 11.4,
    "GPSQLExpression": 11.4,
    "GPTimeUnit": 12.0,
}
_FILTERS = {"codedValue": 12.0, "composite": 12.0}
_VALIDATE, _VALIDATES = "Validate", 12.0
_PRO_RUNTIME = 11.0  # the first release that cannot run services of ArcMap
_MOMENT = re.compile(r"(?<=(?:e:|at) )\w+, \w+ \d+, \d+ \d+:\d\d:\d\d [AP]M")


class Release:
    """One release.

    Args:
        version: As ``currentVersion`` says it: 10.91, 11.1, 12.0 …
    """

    def __init__(self, version: float) -> None:
        self.version = version

    def adapt(self, path: str, resource: Resource) -> Resource:
        """A resource as the release would have answered it.

        Args:
            path: Where it was asked for.
            resource: As this server answers it.

        Raises:
            NotFound: The release had nothing there.
        """
        if any(self.version < brought and place.search(path) for brought, place in _PLACES):
            raise NotFound("")
        if not isinstance(resource.value, Mapping) or resource.page == "error":
            return resource
        return replace(resource, value=self._value(resource.value))

    def _value(self, value: Mapping[str, Any]) -> dict[str, Any]:
        kept = {name: item for name, item in value.items() if self.version >= _MEMBERS.get(name, 0.0)}
        if "parameters" in kept:
            kept["parameters"] = [self._parameter(item) for item in kept["parameters"]]
        if self.version < _VALIDATES and "capabilities" in kept:
            words = str(kept["capabilities"]).split(",")
            kept["capabilities"] = ",".join(word for word in words if word != _VALIDATE)
        if self.version < _PRO_RUNTIME and "messages" in kept:
            kept["messages"] = [_as_in_arcmap(item) for item in kept["messages"]]
        return kept

    def _parameter(self, parameter: Mapping[str, Any]) -> dict[str, Any]:
        kept = {name: item for name, item in parameter.items() if self.version >= _MEMBERS.get(name, 0.0)}
        # Publishers of that time had nothing but text for what it did not know.
        if self.version < _DATA_TYPES.get(str(kept.get("dataType")), 0.0):
            kept["dataType"] = "GPString"
        limits = kept.get("filter")
        if isinstance(limits, Mapping) and self.version < _FILTERS.get(str(limits.get("type")), 0.0):
            del kept["filter"]
        return kept


def _as_in_arcmap(message: Mapping[str, str]) -> dict[str, str]:
    """A line of the log with its time as C writes it: ``Tue Mar  7 09:37:09 2023``."""
    return {**message, "description": _MOMENT.sub(_ctime, message["description"])}


def _ctime(match: re.Match[str]) -> str:
    moment = datetime.strptime(match[0], "%A, %B %d, %Y %I:%M:%S %p")
    return time.asctime(moment.timetuple())
