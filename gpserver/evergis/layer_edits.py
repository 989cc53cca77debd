"""Rows that clients add, change and delete, by id or by condition: each request is all or nothing."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import orjson
import pandas as pd
from msgspec import UNSET

from gpserver.errors import InvalidRequest, InvalidValue
from gpserver.evergis.feature_json import Feature, column_of, geometry_of, read_features
from gpserver.evergis.layer_answers import evaluated
from gpserver.evergis.layer_query import Query, rows
from gpserver.evergis.published import bare, table_of
from gpserver.layers import LayerInfo, Layers


def add(
    layers: Layers, name: str, text: str = "", file: str = "", additional: bool = False
) -> Iterator[bytes]:
    """Add the features of a list of FeatureDc.

    Args:
        layers: Where the layer is.
        name: The layer, or one that shows the rows of one table.
        text: The list as JSON text.
        file: Or the file that it is in.
        additional: Whether values that the layer has no attribute for are left out, rather than refused.

    Returns:
        A LayerUpdateInfoDc as JSON text, the ids in the order of the features.

    Raises:
        InvalidValue: The features cannot be read, or do not fit the layer.
        Forbidden: The layer is not the user's.
    """
    info = layers.find(table_of(layers.find(name)))
    features = read_features(_raw(text, file))
    names = {key for feature in features for key in feature.values}
    if not additional:
        _refuse_unknown(info, names)
    frame = _frame(features, info, [item.name for item in info.fields if item.name in names], True)
    ids = layers.append(info.name, frame)
    return _update_info(name, info, _bounds(frame, info), created=ids)


def change(layers: Layers, name: str, text: str = "", file: str = "") -> Iterator[bytes]:
    """Change the values, and the geometries, that a list of UpdateFeatureDc has; others stay.

    Raises:
        InvalidRequest: A feature has no id.
        InvalidValue: The features cannot be read, or do not fit the layer.
        Forbidden: The layer is not the user's.
    """
    info = layers.find(table_of(layers.find(name)))
    features = read_features(_raw(text, file))
    ids = [_id(feature, number) for number, feature in enumerate(features)]
    names = {key for feature in features for key in feature.values}
    _refuse_unknown(info, names)
    names &= {item.name for item in info.fields}
    geometry = any(feature.geometry is not UNSET for feature in features)
    frame = _frame(features, info, sorted(names), geometry)
    frame.insert(0, info.id_attribute, ids)
    _keep_others(layers, info, frame, features)
    updated = layers.update(info.name, frame)
    return _update_info(name, info, _bounds(frame, info), updated=updated)


def delete(layers: Layers, name: str, ids: Sequence[str]) -> Iterator[bytes]:
    """Delete the rows of some ids; those that are not there are left out of the answer."""
    info = layers.find(table_of(layers.find(name)))
    frame = rows(layers, info.name, Query(ids=ids, attributes=[]))
    return _deleted(layers, name, info, frame)


def delete_where(layers: Layers, name: str, condition: str) -> Iterator[bytes]:
    """Delete the rows that hold a condition.

    Raises:
        InvalidRequest: There is no condition, or it is wrong.
    """
    if not bare(condition):
        raise InvalidRequest("'condition' must be specified: without one every feature would be deleted.")
    shown = layers.find(name)
    frame = rows(layers, name, Query(conditions=[condition], attributes=[]))
    return _deleted(layers, name, layers.find(table_of(shown)), frame)


def edit_attribute(
    layers: Layers, name: str, ids: Sequence[str], attribute: str, expression: str
) -> Iterator[bytes]:
    """Give an attribute the value of an expression, in the rows of some ids.

    Raises:
        InvalidValue: There is no such attribute, or the expression cannot be read.
    """
    info = layers.find(table_of(layers.find(name)))
    if attribute not in (item.name for item in info.fields):
        raise InvalidValue(f"The layer {name} has no attribute {attribute[:50]!r} that could be edited.")
    frame = rows(layers, info.name, Query(ids=ids))
    values = evaluated(layers, info, frame, expression)
    changed = pd.DataFrame({info.id_attribute: frame[info.id_attribute], attribute: values})
    updated = layers.update(info.name, changed)
    return _update_info(name, info, _bounds(frame, info), updated=updated)


def _raw(text: str, file: str) -> bytes:
    return Path(file).read_bytes() if file else text.encode()


def _refuse_unknown(info: LayerInfo, names: set[str]) -> None:
    if unknown := sorted(names - set(info.names)):
        there = ", ".join(info.names)
        raise InvalidValue(f"The layer {info.name} has no attribute {unknown[0][:80]!r}; it has {there}.")


def _frame(
    features: Sequence[Feature], info: LayerInfo, names: Sequence[str], geometry: bool
) -> pd.DataFrame:
    columns = {name: column_of(features, name) for name in names}
    frame = pd.DataFrame(columns, index=range(len(features)))
    if info.geometry_attribute and geometry:
        frame = gpd.GeoDataFrame(frame, geometry=geometry_of(features, info.sr_id or 4326))
    elif any(feature.geometry for feature in features):
        raise InvalidValue(f"The layer {info.name} has no geometry.")
    return frame


def _keep_others(layers: Layers, info: LayerInfo, frame: pd.DataFrame, features: Sequence[Feature]) -> None:
    """Put in what the layer has where a feature does not say a value that others say."""
    names = [name for name in frame.columns if name not in (info.id_attribute, "geometry")]
    lacking = {name: np.array([name not in feature.values for feature in features]) for name in names}
    if "geometry" in frame:
        lacking["geometry"] = np.array([feature.geometry is UNSET for feature in features])
    lacking = {name: mask for name, mask in lacking.items() if mask.any()}
    if not lacking:
        return
    there = layers.read(info.name, ids=frame[info.id_attribute].unique()).set_index(info.id_attribute)
    for name, mask in lacking.items():
        column = there[info.geometry_attribute if name == "geometry" else name]
        frame.loc[mask, name] = column.reindex(frame.loc[mask, info.id_attribute]).to_numpy()


def _id(feature: Feature, number: int) -> int:
    try:
        return int(feature.id if feature.id is not None else "")
    except ValueError:
        raise InvalidRequest(f"Feature {number} needs the id of the feature that it changes.") from None


def _deleted(layers: Layers, name: str, info: LayerInfo, frame: pd.DataFrame) -> Iterator[bytes]:
    deleted = layers.delete(info.name, frame[info.id_attribute].to_numpy(np.int64))
    return _update_info(name, info, _bounds(frame, info), deleted=deleted)


def _bounds(frame: pd.DataFrame, info: LayerInfo) -> list[float] | None:
    if not isinstance(frame, gpd.GeoDataFrame) or frame.empty:
        return None
    bounds = frame.geometry.total_bounds
    return None if np.isnan(bounds).any() else [float(value) for value in bounds]


def _update_info(
    name: str,
    info: LayerInfo,
    bounds: list[float] | None,
    *,
    created: Any = (),
    updated: Any = (),
    deleted: Any = (),
) -> Iterator[bytes]:
    answer: dict[str, Any] = {"layerServiceName": name}
    if bounds:
        answer["boundingBox"] = {"coordinates": [bounds[:2], bounds[2:]], "srId": info.sr_id}
    for key, ids in (("createdIds", created), ("updatedIds", updated), ("deletedIds", deleted)):
        answer[key] = [str(id_) for id_ in np.asarray(ids, np.int64).tolist()]
    yield orjson.dumps(answer)
