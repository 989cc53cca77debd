"""Small tasks to try a client on: one that takes its time, one that fails, a file, and every data type."""

import math
import time
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from gpserver import JobContext, LinearUnit, Table, TaskError, task

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
) -> Echo:
    """Give back every input unchanged; what is not given stays unset."""
    size = in_file.stat().st_size if in_file else None
    return Echo(in_string, in_long, in_double, in_boolean, in_date, in_list, in_unit, in_table, size)
