"""What lies within a distance of a geometry: planes in which distances from it are true."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from pyproj import CRS, Proj
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from gpserver.features.shapes import Array
from gpserver.tools.globe import Globe, globe_of

# A piece of the geometry at most this wide has a plane of its own: at 100 km from its middle an azimuthal
# equidistant plane is true to 0.005 %. A geometry wider than 16 pieces is cut into 16 by 16.
_PIECE_DEGREES = 2.0
_PIECES = 16
# Edges are straight in the layer's CRS; they are bent in the plane to this share of the distance.
_BENT_TO = 1e-4
_QUARTER = 64
_MORE = 1.01


@dataclass(frozen=True)
class Window:
    """Where to look for what is within a distance of a place, in the layer's CRS.

    Attributes:
        box: xmin, ymin, xmax, ymax; everything that is near is here.
        place: The place; beyond 180° for the box that is on the other side.
        bound: Everything that is near is within this of the place, in units of the CRS.
    """

    box: tuple[float, float, float, float]
    place: BaseGeometry
    bound: float


@dataclass(frozen=True)
class Reach:
    """A geometry and how far it reaches, in a plane of its own.

    Attributes:
        geometry: In the plane.
        distance: In units of the plane.
        window: Where to look.
        projection: From degrees to the plane; None where the plane is that of the layer's CRS.
        globe: How the layer's CRS lies on the Earth; None in the plane of the CRS.
    """

    geometry: BaseGeometry
    distance: float
    window: Window
    projection: Proj | None = None
    globe: Globe | None = None

    def touches(self, features: Array) -> Array:
        """Which features, in the layer's CRS, are within the distance."""
        shapely.prepare(self.window.place)
        near = np.asarray(shapely.dwithin(self.window.place, features, self.window.bound))
        if self.projection is not None:
            shapely.prepare(self.geometry)
            near[near] = shapely.dwithin(self.geometry, self.onto(features[near]), self.distance)
        return near

    def grown(self) -> BaseGeometry:
        """The area within the distance, in the plane."""
        return shapely.buffer(self.geometry, self.distance, quad_segs=_QUARTER)

    def onto(self, features: Array) -> Array:
        """The features in the plane, without what is out of reach (it may lie round the Earth)."""
        if self.projection is None or self.globe is None:
            return features
        longest = _longest_edge(self.globe, self.distance)
        parts = shapely.segmentize(shapely.clip_by_rect(features, *self.window.box), longest)
        return np.asarray(_projected(parts, self.globe, self.projection), object)


def reaches(geometry: BaseGeometry, distance: float, crs: CRS | None, *, whole: bool) -> Iterator[Reach]:
    """The geometry, or pieces of it, each with a plane; what is within the distance of a piece is of it all.

    A geographic or Web Mercator CRS is measured on its ellipsoid: distances from a point are geodesics, those
    from lines and polygons are true to some 0.01 %. Any other CRS is a plane; without one, in metres.

    Args:
        geometry: In this CRS, not empty.
        distance: Metres.
        crs: The layer's.
        whole: Whether the geometry must not be cut, at the cost of truth where it is very large.
    """
    globe = globe_of(crs) if crs else None
    if globe is None:
        reach = distance / (float(crs.axis_info[0].unit_conversion_factor) if crs else 1.0)
        xmin, ymin, xmax, ymax = geometry.bounds
        box = (xmin - reach, ymin - reach, xmax + reach, ymax + reach)
        yield Reach(geometry, reach, Window(box, geometry, reach))
        return
    for piece in [geometry] if whole else _pieces(geometry, globe):
        projection = _projection(piece, globe)
        bent = shapely.segmentize(piece, _longest_edge(globe, distance))
        projected: Any = _projected(bent, globe, projection)
        for window in _windows(piece, distance, globe):
            yield Reach(projected, distance, window, projection, globe)


def _pieces(geometry: BaseGeometry, globe: Globe) -> list[BaseGeometry]:
    xmin, ymin, xmax, ymax = geometry.bounds
    least = _PIECE_DEGREES / 180 * globe.half_width
    counts = [min(_PIECES, int(side // least) + 1) for side in (xmax - xmin, ymax - ymin)]
    if counts == [1, 1]:
        return [geometry]
    x, y = (
        np.linspace(low, high, n + 1) for low, high, n in zip((xmin, ymin), (xmax, ymax), counts, strict=True)
    )
    west, south = (corner.ravel() for corner in np.meshgrid(x[:-1], y[:-1]))
    east, north = (corner.ravel() for corner in np.meshgrid(x[1:], y[1:]))
    pieces = shapely.intersection(geometry, shapely.box(west, south, east, north))
    return list(pieces[~shapely.is_empty(pieces)])


def _projection(piece: BaseGeometry, globe: Globe) -> Proj:
    """Azimuthal equidistant around the middle of a piece."""
    xmin, ymin, xmax, ymax = piece.bounds
    longitude, latitude = _degrees(np.array([[(xmin + xmax) / 2, (ymin + ymax) / 2]]), globe)[0]
    return Proj(proj="aeqd", lon_0=longitude, lat_0=latitude, a=globe.geod.a, b=globe.geod.b)


def _projected(geometry: Any, globe: Globe, projection: Proj) -> Any:
    return shapely.transform(
        geometry, lambda coords: np.stack(projection(*_degrees(coords, globe).T), axis=1)
    )


def _degrees(coords: Array, globe: Globe) -> Array:
    return np.stack([coords[:, 0] * (180 / globe.half_width), globe.latitude(coords[:, 1])], axis=1)


def _longest_edge(globe: Globe, distance: float) -> float:
    """How long an edge may be, in units of the CRS, so that its arc leaves it by a share of the distance.

    The sagitta of an arc of length s on a sphere of radius r is s² / 8r.
    """
    metres = np.sqrt(8 * globe.geod.a * max(distance * _BENT_TO, 1e-3))
    return float(metres / (np.pi * globe.geod.a) * globe.half_width)


def _windows(piece: BaseGeometry, distance: float, globe: Globe) -> list[Window]:
    """Where to look for what is within the distance of a piece: one window, or one at each side of 180°.

    On a sphere an angular distance d from latitude φ reaches arcsin(sin d / cos φ) to the east and west.
    """
    xmin, ymin, xmax, ymax = piece.bounds
    south, north = globe.latitude(np.array([ymin, ymax])).tolist()
    angle = np.degrees(distance * _MORE / globe.geod.b)
    bottom, top = globe.y(np.clip([south - angle, north + angle], -90, 90)).tolist()
    world = globe.half_width
    slant = np.cos(np.radians(max(abs(south), abs(north))))
    share = np.sin(np.radians(angle)) / slant if south - angle > -90 and north + angle < 90 else 1.0
    wide = float(np.arcsin(min(share, 1.0)) / np.pi * world)
    if share >= 1 or 2 * wide + xmax - xmin >= 2 * world:
        return [Window((-world, bottom, world, top), piece, np.inf)]
    bound = np.hypot(wide, max(top - ymax, ymin - bottom))
    windows = [Window((xmin - wide, bottom, xmax + wide, top), piece, bound)]
    for turn in (2 * world, -2 * world):
        low, high = max(xmin - wide + turn, -world), min(xmax + wide + turn, world)
        if low <= high:
            windows.append(Window((low, bottom, high, top), translate(piece, turn), bound))
    return windows
