"""The scheduler's tasks as geoprocessing tasks: one input, the JSON body, and its results."""

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple, get_args

import orjson
from geopandas import GeoDataFrame
from pandas import DataFrame

from gpserver.context import JobContext
from gpserver.datatypes import Features
from gpserver.errors import InvalidRequest, JobCancelled, TaskError
from gpserver.evergis import aggregating, copying, overlaying, zones
from gpserver.evergis.bodies import EditAttributes, Inner, Pipeline, Task, Tiling, read_body
from gpserver.evergis.editing import edit_attributes
from gpserver.evergis.steps import Steps
from gpserver.evergis.targets import Made, put, steps_of
from gpserver.finding import Finding
from gpserver.parameter import Param
from gpserver.publishing import task

_MAKERS: dict[str, Callable[[JobContext, Any, Steps], Made]] = {
    "copy": copying.copy,
    "filterCopy": copying.filter_copy,
    "buffer": zones.buffer,
    "route": zones.route,
    "overlay": overlaying.overlay,
    "union": overlaying.union,
    "aggregate": aggregating.aggregate,
}


class Outcome(NamedTuple):
    """What a task of the scheduler gives.

    Attributes:
        task_result: Counts, and what each step read and wrote and when, as JSON.
        layer: The rows that were written, where they have geometry.
    """

    task_result: Annotated[str, Param(name="taskResult")]
    layer: Annotated[Features | None, Param(name="layer")]


def run(job: JobContext, body: Task) -> Outcome:
    """Do what a body asks for.

    Raises:
        TaskError: A task of a pipeline failed; says which one, and why.
        GPServerError: What a storage, an expression or a tool says.
    """
    tasks = body.inner_tasks if isinstance(body, Pipeline) else (body,)
    steps = Steps(job, sum(map(_steps, tasks)))
    rows: DataFrame | None = None
    for number, each in enumerate(tasks):
        try:
            rows = _done(job, each, steps)
        except (JobCancelled, MemoryError):
            raise
        except Exception as error:
            if isinstance(body, Pipeline):
                raise TaskError(f"innerTasks[{number}] ({_kind(each)}): {error}") from error
            raise
    return Outcome(orjson.dumps(steps.result()).decode(), _shown(rows))


def _done(job: JobContext, body: Inner, steps: Steps) -> DataFrame | None:
    """Do one task; gives the rows that it wrote."""
    steps.at(0, 0)
    if isinstance(body, EditAttributes):
        return edit_attributes(job, body, steps)
    if isinstance(body, Tiling):
        from gpserver.evergis.rasters import tile  # GDAL is for those who have rasters

        rows: DataFrame = tile(job, body, steps)
        return rows
    return put(job, steps, body.target, _MAKERS[_kind(body)](job, body, steps))


def _steps(body: Inner) -> int:
    return 1 if isinstance(body, EditAttributes | Tiling) else steps_of(body.target)


def _kind(body: Task) -> str:
    return str(body.__struct_config__.tag)


def _shown(rows: DataFrame | None) -> GeoDataFrame | None:
    return rows if isinstance(rows, GeoDataFrame) else None


def _published(kind: type[Any]) -> Callable[..., Outcome]:
    name = str(kind.__struct_config__.tag)

    def work(job: JobContext, parameters: Annotated[str, Param(name="parameters")]) -> Outcome:
        return run(job, read_body(parameters.encode(), name))

    def findings(parameters: str) -> list[Finding]:
        try:
            read_body(parameters.encode(), name)
        except InvalidRequest as error:
            return [Finding("parameters", str(error))]
        return []

    # What a task wrote before its server died is there: it is not run again.
    help_ = f"{kind.__doc__} The parameters are the JSON body of EverGIS' scheduler task {name}."
    return task(name=name, description=help_, retry_on_loss=False, validate=findings)(work)


TASKS = tuple(_published(kind) for kind in get_args(Task))
"""Copy to pipeline: what a service publishes."""
