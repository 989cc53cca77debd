"""Features and rows as an OGC GeoPackage."""

from collections.abc import Iterator

from gpserver.features.fields import OBJECT_ID
from gpserver.features.selection import Selection
from gpserver.formats.archive import pieces
from gpserver.formats.distinct import distinct
from gpserver.formats.gdal import files
from gpserver.formats.resource import Body, Resource

_MEDIA_TYPE = "application/geopackage+sqlite3"
_GEOMETRY = "geom"


def write(resource: Resource) -> Body:
    """The features or rows of a resource."""
    assert resource.features is not None
    name = f"{resource.name}.gpkg"
    return Body(_content(resource.features, name), _MEDIA_TYPE, name)


def _content(selection: Selection, name: str) -> Iterator[bytes]:
    _, *names = distinct([_GEOMETRY, *(field["name"] for field in selection.chosen_fields)])
    # The object ids are the keys of the rows.
    options = {"FID": OBJECT_ID, "GEOMETRY_NAME": _GEOMETRY}
    with files(selection, name, "GPKG", names, _GEOMETRY, **options) as [file]:
        yield from pieces(file)
