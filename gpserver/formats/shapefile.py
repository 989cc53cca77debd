"""Features as a zipped shapefile."""

from collections.abc import Iterator
from pathlib import Path

from gpserver.features.selection import Selection
from gpserver.formats.archive import Member, archive, pieces
from gpserver.formats.distinct import distinct
from gpserver.formats.gdal import files
from gpserver.formats.resource import Body, Resource

_MEDIA_TYPE = "application/zip"
_LONGEST = 10  # bytes of a name in a dBASE table


def write(resource: Resource) -> Body:
    """The features of a resource; where names had to be cut, the archive says what they were."""
    assert resource.features is not None
    return Body(_pack(resource.features, resource.name), _MEDIA_TYPE, f"{resource.name}.zip")


def _pack(selection: Selection, name: str) -> Iterator[bytes]:
    names = [field["name"] for field in selection.chosen_fields]
    short = distinct(names, _LONGEST)
    note = "".join(
        f"{cut}\t{whole}\n" for cut, whole in zip(["name", *short], ["field", *names], strict=True)
    )
    with files(selection, f"{name}.shp", "ESRI Shapefile", short, "geometry", ENCODING="UTF-8") as parts:
        members = [Member(Path(part.name).name, pieces(part)) for part in parts]
        yield from archive(members if short == names else [*members, Member("fields.txt", [note.encode()])])
