"""Subtasks of the type netEngine: the areas that can be reached, and the matrix of all ways."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame
from geopandas.array import from_shapely
from msgspec import Struct

from gpserver.context import JobContext
from gpserver.eql import read_expression
from gpserver.errors import InvalidValue
from gpserver.evergis.interchange import shaped
from gpserver.evergis.parameters import AvailabilityArea, ODMatrix, Source
from gpserver.evergis.queries import (
    GEOMETRY,
    Report,
    Tally,
    append_rows,
    labels_of,
    read_features,
    reported,
    without,
)
from gpserver.layers import Layers
from gpserver.tools.globe import Floats
from gpserver.tools.isochrones import isochrones
from gpserver.tools.matrix import matrix
from gpserver.tools.roads import roads_of

MOST_ROWS = 5_000_000
"""Ways of a matrix that becomes a layer."""


def availability_area(job: JobContext, asked: AvailabilityArea, report: Report) -> Tally:
    """The area that is reached from each feature within its minutes; to it, for a provider ``…_in``.

    Features that are no points start at their centroids. One that is not on the network, or whose minutes
    are null or not above 0, has no area.

    Raises:
        NotFound: The provider has no roads.
        InvalidValue: The minutes are no number and no expression that gives numbers.
    """
    network = roads_of(job.layers, asked.provider_name)
    frame = _as_points(read_features(job.layers, asked.source_layer))
    report(0, len(frame))
    towards = is_towards(asked.provider_name)
    minutes = _minutes(frame, asked.duration_expression)
    some = np.isfinite(minutes) & (minutes > 0) & frame.geometry.notna().to_numpy()
    starts = frame[some].reset_index(drop=True)
    through = reported(report, len(starts), 0, len(frame))
    limits = 60 * minutes[some, None]
    found = isochrones(network, starts[[GEOMETRY]], limits, towards=towards, blocks=through)
    owner = found.index.to_numpy()
    labels = pd.Series(labels_of(starts, asked.source_layer)).take(owner).array
    columns = {
        asked.base_object_id_attribute_name: labels,
        asked.duration_attribute_name: minutes[some][owner],
        asked.route_center_x_attribute_name: starts.geometry.x.to_numpy()[owner],
        asked.route_center_y_attribute_name: starts.geometry.y.to_numpy()[owner],
    }
    named = {name: values for name, values in columns.items() if name}
    areas = GeoDataFrame(named, geometry=found.geometry.array)
    names = (asked.id_attribute_name or "gid", asked.geometry_attribute_name or GEOMETRY)
    append_rows(job.layers, asked.target_layer, areas, names)
    return Tally(len(frame), len(frame), {"Written": len(areas)})


def od_matrix(job: JobContext, asked: ODMatrix, report: Report) -> Tally:
    """A row for each pair: the metres of the fastest way and the seconds it takes, null where there is none.

    Raises:
        NotFound: There are no roads for this transport.
        InvalidValue: There are too many pairs.
    """
    network = roads_of(job.layers, asked.transport_type)
    starts, ends = (_places(job.layers, each) for each in (asked.source_from_layer, asked.source_to_layer))
    count = len(starts) * len(ends)
    refuse_many(count, MOST_ROWS)
    report(0, count)
    ways = all_pairs(matrix(network, starts, ends), len(starts), len(ends))
    columns = {
        asked.id_from_attribute_name or "from": _taken(starts, asked.source_from_layer, ways["origin"]),
        asked.id_to_attribute_name or "to": _taken(ends, asked.source_to_layer, ways["destination"]),
        asked.transport_type_attribute_name or "transport_type": asked.transport_type,
        asked.weight_parameter_attribute_name or "weight_parameter": ways["seconds"].array,
        asked.distance_attribute_name or "distance": ways["meters"].array,
    }
    frame = pd.DataFrame(columns, index=ways.index)
    frame = shaped(frame, {}, asked.attribute_type_mapping or {}, asked.default_values or {})
    append_rows(job.layers, asked.target_layer, frame, (asked.id_attribute_name or "gid", GEOMETRY))
    return Tally(count, count)


def is_towards(provider: str) -> bool:
    """Whether a provider finds who can come here, instead of where one can go."""
    return provider.lower().endswith("_in")


def _as_points(frame: GeoDataFrame) -> GeoDataFrame:
    points = from_shapely(shapely.centroid(np.asarray(frame.geometry.array, dtype=object)), crs=frame.crs)
    return GeoDataFrame(without(frame, frame.active_geometry_name, GEOMETRY), geometry=points)


def _minutes(frame: GeoDataFrame, expression: str | float) -> Floats:
    """Minutes of each feature, NaN where there are none."""
    try:
        return np.full(len(frame), float(expression))
    except ValueError:
        pass
    values = read_expression(str(expression)).values(frame)
    try:
        return np.asarray(pd.to_numeric(values).to_numpy(np.float64, na_value=np.nan))
    except (TypeError, ValueError):
        raise InvalidValue(f"The durationExpression {str(expression)[:80]!r} gives no numbers.") from None


def _places(layers: Layers, source: Source) -> GeoDataFrame:
    return _as_points(read_features(layers, source)).reset_index(drop=True)


def _taken(frame: GeoDataFrame, source: Source, places: Any) -> Any:
    return pd.Series(labels_of(frame, source)).take(places.to_numpy()).array


def all_pairs(found: pd.DataFrame, origins: int, goals: int) -> pd.DataFrame:
    """A row for each pair in order, null where the matrix has none."""
    row = np.arange(origins * goals)
    both = pd.DataFrame({"origin": row // max(goals, 1), "destination": row % max(goals, 1)})
    return both.merge(found, how="left", on=["origin", "destination"])


def refuse_many(count: int, most: int) -> None:
    """Refuse a matrix before it is made.

    Raises:
        InvalidValue: It has too many pairs.
    """
    if count > most:
        raise InvalidValue(f"The matrix has {count} pairs; here it has up to {most}.")


WORK: dict[type[Struct], Callable[..., Tally]] = {AvailabilityArea: availability_area, ODMatrix: od_matrix}
"""Who does what is asked: takes the job, the parameters and a report, and gives a tally."""
