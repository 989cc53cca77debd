"""Which rows of a layer a query means, and in which order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from shapely.geometry.base import BaseGeometry

from gpserver.errors import InvalidRequest
from gpserver.features import Layer
from gpserver.features.shapes import Array
from gpserver.maps.spatial import INTERSECTS, rows_by_geometry
from gpserver.maps.view import Box

Period = tuple[int | None, int | None]
"""A start and an end in epoch milliseconds; None is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What rows are wanted; conditions that are not given let every row through.

    Attributes:
        where: SQL-92 conditions on the fields, all of which must hold; empty ones do.
        object_ids: Only these.
        window: Only rows whose boxes touch this one, in the layer's spatial reference.
        geometry: In the layer's spatial reference; rows that are in ``relation`` to it.
        relation: Esri's name of a spatial relation.
        relation_param: The DE-9IM pattern of ``esriSpatialRelRelation``.
        distance: Metres that the geometry reaches out.
        period: Epoch milliseconds, both included; None is open.
        time_field: The date field that ``period`` is about; without one every row is let through.
        order: ``FIELD [ASC|DESC], …``; else the order of the stored frame.
    """

    where: tuple[str, ...] = ()
    object_ids: tuple[int, ...] | None = None
    window: Box | None = None
    geometry: BaseGeometry | None = None
    relation: str = INTERSECTS
    relation_param: str = ""
    distance: float = 0.0
    period: Period | None = None
    time_field: str = ""
    order: str = ""


def rows_of(layer: Layer, query: Query) -> Array:
    """The numbers of the rows of the layer's file, in the order of the answer.

    Raises:
        InvalidRequest: The where clause, the order or the relation cannot be understood.
    """
    chosen = chosen_rows(layer, query)
    if query.order:
        return _sorted(layer, chosen, query.order)
    if chosen is None:
        return layer.order
    if len(chosen) * 8 < layer.rows:  # sorting a few rows is cheaper than a look at all of them
        return np.asarray(chosen[np.argsort(layer.rank_at(chosen))])
    wanted = np.zeros(layer.rows, bool)
    wanted[chosen] = True
    return layer.order[wanted[layer.order]]


def columns_at(layer: Layer, rows: Array | None) -> Callable[[str], pa.Array]:
    """The columns of a layer by name, whole or at some rows."""
    if rows is None:
        return layer.column
    return lambda name: layer.column_at(name, rows)


def chosen_rows(layer: Layer, query: Query) -> Array | None:
    """The numbers of the rows of the layer's file, ascending, whatever the order; None for all of them.

    Raises:
        InvalidRequest: As :func:`rows_of`.
    """
    chosen: Array | None = None  # What is cheap comes first, what follows sees fewer rows.
    if query.object_ids is not None:
        chosen = np.flatnonzero(np.isin(layer.object_ids, np.array(query.object_ids, np.int64)))
    if query.window is not None:
        seen = layer.window(*query.window)
        chosen = seen if chosen is None else np.intersect1d(chosen, seen, assume_unique=True)
    if query.geometry is not None:
        chosen = _near(layer, query, chosen)
    if query.period and query.time_field:
        chosen = _kept(chosen, _during(columns_at(layer, chosen)(query.time_field), query.period))
    for text in filter(None, query.where):
        chosen = _kept(chosen, _where(layer, text, chosen))
    return chosen


def _near(layer: Layer, query: Query, among: Array | None) -> Array:
    if layer.geometry_type is None or query.geometry is None:
        raise InvalidRequest("'geometry' cannot be used: the layer is a table.")
    return rows_by_geometry(
        layer,
        query.geometry,
        query.relation,
        relation_param=query.relation_param,
        distance=query.distance,
        among=among,
    )


def _where(layer: Layer, text: str, among: Array | None) -> Array:
    from gpserver.maps.where import compile_where  # with the first SQL: its parser takes long to load

    count = layer.rows if among is None else len(among)
    return compile_where(text, layer.fields).mask(columns_at(layer, among), count)


def _kept(chosen: Array | None, mask: Array) -> Array | None:
    if mask.all():  # as of 1=1, which most clients send
        return chosen
    return np.flatnonzero(mask) if chosen is None else chosen[mask]


def _during(column: pa.Array, period: Period) -> Array:
    start, end = period
    moments = column.cast(pa.timestamp("ms")).cast(pa.int64())
    mask = moments.is_valid()
    if start is not None:
        mask = pc.and_(mask, pc.greater_equal(moments, start))
    if end is not None:
        mask = pc.and_(mask, pc.less_equal(moments, end))
    return np.asarray(mask.fill_null(False), bool)


def _sorted(layer: Layer, chosen: Array | None, order: str) -> Array:
    from gpserver.maps.order import sorted_rows
    from gpserver.maps.where import parse_order

    # Equal keys keep the order of the frame, so that pages never overlap.
    rows = layer.order if chosen is None else chosen[np.argsort(layer.rank_at(chosen), kind="stable")]
    return np.asarray(rows[sorted_rows(columns_at(layer, rows), parse_order(order, layer.fields), len(rows))])


def distinct_rows(layer: Layer, rows: Array, fields: Sequence[Mapping[str, Any]]) -> Array:
    """The first row of each combination of values in these fields, in the order of the rows."""
    names = [str(field["name"]) for field in fields]
    columns = columns_at(layer, rows)
    table = pa.table([*map(columns, names), pa.array(np.arange(len(rows)))], names=[*names, ""])
    groups = table.group_by(names, use_threads=False).aggregate([("", "min")])
    return np.asarray(rows[np.sort(np.asarray(groups.column("_min")))])


def fields_named(layer_fields: Sequence[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """The fields that ``outFields`` names, in its order; ``*`` is all of them, no text is none.

    Raises:
        InvalidRequest: There is no such field.
    """
    known = {field["name"].lower(): field for field in layer_fields}
    chosen: dict[str, dict[str, Any]] = {}
    for name in filter(None, (part.strip().strip('"').lower() for part in text.split(","))):
        if name != "*" and name not in known:
            raise InvalidRequest(f"'outFields' names {name}, but the fields are {', '.join(known)}.")
        chosen |= known if name == "*" else {name: known[name]}
    return list(chosen.values())
