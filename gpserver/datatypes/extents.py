"""GPExtent and GPEnvelope: a box on the ground."""

from dataclasses import astuple, dataclass
from typing import Any

from pyproj import CRS

from gpserver.datatypes.base import DataType
from gpserver.datatypes.raw import members, number, quote, unquoted
from gpserver.errors import InvalidValue
from gpserver.features import describe_spatial_reference, parse_spatial_reference

_SIDES = ("xmin", "ymin", "xmax", "ymax")
_MORE = ("zmin", "zmax", "mmin", "mmax")


@dataclass(frozen=True, slots=True)
class Extent:
    """A box; x is east and y is north, in units of ``crs``.

    Args:
        xmin: The western side.
        ymin: The southern side.
        xmax: The eastern side.
        ymax: The northern side.
        crs: The spatial reference; None where it is not known.
        zmin: The lowest z, if there is any.
        zmax: The highest z.
        mmin: The least m, if there is any.
        mmax: The greatest m.
    """

    xmin: float
    ymin: float
    xmax: float
    ymax: float
    crs: CRS | None = None
    zmin: float | None = None
    zmax: float | None = None
    mmin: float | None = None
    mmax: float | None = None

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """xmin, ymin, xmax and ymax, as shapely takes them."""
        return self.xmin, self.ymin, self.xmax, self.ymax


class GPExtent(DataType):
    """An extent, ``{"xmin", "ymin", "xmax", "ymax", "spatialReference"}``, or four numbers."""

    name = "GPExtent"
    python = (Extent,)

    def read(self, value: object) -> Extent:
        """Read the JSON object, in Esri's two spellings, or text such as ``0,0,10,5``."""
        parts = members(value)
        sides = [parts.get(side) for side in _SIDES] if parts else unquoted(str(value).strip()).split(",")
        if len(sides) != len(_SIDES) or None in sides:
            raise InvalidValue(f"{quote(value)} is not an extent; send xmin, ymin, xmax and ymax.")
        west, south, east, north = (float(number(side)) for side in sides)
        if west > east or south > north:
            raise InvalidValue(f"{quote(value)} has a minimum above its maximum.")
        crs = parse_spatial_reference(parts.get("spatialreference") or parts.get("spatial_reference"))
        more = [None if parts.get(side) is None else float(number(parts[side])) for side in _MORE]
        return Extent(west, south, east, north, crs, *more)

    def write(self, value: Any) -> dict[str, Any]:
        """Give the JSON object."""
        if not isinstance(value, Extent):
            raise InvalidValue(f"{quote(value)} is not an Extent.")
        *sides, _, zmin, zmax, mmin, mmax = astuple(value)
        more = dict(zip(_MORE, (zmin, zmax, mmin, mmax), strict=True))
        box = dict(zip(_SIDES, map(number, sides), strict=True))
        reference = {"spatialReference": describe_spatial_reference(value.crs)} if value.crs else {}
        return box | {side: number(end) for side, end in more.items() if end is not None} | reference


class GPEnvelope(GPExtent):
    """The same under the name of an envelope."""

    name = "GPEnvelope"
