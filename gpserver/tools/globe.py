"""The Earth under a spatial reference whose longitudes run along x: geographic, or Web Mercator."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Geod, Transformer

Floats = NDArray[np.float64]

# Web Mercator sends the poles to infinity; 11 m from them is as far north as anybody needs.
NEAREST_TO_POLE = 89.9999


@dataclass(frozen=True)
class Globe:
    """An ellipsoid, and how coordinates of a spatial reference lie on it.

    x grows in step with longitude from ``-half_width`` (180° W) to ``half_width`` (180° E). The world
    of the spatial reference ends at ``y = ±half_height``: the poles, or the edge of Web Mercator's square.
    """

    geod: Geod
    half_width: float
    half_height: float
    latitude: Callable[[Floats], Floats]
    """Degrees of latitude of y."""
    y: Callable[[Floats], Floats]
    """y of degrees of latitude."""


def measured(globe: Globe, start: Floats, end: Floats) -> tuple[Floats, Floats]:
    """Azimuth in degrees and metres of the geodesics between places in degrees, each of shape (n, 2)."""
    azimuth, _, meters = globe.geod.inv(start[:, 0], start[:, 1], end[:, 0], end[:, 1])
    return np.asarray(azimuth, dtype=np.float64), np.asarray(meters, dtype=np.float64)


def travelled(globe: Globe, start: Floats, azimuth: Floats, meters: Floats) -> Floats:
    """Where one comes to from places in degrees, shape (n, 2)."""
    longitude, latitude, _ = globe.geod.fwd(start[:, 0], start[:, 1], azimuth, meters)
    return np.column_stack([longitude, latitude])


def globe_of(crs: CRS) -> Globe | None:
    """The globe of a geographic or Web Mercator spatial reference; None for every other projection."""
    return _globe_of(crs.srs)


@lru_cache(maxsize=64)
def _globe_of(srs: str) -> Globe | None:
    crs = CRS.from_user_input(srs)
    if crs.is_geographic:
        return _geographic(crs)
    return _web_mercator(crs) if _is_web_mercator(crs) else None


def _geographic(crs: CRS) -> Globe:
    degrees = float(np.degrees(crs.axis_info[0].unit_conversion_factor))
    return Globe(
        geod=_geod(crs),
        half_width=180 / degrees,
        half_height=90 / degrees,
        latitude=lambda y: y * degrees,
        y=lambda latitude: latitude / degrees,
    )


def _web_mercator(crs: CRS) -> Globe:
    to_degrees = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    half_width = float(np.pi * _geod(crs).a)

    def latitude(y: Floats) -> Floats:
        return _second(to_degrees.transform(np.zeros_like(y), y))

    def y(latitude: Floats) -> Floats:
        inside = np.clip(latitude, -NEAREST_TO_POLE, NEAREST_TO_POLE)
        return _second(to_degrees.transform(np.zeros_like(inside), inside, direction="INVERSE"))

    return Globe(_geod(crs), half_width, half_width, latitude, y)


def _is_web_mercator(crs: CRS) -> bool:
    """EPSG:3857 (method 1024) and its elder forms EPSG:3785 and 900913, which are Mercator on a sphere."""
    operation, geod = crs.coordinate_operation, crs.get_geod()
    if operation is None or geod is None:
        return False
    if operation.method_name == "Popular Visualisation Pseudo Mercator":
        return True
    return operation.method_name.startswith("Mercator") and geod.f == 0


def _geod(crs: CRS) -> Geod:
    """The ellipsoid; an elder Web Mercator names a sphere, but its latitudes are those of WGS 84."""
    geod = crs.get_geod()
    return geod if geod and (geod.f or crs.is_geographic) else Geod(ellps="WGS84")


def _second(pair: tuple[Any, Any]) -> Floats:
    return np.asarray(pair[1], dtype=np.float64)
