"""Scenes as KMZ: a KML document packed together with its pictures."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

from gpserver.formats import kml
from gpserver.formats.archive import Member, archive, pieces
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
    text = kml.document(scene, parts, lambda path: f"{_PICTURES}/{path.name}")
    pictures = {picture for each in parts for picture in each.pictures if picture}
    with ExitStack() as stack:
        # Open from now on: the studio keeps its pictures for minutes only.
        files = {path.name: stack.enter_context(path.open("rb")) for path in sorted(pictures)}
        members = [Member(f"{_PICTURES}/{name}", pieces(file)) for name, file in files.items()]
        # Globes open the first document that they find.
        yield from archive([Member("doc.kml", text), *members])
