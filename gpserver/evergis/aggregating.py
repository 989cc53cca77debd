"""Aggregate: attributes of the objects that lie in each polygon, summed up."""

from typing import Any

from geopandas import GeoDataFrame
from pandas import Series

from gpserver.context import JobContext
from gpserver.evergis.bodies import AGGREGATIONS, Aggregate
from gpserver.evergis.sources import take
from gpserver.evergis.steps import Steps
from gpserver.evergis.targets import Made
from gpserver.tools.aggregate import aggregate as summarize
from gpserver.tools.attributes import attributes_of, framed
from gpserver.tools.counts import counts_of
from gpserver.tools.statistics import Statistic


def aggregate(job: JobContext, body: Aggregate, steps: Steps) -> Made:
    """Sum up the objects of the source in the polygons of ``geometry``: see ``gpserver.tools.aggregate``.

    Every polygon is written with its attributes and those that were calculated, which come in place of those
    of the same name; a new layer inherits what the layer of the polygons is called. ``Array`` is a JSON list,
    ``Extent`` the WKB of a box in hexadecimal digits, as PostGIS writes it; ``DensityIndicators`` is per
    square metre on the ground.

    Raises:
        InvalidValue: One of them has no geometry, there is no such attribute, or it holds no numbers.
    """
    taken, places = take(job, body.source), take(job, body.geometry)
    polygons = places.features
    steps.at(0, len(taken.frame))
    wanted = [
        Statistic(
            each.source_attribute_name,
            AGGREGATIONS[each.aggregation_function],
            f"statistic {number}",  # free: the polygons have no attributes here
            each.additional_source_attribute or "",
        )
        for number, each in enumerate(body.aggregation_settings)
    ]
    found = summarize(taken.features, polygons[[polygons.active_geometry_name]], wanted).areas
    table = attributes_of(polygons).reset_index(drop=True)
    for setting, statistic in zip(body.aggregation_settings, wanted, strict=True):
        table[setting.target_attribute_name] = _storable(found[statistic.name], setting.aggregation_function)
    frame: GeoDataFrame = framed(table, found.geometry.to_numpy(), polygons.crs)
    lost = counts_of(found).lost
    problems = [f"{lost} objects have no geometry and lie nowhere."] if lost else []
    return Made(frame, len(taken.frame), lost, problems, places.like)


def _storable(column: "Series[Any]", function: str) -> "Series[Any]":
    if function != "Extent":
        return column.reset_index(drop=True)
    return column.map(lambda box: box.hex().upper() if isinstance(box, bytes) else None).astype(object)
