"""The geometry of a query: from text to shapely, in the layer's CRS."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely
from pyproj import CRS
from pyproj.exceptions import ProjError
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from gpserver.errors import InvalidRequest, InvalidValue
from gpserver.features.json_geometry import join_chunks, kind_of, read_chunk
from gpserver.features.parse import read_json
from gpserver.features.shapely_geometry import to_geometry
from gpserver.features.spatialref import parse_spatial_reference, same_crs, transformer
from gpserver.tools.globe import Globe, globe_of

ENVELOPE = "esriGeometryEnvelope"
_KINDS = (
    "esriGeometryPoint",
    "esriGeometryMultipoint",
    "esriGeometryPolyline",
    "esriGeometryPolygon",
    ENVELOPE,
)
_SIDES = ("xmin", "ymin", "xmax", "ymax")
_MARGIN = 30.0  # degrees
_EDGES = 64  # straight in one CRS is bent in another: so many pieces at least along the longer side


def read_geometry(text: object, geometry_type: str, in_sr: object, layer_crs: CRS | None) -> BaseGeometry:
    """Read the geometry of a query.

    Args:
        text: JSON of a point, multipoint, polyline, polygon or envelope (text or parsed), or bare ``x,y`` or
            ``xmin,ymin,xmax,ymax``; corners of an envelope in any order.
        geometry_type: Esri's name; what the keys of the JSON say counts more.
        in_sr: The spatial reference in any form, if the geometry has none of its own; that of the layer if
            there is none at all.
        layer_crs: The CRS to give it in.

    Returns:
        A valid geometry without z and m; empty when it has no coordinates. Edges are bent along when the CRS
        changes. A geographic or Web Mercator one that goes on beyond 180° comes in again on the other side.

    Raises:
        InvalidRequest: The text is no geometry, or the geometry cannot be in the layer's CRS.
    """
    if geometry_type and geometry_type not in _KINDS:
        raise InvalidRequest(f"'geometryType' parameter is invalid: use one of {', '.join(_KINDS)}.")
    try:
        value = _bare(text, geometry_type) or read_json(text)
        if not isinstance(value, Mapping):
            raise InvalidValue("it is neither JSON of a geometry nor x,y nor xmin,ymin,xmax,ymax.")
        geometry = _envelope(value) if "xmin" in value else _shape(value, geometry_type)
        source = parse_spatial_reference(value.get("spatialReference") or in_sr) or layer_crs
        return reprojected_geometry(geometry, source, layer_crs)
    except InvalidValue as error:
        raise InvalidRequest(f"'geometry' parameter is invalid: {error}") from error


def _bare(text: object, geometry_type: str) -> dict[str, float] | None:
    """The object of bare numbers; None when the text is something else."""
    if not isinstance(text, str) or "{" in text:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        return None
    keys = _SIDES if geometry_type in (ENVELOPE, "") and len(numbers) == 4 else ("x", "y")
    if len(numbers) != len(keys):
        raise InvalidValue(f"{geometry_type} is not written as {len(numbers)} numbers.")
    return dict(zip(keys, numbers, strict=True))


def _envelope(value: Mapping[str, Any]) -> BaseGeometry:
    try:
        x1, y1, x2, y2 = (float("nan" if value[key] is None else value[key]) for key in _SIDES)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidValue("an envelope needs xmin, ymin, xmax and ymax, all numbers.") from error
    if not all(map(math.isfinite, (x1, y1, x2, y2))):
        return shapely.Polygon()
    return _box(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))


def _box(xmin: float, ymin: float, xmax: float, ymax: float) -> BaseGeometry:
    """A polygon, or the line or point that is left of it without width or height."""
    if xmin == xmax and ymin == ymax:
        return shapely.Point(xmin, ymin)
    if xmin == xmax or ymin == ymax:
        return shapely.LineString([(xmin, ymin), (xmax, ymax)])
    return shapely.box(xmin, ymin, xmax, ymax)


def _shape(value: Mapping[str, Any], geometry_type: str) -> BaseGeometry:
    kind = kind_of([value]) or geometry_type
    if kind not in _KINDS[:4]:
        raise InvalidValue("the JSON has none of x, points, paths, rings and xmin.")
    shapes = join_chunks(kind, [read_chunk(kind, [value], 0, False)], 0)
    geometry = to_geometry(shapes)[0]
    return shapely.Point() if geometry is None else shapely.make_valid(shapely.force_2d(geometry))


def reprojected_geometry(geometry: BaseGeometry, source: CRS | None, target: CRS | None) -> BaseGeometry:
    """A valid geometry in another CRS; as it is when nothing changes or a CRS is not known.

    Raises:
        InvalidRequest: It lies where the other CRS has no coordinates.
    """
    if source is None or target is None or geometry.is_empty or same_crs(source, target):
        return geometry
    globe = globe_of(source)
    if globe:
        geometry = _in_the_world(geometry, globe)
        geometry = _where_projected(geometry, globe, target)
    moved = _transformed(geometry, source, target)
    if moved is None:
        raise InvalidRequest(
            "'geometry' parameter is invalid: it lies where the layer's spatial reference has no coordinates."
        )
    return moved


def _in_the_world(geometry: BaseGeometry, globe: Globe) -> BaseGeometry:
    """What goes on beyond 180° comes in again on the other side; what is beyond a pole is nowhere."""
    south, north = globe.y(np.array([-90.0, 90.0])).tolist()
    world = (-globe.half_width, south, globe.half_width, north)
    xmin, ymin, xmax, ymax = geometry.bounds
    if xmin >= world[0] and ymin >= south and xmax <= world[2] and ymax <= north:
        return geometry
    turns = [translate(geometry, turn * 2 * globe.half_width) for turn in (-1, 0, 1)]
    return shapely.union_all(shapely.intersection(turns, shapely.box(*world)))


def _where_projected(geometry: BaseGeometry, globe: Globe, target: CRS) -> BaseGeometry:
    """What of a geometry a projection was made for, widely; further off it may fold or turn over."""
    area = target.area_of_use
    if area is None or target.is_geographic:
        return geometry
    unit, east = globe.half_width / 180, area.east + 360 * (area.east < area.west)
    bottom, top = globe.y(np.clip([area.south - _MARGIN, area.north + _MARGIN], -90, 90)).tolist()
    window = shapely.box((area.west - _MARGIN) * unit, bottom, (east + _MARGIN) * unit, top)
    return shapely.intersection(geometry, _in_the_world(window, globe))


def _transformed(geometry: BaseGeometry, source: CRS, target: CRS) -> BaseGeometry | None:
    """The geometry in another CRS; None when a vertex has no place there."""
    if geometry.is_empty:
        return geometry
    xmin, ymin, xmax, ymax = geometry.bounds
    side = max(xmax - xmin, ymax - ymin)
    bent = shapely.segmentize(geometry, side / _EDGES) if side else geometry
    move = transformer(source, target)
    try:
        moved = shapely.transform(bent, lambda xy: np.stack(move.transform(*xy.T), axis=1))
    except ProjError:
        return None
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        return None
    return _straightened(shapely.make_valid(moved))


def _straightened(geometry: BaseGeometry) -> BaseGeometry:
    """A window that stayed one, without the vertices along its sides: rows inside are then found by boxes."""
    box = shapely.box(*geometry.bounds)
    return box if geometry.area > 0 and abs(geometry.area / box.area - 1) < 1e-12 else geometry
