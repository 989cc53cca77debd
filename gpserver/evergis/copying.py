"""Copy and filterCopy: objects as they are, all of them or those that a condition or other objects choose."""

from collections.abc import Mapping
from dataclasses import replace

from geopandas import GeoDataFrame
from pandas import DataFrame

from gpserver.context import JobContext
from gpserver.errors import InvalidValue
from gpserver.evergis.bodies import Copy, FilterCopy
from gpserver.evergis.sources import Taken, take
from gpserver.evergis.steps import Steps
from gpserver.evergis.storages import StaticStorage
from gpserver.evergis.targets import Made
from gpserver.tools.selection import select


def copy(job: JobContext, body: Copy, steps: Steps) -> Made:
    """Copy the objects that meet the condition: import, export, and from layer to layer.

    Attributes of equal names are copied; with a mapping those alone that it names, and the geometry, which
    needs no mention. Ids are given anew, but a file gets them as an attribute.

    Raises:
        InvalidValue: The mapping names an attribute that is not there; else as ``take``.
    """
    taken = take(job, body.source, body.condition)
    steps.at(0, len(taken.frame))
    return _made(job, body, taken)


def filter_copy(job: JobContext, body: FilterCopy, steps: Steps) -> Made:
    """Copy the objects that intersect any of the filter, or with ``reverseGeometryFilter`` none of them.

    An object without geometry intersects nothing.

    Raises:
        InvalidValue: As ``copy``, or one of the two has no geometry.
    """
    taken = take(job, body.source, body.condition)
    steps.at(0, len(taken.frame))
    others = take(job, body.geometry_filter_storage).features
    chosen = select(taken.features, others, reverse=body.reverse_geometry_filter)
    made = _made(job, body, replace(taken, frame=chosen, ids=taken.ids[chosen.index]))
    return replace(made, read=len(taken.frame))


def _made(job: JobContext, body: Copy | FilterCopy, taken: Taken) -> Made:
    frame = taken.frame
    if isinstance(body.target, StaticStorage) and taken.like:
        frame = frame.copy()
        frame.insert(0, taken.like.id_attribute, taken.ids)
    if body.attribute_mapping is not None:
        _refuse_unknown(job, body)
        frame = _mapped(frame, body.attribute_mapping, taken)
    return Made(frame.reset_index(drop=True), len(frame), like=taken.like)


def _mapped(frame: DataFrame, mapping: Mapping[str, str], taken: Taken) -> DataFrame:
    geometry = frame.active_geometry_name if isinstance(frame, GeoDataFrame) else None
    # Clients name the geometry as its layer does, and the id, which is given anew.
    own = {geometry, "geometry", taken.like.id_attribute if taken.like else "gid"}
    names = {source: target for source, target in mapping.items() if source not in own}
    if missing := [source for source in names if source not in frame]:
        there = ", ".join(str(name) for name in frame.columns if name != geometry)
        raise InvalidValue(f"attributeMapping.{missing[0]}: there is no such attribute; there are {there}.")
    kept = frame[[*names, geometry] if geometry else [*names]]
    return kept.rename(columns=names)


def _refuse_unknown(job: JobContext, body: Copy | FilterCopy) -> None:
    """A mapping to what an existing layer does not have would lose values without a word."""
    target = body.target
    name = getattr(target, "service_name", None) or getattr(target, "table_name", None)
    if name is None or getattr(target, "create_new_service", False):
        return
    there = job.layers.find(name).names
    for source, wanted in (body.attribute_mapping or {}).items():
        if wanted not in there and source != "geometry":
            raise InvalidValue(f"attributeMapping.{source}: the target {name} has no attribute {wanted}.")
