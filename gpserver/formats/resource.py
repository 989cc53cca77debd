"""What a handler answers, before anybody asked for a format."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gpserver.features.selection import Selection
from gpserver.formats.scene import Scene


@dataclass(frozen=True, slots=True)
class JSONText:
    """A value that exists only as JSON text, in chunks; it may stand anywhere inside a resource's value."""

    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a protocol: its value, and what a page needs beyond it.

    ``value`` is JSON-ready but for ``JSONText`` leaves; ``page`` names the template of its HTML form;
    ``path`` is the URL path that it was asked for under, for breadcrumbs and links.
    """

    value: Any
    title: str = ""
    page: str = "value"
    path: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    etag: str = ""
    """Changes whenever the value does; empty for a resource that is not polled."""
    location: str = ""
    """Where a browser goes instead of seeing this resource."""
    features: Selection | None = None
    """What formats for features write of it."""
    scene: Callable[[], Scene] | None = None
    """Puts together what formats for globes show of it; it may take its time."""
    name: str = ""
    """What a file of it is called, without suffix."""
    visitor: str | None = None
    """Who is signed in, or ``""``; None where nobody can."""
    query: str = ""
    """What it was asked with, without the format, for links to other formats of the same."""
    status: int = 200
    """HTTP status of the HTML form; the JSON form of this protocol's errors is always 200."""


@dataclass(frozen=True, slots=True)
class Body:
    """A resource in one format."""

    content: bytes | Iterator[bytes]
    media_type: str
    file: str = ""
    """The name under which a browser keeps it; empty for what is shown."""
