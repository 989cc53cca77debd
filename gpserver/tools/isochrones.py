"""Isochrones: the area that can be reached from places of a network within a time or a distance."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import numpy as np
import shapely
from geopandas import GeoDataFrame
from numpy.typing import ArrayLike
from pandas import DataFrame

from gpserver.errors import InvalidValue
from gpserver.tools.attributes import attributes_of, beside, framed, rows_of
from gpserver.tools.circles import Geometries
from gpserver.tools.counts import counted
from gpserver.tools.globe import Floats
from gpserver.tools.mercator import from_plane
from gpserver.tools.meridian import within_world
from gpserver.tools.network import Network
from gpserver.tools.operand import Rows, mended, of_dimension
from gpserver.tools.pieces import spots
from gpserver.tools.places import Places, places_of
from gpserver.tools.reach import Ways, ways_of
from gpserver.tools.reproject import reproject
from gpserver.tools.searches import batches, nearest_places, search, some_of
from gpserver.tools.surface import area_below, heights, surface_of
from gpserver.tools.union import union_of, united

Batches = Callable[[Sequence[Rows]], Iterable[Rows]]
Overlap = Literal["overlap", "dissolve", "split"]


def isochrones(
    network: Network,
    points: GeoDataFrame,
    breaks: ArrayLike,
    *,
    towards: bool = False,
    overlap: Overlap = "overlap",
    rings: bool = False,
    holes: bool = False,
    blocks: Batches = iter,
) -> GeoDataFrame:
    """Find the area that is reached from each point; a polygon for each point and break.

    The border runs through the exact places on the streets where the break is; between streets as ArcGIS
    draws it (see ``surface``; QGIS gives lines or a convex hull, pgRouting an alpha shape). Areas of greater
    breaks contain those of smaller ones, and around a single road an area is a band.

    The result has the attributes and the index of its point, so that the index says whose it is, and
    ``FromBreak`` and ``ToBreak``, in the spatial reference of the points. A point that is not on the network
    (see ``places_of``) has no area.

    Args:
        network: The network.
        points: Where to start, in any spatial reference.
        breaks: Seconds (metres in a network by length): shape (k,), or (n, k) with those of each point, where
            one that is no number gives no area.
        towards: Go to the points instead of away from them.
        overlap: Areas of several points may overlap, be dissolved into one for each break (without
            attributes), or be split where another point is nearer.
        rings: Cut the next smaller area out of each.
        holes: Leave holes where streets inside are not reached.
        blocks: Goes through the batches of work.

    Raises:
        InvalidValue: There is no break, or one is not greater than 0; or points whose areas are dissolved or
            split have breaks of their own.
    """
    limits = _limits(breaks, len(points), overlap)
    places = places_of(network, points)
    limits = limits[places.row]
    areas = np.full(limits.shape, None, dtype=object)
    for batch in blocks(batches(network, places)):
        areas[batch] = _areas(network, some_of(places, batch), limits[batch], towards, holes)
    if overlap == "split" and len(places.row):
        areas = _split(network, places, areas, float(limits.max()), towards)
    if overlap == "dissolve":
        areas, limits = np.array([[union_of(each) for each in areas.T]], dtype=object), limits[:1]
    if rings:
        areas = _hollow(areas)
    rows = None if overlap == "dissolve" else places.row
    found = _framed(network, points, rows, areas, limits, rings)
    return counted(found, read=len(points), lost=len(points) - len(places.row))


def _limits(breaks: ArrayLike, count: int, overlap: Overlap) -> Floats:
    limits = np.sort(np.atleast_1d(np.asarray(breaks, dtype=float)), axis=-1)
    if not limits.size and count:
        raise InvalidValue("An isochrone needs a break.")
    if ((limits <= 0) | np.isinf(limits)).any() or (limits.ndim < 2 and np.isnan(limits).any()):
        raise InvalidValue("Breaks of isochrones must be greater than 0, and not endless.")
    if limits.ndim == 2 and overlap != "overlap":
        raise InvalidValue("Areas of points with breaks of their own are neither dissolved nor split.")
    return np.asarray(np.nan_to_num(np.broadcast_to(limits, (count, limits.shape[-1]))))


def _areas(network: Network, places: Places, limits: Floats, towards: bool, holes: bool) -> Geometries:
    """The areas of a batch in the plane, shape (k, breaks)."""
    farthest = limits.max(axis=1, initial=0)
    found = np.full(limits.shape, None, dtype=object)
    reached = search(network, places, farthest.max(), towards=towards)
    surface = surface_of(network, reached, farthest)
    for row in range(len(limits)):
        ways = ways_of(network, reached, row, farthest[row])
        for column in np.flatnonzero(limits[row]):
            limit = limits[row, column]
            height = heights(surface, network, _costs(network, ways, limit), row, towards)
            found[row, column] = area_below(surface, height, limit, holes)
    return found


def _costs(network: Network, ways: Ways, limit: float) -> Floats:
    """What it takes to reach each node that is within the limit or the next one beyond it; shape (nodes,)."""
    entered = ways.passed <= limit
    found = np.full(network.nodes, np.inf)
    np.minimum.at(found, ways.node[entered], ways.cost[entered])
    return found


def _split(network: Network, places: Places, areas: Geometries, limit: float, towards: bool) -> Geometries:
    """Areas, shape (k, breaks), where no other place comes first: near to the nodes that each is first at."""
    owner = nearest_places(network, places, limit, towards)
    node = np.flatnonzero(owner >= 0)
    # A place of its own, too: it may be reached where no node is.
    points = np.concatenate(
        [
            network.plane[network.node_vertex[node]],
            spots(network, places.edge, places.share, network.plane),
        ]
    )
    owners = np.append(owner[node], np.arange(len(places.row)))
    low, high = points.min(axis=0), points.max(axis=0)
    wide = float((high - low).max()) or 1.0
    # A place at a node is the node's; two sites as good as one would make cells as thin as rounding.
    first = np.unique(np.rint((points - low) / wide * 1e7), axis=0, return_index=True)[1]
    # Corners so far away that no area comes near to them: cells of all others are as large as can be.
    corners = shapely.get_coordinates(shapely.box(*(low - 10 * wide), *(high + 10 * wide)))[:-1]
    sites = np.asarray(shapely.points(np.concatenate([points[first], corners])), dtype=object)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(sites)))
    site = np.asarray(shapely.STRtree(sites).nearest(cells), dtype=np.intp)
    inside = site < len(first)
    # What reaches far out is thinner there than arithmetic is exact.
    near = mended(shapely.clip_by_rect(cells[inside], *shapely.total_bounds(areas)))
    own = united(near, owners[first][site[inside]], len(places.row))
    return _some(shapely.intersection(areas, own[:, None]))


def _some(areas: Geometries) -> Geometries:
    """Areas, null where nothing of one is left."""
    return of_dimension(areas.ravel(), 2).reshape(areas.shape)


def _hollow(areas: Geometries) -> Geometries:
    """Areas, shape (k, breaks), less those of the next smaller break."""
    found, inner = areas.copy(), areas[:, :-1]
    found[:, 1:] = np.where(shapely.is_missing(inner), areas[:, 1:], shapely.difference(areas[:, 1:], inner))
    return _some(found)


def _framed(
    network: Network,
    points: GeoDataFrame,
    rows: Rows | None,
    areas: Geometries,
    limits: Floats,
    rings: bool,
) -> GeoDataFrame:
    """Features for all areas that there are, by point and break; without rows no point's attributes."""
    place, column = np.nonzero(~shapely.is_missing(areas))
    below = np.column_stack([np.zeros(len(limits)), limits[:, :-1]]) if rings else np.zeros_like(limits)
    facts = DataFrame({"FromBreak": below[place, column], "ToBreak": limits[place, column]})
    if rows is not None:
        facts = beside(rows_of(attributes_of(points), rows[place]), facts)
    flat = shapely.transform(areas[place, column], lambda each: from_plane(each, network.crs))
    found = framed(facts, within_world(flat, network.globe), network.crs)
    if rows is not None:
        found.index = points.index[rows[place]]
    return found if points.crs in (None, network.crs) or found.crs is None else reproject(found, points.crs)
