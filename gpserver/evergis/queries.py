"""What subtasks read and write: sources of features by layer or EQL, and the layers that they make."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
from geopandas import GeoDataFrame
from geopandas.array import GeometryDtype
from pandas import DataFrame

from gpserver.eql import read_select
from gpserver.errors import Conflict, InvalidValue
from gpserver.evergis.parameters import Source, Target
from gpserver.evergis.published import bare, default_condition, default_parameters, source_of
from gpserver.layers import LayerInfo, Layers
from gpserver.layers.table import described

GEOMETRY = "geometry"
Names = tuple[str, str]
"""Of the id and the geometry of a new layer."""

USUAL = ("gid", GEOMETRY)


Report = Callable[[int, int], None]
"""Told how many features of how many are done; may end the work by an exception."""

Piece = TypeVar("Piece")


class Tally(NamedTuple):
    """What a subtask did: how many features of how many, and what else there is to tell."""

    processed: int
    total: int
    facts: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it


def read_rows(layers: Layers, source: Source) -> DataFrame:
    """The rows of a source, with geometry where it has one.

    Raises:
        NotFound: There is no such layer.
        InvalidRequest, InvalidValue: The EQL or the condition is wrong.
    """
    if source.eql:
        inner = source.eql.strip().rstrip(";")
        return layers.select(read_select(_narrowed(f"(\n{inner}\n) AS source", source.condition)))
    info = layers.find(source.layer_name or "")
    conditions = [text for text in (default_condition(info), source.condition or "") if bare(text)]
    if conditions:
        select = read_select(_narrowed(source_of(info), *conditions), default_parameters(info))
        return _with_ids(layers.select(select), info, source)
    return _with_ids(layers.read(info.name), info, source)


def read_features(layers: Layers, source: Source) -> GeoDataFrame:
    """The features of a source; their geometry is the one that the source names, or the only one.

    Raises:
        InvalidValue: It has no geometry.
    """
    frame = read_rows(layers, source)
    wanted = source.geometry_attribute or GEOMETRY
    spatial = [name for name in frame.columns if isinstance(frame[name].dtype, GeometryDtype)]
    name = wanted if wanted in spatial else next(iter(spatial), "")
    if not name:
        raise InvalidValue(f"{_called(source)} has no geometry in an attribute {wanted!r}.")
    return frame.set_geometry(name) if isinstance(frame, GeoDataFrame) else GeoDataFrame(frame, geometry=name)


def ids_of(frame: DataFrame, source: Source) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The ids of rows, as the source names their attribute.

    Raises:
        InvalidValue: There is no such attribute, or it holds no whole numbers.
    """
    name = source.id_attribute or "gid"
    if name not in frame.columns:
        raise InvalidValue(f"{_called(source)} has no attribute {name!r}; its features need ids.")
    try:
        return np.asarray(frame[name].to_numpy(np.int64))
    except (TypeError, ValueError):
        raise InvalidValue(f"The ids in the attribute {name!r} must be whole numbers, none null.") from None


def labels_of(frame: DataFrame, source: Source) -> Any:
    """What features are called in results: their ids, or numbers from 1 where there are none."""
    name = source.id_attribute or "gid"
    return frame[name].array if name in frame.columns else np.arange(1, len(frame) + 1)


def reported(
    report: Report, count: int, before: int, of: int
) -> Callable[[Sequence[Piece]], Iterator[Piece]]:
    """What a tool goes through its blocks of work with.

    Args:
        report: Hears of each block.
        count: The features that the tool works on.
        before, of: Those that were done before, and all there are.
    """

    def through(blocks: Sequence[Piece]) -> Iterator[Piece]:
        for number, block in enumerate(blocks):
            report(before + count * number // len(blocks), of)
            yield block

    return through


def refuse_taken(layers: Layers, target: Target) -> None:
    """Before work begins that makes a new layer.

    Raises:
        Conflict: There is one of that name; in EverGIS' words.
    """
    if layers.exists(target.name):
        raise Conflict(f"{target.name}: table already exist.")


def write_layer(
    layers: Layers,
    target: Target,
    frame: DataFrame,
    like: str | None = None,
    names: Names = USUAL,
) -> LayerInfo:
    """Make a layer of rows, which are numbered anew.

    Args:
        layers: Where.
        target: Its name, alias and folder.
        frame: The rows.
        like: The layer whose description it inherits.
        names: Of the id and the geometry.

    Raises:
        Conflict: There is one of that name.
    """
    refuse_taken(layers, target)
    model = layers.find(like) if like and layers.exists(like) else None
    frame, info = described(target.name, without(frame, names[0]), model)
    made = replace(
        info,
        alias=target.alias or "",
        id_attribute=names[0],
        geometry_attribute=info.geometry_attribute and names[1],
        configuration={"parentId": target.parent_id} if target.parent_id else {},
    )
    layers.create(made)
    try:
        layers.append(target.name, frame)
    except BaseException:
        layers.drop(target.name)
        raise
    return layers.find(target.name)


def append_rows(layers: Layers, target: Target, frame: DataFrame, names: Names = USUAL) -> LayerInfo:
    """Add rows to a layer, which is made where it is not there."""
    if not layers.exists(target.name):
        return write_layer(layers, target, frame, names=names)
    layers.append(target.name, frame)
    return layers.find(target.name)


def without(frame: DataFrame, *names: str) -> Any:
    """A frame without some columns, which need not be there."""
    return frame.drop(columns=[name for name in names if name in frame.columns])


def _with_ids(frame: DataFrame, info: LayerInfo, source: Source) -> DataFrame:
    """The rows of a layer with its ids under the name by which they are looked for."""
    wanted = source.id_attribute or USUAL[0]
    if wanted in frame.columns or info.id_attribute not in frame.columns:
        return frame
    return frame.assign(**{wanted: frame[info.id_attribute]})


def _narrowed(rows: str, *conditions: str | None) -> str:
    """EQL of some rows; all of it is read as one SELECT, so that no piece can be more than it says."""
    where = " AND ".join(f"({bare(text)}\n)" for text in conditions if text and bare(text))
    return f"SELECT * FROM {rows}" + (f" WHERE {where}" if where else "")  # noqa: S608 - EQL, read before it is run


def _called(source: Source) -> str:
    return f"The layer {source.layer_name}" if source.layer_name else "The EQL query"
