"""Scenes as KMZ: a KML document packed together with its pictures."""

from collections.abc import Callable, Iterator

from gpserver.formats import kml
from gpserver.formats.archive import Member, archive
from gpserver.formats.resource import Body, Resource
from gpserver.formats.scene import Scene

_MEDIA_TYPE = "application/vnd.google-earth.kmz"
_PICTURES = "files"


def write(resource: Resource) -> Body:
    """The scene of a resource."""
    assert resource.scene
    return Body(_pack(resource.scene), _MEDIA_TYPE, f"{resource.name}.kmz")


def _pack(make: Callable[[], Scene]) -> Iterator[bytes]:
    scene = make()
    parts = kml.drawn(scene)
    # Globes open the first document that they find.
    members = [Member("doc.kml", kml.document(scene, parts, lambda path: f"{_PICTURES}/{path.name}"))]
    pictures = {picture for each in parts for picture in each.pictures if picture}
    members += [Member(f"{_PICTURES}/{path.name}", path) for path in sorted(pictures)]
    yield from archive(members)
