"""The words of portal analysis: what clients of ArcGIS send as text, and the fields that they look for."""

import json
from collections.abc import Sequence
from typing import Any

import shapely
from geopandas import GeoDataFrame
from pandas import DataFrame
from pyproj import CRS
from pyproj.exceptions import CRSError

from gpserver.errors import InvalidValue
from gpserver.tools.aggregate import COUNT, PLACE, Aggregate
from gpserver.tools.attributes import field_of, names_like
from gpserver.tools.join import Best
from gpserver.tools.reproject import reproject
from gpserver.tools.selection import select
from gpserver.tools.statistics import Statistic

FUNCTIONS = {
    "sum": "sum",
    "min": "min",
    "max": "max",
    "mean": "avg",
    "avg": "avg",
    "stddev": "std_deviation",
    "std": "std_deviation",
    "count": "count",
    "median": "median",
    "first": "first",
    "last": "last",
}
"""Statistics by the names that clients give them, in lower case."""


def within_extent(frame: GeoDataFrame, context: str | None) -> GeoDataFrame:
    """The features that meet the ``extent`` of a context; all without one.

    Raises:
        InvalidValue: The context is not JSON, or its extent is none.
    """
    extent = _object("context", context).get("extent")
    if not extent:
        return frame
    try:
        west, south, east, north = (float(extent[key]) for key in ("xmin", "ymin", "xmax", "ymax"))
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidValue("The extent of context must have numbers xmin, ymin, xmax and ymax.") from error
    box = shapely.box(west, south, east, north)
    area = GeoDataFrame(geometry=[box], crs=_crs(extent.get("spatialReference")) or frame.crs)
    return select(frame, area).reset_index(drop=True)


def placed(frame: GeoDataFrame, context: str | None) -> GeoDataFrame:
    """A result in the spatial reference ``outSR`` of a context; as it is without one.

    Raises:
        InvalidValue: The context is not JSON, or there is no such spatial reference.
    """
    target = _crs(_object("context", context).get("outSR"))
    return frame if target is None or frame.crs is None else reproject(frame, target)


def title_of(output_name: str | None) -> str:
    """The name in ``{"serviceProperties": {"name": ...}}``, or plain text."""
    text = (output_name or "").strip()
    if not text.startswith("{"):
        return text
    properties = _object("outputName", text).get("serviceProperties")
    return str(properties.get("name") or "") if isinstance(properties, dict) else ""


def summaries(frame: DataFrame, texts: Sequence[str] | None) -> list[Statistic]:
    """Read ``summaryFields``: ``POP Sum``, or ``{"onStatisticField": "POP", "statisticType": "SUM"}``.

    Their results are named ``sum_POP``. A count of no field is what every result has in any case.

    Raises:
        InvalidValue: A text is neither, or there is no such field.
    """
    pairs = [_summary(text.strip()) for text in texts or ()]
    return [_statistic(frame, field, kind) for field, kind in pairs if field or kind.lower() != "count"]


def _summary(text: str) -> tuple[str, str]:
    """A field, and the name of a function."""
    if not text.startswith("{"):
        field, _, kind = text.rpartition(" ")
        return field, kind
    parts = _object("summaryFields", text)
    return str(parts.get("onStatisticField") or ""), str(parts.get("statisticType") or "")


def _statistic(frame: DataFrame, field: str, kind: str) -> Statistic:
    if kind.lower() not in FUNCTIONS or not field:
        raise InvalidValue(
            f"{field} {kind} is not a field and one of Sum, Min, Max, Mean, Stddev, Count, such as POP Sum."
        )
    label = field_of(frame, field)
    return Statistic(label, FUNCTIONS[kind.lower()], f"{kind.lower()}_{label}")


def merging(frame: GeoDataFrame, first: GeoDataFrame, texts: Sequence[str] | None) -> GeoDataFrame:
    """Change the fields of a layer that is merged into a first one, as ``mergingAttributes`` say.

    Raises:
        InvalidValue: A text is none of ``field Remove``, ``field Rename new``, ``field Match field``, or
            there is no such field.
    """
    for text in texts or ():
        name, action, other = [*text.split(), "", "", ""][:3]
        label, action = field_of(frame, name), action.lower()
        if action == "remove":
            frame = frame.drop(columns=label)
        elif action in ("rename", "match") and other:
            frame = frame.rename(columns={label: other if action == "rename" else field_of(first, other)})
        else:
            raise InvalidValue(f"{text} is none of: field Remove, field Rename new, field Match field.")
    return frame


def field_pairs(text: str | None) -> list[tuple[str, str]]:
    """Read ``attributeRelationship``: pairs of a target's field and another's that must be equal.

    Raises:
        InvalidValue: It is not JSON of such pairs.
    """
    found = _json("attributeRelationship", text or "[]")
    pairs = found if isinstance(found, list) else [found]
    try:
        return [(str(pair["targetField"]), str(pair["joinField"])) for pair in pairs]
    except (KeyError, TypeError) as error:
        raise InvalidValue(
            'attributeRelationship is not like [{"targetField": "a", "operator": "equal", "joinField": "b"}].'
        ) from error


def best_records(frame: DataFrame, text: str | None) -> Best | None:
    """Read ``recordsToMatch``: how many of the features that could be joined are, and which ones.

    ``{"groupByFields": "kind", "orderByFields": "size DESC", "topCount": 1}``. An order by the number of the
    feature (``objectid``) is that of the layer.

    Raises:
        InvalidValue: It is not JSON of that, or there is no such field.
    """
    sent = _object("recordsToMatch", text)
    if not sent:
        return None
    order = [(*part.split(), "ASC")[:2] for part in _parts(sent.get("orderByFields"))]
    numbers = [
        name for name, _ in order if name.lower() == "objectid" and "objectid" not in names_like(frame)
    ]
    count = sent.get("topCount", 1)
    if not isinstance(count, int) or count < 1:
        raise InvalidValue(
            f"topCount of recordsToMatch is {count}; it must be a whole number greater than 0."
        )
    return Best(
        tuple((name, way.upper() != "DESC") for name, way in order if name not in numbers),
        count,
        tuple(_parts(sent.get("groupByFields"))),
    )


def _parts(text: Any) -> list[str]:
    """Names with a comma between them, or a list of names."""
    parts = text if isinstance(text, list) else str(text or "").split(",")
    return [str(part).strip() for part in parts if str(part).strip()]


def summarized_areas(
    found: Aggregate, count: str, by: str, extremes: bool, percent: bool
) -> tuple[GeoDataFrame, DataFrame | None]:
    """What ``aggregate`` found with ArcGIS' names: its count as ``count``, and ``Join_ID`` to join groups by.

    With ``extremes`` an area has its rarest and its most frequent value, ``Minority_kind`` and
    ``Majority_kind``; with ``percent`` their shares, and groups theirs.
    """
    counts = found.areas.attrs
    areas = found.areas.rename(columns={COUNT: count})
    areas.attrs = counts
    if found.groups is None:
        return areas, None
    areas[PLACE] = areas.index + 1
    groups = found.groups.rename(columns={COUNT: count})
    field = field_of(groups, by)
    for name, rare in (("Minority", True), ("Majority", False)) if extremes else ():
        ordered = groups.sort_values("Percent", ascending=rare, kind="stable")
        chosen = ordered.drop_duplicates(PLACE).set_index(PLACE)
        areas[f"{name}_{field}"] = areas[PLACE].map(chosen[field])
        if percent:
            areas[f"{name}_{field}_Percent"] = areas[PLACE].map(chosen["Percent"])
    return areas, groups if percent else groups.drop(columns="Percent")


def _object(name: str, text: str | None) -> dict[str, Any]:
    found = _json(name, text or "{}")
    return found if isinstance(found, dict) else {}


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidValue(f"{name} is not JSON.") from error


def _crs(reference: Any) -> CRS | None:
    """A spatial reference by Esri's JSON of it, or by its number alone."""
    code = reference.get("latestWkid") or reference.get("wkid") if isinstance(reference, dict) else reference
    if not code:
        return None
    for authority in ("EPSG", "ESRI"):
        try:
            return CRS.from_authority(authority, str(code))
        except CRSError:
            continue
    raise InvalidValue(f"There is no spatial reference {code}.")
