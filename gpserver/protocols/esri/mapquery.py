"""Result map services: query, identify and find."""

from dataclasses import replace
from typing import Any

import numpy as np

from gpserver.errors import InvalidRequest
from gpserver.features import Layer, describe_spatial_reference, esri_json, parse_spatial_reference
from gpserver.features.fields import OBJECT_ID
from gpserver.features.quantization import Quantization
from gpserver.features.selection import Selection
from gpserver.features.shapes import Array, boxes
from gpserver.formats import JSONText, Resource
from gpserver.maps.description import MAX_RECORDS, display_field
from gpserver.maps.document import MapLayer
from gpserver.maps.query import Query, chosen_rows, columns_at, distinct_rows, fields_named, rows_of
from gpserver.maps.query_geometry import read_geometry
from gpserver.maps.spatial import INTERSECTS
from gpserver.protocols.esri import scenes
from gpserver.protocols.esri.maplayers import period
from gpserver.protocols.esri.maps import layer_of
from gpserver.protocols.esri.wire import Call
from gpserver.protocols.form import Parameters

_METRES = {
    "esrisrunit_meter": 1.0,
    "esrisrunit_kilometer": 1000.0,
    "esrisrunit_foot": 0.3048,
    "esrisrunit_usfoot": 1200 / 3937,
    "esrisrunit_statutemile": 1609.344,
    "esrisrunit_nauticalmile": 1852.0,
    "esrisrunit_usnauticalmile": 1852.0,
}


def query(call: Call) -> Resource:
    """``…/<n>/query``: features, their count, ids, extent or statistics.

    Raises:
        InvalidRequest: A parameter cannot be understood.
    """
    item, asked = layer_of(call), call.parameters
    title, asking = f"Query: {item.name} (ID: {item.id})", _query(asked, item)
    if asked.text("outStatistics"):
        return _features(call, item, _statistics(asked, item, chosen_rows(item.features, asking)), title)
    rows = rows_of(item.features, asking)
    selection = _selection(asked, item, rows)
    if asked.flag("returnExtentOnly"):
        # Clients ask for it together with returnGeometry=false.
        around = _extent(replace(selection, geometry=not item.is_table))
        value = {"count": len(selection), "extent": around}
    elif asked.flag("returnCountOnly"):
        value = {"count": len(selection)}
    elif asked.flag("returnIdsOnly"):
        value = {"objectIdFieldName": OBJECT_ID, "objectIds": item.features.object_ids[rows].tolist()}
    else:
        return _features(call, item, _page(asked, selection), title)
    return Resource(value, title, path=call.path)


def _query(asked: Parameters, item: MapLayer) -> Query:
    geometry = asked.long_text("geometry")
    kind = asked.text("geometryType", "esriGeometryEnvelope")
    in_crs = parse_spatial_reference(asked.text("inSR"))
    return Query(
        where=(asked.long_text("where"), _named(asked, item)),
        object_ids=_numbers(asked, "objectIds"),
        geometry=read_geometry(geometry, kind, in_crs, item.features.crs) if geometry else None,
        relation=asked.text("spatialRel", INTERSECTS),
        relation_param=asked.text("relationParam"),
        distance=_distance(asked),
        period=period(asked),
        time_field=item.time_field,
        order=asked.text("orderByFields"),
    )


def _named(asked: Parameters, item: MapLayer) -> str:
    """The condition that ``text``, a fragment of the display field, stands for."""
    name, text = display_field(item.features.fields), asked.text("text")
    quoted, wanted = name.replace('"', '""'), text.replace("'", "''")
    return f"POSITION('{wanted}' IN \"{quoted}\") > 0" if text else ""


def _numbers(asked: Parameters, name: str) -> tuple[int, ...] | None:
    text = asked.long_text(name).strip().strip("[]")
    try:
        numbers = tuple(int(part) for part in text.split(",") if part.strip()) if text else None
        if any(abs(number) >= 2**63 for number in numbers or ()):
            raise ValueError
        return numbers
    except ValueError:
        raise InvalidRequest(f"'{name}' is a list of whole numbers, separated by commas.") from None


def _distance(asked: Parameters) -> float:
    unit = asked.text("units", "esriSRUnit_Meter").lower()
    if unit not in _METRES:
        raise InvalidRequest(f"'units' is not known: {asked.text('units')}.")
    return asked.number("distance") * _METRES[unit]


def _selection(asked: Parameters, item: MapLayer, rows: Array) -> Selection:
    fields = fields_named(item.features.fields, asked.text("outFields", OBJECT_ID))
    distinct = asked.flag("returnDistinctValues")
    parameters = asked.document("quantizationParameters")
    selection = Selection(
        item.features,
        distinct_rows(item.features, rows, fields) if distinct else rows,
        fields,
        out_crs=parse_spatial_reference(asked.text("outSR")),
        geometry=asked.flag("returnGeometry", default=True) and not distinct and not item.is_table,
        **geometry_options(asked),
    )
    if parameters is None:
        return selection
    grid = Quantization.read(parameters, selection.crs, selection.offset)
    return replace(selection, quantization=grid)


def geometry_options(asked: Parameters) -> dict[str, Any]:
    """How geometry is written, by the names of a ``Selection``."""
    precision = asked.text("geometryPrecision")
    return {
        "return_z": asked.flag("returnZ"),
        "return_m": asked.flag("returnM"),
        "precision": int(asked.number("geometryPrecision")) if precision else None,
        "offset": asked.number("maxAllowableOffset"),
    }


def _page(asked: Parameters, selection: Selection) -> Selection:
    start = max(0, int(asked.number("resultOffset")))
    wanted = int(asked.number("resultRecordCount")) or MAX_RECORDS
    end = start + min(max(wanted, 0), MAX_RECORDS)
    rows = selection.layer.order if selection.rows is None else selection.rows
    return replace(selection, rows=rows[start:end], exceeded=end < len(rows))


def _statistics(asked: Parameters, item: MapLayer, rows: Array | None) -> Selection:
    from gpserver.maps.sql.tree import split_list  # with the first SQL: its parser takes long to load
    from gpserver.maps.statistics import statistics

    definitions = asked.document("outStatistics")
    group_by = split_list(asked.text("groupByFieldsForStatistics"))
    having, order = asked.text("having") or asked.text("havingClause"), asked.text("orderByFields")
    data = item.features
    columns, count = columns_at(data, rows), data.rows if rows is None else len(rows)
    found = statistics(definitions, group_by, having, order, data.fields, columns, count)
    return _page(asked, Selection(Layer.of(*found), geometry=False))


def _features(call: Call, item: MapLayer, selection: Selection, title: str) -> Resource:
    fields = selection.chosen_fields
    head = {
        "displayFieldName": display_field(fields),
        "fieldAliases": {field["name"]: field["alias"] for field in fields},
    }
    value = JSONText(esri_json.write(selection, head, tell_complete=False))
    return Resource(
        value,
        title,
        path=call.path,
        features=selection,
        scene=scenes.of_features(call, item.name, selection, item.drawing),
        name=item.name,
    )


def _extent(selection: Selection) -> dict[str, Any]:
    """The Esri envelope of the chosen features in the spatial reference of the answer."""
    crs = selection.crs
    chunks = [boxes(chunk.shapes) for chunk in selection.chunks() if chunk.shapes is not None]
    box = np.concatenate(chunks) if chunks else np.zeros((0, 4))
    box = box[np.isfinite(box).all(axis=1)]
    corners = (
        [*box[:, :2].min(axis=0).tolist(), *box[:, 2:].max(axis=0).tolist()] if len(box) else ["NaN"] * 4
    )
    names = ("xmin", "ymin", "xmax", "ymax")
    return dict(zip(names, corners, strict=True)) | {"spatialReference": describe_spatial_reference(crs)}
