"""Geometries as a layer takes them: in its spatial reference, two-dimensional, of its type."""

from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from gpserver.errors import InvalidValue
from gpserver.features.spatialref import same_crs

_MULTI = {"Point": "MultiPoint", "LineString": "MultiLineString", "Polygon": "MultiPolygon"}
_SINGLE = {multi: single for single, multi in _MULTI.items()}
# By shapely's type ids; a linear ring is a line, and -1, which finds the last, is null.
_NAMES = np.array(
    ["Point", "LineString", "LineString", "Polygon", *_SINGLE, "GeometryCollection", ""],
    object,
)


def common_type(geometries: gpd.GeoSeries) -> str | None:
    """The type of a layer that takes all of these, lines and polygons as multi ones; None for a mixture."""
    there = set(_type_names(geometries.to_numpy())) - {""}
    if there == {"Point"}:
        return "Point"
    types = {_MULTI.get(name, name) for name in there}
    (name,) = types if len(types) == 1 else ("GeometryCollection",)
    return None if name == "GeometryCollection" else name


def fitted(geometries: gpd.GeoSeries, kind: str | None, crs: Any) -> Any:
    """Geometries fit for a layer, as a numpy array.

    Those without a CRS are taken as they stand. Z and M are dropped: a layer is two-dimensional, as every
    geometry that EverGIS sends or takes. A single geometry becomes a multi one of one part and the other way
    round where the layer asks for it; nothing else is changed.

    Raises:
        InvalidValue: A geometry is of another type, or has no place in the CRS of the layer.
    """
    if crs is not None and geometries.crs is not None and not same_crs(geometries.crs, crs):
        geometries = geometries.to_crs(crs)
        _check_finite(geometries, crs)
    values = shapely.force_2d(geometries.to_numpy())
    return values if kind is None else _typed(values, kind)


def _check_finite(geometries: gpd.GeoSeries, crs: Any) -> None:
    bounds = geometries.bounds.to_numpy()
    lost = np.isinf(bounds).any(axis=1) | (np.isnan(bounds).any(axis=1) & ~_nothing(geometries))
    if lost.any():
        raise InvalidValue(
            f"{int(lost.sum())} geometries have no place in the spatial reference {crs.to_string()[:60]} of"
            f" the layer, first that of row {int(lost.argmax()) + 1}: they are outside of its area."
        )


def _nothing(geometries: gpd.GeoSeries) -> Any:
    return (geometries.isna() | geometries.is_empty).to_numpy()


def _typed(values: Any, kind: str) -> Any:
    there = _type_names(values)
    other = (there != kind) & (there != "")
    if not other.any():
        return values
    values, single = values.copy(), _SINGLE.get(kind)
    empty = other & shapely.is_empty(values)  # nothing is nothing, whatever its type
    values[empty] = shapely.from_wkt(f"{kind} EMPTY")
    if single:
        chosen = other & ~empty & (there == single)
        values[chosen] = _as_multi(values[chosen], kind)
    else:
        chosen = other & (there == _MULTI.get(kind, "")) & (shapely.get_num_geometries(values) == 1)
        values[chosen] = shapely.get_geometry(values[chosen], 0)
    _refuse(there, other & ~empty & ~chosen, kind)
    return values


def _type_names(values: Any) -> Any:
    """OGC names; "" for null."""
    return _NAMES[shapely.get_type_id(values)]


def _as_multi(values: Any, kind: str) -> Any:
    make: dict[str, Any] = {"MultiPoint": shapely.multipoints, "MultiLineString": shapely.multilinestrings}
    return make.get(kind, shapely.multipolygons)(values.reshape(-1, 1))


def _refuse(there: Any, wrong: Any, kind: str) -> None:
    if wrong.any():
        raise InvalidValue(
            f"The layer takes geometries of the type {kind}, but row {int(wrong.argmax()) + 1} is a"
            f" {there[wrong][0]} ({int(wrong.sum())} such rows)."
        )
