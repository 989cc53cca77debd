"""Which ArcGIS the server says it is, and what follows from that: the one place where it is decided.

The version is the setting ``current_version``; it promises what clients derive from a version number. Nothing
is hidden because the number is lower than the release that brought it: ``progress`` (10.8.1), ``metadata``
(10.9.1), ``parameterInfos`` (11.0), lists of ``inputs`` and ``results`` (11.1), ``validate`` and the filters
``codedValue`` and ``composite`` (12.0) are members, words and URLs of their own, and a client that does not
know them does not look at them; ``choiceList`` stays beside every ``codedValue`` filter for it. A data type
of a later release stands where the publisher put it, for no older one says the same.

What ArcGIS may do and this server does not, it does not mention: there is no ``cimVersion`` and no ``schema``
of a service, no webhooks, and no parameter for output feature or image services.
"""

from gpserver.datatypes import Element
from gpserver.publishing import Service

_VALIDATE = "Validate"
_UPLOADS = "Uploads"


def full_version(version: float) -> str:
    """A version number in words: 10.91 is 10.9.1, 11.1 is 11.1.0."""
    major, _, minor = f"{version:g}".partition(".")
    # Before 11.0 the second digit behind the point is the patch, as in 10.81.
    parts = [major, minor[:1] or "0", minor[1:] or "0"] if version < 11 else [major, minor or "0", "0"]
    return ".".join(parts)


def capabilities(service: Service) -> str:
    """What a service can do besides its tasks, as ArcGIS lists it."""
    return ",".join([_UPLOADS] * takes_uploads(service) + [_VALIDATE])


def takes_uploads(service: Service) -> bool:
    """Whether a task of the service has an input that may come from an uploaded item."""
    return any(_refers(item) for task in service.tasks for item in task.inputs)


def _refers(element: Element) -> bool:
    return element.data_type.refers or any(map(_refers, element.parts))
