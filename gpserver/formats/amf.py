"""Resources as AMF3, which clients written in Flex read; there with the extra ``gpserver[amf]``."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from gpserver.formats.json import text_of
from gpserver.formats.resource import Body, Resource

INSTALLED = find_spec("pyamf") is not None
_MEDIA_TYPE = "application/x-amf"


def write(resource: Resource) -> Body:
    """The value that the JSON of a resource has."""
    return Body(_encoded(resource.value), _MEDIA_TYPE)


def _encoded(value: Any) -> Iterator[bytes]:
    import pyamf

    text = text_of(value, 0)
    whole = json.loads(text if isinstance(text, bytes) else b"".join(text), object_hook=_named)
    yield pyamf.encode(whole, encoding=pyamf.AMF3).getvalue()


def _named(members: dict[str, Any]) -> dict[str, Any]:
    # An empty name is what ends an object of AMF.
    return {name or "_": value for name, value in members.items()} if "" in members else members
