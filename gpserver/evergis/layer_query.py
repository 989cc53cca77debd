"""The rows of a layer that a client asks for: conditions of both languages, geometries, order, pages."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
        frame = _held(layers, info, asked, wanted, query)
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
        return len(_held(layers, info, asked, [info.id_attribute], query))
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
    ids: Sequence[int] | None
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
        ids = None if query.ids is None else [_whole(text) for text in query.ids]
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


def _held(layers: Layers, info: LayerInfo, asked: _Asked, wanted: Iterable[str], query: Query) -> Frame:
    """The rows that hold under expressions and geometries, which Python looks at."""
    needed = _needed(info, wanted, asked, query)
    places = [_Place.of(item, info) for item in query.geometries]
    if places and asked.is_plain and not asked.order:
        asked = _narrowed(layers, asked, places)
    frame = _selected(layers, info, asked, needed)
    mask = asked.mask(frame)
    for place in places:
        mask &= place.mask(frame[info.geometry_attribute])
    held: Frame = frame[mask]
    return held


def _narrowed(layers: Layers, asked: _Asked, places: Sequence["_Place"]) -> _Asked:
    """The same of the rows that lie where one of the places is: a map's window is a small part of a layer."""
    windows = [place.geometry.bounds for place in places if place.bounds_rows]
    if not windows:
        return asked
    window = min(windows, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
    ids = layers.ids_in(asked.info.name, window).tolist()
    return replace(asked, ids=ids if asked.ids is None else sorted({*ids} & {*asked.ids}))


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


@dataclass(frozen=True)
class _Place:
    """A geometry, and how rows must lie to it."""

    operation: str
    geometry: Any

    @classmethod
    def of(cls, item: Mapping[str, Any], info: LayerInfo) -> "_Place":
        operation = item.get("operation") or {}
        name = str(operation.get("name") or "intersects").lower().removeprefix("st_")
        if name not in _PREDICATES:
            raise InvalidRequest(f"There is no operation {name[:50]!r}; there are {', '.join(_PREDICATES)}.")
        buffer = float(operation.get("buffer") or 0)
        return cls(name, read_ewkt(str(item.get("geometry") or ""), info.sr_id, buffer))

    @property
    def bounds_rows(self) -> bool:
        """Whether the box of every row that holds touches that of the geometry."""
        return self.operation != "disjoint" and not self.geometry.is_empty

    def mask(self, geometries: Any) -> Any:
        """Which geometries hold."""
        shapely.prepare(self.geometry)
        return _PREDICATES[self.operation](geometries.to_numpy(), self.geometry)


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
