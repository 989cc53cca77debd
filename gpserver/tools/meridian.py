"""The seam of the world: geometry that reaches over 180° is cut there and brought back in."""

import numpy as np
import shapely

from gpserver.tools.circles import Geometries
from gpserver.tools.globe import Globe

# A billionth of the world's width: what rounding may leave beyond its edge.
SLACK = 1e-9


def within_world(geometry: Geometries, globe: Globe | None) -> Geometries:
    """Cut geometry at x = ±half_width, and turn what lies beyond into the world.

    What reaches from 170° to 190° becomes 170° to 180° and -180° to -170°, two parts of one geometry, as
    RFC 7946 (3.1.9) has it. Nothing changes in the plane (no globe), nor what lies inside of the world: a
    polygon from -179° to 179° is taken at its word and is 358° wide, as in PostGIS and QGIS.
    """
    if globe is None or not len(geometry):
        return geometry
    bounds = shapely.bounds(geometry)
    over = np.fmax(-bounds[:, 0], bounds[:, 2]) / globe.half_width - 1
    if not (over > 0).any():
        return geometry
    found, beyond, rounded = geometry.copy(), over > SLACK, (over > 0) & (over <= SLACK)
    found[beyond] = _cut(geometry[beyond], bounds[beyond], globe)
    found[rounded] = _clipped(geometry[rounded], globe)
    return found


def _clipped(geometry: Geometries, globe: Globe) -> Geometries:
    """Back on the edge what rounding left beyond it."""
    flat = shapely.get_coordinates(geometry, include_z=True)
    flat[:, 0] = np.clip(flat[:, 0], -globe.half_width, globe.half_width)
    return np.asarray(shapely.set_coordinates(geometry.copy(), flat))


def _cut(geometry: Geometries, bounds: np.ndarray, globe: Globe) -> Geometries:
    wide = 2 * globe.half_width
    home = -np.round((bounds[:, 0] + bounds[:, 2]) / 2 / wide) * wide
    world = shapely.box(-globe.half_width, -globe.half_height, globe.half_width, globe.half_height)
    pieces = [
        shapely.intersection(moved(geometry, home + turn * wide), world)
        for turn in range(-_turns(bounds, wide), _turns(bounds, wide) + 1)
    ]
    return np.asarray(shapely.union_all(np.asarray(pieces), axis=0))


def moved(geometry: Geometries, east: np.ndarray) -> Geometries:
    """The same geometry further east, each by its own amount."""
    coordinates, owner = shapely.get_coordinates(geometry, return_index=True)
    coordinates[:, 0] += east[owner]
    return np.asarray(shapely.set_coordinates(geometry.copy(), coordinates))


def _turns(bounds: np.ndarray, wide: float) -> int:
    return int(np.ceil((bounds[:, 2] - bounds[:, 0]).max() / wide / 2 + 0.5))
