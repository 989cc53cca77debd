"""What part of the world a picture shows: its size in pixels, its extent, and the scale that follows."""

from dataclasses import dataclass
from math import isfinite

from pyproj import CRS

from gpserver.errors import InvalidRequest
from gpserver.features import transformer

Box = tuple[float, float, float, float]
"""xmin, ymin, xmax, ymax."""

_METRES_PER_DEGREE = 111_319.490793  # of the equator of WGS84, as ArcGIS takes scales of geographic maps
_INCHES_PER_METRE = 39.37  # the inch that ArcGIS counts scales in
_EDGE_POINTS = 21  # of each side of a box that goes to another spatial reference


@dataclass(frozen=True, slots=True)
class View:
    """A window on the map.

    Attributes:
        box: The extent in units of ``crs``, of the same shape as the picture.
        width: Pixels.
        height: Pixels.
        crs: The spatial reference of the picture; None where that of the layers is not known either.
        dpi: Pixels per inch; symbols are measured in points.
        rotation: Degrees, counter-clockwise.
    """

    box: Box
    width: int
    height: int
    crs: CRS | None
    dpi: float = 96.0
    rotation: float = 0.0

    @property
    def scale(self) -> float:
        """The denominator of the scale: metres on the ground for a metre of the picture."""
        return self.pixel * metres_per_unit(self.crs) * self.dpi * _INCHES_PER_METRE

    @property
    def pixel(self) -> float:
        """Map units of one pixel."""
        return (self.box[2] - self.box[0]) / self.width


def fitted(box: Box, width: int, height: int) -> Box:
    """The smallest box of the picture's shape around ``box``, so that nothing is cut off or distorted.

    A box may have its corners in any order and no extent at all.

    Raises:
        InvalidRequest: A number of it is not finite.
    """
    if not all(map(isfinite, box)):
        raise InvalidRequest("'bbox' needs four finite numbers: xmin,ymin,xmax,ymax.")
    xmin, xmax = sorted(box[::2])
    ymin, ymax = sorted(box[1::2])
    pixel = max((xmax - xmin) / width, (ymax - ymin) / height) or _least_pixel(box)
    x, y = (xmin + xmax) / 2, (ymin + ymax) / 2
    return x - pixel * width / 2, y - pixel * height / 2, x + pixel * width / 2, y + pixel * height / 2


def _least_pixel(box: Box) -> float:
    return max(map(abs, box)) * 1e-9 or 1e-9


def reprojected_box(box: Box, source: CRS | None, target: CRS | None) -> Box | None:
    """The box around ``box`` in another spatial reference; None when no part of it is there."""
    if source is None or target is None or source == target:
        return box
    xmin, ymin, xmax, ymax = transformer(source, target).transform_bounds(*box, densify_pts=_EDGE_POINTS)
    return (xmin, ymin, xmax, ymax) if all(map(isfinite, (xmin, ymin, xmax, ymax))) else None


def metres_per_unit(crs: CRS | None) -> float:
    """Metres of one unit of a spatial reference; coordinates without one are taken as metres."""
    if crs is None:
        return 1.0
    factor = float(crs.axis_info[0].unit_conversion_factor) if crs.axis_info else 1.0
    if crs.is_geographic:  # its unit is an angle, the factor radians
        return _METRES_PER_DEGREE * factor / 0.017453292519943295
    return factor
