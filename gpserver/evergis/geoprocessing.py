"""Subtasks of the type geoProcessing: copy, update, delete, buffer, overlay, union, validate and repair."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame
from msgspec import Struct

from gpserver.context import JobContext
from gpserver.errors import InvalidValue
from gpserver.evergis.parameters import (
    Buffer,
    Copy,
    Delete,
    FixGeometry,
    Overlay,
    Transfer,
    Union,
    Update,
    ValidateGeometry,
)
from gpserver.evergis.queries import (
    Report,
    Tally,
    ids_of,
    labels_of,
    read_features,
    read_rows,
    refuse_taken,
    reported,
    without,
    write_layer,
)
from gpserver.layers import Layers
from gpserver.tools.buffer import buffer as buffers
from gpserver.tools.dissolve import dissolve
from gpserver.tools.overlay import Overlay as How
from gpserver.tools.overlay import overlay as cut
from gpserver.tools.relations import related
from gpserver.tools.repair import invalid, repair

_HOW: dict[str, How] = {
    "Clip": "clip",
    "Intersect": "intersection",
    "Subtraction": "subtraction",
    "SymDifference": "symmetric_difference",
}


def copy(job: JobContext, asked: Copy, report: Report) -> Tally:
    """A new layer with the attributes of the source; those that the mapping names get other names."""
    layers = job.layers
    refuse_taken(layers, asked.target_layer)
    frame = read_rows(layers, asked.source_layer)
    report(0, len(frame))
    names = {old: new for old, new in (asked.columns_mapping or {}).items() if old != new}
    _refuse_absent(frame, names)
    return _made(layers, asked, _renamed(frame, names))


def update(job: JobContext, asked: Update, report: Report) -> Tally:
    """Values of the attributes that both have; rows whose id the target lacks are left out."""
    layers = job.layers
    frame, info = read_rows(layers, asked.source_layer), layers.find(asked.target_layer.name)
    report(0, len(frame))
    ids, source = ids_of(frame, asked.source_layer), asked.source_layer
    named = source.geometry_attribute or "geometry"
    if info.geometry_attribute and named in frame.columns and info.geometry_attribute not in frame.columns:
        frame = frame.rename(columns={named: info.geometry_attribute})
    values = frame[[name for name in frame.columns if name in info.names]]
    values = without(values, info.id_attribute).assign(**{info.id_attribute: ids})
    if info.geometry_attribute in values.columns:
        values = GeoDataFrame(values, geometry=info.geometry_attribute)
    return Tally(len(layers.update(info.name, values)), len(frame))


def delete(job: JobContext, asked: Delete, report: Report) -> Tally:
    """The features of the target that have the ids of the source."""
    layers = job.layers
    frame = read_rows(layers, asked.source_layer)
    report(0, len(frame))
    gone = layers.delete(asked.target_layer.name, ids_of(frame, asked.source_layer).tolist())
    return Tally(len(gone), len(frame))


def buffer(job: JobContext, asked: Buffer, report: Report) -> Tally:
    """One polygon for each feature and radius, with the feature's id, the radius and the attributes named.

    Radii are metres, geodesic where coordinates are geographic. A feature without a geometry, or whose own
    radius is null or not above 0, has none.
    """
    layers = job.layers
    refuse_taken(layers, asked.target_layer)
    frame = read_features(layers, asked.source_layer)
    columns = [*(asked.attribute_to_copy or ())]
    radii = _radii(frame, asked)
    _refuse_absent(frame, columns)
    found = []
    for number, meters in enumerate(radii):
        through = reported(report, len(frame), number * len(frame), len(radii) * len(frame))
        some = np.isfinite(meters) & (meters > 0) & ~frame.geometry.isna().to_numpy()
        around = buffers(frame[some], meters[some], through)
        kept = around[[*columns, around.active_geometry_name]]
        names = {
            asked.base_object_id_attribute_name or "base_object": labels_of(frame[some], asked.source_layer),
            asked.rad_attribute_name or "buffer_radius": meters[some],
        }
        found.append(kept.assign(**names))
    return _made(layers, asked, pd.concat(found, ignore_index=True), len(radii) * len(frame))


def overlay(job: JobContext, asked: Overlay, report: Report) -> Tally:
    """Pieces of features, or with ``Within`` the features that lie within one of the overlay.

    They have the attributes of the source, those of Intersect and SymDifference also the overlay's (with
    ``_1`` where both have the name), or of these the ones that are named.
    """
    layers = job.layers
    refuse_taken(layers, asked.target_layer)
    left = without(read_features(layers, asked.source_layer), asked.source_layer.id_attribute or "gid")
    report(0, len(left))
    right = without(read_features(layers, asked.overlay_layer), asked.overlay_layer.id_attribute or "gid")
    if asked.operation == "Within":
        rows, _ = related(left, right, "within")
        found = left.iloc[np.unique(rows)]
    else:
        found = cut(left, right, _HOW[asked.operation])
    if asked.attributes_to_copy is not None:
        _refuse_absent(found, asked.attributes_to_copy)
        found = found[[*asked.attributes_to_copy, found.active_geometry_name]]
    return _made(layers, asked, found, len(left))


def union(job: JobContext, asked: Union, report: Report) -> Tally:
    """All geometries as one feature, or as one for each value of the attribute, which it then has."""
    layers = job.layers
    refuse_taken(layers, asked.target_layer)
    frame = read_features(layers, asked.source_layer)
    report(0, len(frame))
    groups = [asked.group_attribute] if asked.group_attribute else []
    _refuse_absent(frame, groups)
    found = dissolve(frame, groups)
    return _made(layers, asked, found[[*groups, found.active_geometry_name]], len(frame))


def validate_geometry(job: JobContext, asked: ValidateGeometry, report: Report) -> Tally:
    """The features whose geometry is not valid as they are, with their id and the reason."""
    layers = job.layers
    refuse_taken(layers, asked.target_layer)
    frame = read_features(layers, asked.source_layer)
    report(0, len(frame))
    label = asked.base_object_id_attribute_name or "source_object_id"
    found = invalid(frame, asked.invalid_reason_column or "validation_error")
    found = found.assign(**{label: labels_of(found, asked.source_layer)})
    write_layer(layers, asked.target_layer, without(found, asked.source_layer.id_attribute or "gid"))
    return Tally(len(frame), len(frame), {"Invalid": len(found)})


def fix_geometry(job: JobContext, asked: FixGeometry, report: Report) -> Tally:
    """Valid geometries of the same dimension in place of those that are not; what collapses becomes null.

    Raises:
        InvalidValue: It is a table, or a geometry falls into parts where the layer takes single ones; the
            others are repaired all the same.
    """
    layers = job.layers
    info = layers.find(asked.target_layer.name)
    if not info.geometry_attribute:
        raise InvalidValue(f"The table {info.name} has no geometry.")
    frame = layers.read(info.name, [info.geometry_attribute])
    report(0, len(frame))
    geometry = np.asarray(frame.geometry.array, dtype=object)
    wrong = ~(shapely.is_valid(geometry) | shapely.is_missing(geometry))
    mended = repair(frame[wrong])
    single = info.geometry_type is not None and not info.geometry_type.startswith(("Multi", "Geometry"))
    whole = ~(single & (shapely.get_num_geometries(np.asarray(mended.geometry.array)) > 1))
    if whole.any():
        layers.update(info.name, mended[whole])
    if not whole.all():
        raise InvalidValue(
            f"{int((~whole).sum())} of {len(mended)} geometries fall into parts when they are repaired, and"
            f" {info.name} takes a {info.geometry_type} only; the others are repaired."
        )
    return Tally(len(frame), len(frame), {"Fixed": len(mended)})


WORK: dict[type[Struct], Callable[..., Tally]] = {
    Copy: copy,
    Update: update,
    Delete: delete,
    Buffer: buffer,
    Overlay: overlay,
    Union: union,
    ValidateGeometry: validate_geometry,
    FixGeometry: fix_geometry,
}
"""Who does what is asked: takes the job, the parameters and a report, and gives a tally."""


def _made(layers: Layers, asked: Transfer, frame: Any, count: int | None = None) -> Tally:
    write_layer(layers, asked.target_layer, frame, asked.source_layer.layer_name)
    count = len(frame) if count is None else count
    return Tally(count, count, {"Written": len(frame)})


def _radii(frame: GeoDataFrame, asked: Buffer) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    """The metres around each feature, once for each radius."""
    try:
        found = [np.full(len(frame), float(radius)) for radius in asked.radii or ()]
    except ValueError:
        raise InvalidValue(f"radii are numbers of metres, not {list(asked.radii or ())}.") from None
    if not all(np.isfinite(meters).all() and (meters > 0).all() for meters in found):
        raise InvalidValue("A radius must be greater than 0.")
    _refuse_absent(frame, asked.attribute_radii or ())
    for name in asked.attribute_radii or ():
        found.append(pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64, na_value=np.nan))
    if not found:
        raise InvalidValue("A buffer needs radii or attributeRadii.")
    return found


def _renamed(frame: Any, names: dict[str, str]) -> Any:
    active = frame.active_geometry_name if isinstance(frame, GeoDataFrame) else None
    if active in names:
        frame = frame.rename_geometry(names[active])
    return frame.rename(columns=names)


def _refuse_absent(frame: Any, names: Any) -> None:
    for name in names:
        if name not in frame.columns:
            there = ", ".join(map(str, frame.columns))
            raise InvalidValue(f"The source has no attribute {name!r}; it has {there}.")
