"""The rows of a layer that a client asks for: conditions of both languages, geometries, order, pages."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from gpserver.eql import Expression, read_condition, read_select, read_where
from gpserver.errors import GPServerError, InvalidRequest, InvalidValue
from gpserver.evergis.published import (
    bare,
    default_condition,
    default_parameters,
    is_virtual,
    quoted,
    source_of,
)
from gpserver.layers import LayerInfo, Layers

Frame = pd.DataFrame

_EWKT = re.compile(r"\s*SRID\s*=\s*(\d{1,6})\s*;", re.IGNORECASE)
_PREDICATES = {
    name: getattr(shapely, name)
    for name in ("intersects", "within", "contains", "disjoint", "crosses", "touches", "overlaps", "equals")
}


@dataclass(frozen=True)
class Query:
    """What is asked of a layer.

    Attributes:
        conditions: Each in EQL, with or without WHERE; all must hold.
        parameters: Those of the conditions and of the layer's own SELECT, with ``@`` or without.
        geometries: ``{"geometry": EWKT, "operation": {"name", "buffer"}}``; all must hold. A buffer is in
            units of the geometry's spatial reference; without an operation rows intersect the geometry.
        ids: The rows of these ids alone; None for all.
        sort: Attributes, with ``-`` before it one that descends; rows come by id behind that.
        attributes: Those that are wanted besides the id; None for all that are displayed.
        geometry: Whether geometry is wanted.
        sr_id: The EPSG code in which it is wanted; None for the layer's.
        offset: Rows to leave out first.
        limit: The most rows; None for all.
    """

    conditions: Sequence[str] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    geometries: Sequence[Mapping[str, Any]] = ()
    ids: Sequence[str] | None = None
    sort: Sequence[str] = ()
    attributes: Sequence[str] | None = None
    geometry: bool = True
    sr_id: int | None = None
    offset: int = 0
    limit: int | None = None


def rows(layers: Layers, name: str, query: Query) -> Frame:
    """The rows of the page that a query wants, in their order, the id first.

    Raises:
        NotFound: There is no such layer.
        InvalidRequest, InvalidValue: A condition, a geometry, an id or an attribute is wrong.
    """
    return page(layers, name, query)[0]


def page(layers: Layers, name: str, query: Query) -> tuple[Frame, int]:
    """The rows of the page that a query wants, and how many there are on all pages."""
    info = layers.find(name)
    asked = _Asked.of(info, query)
    wanted = _wanted(info, query)
    if asked.expressions or query.geometries:
        frame = _selected(layers, info, asked, _needed(info, wanted, asked, query))
        frame = frame[asked.mask(frame) & _touching(frame, info, query.geometries)]
        frame, total = frame.iloc[query.offset : _end(query)][wanted].reset_index(drop=True), len(frame)
    elif asked.is_plain and not query.sort and query.limit is None and not query.offset:
        frame = layers.read(info.name, wanted, ids=asked.ids)
        total = len(frame)
    else:
        frame = _selected(layers, info, asked, wanted, query.limit, query.offset)
        ended = query.limit is None or len(frame) < query.limit
        known = ended and (len(frame) > 0 or query.offset == 0)
        total = query.offset + len(frame) if known else count(layers, name, query)
    return _projected(frame, query.sr_id), total


def count(layers: Layers, name: str, query: Query) -> int:
    """How many rows there are under the conditions of a query, on all pages.

    Raises:
        NotFound: There is no such layer.
        InvalidRequest, InvalidValue: A condition, a geometry or an id is wrong.
    """
    info = layers.find(name)
    asked = _Asked.of(info, query)
    if asked.expressions or query.geometries:
        needed = _needed(info, [info.id_attribute], asked, query)
        frame = _selected(layers, info, asked, needed)
        return int((asked.mask(frame) & _touching(frame, info, query.geometries)).sum())
    if asked.is_plain and asked.ids is None:
        return info.count
    text = f"SELECT count(*) AS n FROM {source_of(info)}{asked.where}"  # noqa: S608 - it is parsed and checked
    return int(layers.select(read_select(text, asked.parameters))["n"].iloc[0])


@dataclass(frozen=True)
class _Asked:
    """A query as far as the rows themselves decide: SQL, expressions of the first language, ids."""

    info: LayerInfo
    where: str
    order: str
    expressions: tuple[Expression, ...]
    parameters: Mapping[str, Any]
    ids: tuple[int, ...] | None
    is_plain: bool

    @classmethod
    def of(cls, info: LayerInfo, query: Query) -> "_Asked":
        parameters = default_parameters(info) | _named(query.parameters)
        given = [bare(text) for text in (default_condition(info), *query.conditions)]
        terms, expressions = [], []
        for condition in filter(None, given):
            if (expression := _expression(condition, info, parameters)) is not None:
                expressions.append(expression)
            else:
                terms.append(f"({condition}\n)")
        ids = None if query.ids is None else tuple(_whole(text) for text in query.ids)
        plain = not terms and not is_virtual(info)
        if ids is not None:
            terms.append(f"{quoted(info.id_attribute)} IN ({', '.join(map(str, ids)) or 'NULL'})")
        where = f" WHERE {' AND '.join(terms)}" if terms else ""
        return cls(info, where, _order(info, query.sort), tuple(expressions), parameters, ids, plain)

    def mask(self, frame: Frame) -> Any:
        """Which rows the expressions let pass."""
        return np.logical_and.reduce([np.ones(len(frame), bool), *(e.mask(frame) for e in self.expressions)])


def _expression(condition: str, info: LayerInfo, parameters: Mapping[str, Any]) -> Expression | None:
    """A condition in the first language; None for one in the second.

    Raises:
        InvalidRequest: It is neither; the text is that of the second.
    """
    try:
        read_where(condition, quoted(info.name), parameters)
        return None
    except GPServerError as error:
        try:
            return read_condition(condition)
        except InvalidValue:
            raise InvalidRequest(f"The condition cannot be read: {error}") from None


def _named(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name if name.startswith("@") else f"@{name}": value for name, value in parameters.items()}


def _wanted(info: LayerInfo, query: Query) -> list[str]:
    shown = [item.name for item in info.attributes if item.displayed]
    names = [info.id_attribute, *(shown if query.attributes is None else query.attributes)]
    names = [name for name in dict.fromkeys(names) if name != info.geometry_attribute]
    for name in names:
        info.attribute(name)
    return [*names, *([info.geometry_attribute] if info.geometry_attribute and query.geometry else [])]


def _needed(info: LayerInfo, wanted: Iterable[str], asked: _Asked, query: Query) -> list[str]:
    """The wanted columns, and those that expressions and geometries look at."""
    more = [name for expression in asked.expressions for name in expression.names]
    if query.geometries:
        if not info.geometry_attribute:
            raise InvalidRequest(f"{info.name} has no geometry.")
        more.append(info.geometry_attribute)
    for name in more:
        info.attribute(name)
    return list(dict.fromkeys([*wanted, *more]))


def _selected(
    layers: Layers,
    info: LayerInfo,
    asked: _Asked,
    columns: Sequence[str],
    limit: int | None = None,
    offset: int = 0,
) -> Frame:
    if asked.is_plain and not asked.order and limit is None and not offset:
        return layers.read(info.name, columns, ids=asked.ids)
    names = ", ".join(map(quoted, columns))
    order = asked.order or f" ORDER BY {quoted(info.id_attribute)}"
    text = f"SELECT {names} FROM {source_of(info)}{asked.where}{order}"  # noqa: S608 - it is parsed and checked
    return layers.select(read_select(text, asked.parameters), limit=limit, offset=offset)


def _order(info: LayerInfo, sort: Sequence[str]) -> str:
    keys = []
    for item in sort:
        name, way = (item[1:], "DESC") if item.startswith("-") else (item.removeprefix("+"), "ASC")
        keys.append(f"{quoted(info.attribute(name).name)} {way}")
    return f" ORDER BY {', '.join([*keys, quoted(info.id_attribute)])}" if keys else ""


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidRequest(f"The id of a feature is a whole number, not {text[:50]!r}.") from None


def _end(query: Query) -> int | None:
    return None if query.limit is None else query.offset + query.limit


def _touching(frame: Frame, info: LayerInfo, geometries: Sequence[Mapping[str, Any]]) -> Any:
    mask = np.ones(len(frame), bool)
    for item in geometries:
        operation = item.get("operation") or {}
        name = str(operation.get("name") or "intersects").lower().removeprefix("st_")
        if name not in _PREDICATES:
            raise InvalidRequest(f"There is no operation {name[:50]!r}; there are {', '.join(_PREDICATES)}.")
        geometry = read_ewkt(str(item.get("geometry") or ""), info.sr_id, float(operation.get("buffer") or 0))
        shapely.prepare(geometry)
        mask &= _PREDICATES[name](frame[info.geometry_attribute].to_numpy(), geometry)
    return mask


def read_ewkt(text: str, sr_id: int | None, buffer: float = 0) -> Any:
    """A geometry of EWKT, buffered in its own units, in the spatial reference of an EPSG code.

    Raises:
        InvalidRequest: It cannot be read.
    """
    match = _EWKT.match(text)
    try:
        geometry = shapely.from_wkt(text[match.end() :] if match else text)
    except (shapely.GEOSException, TypeError):
        raise InvalidRequest(f"This is no geometry in EWKT: {text[:100]!r}.") from None
    if buffer:
        geometry = geometry.buffer(buffer)
    if match is None or sr_id is None or int(match[1]) == sr_id:
        return geometry
    return gpd.GeoSeries([geometry], crs=_crs(int(match[1]))).to_crs(_crs(sr_id)).iloc[0]


def _projected(frame: Frame, sr_id: int | None) -> Frame:
    if sr_id is None or not isinstance(frame, gpd.GeoDataFrame) or frame.crs is None:
        return frame
    projected: Frame = frame.to_crs(_crs(sr_id))
    return projected


def _crs(code: int) -> Any:
    try:
        return pyproj.CRS.from_epsg(code)
    except pyproj.exceptions.CRSError:
        raise InvalidRequest(f"The spatial reference {code} is not known.") from None
