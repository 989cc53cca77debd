"""The vicinity of a place: short geodesics by their power series, many times as fast as one by one.

The series are Legendre's of the direct problem, up to the third order (Rapp, "Geometric Geodesy", Part I,
Ohio State University 1991). What they leave out is less than a fifth of ``reach``³, of the distance.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gpserver.tools.globe import Floats, Globe

Rows = NDArray[np.intp]

# Of reach: within it the series are true to 2e-6 of the distance.
FARTHEST = 0.02

# Each turn leaves at most some hundredths of the error before.
TURNS = 3

# Vertices at once: what the processor's cache holds is done in a third of the time.
CHUNK = 8192


def reach(globe: Globe, centres: Floats, meters: Floats) -> Floats:
    """How far a distance is for the series: in radii of the Earth, and more the nearer a pole is."""
    return np.asarray(meters / globe.geod.a * (1 + np.abs(np.tan(np.radians(centres[:, 1])))))


def series(globe: Globe, centres: Floats) -> Floats:
    """The coefficients of the series about each centre (in degrees), shape (8, n)."""
    latitude, es = np.radians(centres[:, 1]), globe.geod.es
    cosine, t = np.cos(latitude), np.tan(latitude)
    squared = es / (1 - es) * cosine**2
    steep = t * t
    return np.stack(
        [
            globe.geod.a / np.sqrt(1 - es * np.sin(latitude) ** 2),
            cosine,
            1 + squared,
            t,
            (1 + 3 * steep + squared) / 3,
            1.5 * squared * t,
            (1 + 3 * steep + squared - 9 * squared * steep) / 6,
            squared * (1 - steep) / 2,
        ]
    )


def away(coefficients: Floats, owner: Rows, plane: Floats) -> Floats:
    """Degrees east and north of their centres, of metres in the planes about them, shape (m, 2) both."""
    return _chunked(_away, coefficients, owner, plane)


def from_centre(coefficients: Floats, owner: Rows, degrees: Floats) -> Floats:
    """Metres in the planes about their centres, of degrees east and north of them: the series solved."""
    return _chunked(_from_centre, coefficients, owner, degrees)


def _chunked(
    work: Callable[..., tuple[Floats, Floats]], coefficients: Floats, owner: Rows, flat: Floats
) -> Floats:
    found = np.empty_like(flat)
    for at in range(0, len(flat), CHUNK):
        part = slice(at, at + CHUNK)
        found[part, 0], found[part, 1] = work(*coefficients[:, owner[part]], flat[part])
    return found


def _away(radius: Floats, cosine: Floats, stretch: Floats, *rest: Floats) -> tuple[Floats, Floats]:
    *bends, plane = rest
    east, north = plane[:, 0] / radius, plane[:, 1] / radius
    along, up = _bend(east, north, bends)
    return np.degrees((east + along) / cosine), np.degrees((north + up) * stretch)


def _from_centre(radius: Floats, cosine: Floats, stretch: Floats, *rest: Floats) -> tuple[Floats, Floats]:
    *bends, degrees = rest
    east, north = first = np.radians(degrees[:, 0]) * cosine, np.radians(degrees[:, 1]) / stretch
    for _ in range(TURNS):
        along, up = _bend(east, north, bends)
        east, north = first[0] - along, first[1] - up
    return east * radius, north * radius


def _bend(east: Floats, north: Floats, bends: list[Floats]) -> tuple[Floats, Floats]:
    """The terms of second and third order to the east and to the north, in radians of the great circle."""
    t, east_north2, north2, north_east2, north3 = bends
    e2, n2 = east * east, north * north
    along = east * (t * north + east_north2 * n2 - t * t / 3 * e2)
    up = -(t / 2 * e2 + north2 * n2 + north * (north_east2 * e2 + north3 * n2))
    return along, up
