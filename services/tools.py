"""Small tasks to try a client on: one that takes its time, one that fails, a file, and every data type."""

import math
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pyproj import CRS

from gpserver import (
    ArealUnit,
    CoordinateSystem,
    Envelope,
    Extent,
    Features,
    Field,
    Hidden,
    JobContext,
    LinearUnit,
    Param,
    Points,
    Raster,
    RasterData,
    SQLExpression,
    Table,
    TaskError,
    TimeUnit,
    task,
)

STEP = 0.1


@task(output="elapsed")
def slow_task(job: JobContext, seconds: float = 5) -> float:
    """Take some time, and report the progress.

    Args:
        seconds: How long to take.

    Returns:
        The seconds that it took.
    """
    started = time.monotonic()
    steps = math.ceil(seconds / STEP)
    for step in job.each(range(1, steps + 1), "Taking time"):
        # Each step ends at its own moment, so the delays of sleep do not add up.
        time.sleep(max(0.0, started + seconds * step / steps - time.monotonic()))
    return time.monotonic() - started


@task
def fail_task(job: JobContext, reason: str) -> None:
    """Fail.

    Args:
        reason: The text of the error.
    """
    job.warning("This task fails on purpose.")
    raise TaskError(reason)


@task(output="output_file")
def file_task(job: JobContext, text: str) -> Path:
    """Write a text file.

    Args:
        text: What to write.

    Returns:
        The file, in UTF-8.
    """
    path = job.scratch / "output.txt"
    path.write_bytes(text.encode())
    return path


class Stop(NamedTuple):
    """A row of a value table."""

    place: str
    minutes: float | None = None
    since: datetime | None = None
    walk: LinearUnit | None = None
    file: Path | None = None


AnyValue = float | LinearUnit | Points | str


class Echo(NamedTuple):
    """What came in.

    Attributes:
        out_size: The bytes of In_File.
    """

    out_string: str | None
    out_long: int | None
    out_double: float | None
    out_boolean: bool | None
    out_date: datetime | None
    out_list: list[str] | None
    out_unit: LinearUnit | None
    out_table: Table | None
    out_size: int | None
    out_file: Path | None
    out_files: list[Path] | None
    out_area: ArealUnit | None
    out_time: TimeUnit | None
    out_features: Features | None
    out_raster: Raster | None
    out_grid: RasterData | None
    out_field: Field | None
    out_reference: CRS | None
    out_system: CoordinateSystem | None
    out_extent: Extent | None
    out_envelope: Envelope | None
    out_secret: Hidden | None
    out_expression: SQLExpression | None
    out_stops: list[Stop] | None
    out_any: AnyValue | None
    out_several: list[AnyValue] | None


@task
def echo_types(
    in_string: Literal["red", "green", "blue"] | None = None,
    in_long: int | None = None,
    in_double: float | None = None,
    in_boolean: bool | None = None,
    in_date: datetime | None = None,
    in_list: list[str] | None = None,
    in_unit: LinearUnit | None = None,
    in_table: Table | None = None,
    in_file: Path | None = None,
    in_files: list[Path] | None = None,
    in_area: ArealUnit | None = None,
    in_time: TimeUnit | None = None,
    in_features: Features | None = None,
    in_raster: Raster | None = None,
    in_grid: RasterData | None = None,
    in_field: Annotated[Field | None, Param(dependency="in_features")] = None,
    in_reference: CRS | None = None,
    in_system: CoordinateSystem | None = None,
    in_extent: Extent | None = None,
    in_envelope: Envelope | None = None,
    in_secret: Hidden | None = None,
    in_expression: SQLExpression | None = None,
    in_stops: list[Stop] | None = None,
    in_any: AnyValue | None = None,
    in_several: list[AnyValue] | None = None,
) -> Echo:
    """Give back every input unchanged; what is not given stays unset.

    Args:
        in_field: One of the fields of In_Features.
    """
    size = in_file.stat().st_size if in_file else None
    before = (in_string, in_long, in_double, in_boolean, in_date, in_list, in_unit, in_table, size, in_file)
    more = (in_files, in_area, in_time, in_features, in_raster, in_grid, in_field, in_reference)
    others = (in_system, in_extent, in_envelope, in_secret, in_expression, in_stops, in_any, in_several)
    return Echo(*before, *more, *others)
