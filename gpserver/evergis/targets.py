"""What a task writes: a frame into a layer, a table or a file, in steps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from geopandas import GeoDataFrame
from pandas import DataFrame

from gpserver.context import JobContext
from gpserver.evergis.steps import Steps
from gpserver.evergis.storages import (
    ConfiguredLayerStorage,
    LayerStorage,
    StaticStorage,
    TableStorage,
    Target,
)
from gpserver.layers import LayerInfo
from gpserver.layers.files import write_file
from gpserver.layers.table import described

BATCH = 50_000
"""Objects that are written at once: a cancel waits for no more, and a reader sees whole batches."""

_STYLES = ("style", "clientStyle")


@dataclass(frozen=True)
class Made:
    """What a task has made and is to be written.

    Attributes:
        frame: The objects; columns that the target lacks are left out.
        read: Objects that came in.
        lost: Those of them that nothing could be made of.
        problems: Why, in words.
        like: The layer whose alias, description and style a new one inherits.
        id_name, geometry_name: Of a new layer.
    """

    frame: DataFrame
    read: int
    lost: int = 0
    problems: Sequence[str] = ()
    like: LayerInfo | None = None
    id_name: str = "gid"
    geometry_name: str = "geometry"


def put(job: JobContext, steps: Steps, target: Target, made: Made) -> DataFrame:
    """Write what was made; a new layer takes two steps before that of its rows: the table, and the layer.

    Returns:
        The rows as they are in the target now.

    Raises:
        NotFound: There is no such layer or table, and it is not to be made.
        Conflict: It is to be made, and the name is taken.
        Forbidden: It is in somebody else's namespace.
        InvalidValue: A value or a geometry does not fit, or the file cannot hold it.
    """
    match target:
        case StaticStorage():
            return _export(job, steps, target, made)
        case LayerStorage(create_new_service=True):
            return _into_new(job, steps, target.service_name, made)
        case TableStorage():
            return _into(job, steps, target.table_name, made)
        case ConfiguredLayerStorage():
            return _into(
                job, steps, target.service_name, replace(made, frame=_as_columns(made.frame, target))
            )
        case LayerStorage():
            return _into(job, steps, target.service_name, made)


def steps_of(target: Any) -> int:
    """How many steps it takes to write into a storage."""
    return 3 if getattr(target, "create_new_service", False) else 1


def _into_new(job: JobContext, steps: Steps, name: str, made: Made) -> DataFrame:
    frame, info = described(name, made.frame, made.like)
    spatial = isinstance(frame, GeoDataFrame)
    style = made.like.configuration if made.like else {}
    info = job.layers.create(
        replace(
            info,
            id_attribute=made.id_name,
            geometry_attribute=made.geometry_name if spatial else None,
            configuration={key: style[key] for key in _STYLES if key in style},
        )
    )
    try:
        steps.end()
        steps.end()
        return _into(job, steps, name, replace(made, frame=frame))
    except BaseException:
        job.layers.drop(name)
        raise


def _into(job: JobContext, steps: Steps, name: str, made: Made) -> DataFrame:
    frame, count = made.frame, len(made.frame)
    ids = []
    for start in range(0, count, BATCH):
        steps.at(start, count)
        ids.append(job.layers.append(name, frame.iloc[start : start + BATCH]))
    written: DataFrame = job.layers.read(name, ids=chain.from_iterable(ids))
    _end(job, steps, made, len(ids))
    return written


def _as_columns(frame: DataFrame, target: ConfiguredLayerStorage) -> DataFrame:
    """The frame with the columns of the layer instead of the attributes of its configuration."""
    attributes = (target.attributes_configuration or {}).get("attributes") or ()
    names = {
        item.get("attributeName"): item.get("columnName") for item in attributes if isinstance(item, dict)
    }
    return frame.rename(columns={name: column for name, column in names.items() if name and column})


def _export(job: JobContext, steps: Steps, target: StaticStorage, made: Made) -> DataFrame:
    path = job.scratch / f"export{Path(target.file_name).suffix.lower()}"
    steps.at(0, len(made.frame))
    write_file(made.frame, path)
    job.layers.resources.add_file(path, target.file_name, rewrite=True)
    _end(job, steps, made, batches=1)
    return made.frame


def _end(job: JobContext, steps: Steps, made: Made, batches: int) -> None:
    for problem in made.problems:
        job.warning(problem)
    steps.end(made.read, len(made.frame), batches=batches, errors=made.problems, lost=made.lost)
