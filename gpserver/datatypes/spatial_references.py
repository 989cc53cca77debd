"""GPSpatialReference and GPCoordinateSystem: a CRS as a value."""

import re
from collections.abc import Mapping
from typing import Any

from pyproj import CRS
from pyproj.crs import CompoundCRS
from pyproj.exceptions import CRSError

from gpserver.datatypes.base import NO_SOURCE, DataType, Source
from gpserver.datatypes.raw import as_sent, members, quote, single
from gpserver.errors import InvalidValue
from gpserver.features import describe_spatial_reference, parse_spatial_reference

# The keys of a projection file, and those of the reference that each is.
_FILES = {"projectionfile": "url", "projectionfileitemid": "itemID"}
_MEMBERS = {"latestwkid": "latestWkid"}
_VERTICAL = {"vcswkid": "wkid", "latestvcswkid": "latestWkid", "vcsname": "name"}
_KNOWN = ("wkid", "latestwkid", "wkt", "wkt2", "name")
_FILE_BYTES = 100_000  # more than any WKT
# PROJ takes names and much else, files of this machine among it: only what can be a name alone passes.
_NAME = re.compile(r"[\w .,/()'-]{2,100}")
_QUALIFIED = re.compile(r"(.+) \((.+)\)")


class GPSpatialReference(DataType):
    """A spatial reference: a well-known id, WKT, name or projection file, horizontal and vertical."""

    name = "GPSpatialReference"
    python = (CRS,)

    def decode(self, value: object, source: Source = NO_SOURCE) -> CRS | None:
        """Read a spatial reference; of what it says the first counts: wkid, WKT, name, projection file."""
        parts = members(as_sent(single(value)))
        file = {member: parts[key] for key, member in _FILES.items() if parts.get(key)}
        if file and not any(parts.get(key) for key in _KNOWN):
            return self.fetch(file, source)
        found: CRS | None = super().decode(value)
        return found

    def read(self, value: object) -> CRS | None:
        """Read the JSON object, a well-known id, ``EPSG:n``, WKT, or the name of a spatial reference."""
        parts = members(value)
        if not parts:
            return self._checked(_horizontal(value))
        found = self._checked(_horizontal({_MEMBERS.get(key, key): item for key, item in parts.items()}))
        vertical = {member: parts[key] for key, member in _VERTICAL.items() if parts.get(key)}
        return _compound(found, _horizontal(vertical)) if vertical else found

    def fetch(self, reference: Mapping[str, Any], source: Source) -> CRS:
        """Read a projection file, which holds WKT."""
        with source.file(reference).open("rb") as file:
            text = file.read(_FILE_BYTES).decode(errors="replace").strip()
        found = parse_spatial_reference(text)
        if found is None:
            raise InvalidValue("The projection file is empty.")
        return found

    def write(self, value: Any) -> dict[str, Any]:
        """Give the well-known ids, and WKT for a system of one's own."""
        if not isinstance(value, CRS):
            raise InvalidValue(f"{quote(value)} is not a pyproj CRS.")
        if not value.is_compound or value.to_authority():
            return describe_spatial_reference(value)
        horizontal, vertical = map(describe_spatial_reference, value.sub_crs_list)
        if "wkt" in horizontal or "wkt" in vertical:
            return describe_spatial_reference(value)
        return horizontal | {"vcsWkid": vertical["wkid"], "latestVcsWkid": vertical["latestWkid"]}

    def _checked(self, found: CRS | None) -> CRS | None:
        if found is not None and found.is_vertical and not found.is_compound:
            raise InvalidValue(
                f"{found.name} is a vertical spatial reference alone; send a horizontal one too."
            )
        return found


class GPCoordinateSystem(GPSpatialReference):
    """The same under the name of a coordinate system."""

    name = "GPCoordinateSystem"


def _horizontal(value: Any) -> CRS | None:
    """A spatial reference by id or WKT, else by its name."""
    name = value.get("name") if isinstance(value, Mapping) else value
    try:
        return parse_spatial_reference(value) or _named(name)
    except InvalidValue:
        found = _named(name)
        if found is None:
            raise
        return found


def _named(name: object) -> CRS | None:
    """The spatial reference of a name of EPSG or Esri: ``World_Sinusoidal``, ``Sinusoidal (World)``."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return None
    for spelling in (name, _QUALIFIED.sub(r"\2_\1", name).replace(" ", "_")):
        try:
            return CRS.from_user_input(spelling)
        except CRSError:
            continue
    return None


def _compound(horizontal: CRS | None, vertical: CRS | None) -> CRS:
    if horizontal is None or vertical is None:
        raise InvalidValue("A vertical spatial reference needs a horizontal one.")
    try:
        return CompoundCRS(f"{horizontal.name} + {vertical.name}", [horizontal, vertical])
    except CRSError as error:
        raise InvalidValue(f"{horizontal.name} and {vertical.name} do not go together.") from error
